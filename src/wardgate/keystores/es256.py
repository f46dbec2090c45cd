"""ES256 (RFC 7518 section 3.4) with loaded keys: signatures are R and S, 32 bytes each, as JWS wants them."""

import base64
import hashlib
import json
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from wardgate.keystores.errors import KeyInvalid

_ALGORITHM: Final = ec.ECDSA(hashes.SHA256())
_HALF_BYTES: Final = 32


class ES256Key:
    """A loaded private key. Parsing a PEM costs a thousand signatures, so it is done once. Shows only its kid."""

    __slots__ = ("_private", "kid")

    def __init__(self, kid: str, private: ec.EllipticCurvePrivateKey) -> None:
        if not isinstance(private.curve, ec.SECP256R1):
            raise KeyInvalid(f"the key {kid} is not on the curve P-256")
        self.kid = kid
        self._private = private

    def __repr__(self) -> str:
        return f"ES256Key({self.kid!r})"

    @property
    def private(self) -> ec.EllipticCurvePrivateKey:
        """The key object, for a JOSE library that wants it."""
        return self._private

    @property
    def public(self) -> ec.EllipticCurvePublicKey:
        """The public half."""
        return self._private.public_key()

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte signature of `data`."""
        r, s = decode_dss_signature(self._private.sign(data, _ALGORITHM))
        return r.to_bytes(_HALF_BYTES, "big") + s.to_bytes(_HALF_BYTES, "big")

    def public_jwk(self) -> dict[str, str]:
        """Return the public JWK (RFC 7517 section 4)."""
        return _coordinates(self.public) | {"kid": self.kid, "use": "sig", "alg": "ES256"}


def generate() -> tuple[str, str]:
    """Return a new key's kid and its PKCS #8 PEM; the kid is the key's thumbprint (RFC 7638)."""
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return thumbprint(private.public_key()), pem.decode()


def load(kid: str, private_pem: str) -> ES256Key:
    """Return the loaded key. Raises `KeyInvalid` for anything but a P-256 private key."""
    try:
        private = serialization.load_pem_private_key(private_pem.encode(), None)
    except (ValueError, TypeError):
        raise KeyInvalid(f"the key {kid} cannot be read") from None
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise KeyInvalid(f"the key {kid} is not an EC key")
    return ES256Key(kid, private)


def verify(public: ec.EllipticCurvePublicKey, data: bytes, signature: bytes) -> bool:
    """Return whether the 64-byte signature of `data` was made by the private half of `public`."""
    if len(signature) != 2 * _HALF_BYTES:
        return False
    r, s = int.from_bytes(signature[:_HALF_BYTES], "big"), int.from_bytes(signature[_HALF_BYTES:], "big")
    try:
        public.verify(encode_dss_signature(r, s), data, _ALGORITHM)
    except InvalidSignature:
        return False
    return True


def thumbprint(public: ec.EllipticCurvePublicKey) -> str:
    """Return the JWK thumbprint, SHA-256 in base64url (RFC 7638 section 3)."""
    text = json.dumps(_coordinates(public), sort_keys=True, separators=(",", ":"))
    return _base64url(hashlib.sha256(text.encode()).digest())


def _coordinates(public: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = public.public_numbers()
    x, y = (_base64url(number.to_bytes(_HALF_BYTES, "big")) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
