"""New keys and serial numbers: the only randomness of this room, handed to it as a parameter."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

SERIAL_BITS: Final = 127


def new_rsa_key(bits: int) -> RSAPrivateKey:
    """A fresh RSA key. 4096 bits take about a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def new_serial() -> int:
    """A random serial number of a fixed length that cannot be guessed (RFC 5280 section 4.1.2.2)."""
    return secrets.randbits(SERIAL_BITS) | 1 << (SERIAL_BITS - 1)


@dataclass(frozen=True, slots=True)
class Randomness:
    """Where keys and serial numbers come from."""

    new_key: Callable[[int], RSAPrivateKey] = new_rsa_key
    new_serial: Callable[[], int] = new_serial


def to_pem(key: RSAPrivateKey) -> str:
    """The key as PKCS #8 PEM without a password: the store seals it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def from_pem(pem: str) -> RSAPrivateKey:
    """A key that `to_pem` wrote; raises `ValueError` for anything else, without repeating it."""
    try:
        key = load_pem_private_key(pem.encode("ascii"), None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError):
        raise ValueError("a stored private key cannot be read") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("a stored private key is not RSA")  # noqa: TRY004 - the stored text is wrong, not a type
    return key
