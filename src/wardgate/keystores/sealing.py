"""Sealing at rest: AES-256-GCM (NIST SP 800-38D), a key per value, bound to the place the value is stored at.

A sealed value is: version (1 byte), key id (8), salt (16), nonce (12), ciphertext and tag. The place (table, column and
row id) is authenticated with it, so that a sealed value moved to another row does not open. Several keys may open; the
first one seals.

A value's key is the HMAC-SHA-256 of its random salt under the store key. With one key for all, 2^32 values could be
sealed before a random nonce is likely enough to repeat to matter: a few months of sign-ins on a busy day's rate. Salt and
nonce together are 224 random bits. Version 1, which had no salt, still opens.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wardgate.stores.errors import WrongStoreKey

KEY_BYTES: Final = 32

_WITHOUT_SALT: Final = b"\x01"
_VERSION: Final = b"\x02"
_ID_BYTES: Final = 8
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_NAMED_BYTES: Final = 1 + _ID_BYTES
_VALUE_DOMAIN: Final = b"wardgate value key v2\x00"
_ID_DOMAIN: Final = b"wardgate store key id v1\x00"


class Sealer:
    """Seals with the first of its keys and opens with any. Its representation shows no key."""

    __slots__ = ("_first", "_keys")

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError("a sealer needs at least one key, each of 32 bytes")
        self._keys = {key_id(key): key for key in keys}
        self._first = key_id(keys[0])

    def __repr__(self) -> str:
        return f"Sealer({len(self._keys)} keys)"

    def seal(self, plain: bytes, place: str) -> bytes:
        """Return `plain` sealed with the first key for `place`, written as table/column/row."""
        named, fresh = _VERSION + self._first, secrets.token_bytes(_SALT_BYTES + _NONCE_BYTES)
        cipher = _cipher(self._keys[self._first], fresh[:_SALT_BYTES])
        return named + fresh + cipher.encrypt(fresh[_SALT_BYTES:], plain, _associated(named, place))

    def open(self, sealed: bytes, place: str) -> bytes:
        """Return what was sealed for `place`. Raises `WrongStoreKey` for another key, place, or a changed value."""
        named, version = sealed[:_NAMED_BYTES], sealed[:1]
        key = self._keys.get(named[1:]) if version in {_VERSION, _WITHOUT_SALT} else None
        if key is None:
            raise WrongStoreKey("data at rest was encrypted with another key than the ones given")
        salted = _NAMED_BYTES + (_SALT_BYTES if version == _VERSION else 0)
        cipher = _cipher(key, sealed[_NAMED_BYTES:salted]) if version == _VERSION else AESGCM(key)
        start = salted + _NONCE_BYTES
        try:
            return cipher.decrypt(sealed[salted:start], sealed[start:], _associated(named, place))
        except (InvalidTag, ValueError):
            raise WrongStoreKey(f"the encrypted value at {place} was changed or moved") from None

    def is_current(self, sealed: bytes) -> bool:
        """Return whether the first key sealed this; if not, it is due to be sealed again."""
        return sealed[1 : 1 + _ID_BYTES] == self._first


def key_id(key: bytes) -> bytes:
    """Return the public name of a key: the first 8 bytes of a hash that is used for nothing else."""
    return hashlib.sha256(_ID_DOMAIN + key).digest()[:_ID_BYTES]


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(hmac.digest(key, _VALUE_DOMAIN + salt, "sha256"))


def _associated(named: bytes, place: str) -> bytes:
    return named + place.encode()
