"""gzip as a transport has it, inflated as it passes (itk3-messaging 5.2, 5.4): several members, bounded, in constant memory.

RFC 1952 section 2.2: members follow each other. Their number is bounded as well: each costs work, and an empty one has 20 octets.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

PIECE_BYTES: Final = 1_048_576
FREE_BYTES: Final = 1_048_576
"""So much may come of anything: the ratio counts after that."""
MAX_MEMBERS: Final = 100_000
_SLICE_BYTES: Final = 16_384
"""zlib copies what follows a member: of so much at most."""
_GZIP: Final = 16 + zlib.MAX_WBITS


class NotInflatable(Exception):
    """This is no whole gzip, or unfolds beyond the limits."""


class Inflation:
    """One body. `max_ratio` None: only its size counts."""

    def __init__(self, max_bytes: int, max_ratio: int | None = None) -> None:
        self._max_bytes, self._max_ratio = max_bytes, max_ratio
        self._stream, self._begun, self._members = zlib.decompressobj(_GZIP), False, 0
        self._read, self._made = 0, 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what comes of some octets, in pieces of at most 1 MiB. Raises `NotInflatable`."""
        whole = memoryview(data)
        for start in range(0, len(data), _SLICE_BYTES):
            left: bytes | memoryview = whole[start : start + _SLICE_BYTES]
            self._read += len(left)
            while left:
                self._begin()
                out = self._some(left)
                left = self._stream.unconsumed_tail
                if out:
                    yield out
                if self._stream.eof:
                    left, self._stream, self._begun = self._stream.unused_data, zlib.decompressobj(_GZIP), False

    def finish(self) -> None:
        """The body is over. Raises `NotInflatable` when it was cut short, or was nothing."""
        if self._begun or not self._read:
            raise NotInflatable("cut short")

    def _begin(self) -> None:
        """Octets come: of the member that is under way, or of one more."""
        self._members += not self._begun
        self._begun = True
        if self._members > MAX_MEMBERS:
            raise NotInflatable("beyond the limits")

    def _some(self, data: bytes | memoryview) -> bytes:
        try:
            out = self._stream.decompress(data, PIECE_BYTES)
        except zlib.error:
            raise NotInflatable("not gzip") from None
        self._made += len(out)
        most = self._max_bytes if self._max_ratio is None else min(self._max_bytes, max(FREE_BYTES, self._max_ratio * self._read))
        if self._made > most:
            raise NotInflatable("beyond the limits")
        return out


def inflate(pieces: Iterable[bytes], max_bytes: int, max_ratio: int) -> Iterator[bytes]:
    """Yield the content of a whole body in pieces of at most 1 MiB. Raises `NotInflatable`."""
    body = Inflation(max_bytes, max_ratio)
    for piece in pieces:
        yield from body.feed(piece)
    body.finish()
