"""Private message keys in this process: made, and loaded from PKCS #8 (itk3-messaging 6). What they do is `sealing.private_keys`."""

from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from wardgate.keystores.errors import KeyInvalid
from wardgate.sealing.private_keys import signature_algorithm

KINDS: Final = ("ec", "rsa")
RSA_BITS: Final = (2048, 3072)


def new_private_pem(kind: str, bits: int = 2048) -> str:
    """Return a new private key in PKCS #8 PEM: `ec` on P-256, or `rsa`. Raises `ValueError` for another kind or size."""
    if kind == "ec":
        key: Any = ec.generate_private_key(ec.SECP256R1())
    elif kind == "rsa" and bits in RSA_BITS:
        key = rsa.generate_private_key(65537, bits)
    else:
        raise ValueError(f"a message key is ec, or rsa of {' or '.join(map(str, RSA_BITS))} bits")
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii"))


def load_private(pem: str | bytes, password: bytes | None = None) -> Any:
    """Return the key of a PEM. Raises `KeyInvalid`, without a word of the key, also for a password that is missing or wrong."""
    try:
        return load_pem_private_key(pem.encode("ascii") if isinstance(pem, str) else pem, password)
    except (ValueError, TypeError):
        raise KeyInvalid("a private key in PEM cannot be read, or its password is missing or wrong") from None


def algorithm_of(public: Any) -> str:
    """Return what a key signs with: ES256, ES384, PS256 or EdDSA. Raises `KeyInvalid`."""
    found = signature_algorithm(public)
    if found is not None:
        return found
    raise KeyInvalid("a key of this kind does not sign messages")


def digest_of(algorithm: str) -> hashes.HashAlgorithm:
    """Return the digest that an algorithm signs."""
    return hashes.SHA384() if algorithm == "ES384" else hashes.SHA256()
