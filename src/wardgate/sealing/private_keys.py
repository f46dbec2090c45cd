"""Private keys in this process, as `keys.SigningKey` and `keys.DecryptionKey`. Where they come from is the caller's matter."""

from dataclasses import dataclass, field
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

_CURVES: Final = {"secp256r1": ("ES256", hashes.SHA256(), 32), "secp384r1": ("ES384", hashes.SHA384(), 48)}
"""By curve: the algorithm, its digest, and the octets of r and of s (RFC 7518 section 3.4)."""
_PSS: Final = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=hashes.SHA256.digest_size)


def signature_algorithm(public: Any) -> str | None:
    """Return what a key signs with: ES256, ES384, PS256 or EdDSA; None: it does not sign messages."""
    if isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name in _CURVES:
        return _CURVES[public.curve.name][0]
    if isinstance(public, rsa.RSAPublicKey):
        return "PS256"
    return "EdDSA" if isinstance(public, ed25519.Ed25519PublicKey) else None


@dataclass(frozen=True, slots=True)
class PrivateSigningKey:
    """A `sealing.keys.SigningKey` in this process."""

    kid: str
    certificate: x509.Certificate = field(repr=False)
    private: Any = field(repr=False)

    @property
    def algorithm(self) -> str:
        """What it signs with. Raises `ValueError` for a key that does not sign messages."""
        found = signature_algorithm(self.private.public_key())
        if found is None:
            raise ValueError("a key of this kind does not sign messages")
        return found

    def sign(self, data: bytes) -> bytes:
        """Return the signature in JWS form."""
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            _, digest, octets = _CURVES[self.private.curve.name]
            r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(digest)))
            return r.to_bytes(octets, "big") + s.to_bytes(octets, "big")
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(data, _PSS, hashes.SHA256())
        return bytes(self.private.sign(data))


@dataclass(frozen=True, slots=True)
class PrivateDecryptionKey:
    """A `sealing.keys.DecryptionKey` in this process."""

    kid: str
    certificate: x509.Certificate = field(repr=False)
    private: Any = field(repr=False)

    def agree(self, public: Any) -> bytes:
        """Return Z of ECDH. Raises `ValueError` for an RSA key and another curve."""
        if isinstance(self.private, ec.EllipticCurvePrivateKey) and isinstance(public, ec.EllipticCurvePublicKey):
            if public.curve.name != self.private.curve.name:
                raise ValueError("the public key is on another curve")
            return self.private.exchange(ec.ECDH(), public)
        if isinstance(self.private, x25519.X25519PrivateKey) and isinstance(public, x25519.X25519PublicKey):
            return self.private.exchange(public)
        raise ValueError("the keys are not of one kind that agrees")

    def decrypt_oaep(self, encrypted: bytes, *, mgf1_sha1: bool = False) -> bytes:
        """Return what RSA-OAEP with SHA-256 hides. Raises `ValueError`."""
        mask = hashes.SHA1() if mgf1_sha1 else hashes.SHA256()  # noqa: S303 - a mask, where XML-Enc says so
        return self._rsa().decrypt(encrypted, padding.OAEP(mgf=padding.MGF1(mask), algorithm=hashes.SHA256(), label=None))

    def decrypt_pkcs1(self, encrypted: bytes) -> bytes:
        """Return what RSAES-PKCS1-v1_5 hides; for ITK2 only. Raises `ValueError`."""
        return self._rsa().decrypt(encrypted, padding.PKCS1v15())

    def _rsa(self) -> rsa.RSAPrivateKey:
        if not isinstance(self.private, rsa.RSAPrivateKey):
            raise ValueError("the key is not an RSA key")  # noqa: TRY004 - the port's promise
        return self.private
