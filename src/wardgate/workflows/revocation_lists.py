"""Revocation lists of partners' authorities: where they are published, held against who signs them, and the newest of each kept."""

from collections.abc import Iterable, Sequence
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from wardgate.pki import pem
from wardgate.pki.crl import signed_by
from wardgate.pki.errors import CRLRefused, MalformedPEM
from wardgate.workflows.key_directory import read_keys
from wardgate.workflows.model import MessageKeys

MAX_LIST_BYTES: Final = 140_000
"""As much as a document has room for, in PEM."""


class ListRefused(ValueError):
    """A revocation list that is not taken. The text says why, and repeats nothing but names of authorities."""


def read_lists(content: bytes) -> list[x509.CertificateRevocationList]:
    """Return the lists of a file, PEM or DER. Raises `ListRefused`, naming what it is instead."""
    try:
        if pem.labels(content):
            return pem.revocation_lists(content)
        return [x509.load_der_x509_crl(content)]
    except MalformedPEM as bad:
        raise ListRefused(f"the file is no revocation list: {bad}") from None
    except ValueError:
        raise ListRefused("the file is no revocation list, in PEM or DER") from None


def newest(document: MessageKeys, more: Iterable[x509.CertificateRevocationList]) -> list[x509.CertificateRevocationList]:
    """Return the newest list of each authority of the document. Raises `ListRefused` for a list of nobody it trusts, and for one older than what is held."""
    stated = read_keys(document)
    authorities = (*stated.trust.anchors, *stated.trust.intermediates)
    kept = {found.issuer: found for found in stated.trust.revocations}
    for found in more:
        name = found.issuer.rfc4514_string()
        if not any(_is_signed(found, authority) for authority in authorities):
            raise ListRefused(f"the list of {name} is signed by no authority that is trusted for {document.organisation}")
        held = kept.get(found.issuer)
        if held is not None and found.last_update_utc < held.last_update_utc:
            raise ListRefused(f"the list of {name} is older than the one held, of {held.last_update_utc:%Y-%m-%d %H:%M}")
        kept[found.issuer] = found
    return list(kept.values())


def joined(lists: Sequence[x509.CertificateRevocationList]) -> str:
    """Return the lists as one PEM text."""
    return "".join(found.public_bytes(Encoding.PEM).decode("ascii") for found in lists)


def distribution_points(document: MessageKeys) -> list[str]:
    """Return where the certificates of the document say that their authorities' lists are, each once."""
    stated = read_keys(document)
    found: dict[str, None] = {}
    for certificate in (*(key.certificate for key in stated.keys), *stated.trust.intermediates):
        found |= dict.fromkeys(_points(certificate))
    return list(found)


def _points(certificate: x509.Certificate) -> list[str]:
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    names = [name for point in points for name in point.full_name or ()]
    return [name.value for name in names if isinstance(name, x509.UniformResourceIdentifier)][:1]


def _is_signed(found: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    try:
        return bool(signed_by([found], authority))
    except CRLRefused:
        return False
