"""Stored gzip, inflated on its way to a caller who cannot (itk3-messaging 5.2): bounded in size and ratio, in constant memory."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

PIECE_BYTES: Final = 1_048_576
FREE_BYTES: Final = 1_048_576
"""So much may come of anything: the ratio counts after that."""
_GZIP: Final = 16 + zlib.MAX_WBITS


class NotInflatable(Exception):
    """What was stored is no whole gzip, or unfolds beyond the limits."""


def inflate(pieces: Iterable[bytes], max_bytes: int, max_ratio: int) -> Iterator[bytes]:
    """Yield the content in pieces of at most 1 MiB. Raises `NotInflatable`."""
    stream, read, made = zlib.decompressobj(_GZIP), 0, 0
    begun = False
    for piece in pieces:
        read += len(piece)
        left = piece
        while left:
            begun = True
            try:
                out = stream.decompress(left, PIECE_BYTES)
            except zlib.error:
                raise NotInflatable("not gzip") from None
            left = stream.unconsumed_tail
            made += len(out)
            if made > max_bytes or made > max(FREE_BYTES, max_ratio * read):
                raise NotInflatable("beyond the limits")
            if out:
                yield out
            if stream.eof:
                left, stream, begun = stream.unused_data, zlib.decompressobj(_GZIP), False
    if begun or not read:
        raise NotInflatable("cut short")
