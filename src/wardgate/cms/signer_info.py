"""One signature: SignerInfo, always with signed attributes (RFC 5652 section 5.3).

Without them the signature would be over the content itself, and a content could be made that reads as the attributes of another one.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from wardgate.cms import oids
from wardgate.cms.algorithms import (
    DIGESTS,
    MADE,
    digest_algorithm,
    read_digest,
    read_signature_algorithm,
    signature_algorithm,
    signature_value,
    verify,
)
from wardgate.cms.attributes import NONE, Attributes, implicit, read_attributes, write_attributes
from wardgate.cms.errors import AlgorithmRefused, MalformedCMS, SignatureInvalid, Unsigned
from wardgate.cms.reading import algorithm, moment, strictly, whole
from wardgate.pki import der

KEY_IDENTIFIER: Final = 0x80
MAX_SIGNATURE_BYTES: Final = 1024


@dataclass(frozen=True, slots=True)
class CertificateId:
    """Who signed or may open: issuer and serial number, or the subject key identifier."""

    issuer_and_serial: tuple[bytes, int] | None
    key_identifier: bytes | None = None

    def is_of(self, certificate: x509.Certificate) -> bool:
        """Return whether this names the certificate."""
        if self.issuer_and_serial is not None:
            return self.issuer_and_serial == (certificate.issuer.public_bytes(), certificate.serial_number)
        try:
            found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
            return False
        return found.digest == self.key_identifier


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """A signature as it was read: nothing of it is verified yet."""

    signer: CertificateId
    digest: str
    signed: Attributes
    algorithm: str
    """As JOSE calls it; `RS256` is PKCS #1 v1.5."""
    signature: bytes = field(repr=False)
    unsigned: Attributes
    encoded: bytes = field(repr=False)

    @property
    def signed_at(self) -> datetime | None:
        """When the signer says that it signed."""
        value = self.signed.one(oids.SIGNING_TIME)
        if value is None:
            return None
        with strictly("the signing time"):
            return moment(*der.Reader(value).any())

    @property
    def certificate_sha256(self) -> bytes | None:
        """The SHA-256 of the signer's certificate, which it signed along (RFC 5035 section 5.4.1). Raises `AlgorithmRefused` for another digest."""
        value = self.signed.one(oids.SIGNING_CERTIFICATE_V2)
        if value is None:
            return None
        with strictly("signingCertificateV2"):
            first = whole(value, der.SEQUENCE).inner(der.SEQUENCE).inner(der.SEQUENCE)
            if first.peek() == der.SEQUENCE and read_digest(*algorithm(first)) != "sha256":
                raise AlgorithmRefused("a certificate is not named by its SHA-256")
            return first.element(der.OCTET_STRING)

    def check(self, certificate: x509.Certificate, content_digest: bytes, content_type: str | None) -> None:
        """Check that the certificate's key signed this digest of such a content. A counter-signature has no content type.

        Raises `Unsigned`, `SignatureInvalid`, `AlgorithmRefused`, `MalformedCMS`. Who the certificate is of, the caller asks.
        """
        if not self.signer.is_of(certificate):
            raise SignatureInvalid("the signature names another certificate")
        self._check_content_type(content_type)
        digest = self.signed.octet_string(oids.MESSAGE_DIGEST)
        if digest is None:
            raise Unsigned("no digest of the content is signed")
        if not hmac.compare_digest(digest, content_digest):
            raise SignatureInvalid("the content has another digest")
        self._check_protection()
        verify(certificate, self.algorithm, self.digest, self.signature, self.signed.octets)

    def _check_content_type(self, content_type: str | None) -> None:
        value = self.signed.one(oids.CONTENT_TYPE)
        if content_type is None:
            if value is not None:
                raise MalformedCMS("a counter-signature of a content type")
            return
        if value is None:
            raise Unsigned("the content type is not signed")
        if value != oids.oid(content_type):
            raise SignatureInvalid("another content type was signed")

    def _check_protection(self) -> None:
        """RFC 6211: where the algorithms are signed, they are those that are used."""
        value = self.signed.one(oids.ALGORITHM_PROTECTION)
        if value is None:
            return
        with strictly("algorithm protection"):
            reader = whole(value, der.SEQUENCE)
            name, _ = algorithm(reader)
            signature_name, parameters = algorithm(der.Reader(der.write(der.SEQUENCE, reader.element(der.context(1)))))
            reader.end()
        if DIGESTS.get(name) != self.digest or read_signature_algorithm(signature_name, parameters, self.digest) != self.algorithm:
            raise SignatureInvalid("other algorithms were signed than are used")

    def counter_signatures(self) -> tuple["SignerInfo", ...]:
        """The signatures over this one's signature, as they were read."""
        return tuple(read_signer_info(value) for value in self.unsigned.values.get(oids.COUNTER_SIGNATURE, ()))


def read_signer_info(encoded: bytes) -> SignerInfo:
    """Read a SignerInfo in DER. Raises `MalformedCMS`, `AlgorithmRefused`, and `Unsigned` for one without signed attributes."""
    with strictly("SignerInfo"):
        reader = whole(encoded, der.SEQUENCE)
        version = reader.integer()
        signer = read_certificate_id(reader)
        if version != (1 if signer.issuer_and_serial else 3):
            raise MalformedCMS("a signature of another version than its signer's name has")
        digest = read_digest(*algorithm(reader))
        if reader.peek() != der.context(0):
            raise Unsigned("no attributes are signed")
        signed = read_attributes(reader.element(der.context(0)))
        name = read_signature_algorithm(*algorithm(reader), digest)
        signature = reader.element(der.OCTET_STRING)
        unsigned = read_attributes(reader.element(der.context(1))) if reader.peek() == der.context(1) else NONE
        reader.end()
    if not 0 < len(signature) <= MAX_SIGNATURE_BYTES:
        raise MalformedCMS("a signature of such a length")
    return SignerInfo(signer, digest, signed, name, signature, unsigned, encoded)


def read_certificate_id(reader: der.Reader, key_identifier: int = KEY_IDENTIFIER) -> CertificateId:
    """The next SignerIdentifier or RecipientIdentifier."""
    if reader.peek() == key_identifier:
        return CertificateId(None, reader.element(key_identifier))
    inner = reader.inner(der.SEQUENCE)
    issuer, serial = inner.encoded(der.SEQUENCE), inner.integer()
    inner.end()
    return CertificateId((issuer, serial))


def issuer_and_serial(certificate: x509.Certificate) -> bytes:
    """The IssuerAndSerialNumber that names a certificate."""
    return der.sequence((certificate.issuer.public_bytes(), der.integer(certificate.serial_number)))


def make_signer_info(
    certificate: x509.Certificate, name: str, sign: Callable[[bytes], bytes], content_digest: bytes, content_type: str | None,
    attributes: Mapping[str, Sequence[bytes]], unsigned: Callable[[bytes], Mapping[str, Sequence[bytes]]] = lambda _: {},
) -> bytes:
    """A SignerInfo in DER. `sign` gives the form of JWS; `unsigned` is asked for the attributes that go with the signature.

    Raises `AlgorithmRefused` for an algorithm that signatures are not made with.
    """
    algorithm_used = signature_algorithm(name)
    digest = digest_algorithm(MADE[name])
    values: dict[str, Sequence[bytes]] = {
        oids.MESSAGE_DIGEST: [der.write(der.OCTET_STRING, content_digest)],
        oids.SIGNING_CERTIFICATE_V2: [_signing_certificate(certificate)],
        oids.ALGORITHM_PROTECTION: [der.sequence((digest, der.write(der.context(1), der.Reader(algorithm_used).element(der.SEQUENCE))))],
        **attributes,
    }
    if content_type is not None:
        values[oids.CONTENT_TYPE] = [oids.oid(content_type)]
    signed = write_attributes(values)
    signature = signature_value(name, sign(signed))
    beside = unsigned(signature)
    return der.sequence((
        der.integer(1), issuer_and_serial(certificate), digest, implicit(signed, 0), algorithm_used, der.write(der.OCTET_STRING, signature),
        implicit(write_attributes(beside), 1) if beside else b"",
    ))


def _signing_certificate(certificate: x509.Certificate) -> bytes:
    """SigningCertificateV2 of one certificate, by the SHA-256 that goes without saying."""
    return der.sequence((der.sequence((der.sequence((der.write(der.OCTET_STRING, certificate.fingerprint(hashes.SHA256())),)),)),))
