"""The signature algorithms we speak (RFC 7518 section 3, RFC 8037 section 3). There is no `none` and no HMAC here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA512

Verify = Callable[[Any, bytes, bytes], None]
"""(public key, signature, signed bytes): returns when the signature is good, raises `InvalidSignature`."""
Sign = Callable[[Any, bytes], bytes]
"""(private key, bytes to sign): the signature as it goes on the wire."""

_PKCS1: Final = padding.PKCS1v15()
_PSS: Final = padding.PSS(padding.MGF1(SHA256()), padding.PSS.DIGEST_LENGTH)
_PSS_SIGN: Final = padding.PSS(padding.MGF1(SHA256()), 32)
_SHA256: Final = SHA256()
_SHA512: Final = SHA512()
_ECDSA: Final = ec.ECDSA(SHA256())


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One `alg`: the key type and curve it needs, and the two primitives."""

    name: str
    kty: str
    crv: str | None
    verify: Verify
    sign: Sign


def _es256_verify(key: Any, signature: bytes, data: bytes) -> None:
    if len(signature) != 64:
        raise InvalidSignature
    pair = encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
    key.verify(pair, data, _ECDSA)


def _es256_sign(key: Any, data: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(data, _ECDSA))
    return r.to_bytes(32) + s.to_bytes(32)


def _rsa(name: str, pad: Any, pad_sign: Any, digest: Any) -> Algorithm:
    def verify(key: Any, signature: bytes, data: bytes) -> None:
        key.verify(signature, data, pad, digest)

    def sign(key: Any, data: bytes) -> bytes:
        return bytes(key.sign(data, pad_sign, digest))

    return Algorithm(name, "RSA", None, verify, sign)


def _eddsa_verify(key: Any, signature: bytes, data: bytes) -> None:
    key.verify(signature, data)


def _eddsa_sign(key: Any, data: bytes) -> bytes:
    return bytes(key.sign(data))


ALGORITHMS: Final[Mapping[str, Algorithm]] = MappingProxyType({
    "RS512": _rsa("RS512", _PKCS1, _PKCS1, _SHA512),
    "RS256": _rsa("RS256", _PKCS1, _PKCS1, _SHA256),
    "PS256": _rsa("PS256", _PSS, _PSS_SIGN, _SHA256),
    "ES256": Algorithm("ES256", "EC", "P-256", _es256_verify, _es256_sign),
    "EdDSA": Algorithm("EdDSA", "OKP", "Ed25519", _eddsa_verify, _eddsa_sign),
})
