"""A small world of organisations with keys, for tests of seals: two tiers of authority on P-256, a directory in memory, and keys in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from wardgate.sealing.keys import MessageKey, State, Trust, Use

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
YEAR = timedelta(days=365)
USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
SERIALS = count(1 << 100)
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def common_name(name: str, *units: str) -> x509.Name:
    """A subject."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name), *(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit) for unit in units)])


@dataclass(frozen=True)
class Authority:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any

    def sign(
        self, subject: x509.Name, public_key: Any, *usages: str, start: datetime = NOW - YEAR, end: datetime = NOW + YEAR, authority: bool = False,
        names: Sequence[x509.GeneralName] = (), extensions: Sequence[tuple[Any, bool]] = (),
    ) -> x509.Certificate:
        """A certificate by this authority."""
        return _signed(self.certificate.subject, self.key, subject, public_key, usages, start, end, authority, names, extensions)

    def revocations(self, *revoked: x509.Certificate, at: datetime = NOW - DAY, end: datetime = NOW + DAY, since: datetime | None = None, **changes: Any) -> x509.CertificateRevocationList:
        """A list of this authority."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject).last_update(at).next_update(end)
        for certificate in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number).revocation_date(since or at)
            for extension in changes.get("entry", ()):
                entry = entry.add_extension(extension, critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        for extension, critical in changes.get("extensions", ()):
            builder = builder.add_extension(extension, critical)
        return builder.sign(changes.get("key", self.key), changes.get("digest", hashes.SHA256()))


def _signed(issuer: x509.Name, key: Any, subject: x509.Name, public_key: Any, usages: Sequence[str], start: datetime, end: datetime, authority: bool, names: Sequence[x509.GeneralName], extensions: Sequence[tuple[Any, bool]]) -> x509.Certificate:
    builder = x509.CertificateBuilder().issuer_name(issuer).subject_name(subject).public_key(public_key).serial_number(next(SERIALS)).not_valid_before(start).not_valid_after(end)
    builder = builder.add_extension(x509.BasicConstraints(authority, None), critical=True)
    if usages:
        builder = builder.add_extension(x509.KeyUsage(**{usage: usage in usages for usage in USAGES}), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, hashes.SHA256())


def root(name: str = "Test Root", *, end: datetime = NOW + 20 * YEAR) -> Authority:
    """A root on P-256."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = common_name(name)
    return Authority(_signed(subject, key, subject, key.public_key(), ("key_cert_sign", "crl_sign"), NOW - 10 * YEAR, end, True, (), ()), key)


def issuing(above: Authority, name: str = "Test Issuing", usages: Sequence[str] = ("key_cert_sign", "crl_sign")) -> Authority:
    """An authority below a root."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = above.sign(common_name(name), key.public_key(), *usages, start=NOW - 9 * YEAR, end=NOW + 19 * YEAR, authority=True)
    return Authority(certificate, key)


def ods(organisation: str) -> x509.UniformResourceIdentifier:
    """The name of an organisation in a certificate."""
    return x509.UniformResourceIdentifier(f"urn:nhs-uk:addressing:ods:{organisation}")


@dataclass(frozen=True)
class Held:
    """A private key in memory: a `SigningKey` and a `DecryptionKey`."""

    kid: str
    certificate: x509.Certificate
    private: Any = field(repr=False)
    algorithm: str = "ES256"

    def sign(self, data: bytes) -> bytes:
        """The signature in JWS form."""
        digest = hashes.SHA384() if self.algorithm == "ES384" else hashes.SHA256()
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(data, padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH), digest)
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(data)
        size = (self.private.key_size + 7) // 8
        return b"".join(part.to_bytes(size) for part in decode_dss_signature(self.private.sign(data, ec.ECDSA(digest))))

    def agree(self, public: Any) -> bytes:
        """Z of ECDH."""
        if isinstance(self.private, x25519.X25519PrivateKey) and isinstance(public, x25519.X25519PublicKey):
            return self.private.exchange(public)
        curve = public.curve.name if isinstance(public, ec.EllipticCurvePublicKey) else None
        if not isinstance(self.private, ec.EllipticCurvePrivateKey) or curve != self.private.curve.name:
            raise ValueError("another kind of key")
        return self.private.exchange(ec.ECDH(), public)

    def decrypt_oaep(self, encrypted: bytes, *, mgf1_sha1: bool = False) -> bytes:
        """What RSA-OAEP hides."""
        if not isinstance(self.private, rsa.RSAPrivateKey):
            raise ValueError("not RSA")  # noqa: TRY004 - the port says so
        return self.private.decrypt(encrypted, padding.OAEP(padding.MGF1(hashes.SHA1() if mgf1_sha1 else hashes.SHA256()), hashes.SHA256(), None))  # noqa: S303 - XML-Enc's default

    def decrypt_pkcs1(self, encrypted: bytes) -> bytes:
        """What PKCS #1 v1.5 hides."""
        return self.private.decrypt(encrypted, padding.PKCS1v15())


@dataclass
class World:
    """Authorities, a directory (`KeyDirectory`) and private keys (`HeldKeys`), changed by tests as they like."""

    root: Authority = field(default_factory=root)
    issuing: Authority = field(init=False)
    keys: dict[str, MessageKey] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    trusts: dict[str, Trust] = field(default_factory=dict)
    time: Trust = field(default_factory=Trust)

    def __post_init__(self) -> None:
        """Found the issuing authority."""
        self.issuing = issuing(self.root)

    def believed(self, *lists: x509.CertificateRevocationList) -> Trust:
        """Trust in this world's authorities, with empty lists unless others are given."""
        return Trust((self.root.certificate,), (self.issuing.certificate,), lists or (self.root.revocations(), self.issuing.revocations()))

    def add(self, organisation: str, use: Use, *, private: Any = None, algorithm: str = "ES256", usages: Sequence[str] | None = None, state: State = State.PUBLISHED, revoked_at: datetime | None = None, **changes: Any) -> Held:
        """A new key of an organisation, in the directory and held."""
        private = private or ec.generate_private_key(ec.SECP256R1())
        if usages is None:
            encryption = ("key_encipherment",) if isinstance(private, rsa.RSAPrivateKey) else ("key_agreement",)
            usages = ("digital_signature",) if use is Use.SIGNING else encryption
        kid = f"{organisation.lower()}-{use}-{len(self.keys)}"
        names = changes.pop("names", [ods(organisation)])
        by = changes.pop("by", self.issuing)
        certificate = by.sign(changes.pop("subject", common_name(kid)), private.public_key(), *usages, names=names, **changes)
        self.keys[kid] = MessageKey(kid, organisation, use, certificate, state, revoked_at)
        self.trusts.setdefault(organisation, self.believed())
        self.held[kid] = Held(kid, certificate, private, algorithm)
        return self.held[kid]

    def key(self, kid: str) -> MessageKey | None:
        """`KeyDirectory`."""
        return self.keys.get(kid)

    def by_certificate(self, sha256: bytes) -> MessageKey | None:
        """`KeyDirectory`."""
        return next((key for key in self.keys.values() if key.certificate.fingerprint(hashes.SHA256()) == sha256), None)

    def encryption_keys(self, organisation: str) -> Sequence[MessageKey]:
        """`KeyDirectory`."""
        found = [key for key in self.keys.values() if key.organisation == organisation and key.use is Use.ENCRYPTION and key.state is State.PUBLISHED]
        return found[::-1]

    def trust(self, organisation: str) -> Trust:
        """`KeyDirectory`."""
        return self.trusts.get(organisation, Trust())

    def time_authorities(self) -> Trust:
        """`KeyDirectory`."""
        return self.time

    def signing_key(self, organisation: str) -> Held | None:
        """`HeldKeys`."""
        return next((self.held[key.kid] for key in reversed(self.keys.values()) if key.organisation == organisation and key.use is Use.SIGNING and key.kid in self.held), None)

    def decryption_key(self, kid: str) -> Held | None:
        """`HeldKeys`."""
        return self.held.get(kid)

    def decryption_key_of(self, sha256: bytes) -> Held | None:
        """`HeldKeys`."""
        found = self.by_certificate(sha256)
        return self.held.get(found.kid) if found else None

    def decryption_keys(self) -> Sequence[Held]:
        """`HeldKeys`."""
        return [held for kid, held in self.held.items() if self.keys[kid].use is Use.ENCRYPTION]
