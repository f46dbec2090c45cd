"""RSA signing keys, sealed in the store: loaded once, and turned over by the calendar."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from threading import Lock
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from wardgate.jose import JWK, KeyRules, SigningJWK, thumbprint
from wardgate.jose.jwk import parse_jwk
from wardgate.keystores.errors import KeyInvalid
from wardgate.stores.ports import Values

BITS: Final = 2048


def new_pem() -> str:
    """Return a new private key in PKCS #8 PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


@lru_cache(maxsize=64)
def signing_key(pem: str, alg: str) -> SigningJWK:
    """Return the loaded key; its kid is its thumbprint (RFC 7638). Raises `KeyInvalid` for anything but an RSA key."""
    try:
        key = load_pem_private_key(pem.encode("ascii"), None)
    except (ValueError, TypeError):
        raise KeyInvalid("a stored RSA key cannot be read") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise KeyInvalid("a stored key is not an RSA key")
    unnamed = SigningJWK.of("unnamed", alg, key)
    return SigningJWK.of(thumbprint(public_key(unnamed)), alg, key)


def public_key(key: SigningJWK) -> JWK:
    """Return the public half as a key to verify with."""
    return parse_jwk(key.public_jwk(), KeyRules(BITS))


class CalendarKeys:
    """Keys of which each signs for one period.

    The next one is published a whole period before it signs, so that the set has two keys at least; the one before stays
    for `overlap` after its last signature. Which key signs follows from the time alone: nodes that share a store agree without speaking.
    """

    def __init__(self, values: Values, name: str, alg: str, period: timedelta, overlap: timedelta) -> None:
        self._values = values
        self._name = name
        self._alg = alg
        self._period = period
        self._overlap = overlap
        self._loaded: dict[int, SigningJWK] = {}
        self._lock = Lock()

    def signer(self, now: datetime) -> SigningJWK:
        """Return the key that signs now."""
        return self._key(self._number(now))

    def published(self, now: datetime) -> Sequence[SigningJWK]:
        """Return the keys of the set, the one that signs first."""
        number = self._number(now)
        before = [number - 1] if self._number(now - self._overlap) < number else []
        return [self._key(one) for one in (number, number + 1, *before)]

    def _number(self, at: datetime) -> int:
        return int(at.timestamp() // self._period.total_seconds())

    def _key(self, number: int) -> SigningJWK:
        with self._lock:
            if number not in self._loaded:
                name = f"{self._name}/{number}"
                pem = self._values.get(name) or self._values.set_if_absent(name, new_pem())
                self._loaded = {known: key for known, key in self._loaded.items() if known >= number - 2}
                self._loaded[number] = signing_key(pem, self._alg)
            return self._loaded[number]
