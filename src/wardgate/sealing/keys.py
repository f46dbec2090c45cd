"""The keys of seals: whose they are, what they may do, and the private halves that may live in hardware (itk3-messaging 6).

A `kid` is an opaque index into the directory. Certificates that arrive with a signature are hints, never trust.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from cryptography import x509


class Use(StrEnum):
    """What a key is for. One key has one use."""

    SIGNING = "signing"
    ENCRYPTION = "encryption"


class State(StrEnum):
    """Published keys are used; retired ones verify and decrypt what was made before; revoked ones do neither."""

    PUBLISHED = "published"
    RETIRED = "retired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class MessageKey:
    """A public key of an organisation in the directory."""

    kid: str
    organisation: str
    use: Use
    certificate: x509.Certificate = field(repr=False)
    state: State = State.PUBLISHED
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Trust:
    """The authorities that are believed for one organisation, with what lies between and their revocation lists."""

    anchors: tuple[x509.Certificate, ...] = ()
    intermediates: tuple[x509.Certificate, ...] = ()
    revocations: tuple[x509.CertificateRevocationList, ...] = field(default=(), repr=False)


class KeyDirectory(Protocol):
    """Which keys organisations have. In memory: asking costs nothing."""

    def key(self, kid: str) -> MessageKey | None:
        """Return the key by its id, in whatever state."""

    def by_certificate(self, sha256: bytes) -> MessageKey | None:
        """Return the key by the SHA-256 of its certificate's DER (`x5t#S256`; CMS and XML name certificates)."""

    def encryption_keys(self, organisation: str) -> Sequence[MessageKey]:
        """Return the published encryption keys of an organisation, the newest first."""

    def trust(self, organisation: str) -> Trust:
        """Return who is believed for an organisation; nobody when it is unknown."""

    def time_authorities(self) -> Trust:
        """Return who is believed about the time (RFC 3161)."""


class SigningKey(Protocol):
    """A private key that signs. It may be in a hardware module, and may be called by threads."""

    @property
    def kid(self) -> str: ...
    @property
    def algorithm(self) -> str:
        """ES256, ES384, PS256 or EdDSA."""

    @property
    def certificate(self) -> x509.Certificate: ...
    def sign(self, data: bytes) -> bytes:
        """Return the signature in JWS form: r and s for ECDSA (RFC 7518 section 3.4)."""


class DecryptionKey(Protocol):
    """A private key that opens. It may be in a hardware module."""

    @property
    def kid(self) -> str: ...
    @property
    def certificate(self) -> x509.Certificate: ...
    def agree(self, public: Any) -> bytes:
        """Return Z of ECDH with a public key on our curve (SP 800-56A section 5.7.1.2). Raises `ValueError` for an RSA key and another curve."""

    def decrypt_oaep(self, encrypted: bytes, *, mgf1_sha1: bool = False) -> bytes:
        """Return what RSA-OAEP with SHA-256 hides (MGF1 with SHA-1 where XML-Enc's default asks for it). Raises `ValueError`."""

    def decrypt_pkcs1(self, encrypted: bytes) -> bytes:
        """Return what RSAES-PKCS1-v1_5 hides; for ITK2 only. Raises `ValueError`; callers carry on with a random key."""


class HeldKeys(Protocol):
    """The private keys of this installation."""

    def signing_key(self, organisation: str) -> SigningKey | None:
        """Return the newest key with which we sign for an organisation now."""

    def decryption_key(self, kid: str) -> DecryptionKey | None:
        """Return one of our decryption keys, retired ones included for as long as messages to them may arrive."""

    def decryption_key_of(self, sha256: bytes) -> DecryptionKey | None:
        """Return one by the SHA-256 of its certificate's DER."""

    def decryption_keys(self) -> Sequence[DecryptionKey]:
        """Return all of them; ITK2 and CMS name recipients by issuer, serial number or subject."""


class TimeStamper(Protocol):
    """A time-stamping authority (RFC 3161)."""

    def stamp(self, sha256: bytes) -> bytes:
        """Return the DER of a TimeStampToken over the digest. Raises `OSError` when the authority cannot be asked."""
