"""Answering OCSP requests (RFC 6960 section 4.2): good, revoked or unknown, signed by the issuer or its delegate.

`cryptography` answers about one certificate at a time, so the response is put together here; the signature is its.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from wardgate.pki import der
from wardgate.pki.crl import Revoked
from wardgate.pki.issue import Issuer, signature_hash
from wardgate.pki.ocsp_request import NONCE, CertID, OCSPRequest

BASIC_RESPONSE: Final = bytes.fromhex("2b0601050507300101")
SIGNATURES: Final = {
    "sha256": bytes.fromhex("2a864886f70d01010b"),
    "sha384": bytes.fromhex("2a864886f70d01010c"),
}
ERRORS: Final = {"malformedRequest": 1, "internalError": 2, "tryLater": 3, "sigRequired": 5, "unauthorized": 6}
"""RFC 6960 section 4.2.1, OCSPResponseStatus."""
REASON_NUMBERS: Final = {
    "unspecified": 0, "keyCompromise": 1, "cACompromise": 2, "affiliationChanged": 3, "superseded": 4,
    "cessationOfOperation": 5, "privilegeWithdrawn": 9,
}  # fmt: skip
"""RFC 5280 section 5.3.1, CRLReason."""
GOOD: Final = b"\x80\x00"
UNKNOWN: Final = b"\x82\x00"


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of a serial number: whether we issued it, and whether it was revoked."""

    issued: bool
    revoked: Revoked | None = None


@dataclass(frozen=True, slots=True)
class Responder:
    """Who signs for `issuer`: itself, or a delegate whose certificate it issued with OCSPSigning and nocheck."""

    issuer: x509.Certificate
    signer: Issuer

    def __post_init__(self) -> None:
        """Refuse a signer that clients would not accept (RFC 6960 section 4.2.2.2): `ValueError`."""
        certificate = self.signer.certificate
        if certificate == self.issuer:
            return
        try:
            certificate.verify_directly_issued_by(self.issuer)
            uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
            certificate.extensions.get_extension_for_class(x509.OCSPNoCheck)
        except Exception as error:
            raise ValueError("the delegate is not a responder of this issuer") from error
        if ExtendedKeyUsageOID.OCSP_SIGNING not in uses:
            raise ValueError("the delegate may not sign OCSP responses")


def answers_for(issuer: x509.Certificate, asked: CertID) -> bool:
    """Whether the question is about a certificate of this issuer: hashes of its name and key (RFC 6960 4.1.1)."""
    algorithm = asked.hash_algorithm
    if algorithm is None:
        return False
    key = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return asked.issuer_name_hash == _digest(algorithm, issuer.subject.public_bytes()) and (
        asked.issuer_key_hash == _digest(algorithm, key)
    )


def respond(
    request: OCSPRequest, responder: Responder, status_of: Callable[[int], Status], *, now: datetime, validity: timedelta
) -> bytes:
    """The DER of a signed answer to every certificate asked about; those of other issuers are unknown here."""
    this_update, next_update = der.generalized_time(now), der.generalized_time(now + validity)
    singles = [
        der.sequence([
            asked.encoded,
            _status(status_of(asked.serial)) if answers_for(responder.issuer, asked) else UNKNOWN,
            this_update,
            der.write(der.context(0), next_update),
        ])
        for asked in request.certificates
    ]
    signer = responder.signer
    key_hash = x509.SubjectKeyIdentifier.from_public_key(signer.private_key.public_key()).digest
    parts = [
        der.write(der.context(2), der.write(der.OCTET_STRING, key_hash)),
        this_update,
        der.sequence(singles),
    ]
    if request.nonce is not None:
        nonce = der.sequence([der.write(der.OBJECT_IDENTIFIER, NONCE), der.write(der.OCTET_STRING, request.nonce)])
        parts.append(der.write(der.context(1), der.sequence([nonce])))
    return _successful(_signed(der.sequence(parts), responder))


def error_response(status: str) -> bytes:
    """The unsigned response for an error status, a key of `ERRORS`."""
    return der.sequence([der.write(der.ENUMERATED, bytes((ERRORS[status],)))])


def _status(status: Status) -> bytes:
    if status.revoked is None:
        return GOOD if status.issued else UNKNOWN
    content = der.generalized_time(status.revoked.at)
    if status.revoked.reason != "unspecified":
        reason = der.write(der.ENUMERATED, bytes((REASON_NUMBERS[status.revoked.reason],)))
        content += der.write(der.context(0), reason)
    return der.write(der.context(1), content)


def _signed(tbs: bytes, responder: Responder) -> bytes:
    """BasicOCSPResponse; a delegate's certificate is sent along."""
    signer = responder.signer
    algorithm = signature_hash(signer.private_key)
    signature = signer.private_key.sign(tbs, padding.PKCS1v15(), algorithm)
    identifier = der.sequence([der.write(der.OBJECT_IDENTIFIER, SIGNATURES[algorithm.name]), der.write(der.NULL, b"")])
    parts: Sequence[bytes] = [tbs, identifier, der.write(der.BIT_STRING, b"\x00" + signature)]
    if signer.certificate != responder.issuer:
        parts = [*parts, der.write(der.context(0), der.sequence([signer.certificate.public_bytes(Encoding.DER)]))]
    return der.sequence(parts)


def _successful(basic: bytes) -> bytes:
    body = der.sequence([der.write(der.OBJECT_IDENTIFIER, BASIC_RESPONSE), der.write(der.OCTET_STRING, basic)])
    return der.sequence([der.write(der.ENUMERATED, b"\x00"), der.write(der.context(0), body)])


def _digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()
