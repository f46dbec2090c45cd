"""Object identifiers of CMS, and how they are written. Those below `WARDGATE` are our own, in the arc of a UUID (X.667)."""

from functools import lru_cache
from typing import Final

from wardgate.pki.der import OBJECT_IDENTIFIER, write

DATA: Final = "1.2.840.113549.1.7.1"
SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
ENVELOPED_DATA: Final = "1.2.840.113549.1.7.3"
AUTH_ENVELOPED_DATA: Final = "1.2.840.113549.1.9.16.1.23"
TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"

CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
COUNTER_SIGNATURE: Final = "1.2.840.113549.1.9.6"
ALGORITHM_PROTECTION: Final = "1.2.840.113549.1.9.52"
"""RFC 6211."""
SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"
"""RFC 5035."""
TIME_STAMP_TOKEN: Final = "1.2.840.113549.1.9.16.2.14"  # noqa: S105 - RFC 3161 appendix A
MIME_TYPE: Final = "0.4.0.1733.2.1"
"""ETSI EN 319 122-1, mime-type: what the content is."""

SHA256: Final = "2.16.840.1.101.3.4.2.1"
SHA384: Final = "2.16.840.1.101.3.4.2.2"
SHA512: Final = "2.16.840.1.101.3.4.2.3"
RSA: Final = "1.2.840.113549.1.1.1"
RSA_OAEP: Final = "1.2.840.113549.1.1.7"
MGF1: Final = "1.2.840.113549.1.1.8"
P_SPECIFIED: Final = "1.2.840.113549.1.1.9"
RSA_PSS: Final = "1.2.840.113549.1.1.10"
EC_PUBLIC_KEY: Final = "1.2.840.10045.2.1"
ED25519: Final = "1.3.101.112"
AES256_GCM: Final = "2.16.840.1.101.3.4.1.46"
AES256_CBC: Final = "2.16.840.1.101.3.4.1.42"
AES256_WRAP: Final = "2.16.840.1.101.3.4.1.45"
ECDH_SHA256: Final = "1.3.132.1.11.1"
"""dhSinglePass-stdDH-sha256kdf-scheme (RFC 5753 section 7.1.4)."""

WARDGATE: Final = "2.25.63705812423082066847761074915592170293"
SEAL_CONTEXT: Final = f"{WARDGATE}.1"
"""Signed attribute: an OCTET STRING of the canonical JSON of `ctx`."""
SEAL_STATEMENT: Final = f"{WARDGATE}.3"
"""Signed attribute: an OCTET STRING of the canonical JSON of purpose, role and on whose behalf."""


@lru_cache(maxsize=256)
def oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER (X.690 section 8.19)."""
    first, second, *rest = map(int, dotted.split("."))
    content = bytearray()
    for arc in (40 * first + second, *rest):
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(0x80 | arc & 0x7F)
        content += bytes(reversed(septets))
    return write(OBJECT_IDENTIFIER, bytes(content))
