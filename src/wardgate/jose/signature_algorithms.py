"""The algorithms of signatures over documents (RFC 7518 section 3, RFC 8037 section 3.1), beside those of tokens.

Each fits one kind of key, which is looked at before the key is used (RFC 8725 section 3.1). RS256 is verified where a profile
outside our own asks for it, and never made. There is no `none`, no HMAC and no SHA-1.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm

from wardgate.jose.errors import BadSignature, UnsuitableKey

MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192

Verify = Callable[[Any, bytes, bytes | memoryview], None]
"""(public key, signature, signed octets): raises `InvalidSignature`."""
Sign = Callable[[Any, bytes], bytes]
"""(private key, octets to sign): the signature in JWS form."""


@dataclass(frozen=True, slots=True)
class SignatureAlgorithm:
    """One `alg`: which public keys it fits, and the primitives."""

    name: str
    fits: Callable[[Any], bool]
    verify: Verify
    sign: Sign


def _ecdsa(name: str, curve: type[ec.EllipticCurve], octets: int, digest: HashAlgorithm) -> SignatureAlgorithm:
    scheme = ec.ECDSA(digest)

    def fits(key: Any) -> bool:
        return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, curve)

    def verify(key: Any, signature: bytes, data: bytes | memoryview) -> None:
        if len(signature) != 2 * octets:
            raise InvalidSignature
        key.verify(encode_dss_signature(int.from_bytes(signature[:octets]), int.from_bytes(signature[octets:])), data, scheme)

    def sign(key: Any, data: bytes) -> bytes:
        return raw_ecdsa(key.sign(data, scheme), octets)

    return SignatureAlgorithm(name, fits, verify, sign)


def raw_ecdsa(der: bytes, octets: int) -> bytes:
    """Return r and s of a DER signature, each in so many octets (RFC 7518 section 3.4)."""
    r, s = decode_dss_signature(der)
    return r.to_bytes(octets) + s.to_bytes(octets)


def _rsa(name: str, pad: Any) -> SignatureAlgorithm:
    def fits(key: Any) -> bool:
        return isinstance(key, rsa.RSAPublicKey) and MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS

    def verify(key: Any, signature: bytes, data: bytes | memoryview) -> None:
        key.verify(signature, data, pad, SHA256())

    def sign(key: Any, data: bytes) -> bytes:
        return bytes(key.sign(data, pad, SHA256()))

    return SignatureAlgorithm(name, fits, verify, sign)


def _eddsa() -> SignatureAlgorithm:
    def fits(key: Any) -> bool:
        return isinstance(key, ed25519.Ed25519PublicKey)

    def verify(key: Any, signature: bytes, data: bytes | memoryview) -> None:
        key.verify(signature, data)

    def sign(key: Any, data: bytes) -> bytes:
        return bytes(key.sign(data))

    return SignatureAlgorithm("EdDSA", fits, verify, sign)


_ROWS: Final = (
    _ecdsa("ES256", ec.SECP256R1, 32, SHA256()),
    _ecdsa("ES384", ec.SECP384R1, 48, SHA384()),
    _rsa("PS256", padding.PSS(padding.MGF1(SHA256()), 32)),
    _eddsa(),
    _rsa("RS256", padding.PKCS1v15()),
)
SIGNATURE_ALGORITHMS: Final[Mapping[str, SignatureAlgorithm]] = MappingProxyType({row.name: row for row in _ROWS})
SEAL_ALGORITHMS: Final = frozenset({"ES256", "ES384", "PS256", "EdDSA"})
"""Those of a seal (itk3-messaging 6)."""


def algorithm_for(name: Any, key: Any, allowed: Collection[str]) -> SignatureAlgorithm:
    """Return the algorithm of this name, when it is allowed and the public key is of its kind. Raises `UnsuitableKey`."""
    algorithm = SIGNATURE_ALGORITHMS.get(name) if isinstance(name, str) and name in allowed else None
    if algorithm is None:
        raise UnsuitableKey("one of " + ", ".join(sorted(allowed)), "another algorithm")
    if not algorithm.fits(key):
        raise UnsuitableKey(f"a key for {algorithm.name}", type(key).__name__)
    return algorithm


def algorithm_of_key(key: Any) -> str:
    """Return the one algorithm that a public key signs with in our seals. Raises `UnsuitableKey`."""
    for name, algorithm in SIGNATURE_ALGORITHMS.items():
        if algorithm.fits(key):
            return name
    raise UnsuitableKey("a P-256, P-384, RSA or Ed25519 key", type(key).__name__)


def check_signature(algorithm: SignatureAlgorithm, key: Any, signature: bytes, data: bytes | memoryview) -> None:
    """Return when the signature is the key's over these octets. Raises `BadSignature`."""
    try:
        algorithm.verify(key, signature, data)
    except InvalidSignature:
        raise BadSignature(f"a signature by {algorithm.name} with the key it names", "another signature") from None
