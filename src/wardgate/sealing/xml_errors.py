"""Each refusal of XML as a reason of the catalogue."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from wardgate.sealing.errors import SealRefused
from wardgate.xmlsecurity.errors import (
    AlgorithmRefused,
    NotForUs,
    SignatureInvalid,
    SignatureMissing,
    SignatureWrapped,
    Undecryptable,
    XMLMalformed,
    XMLSecurityError,
    XMLTooLarge,
)

CODES: Final[dict[type[XMLSecurityError], str]] = {
    XMLTooLarge: "seal-too-large",
    XMLMalformed: "seal-malformed",
    AlgorithmRefused: "seal-algorithm-refused",
    NotForUs: "seal-not-for-us",
    Undecryptable: "seal-undecryptable",
    SignatureMissing: "seal-signature-missing",
    SignatureWrapped: "signature-wrapped",
    SignatureInvalid: "signature-invalid",
}


@contextmanager
def as_reasons() -> Iterator[None]:
    """Raise `SealRefused` for what XML is refused for."""
    try:
        yield
    except XMLSecurityError as refused:
        raise SealRefused(CODES[type(refused)], refused.expected, refused.received) from None
