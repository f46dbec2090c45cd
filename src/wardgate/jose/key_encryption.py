"""How the content's key reaches a recipient: ECDH-ES+A256KW and RSA-OAEP-256 (RFC 7518 sections 4.3 and 4.6, RFC 8037 section 3.2).

A private half may be in hardware, so it is asked to agree or to decrypt and is never seen.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from wardgate.jose import base64url
from wardgate.jose.errors import MalformedJWE, UnsuitableKey

ECDH: Final = "ECDH-ES+A256KW"
OAEP: Final = "RSA-OAEP-256"
KEY_ALGORITHMS: Final = frozenset({ECDH, OAEP})
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
MAX_PARTY_CHARS: Final = 512
_KEK_BITS: Final = 256
_OAEP: Final = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
_EPK_MEMBERS: Final = {"EC": {"kty", "crv", "x", "y"}, "OKP": {"kty", "crv", "x"}}

PublicKey = ec.EllipticCurvePublicKey | x25519.X25519PublicKey | rsa.RSAPublicKey


class Unwrapper(Protocol):
    """A private key that opens."""

    def agree(self, public: Any) -> bytes:
        """Return Z of ECDH with a public key. Raises `ValueError`."""

    def decrypt_oaep(self, encrypted: bytes) -> bytes:
        """Return what RSA-OAEP with SHA-256 hides. Raises `ValueError`."""


def suitable(key: Any) -> PublicKey:
    """Return a public key that we encrypt to: P-256, X25519, or RSA of 2048 to 8192 bits. Raises `UnsuitableKey`."""
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    if isinstance(key, x25519.X25519PublicKey):
        return key
    if isinstance(key, rsa.RSAPublicKey) and MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        return key
    raise UnsuitableKey("a P-256, X25519 or RSA key of 2048 bits or more", type(key).__name__)


def wrap(key: PublicKey, content_key: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the recipient's header members and its encrypted key. An ephemeral key is made for it alone."""
    if isinstance(key, rsa.RSAPublicKey):
        return {"alg": OAEP}, key.encrypt(content_key, _OAEP)
    if isinstance(key, x25519.X25519PublicKey):
        okp = x25519.X25519PrivateKey.generate()
        shared = okp.exchange(key)
        epk = {"kty": "OKP", "crv": "X25519", "x": base64url.encode(okp.public_key().public_bytes_raw())}
    else:
        own = ec.generate_private_key(ec.SECP256R1())
        shared = own.exchange(ec.ECDH(), key)
        point = own.public_key().public_numbers()
        epk = {"kty": "EC", "crv": "P-256", "x": base64url.encode(point.x.to_bytes(32)), "y": base64url.encode(point.y.to_bytes(32))}
    return {"alg": ECDH, "epk": epk}, aes_key_wrap(derive(shared, ECDH, _KEK_BITS), content_key)


def unwrap(header: Mapping[str, Any], encrypted_key: bytes, key: Unwrapper) -> bytes:
    """Return the content's key. Raises `ValueError` for whatever reason; `MalformedJWE` for an ephemeral key that is none."""
    if header["alg"] == OAEP:
        return key.decrypt_oaep(encrypted_key)
    kek = derive(key.agree(ephemeral_key(header)), ECDH, _KEK_BITS, party(header, "apu"), party(header, "apv"))
    try:
        return aes_key_unwrap(kek, encrypted_key)
    except (InvalidUnwrap, InvalidSignature) as fault:
        raise ValueError("not wrapped with this key") from fault


def derive(shared: bytes, algorithm_id: str, bits: int, apu: bytes = b"", apv: bytes = b"") -> bytes:
    """Return the key that the Concat KDF makes of Z (RFC 7518 section 4.6.2)."""
    named = (algorithm_id.encode("ascii"), apu, apv)
    info = b"".join(len(part).to_bytes(4) + part for part in named) + bits.to_bytes(4)
    return ConcatKDFHash(SHA256(), bits // 8, info).derive(shared)


def ephemeral_key(header: Mapping[str, Any]) -> ec.EllipticCurvePublicKey | x25519.X25519PublicKey:
    """Return the sender's ephemeral key, which is a point of its curve. Raises `MalformedJWE`."""
    epk = header.get("epk")
    if type(epk) is not dict or (epk.get("kty"), epk.get("crv")) not in (("EC", "P-256"), ("OKP", "X25519")) or epk.keys() != _EPK_MEMBERS[epk["kty"]]:
        raise MalformedJWE("epk is a public key on P-256 or X25519", "another value")
    try:
        octets = [base64url.decode(epk[name].encode("ascii")) for name in ("x", "y") if name in epk]
        if any(len(part) != 32 for part in octets):
            raise ValueError("not 32 octets")  # noqa: TRY301 - one answer for all that is wrong with the coordinates
        if epk["kty"] == "OKP":
            return x25519.X25519PublicKey.from_public_bytes(octets[0])
        return ec.EllipticCurvePublicNumbers(int.from_bytes(octets[0]), int.from_bytes(octets[1]), ec.SECP256R1()).public_key()
    except (ValueError, AttributeError):
        raise MalformedJWE("epk is a point of its curve", "other coordinates") from None


def party(header: Mapping[str, Any], name: str) -> bytes:
    """Return `apu` or `apv`. Raises `MalformedJWE`."""
    value = header.get(name, "")
    try:
        if type(value) is str and len(value) <= MAX_PARTY_CHARS:
            return base64url.decode(value.encode("ascii"))
    except ValueError:
        pass
    raise MalformedJWE(f"{name} is base64url text", "another value")
