"""PEM text (RFC 7468), read with limits and without surprises."""

import re
from typing import Final

from cryptography import x509

from wardgate.pki.errors import MalformedPEM

MAX_BUNDLE_BYTES: Final = 4 * 1024 * 1024
"""Largest text of certificates or revocation lists that is read."""
BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----\r?\n(?:[A-Za-z0-9+/= \t\r\n]*)-----END \1-----")
ANY_BEGIN: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----")


def labels(text: bytes) -> list[str]:
    """The label of every block that begins in the text, complete or not."""
    return [label.decode("ascii") for label in ANY_BEGIN.findall(text)]


def blocks(text: bytes, label: str, max_bytes: int = MAX_BUNDLE_BYTES) -> list[bytes]:
    """Every block, each of which must have this label. Raises `MalformedPEM`, also when there is none."""
    if len(text) > max_bytes:
        raise MalformedPEM(f"expected at most {max_bytes} bytes, received {len(text)}")
    found = [(match.group(1).decode("ascii"), match.group(0)) for match in BLOCK.finditer(text)]
    begun = labels(text)
    if len(found) != len(begun):
        raise MalformedPEM("a PEM block is cut short or holds characters that are not base64")
    strangers = sorted({name for name, _ in found if name != label})
    if strangers:
        raise MalformedPEM(f"expected {label} blocks only, received {', '.join(strangers)}")
    if not found:
        raise MalformedPEM(f"no {label} block in the text")
    return [block for _, block in found]


def every_block(text: bytes, allowed: tuple[str, ...] = ("CERTIFICATE", "X509 CRL")) -> list[tuple[str, bytes]]:
    """Every block with its label, one of `allowed`. Raises `MalformedPEM`; text without any block has none."""
    found = [(match.group(1).decode("ascii"), match.group(0)) for match in BLOCK.finditer(text)]
    if len(text) > MAX_BUNDLE_BYTES or len(found) != len(labels(text)):
        raise MalformedPEM(f"a PEM block is cut short, holds characters that are not base64, or the text has more than {MAX_BUNDLE_BYTES} bytes")
    strangers = sorted({name for name, _ in found} - set(allowed))
    if strangers:
        raise MalformedPEM(f"expected {' and '.join(allowed)} blocks only, received {', '.join(strangers)}")
    return found


def certificates(text: bytes) -> list[x509.Certificate]:
    """The certificates of a bundle, in order; raises `MalformedPEM`."""
    try:
        return [x509.load_pem_x509_certificate(block) for block in blocks(text, "CERTIFICATE")]
    except ValueError as error:
        raise MalformedPEM("a CERTIFICATE block does not hold a certificate") from error


def revocation_lists(text: bytes) -> list[x509.CertificateRevocationList]:
    """The revocation lists of a bundle, in order; raises `MalformedPEM`."""
    try:
        return [x509.load_pem_x509_crl(block) for block in blocks(text, "X509 CRL")]
    except ValueError as error:
        raise MalformedPEM("an X509 CRL block does not hold a revocation list") from error
