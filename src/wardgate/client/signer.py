"""Who signs: a private key in this process, or anything that signs elsewhere, such as a KMS or an HSM.

Only this module knows private keys. A signer's `repr` shows its algorithm and nothing else.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, utils

from wardgate.client.errors import KeyUnusable
from wardgate.jose.algorithms import ALGORITHMS

SMALLEST_RSA_BITS: Final = 2048
_LARGEST_KEY_FILE_BYTES: Final = 100_000


class Signer(Protocol):
    """Signs the bytes `header.payload` of a JWS (RFC 7515 section 5.1). May wait on a network; may be called by threads."""

    @property
    def algorithm(self) -> str:
        """The JWS name of the algorithm, such as RS512."""

    def sign(self, signing_input: bytes) -> bytes:
        """Return the signature in JWS form. Raises anything: the error reaches the caller of the API."""


@dataclass(frozen=True, slots=True)
class DigestSigner:
    """A signer made of a function that signs a digest, as key services offer (application-restricted 16 point 7).

    `sign_digest` receives SHA-512 of the input for RS512 and SHA-256 for PS256 and ES256, and answers with the RSA
    signature (PKCS #1 v1.5 or PSS), or for ES256 with DER unless `ecdsa_der` is false (then r and s, 32 bytes each).
    """

    algorithm: str
    sign_digest: Callable[[bytes], bytes] = field(repr=False)
    ecdsa_der: bool = True

    def __post_init__(self) -> None:
        if self.algorithm not in _DIGESTS:
            raise KeyUnusable(f"a digest signer is for one of {', '.join(_DIGESTS)}")

    def sign(self, signing_input: bytes) -> bytes:
        signature = self.sign_digest(_DIGESTS[self.algorithm](signing_input))
        return _raw_ecdsa(signature) if self.algorithm == "ES256" and self.ecdsa_der else signature


class PrivateKeySigner:
    """A private key held in memory. `algorithm` is checked against the kind of key."""

    __slots__ = ("_key", "_sign", "algorithm")

    def __init__(self, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, algorithm: str) -> None:
        if algorithm not in FITS:
            raise KeyUnusable(f"the algorithm is one of {', '.join(FITS)}")
        if not FITS[algorithm](key):
            raise KeyUnusable(f"this private key cannot sign {algorithm}; RSA keys have at least {SMALLEST_RSA_BITS} bits")
        self._key, self._sign = key, ALGORITHMS[algorithm].sign
        self.algorithm: str = algorithm

    @classmethod
    def from_pem(cls, pem: bytes, algorithm: str = "RS512", password: bytes | None = None) -> "PrivateKeySigner":
        """Read a PEM private key (PKCS #8, PKCS #1 or SEC 1). Raises `KeyUnusable`, without a word of the key."""
        try:
            key = serialization.load_pem_private_key(pem, password)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise KeyUnusable("not a PEM private key, or its password is missing or wrong") from None
        if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)):
            raise KeyUnusable("the private key is not RSA, EC or Ed25519")
        return cls(key, algorithm)

    @classmethod
    def from_file(cls, path: Path | str, algorithm: str = "RS512", password: bytes | None = None) -> "PrivateKeySigner":
        """Read a PEM file. Raises `KeyUnusable`."""
        try:
            with Path(path).open("rb") as file:
                pem = file.read(_LARGEST_KEY_FILE_BYTES + 1)
        except OSError as error:
            raise KeyUnusable(f"{path}: {error.strerror or error}") from None
        if len(pem) > _LARGEST_KEY_FILE_BYTES:
            raise KeyUnusable(f"{path}: too large for a private key")
        return cls.from_pem(pem, algorithm, password)

    def sign(self, signing_input: bytes) -> bytes:
        return self._sign(self._key, signing_input)

    def __repr__(self) -> str:
        return f"PrivateKeySigner({self.algorithm})"

    def __reduce__(self) -> str:
        raise TypeError("a private key is not pickled")


def _raw_ecdsa(der: bytes) -> bytes:
    """Turn an ECDSA signature into r and s, 32 bytes each (RFC 7518 section 3.4)."""
    try:
        r, s = utils.decode_dss_signature(der)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    except (ValueError, OverflowError):
        raise KeyUnusable("the signer's answer is not an ECDSA signature of P-256 in DER") from None


def _is_rsa(key: object) -> bool:
    return isinstance(key, rsa.RSAPrivateKey) and key.key_size >= SMALLEST_RSA_BITS


def _is_p256(key: object) -> bool:
    return isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)


FITS: Final[Mapping[str, Callable[[object], bool]]] = {
    "RS512": _is_rsa,
    "PS256": _is_rsa,
    "ES256": _is_p256,
    "EdDSA": lambda key: isinstance(key, ed25519.Ed25519PrivateKey),
}
"""The key each algorithm needs. RS512 is the national platform's one; the others are for the profile `strict`."""

_DIGESTS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "RS512": lambda data: hashlib.sha512(data).digest(),
    "PS256": lambda data: hashlib.sha256(data).digest(),
    "ES256": lambda data: hashlib.sha256(data).digest(),
}
