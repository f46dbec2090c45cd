"""Reading an OCSP request (RFC 6960 section 4.1): bounded, strict DER, any number of certificates up to a limit.

A signature over the request and the requestor's name are allowed and not looked at: everyone gets the same answers.
"""

from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import hashes

from wardgate.pki import der
from wardgate.pki.errors import MalformedDER, OCSPRequestRefused

MAX_REQUEST_BYTES: Final = 4096
MAX_CERTIFICATES: Final = 16
MAX_NONCE_BYTES: Final = 128
"""RFC 9654 section 2.1: 1 to 128 octets."""
NONCE: Final = bytes.fromhex("2b0601050507300102")
ACCEPTABLE_RESPONSES: Final = bytes.fromhex("2b0601050507300104")
HASHES: Final[dict[bytes, hashes.HashAlgorithm]] = {
    bytes.fromhex("2b0e03021a"): hashes.SHA1(),  # noqa: S303 - names an issuer (RFC 6960 4.3), protects nothing
    bytes.fromhex("608648016503040201"): hashes.SHA256(),
    bytes.fromhex("608648016503040202"): hashes.SHA384(),
    bytes.fromhex("608648016503040203"): hashes.SHA512(),
}


@dataclass(frozen=True, slots=True)
class CertID:
    """Which certificate is asked about. `encoded` is repeated in the answer as it came."""

    encoded: bytes
    hash_oid: bytes
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial: int

    @property
    def hash_algorithm(self) -> hashes.HashAlgorithm | None:
        """The hash that names the issuer, None for one we do not compute."""
        return HASHES.get(self.hash_oid)


@dataclass(frozen=True, slots=True)
class OCSPRequest:
    """A parsed request. `nonce` is the extension's value as it came."""

    certificates: tuple[CertID, ...]
    nonce: bytes | None = None


def parse_ocsp_request(data: bytes) -> OCSPRequest:
    """Read a request; raises `OCSPRequestRefused` with status `malformedRequest`."""
    if len(data) > MAX_REQUEST_BYTES:
        raise OCSPRequestRefused("malformedRequest", f"at most {MAX_REQUEST_BYTES} bytes")
    try:
        return _request(der.Reader(data))
    except MalformedDER as error:
        raise OCSPRequestRefused("malformedRequest", str(error)) from error


def _request(outer: der.Reader) -> OCSPRequest:
    message = outer.inner(der.SEQUENCE)
    outer.end()
    tbs = message.inner(der.SEQUENCE)
    if message.peek() == der.context(0):
        message.element(der.context(0))
    message.end()
    version = tbs.optional(der.context(0))
    if version is not None and version.integer() != 0:
        raise MalformedDER("only version 1 is known")
    if tbs.peek() == der.context(1):
        tbs.element(der.context(1))
    certificates = _certificates(tbs.inner(der.SEQUENCE))
    extensions = tbs.optional(der.context(2))
    tbs.end()
    return OCSPRequest(certificates, _nonce(_extensions(extensions)))


def _certificates(requests: der.Reader) -> tuple[CertID, ...]:
    found: list[CertID] = []
    while not requests.at_end:
        if len(found) == MAX_CERTIFICATES:
            raise MalformedDER(f"at most {MAX_CERTIFICATES} certificates")
        request = requests.inner(der.SEQUENCE)
        found.append(_cert_id(request.encoded(der.SEQUENCE)))
        _extensions(request.optional(der.context(0)))
        request.end()
    if not found:
        raise MalformedDER("no certificate is asked about")
    return tuple(found)


def _cert_id(encoded: bytes) -> CertID:
    fields = der.Reader(encoded).inner(der.SEQUENCE)
    algorithm = fields.inner(der.SEQUENCE)
    oid = algorithm.element(der.OBJECT_IDENTIFIER)
    if algorithm.optional(der.NULL) is not None:
        algorithm.end()
    name, key, serial = fields.element(der.OCTET_STRING), fields.element(der.OCTET_STRING), fields.integer()
    fields.end()
    return CertID(encoded, oid, name, key, serial)


def _extensions(wrapped: der.Reader | None) -> dict[bytes, bytes]:
    """Extension values by identifier. A critical one that we do not know is a refusal (RFC 5280 section 4.2)."""
    if wrapped is None:
        return {}
    listed, values = wrapped.inner(der.SEQUENCE), dict[bytes, bytes]()
    while not listed.at_end:
        extension = listed.inner(der.SEQUENCE)
        oid = extension.element(der.OBJECT_IDENTIFIER)
        critical = extension.peek() == der.BOOLEAN and extension.element(der.BOOLEAN) == b"\xff"
        value = extension.element(der.OCTET_STRING)
        extension.end()
        if oid in values:
            raise MalformedDER("an extension is repeated")
        if critical and oid not in {NONCE, ACCEPTABLE_RESPONSES}:
            raise MalformedDER("a critical extension is not known")
        values[oid] = value
    wrapped.end()
    return values


def _nonce(extensions: dict[bytes, bytes]) -> bytes | None:
    """The nonce's encoded value (an OCTET STRING of 1 to 128 bytes; older clients leave the inner tag out)."""
    value = extensions.get(NONCE)
    if value is None:
        return None
    if not 1 <= len(value) <= MAX_NONCE_BYTES + 3:
        raise MalformedDER(f"a nonce has 1 to {MAX_NONCE_BYTES} bytes")
    return value
