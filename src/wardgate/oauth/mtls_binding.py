"""Client certificates at the authorisation server (RFC 8705).

The certificate was checked by the terminator of TLS, which tells us about it in Envoy's `x-forwarded-client-cert`
header. Who calls this module must know that the header came from that terminator and from nobody else.
"""

import re
from dataclasses import dataclass
from typing import Final

from wardgate.jose import base64url
from wardgate.oauth.errors import OAuthRefused

_PAIR: Final = re.compile(r'([A-Za-z]{1,10})=("(?:[^"\\]|\\.)*"|[^;,"]*)(;|,|$)')
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_COMMON_NAME: Final = re.compile(r"(?:^|(?<!\\)[,+])CN=((?:[^,+\\]|\\.)+)", re.IGNORECASE)
"""In a subject as RFC 2253 writes it: a separator after a backslash is part of a value."""
MAX_HEADER_CHARS: Final = 16_384


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate that TLS verified: `fingerprint` is lower-case hex SHA-256 of its DER."""

    fingerprint: str
    names: tuple[str, ...]
    """Its DNS names, lower case; the common name when there are none."""

    @property
    def thumbprint(self) -> str:
        """The value of `cnf.x5t#S256` (RFC 8705 section 3.1)."""
        return base64url.encode(bytes.fromhex(self.fingerprint))


def read_forwarded_certificate(header: str) -> ClientCertificate | None:
    """Return the certificate of an `x-forwarded-client-cert` header with exactly one element, else None.

    Fails closed: an element without a hash, a second element (a proxy in front of ours) or anything unreadable is no
    certificate.
    """
    if len(header) > MAX_HEADER_CHARS:
        return None
    position, hashes, names, subject = 0, list[str](), list[str](), ""
    while position < len(header):
        pair = _PAIR.match(header, position)
        if pair is None or pair[3] == ",":
            return None
        value = pair[2][1:-1] if pair[2].startswith('"') else pair[2]  # NOTE: Envoy escapes nothing; backslashes are RFC 2253's
        match pair[1].lower():
            case "hash":
                hashes.append(value.lower())
            case "dns":
                names.append(value.lower())
            case "subject":
                subject = value
        position = pair.end()
    if len(hashes) != 1 or not _HASH.fullmatch(hashes[0]):
        return None
    common = _COMMON_NAME.findall(subject)
    return ClientCertificate(hashes[0], tuple(names) or ((common[0].lower(),) if len(common) == 1 else ()))


def check_certificate(certificate: ClientCertificate | None, registered: str | None) -> ClientCertificate:
    """RFC 8705 section 2.1.2, `tls_client_auth_san_dns`: the certificate has the name registered for the client.

    Raises `OAuthRefused`; a client without a registered name cannot authenticate in this way.
    """
    if certificate is None:
        raise OAuthRefused("client-certificate-missing", "a client certificate on the mutual-TLS port", "none")
    if registered is None or registered.lower() not in certificate.names:
        received = ascii(", ".join(certificate.names))[:200]
        raise OAuthRefused("client-certificate-mismatch", f"a certificate for {registered or 'a registered name'}", received)
    return certificate
