"""An authority outside Wardgate that certifies organisations' message keys, and publishes lists: for meeting partners, good and bad."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
          "encipher_only", "decipher_only")
_P256 = ec.SECP256R1()


def new_key(kind: str = "ec") -> Any:
    """Return a private key: `ec` on P-256, `p384`, `rsa`, or `weak` for RSA of 1024 bits."""
    if kind in {"rsa", "weak"}:
        return rsa.generate_private_key(65537, 1024 if kind == "weak" else 2048)
    return ec.generate_private_key(ec.SECP384R1() if kind == "p384" else _P256)


class MessageAuthority:
    """A root of its own."""

    def __init__(self, name: str = "Partner Root", now: datetime = NOW) -> None:
        self._now = now
        self.list_url: str | None = None
        """Where certificates from now on say that the list is published."""
        self._key = new_key()
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._serial = 1000
        self.certificate = self._certify(self._name, self._key.public_key(), ("key_cert_sign", "crl_sign"), (), True)
        self.pem = pem_of(self.certificate)

    def certify(
        self, organisation: str, public: Any, usages: Sequence[str] = ("digital_signature",), *, uri: str | None = None, authority: bool = False,
    ) -> x509.Certificate:
        """Certify a key as an organisation's."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{organisation} messages {self._serial}")])
        named = f"urn:nhs-uk:addressing:ods:{organisation}" if uri is None else uri
        return self._certify(name, public, usages, (named,) if named else (), authority)

    def revocations(self, *revoked: x509.Certificate, number: int = 1) -> str:
        """Return the PEM of a list."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._name).last_update(self._now + timedelta(minutes=number)).next_update(
            self._now + timedelta(days=30)).add_extension(x509.CRLNumber(number), critical=False)
        for certificate in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(certificate.serial_number).revocation_date(self._now).build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    def _certify(self, name: x509.Name, public: Any, usages: Sequence[str], uris: Sequence[str], authority: bool) -> x509.Certificate:
        self._serial += 1
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(self._name).public_key(public).serial_number(self._serial)
        builder = builder.not_valid_before(self._now - timedelta(days=1)).not_valid_after(self._now + YEAR)
        builder = builder.add_extension(x509.BasicConstraints(authority, None), critical=True)
        builder = builder.add_extension(x509.KeyUsage(**{usage: usage in usages for usage in USAGES}), critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        if uris:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris]), critical=False)
        if self.list_url is not None:
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(self.list_url)], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def pem_of(certificate: x509.Certificate) -> str:
    """Return the PEM of a certificate."""
    return certificate.public_bytes(Encoding.PEM).decode()
