"""A file's octets in segments, each sealed and proved by itself (AES-256-GCM, NIST SP 800-38D; in the manner of STREAM, Hoang and others 2015).

A file has a key of its own, used for nothing else, so a segment's nonce is its number and whether it is the last. A segment that was
moved, left out or doubled does not open, nor does a file that was cut: its last segment is not marked as such. The file's name is
authenticated with each, so that files cannot be exchanged.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wardgate.stores.errors import StoreUnavailable

KEY_BYTES: Final = 32
SEGMENT_BYTES: Final = 262_144
TAG_BYTES: Final = 16
SEALED_BYTES: Final = SEGMENT_BYTES + TAG_BYTES

_NUMBER_BYTES: Final = 11
_LAST: Final = {False: b"\x00", True: b"\x01"}


class Segments:
    """The cipher of one file. `place` is its name."""

    __slots__ = ("_cipher", "_place")

    def __init__(self, key: bytes, place: str) -> None:
        """Raise `StoreUnavailable` for a key that is none."""
        if len(key) != KEY_BYTES:
            raise StoreUnavailable("a stored body's key is none")
        self._cipher, self._place = AESGCM(key), place.encode()

    def seal(self, number: int, plain: memoryview, into: memoryview, *, last: bool) -> int:
        """Write the sealed segment `number`, from 0, to `into`; return its length."""
        return self._cipher.encrypt_into(_nonce(number, last), plain, self._place, into)

    def open(self, number: int, sealed: memoryview, *, last: bool) -> bytes:
        """Return a segment that is proved. Raises `StoreUnavailable` for one that is not what was sealed."""
        try:
            return self._cipher.decrypt(_nonce(number, last), sealed, self._place)
        except (InvalidTag, ValueError):
            raise StoreUnavailable("a stored body was changed, moved or cut") from None


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(_NUMBER_BYTES) + _LAST[last]
