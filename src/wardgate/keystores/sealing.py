"""Sealing at rest: AES-256-GCM (NIST SP 800-38D) with a random nonce, bound to the place the value is stored at.

A sealed value is: version (1 byte), key id (8), nonce (12), ciphertext and tag. The place (table, column and row id)
is authenticated with it, so that a sealed value moved to another row does not open. Several keys may open; the first
one seals. With one key, 2^32 values may be sealed before a random nonce is likely enough to repeat to matter; the
store seals a value per key, certificate authority and API key, far below that.
"""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wardgate.stores.errors import WrongStoreKey

KEY_BYTES: Final = 32

_VERSION: Final = b"\x01"
_ID_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_HEAD_BYTES: Final = 1 + _ID_BYTES + _NONCE_BYTES
_ID_DOMAIN: Final = b"wardgate store key id v1\x00"


class Sealer:
    """Seals with the first of its keys and opens with any. Its representation shows no key."""

    __slots__ = ("_first", "_keys")

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError("a sealer needs at least one key, each of 32 bytes")
        self._keys = {key_id(key): AESGCM(key) for key in keys}
        self._first = key_id(keys[0])

    def __repr__(self) -> str:
        return f"Sealer({len(self._keys)} keys)"

    def seal(self, plain: bytes, place: str) -> bytes:
        """Return `plain` sealed with the first key for `place`, written as table/column/row."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        head = _VERSION + self._first + nonce
        return head + self._keys[self._first].encrypt(nonce, plain, _associated(head, place))

    def open(self, sealed: bytes, place: str) -> bytes:
        """Return what was sealed for `place`. Raises `WrongStoreKey` for another key, place, or a changed value."""
        key = self._keys.get(sealed[1 : 1 + _ID_BYTES]) if sealed[:1] == _VERSION else None
        if key is None:
            raise WrongStoreKey("data at rest was encrypted with another key than the ones given")
        head, nonce = sealed[:_HEAD_BYTES], sealed[1 + _ID_BYTES : _HEAD_BYTES]
        try:
            return key.decrypt(nonce, sealed[_HEAD_BYTES:], _associated(head, place))
        except (InvalidTag, ValueError):
            raise WrongStoreKey(f"the encrypted value at {place} was changed or moved") from None

    def is_current(self, sealed: bytes) -> bool:
        """Return whether the first key sealed this; if not, it is due to be sealed again."""
        return sealed[1 : 1 + _ID_BYTES] == self._first


def key_id(key: bytes) -> bytes:
    """Return the public name of a key: the first 8 bytes of a hash that is used for nothing else."""
    return hashlib.sha256(_ID_DOMAIN + key).digest()[:_ID_BYTES]


def _associated(head: bytes, place: str) -> bytes:
    return head[: 1 + _ID_BYTES] + place.encode()
