"""A signed content on its way: digested and handed on in pieces, by a thread of its own when it is long."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from wardgate.cms.ber import PIECE_BYTES, BERReader, Source
from wardgate.cms.enveloped_data import Sink
from wardgate.cms.errors import MalformedCMS, TooLarge
from wardgate.cms.signed_data import Head, Tail, read_content, read_head, read_tail

LONG_BYTES: Final = 4 * 1024 * 1024
"""From here on a thread is worth its making."""
AROUND_BYTES: Final = 1024 * 1024
"""What a SignedData may have beside its content and the headers of its parts."""


@dataclass(frozen=True, slots=True)
class SignedContent:
    """What was read around a content, and its digests. No signature is verified yet."""

    head: Head
    tail: Tail
    digests: Mapping[str, bytes]
    size: int


class Digester:
    """Digests pieces and writes them to a sink; of long contents while the next piece is made. Pieces must not change afterwards."""

    def __init__(self, names: Iterable[str], sink: Sink | None = None) -> None:
        self._hashes = {name: hashlib.new(name) for name in names}
        self._sink = sink
        self._batch: list[bytes | memoryview] = []
        self._batched = 0
        self._pool: ThreadPoolExecutor | None = None
        self._running: Future[None] | None = None
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        """Wait for the thread: nothing is written to the sink afterwards."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)

    def add(self, piece: bytes | memoryview) -> None:
        """Take the next piece."""
        self._batch.append(piece)
        self._batched += len(piece)
        self.size += len(piece)
        if self._batched >= PIECE_BYTES // 2:
            self._hand_over()

    def finish(self) -> dict[str, bytes]:
        """Return the digests of all there was."""
        self._hand_over()
        if self._running is not None:
            self._running.result()
        return {name: found.digest() for name, found in self._hashes.items()}

    def _hand_over(self) -> None:
        batch, self._batch, self._batched = self._batch, [], 0
        if self.size < LONG_BYTES:
            self._take(batch)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1)
        if self._running is not None:
            self._running.result()
        self._running = self._pool.submit(self._take, batch)

    def _take(self, batch: list[bytes | memoryview]) -> None:
        for piece in batch:
            for found in self._hashes.values():
                found.update(piece)
            if self._sink is not None:
                self._sink.write(piece)


def read_signed(source: Source, sink: Sink | None, *, max_content_bytes: int, also: str = "sha256", detached: Source | None = None) -> SignedContent:
    """Read a SignedData, after which nothing follows, and write its content to the sink. `also` is one more digest to take.

    Raises `MalformedCMS`, `AlgorithmRefused`, `Unsigned`, `TooLarge`. What is in the sink is not proved by that.
    """
    reader = BERReader(source, max_bytes=2 * max_content_bytes + AROUND_BYTES)
    head = read_head(reader)
    if head.detached != (detached is not None):
        raise MalformedCMS("the content is in it and beside it, or in neither")
    pieces = read_content(reader) if detached is None else _pieces(detached)
    with Digester({*head.digests, also}, sink) as digester:
        for piece in pieces:
            digester.add(piece)
            if digester.size > max_content_bytes:
                raise TooLarge(f"more than {max_content_bytes} octets")
        digests = digester.finish()
    tail = read_tail(reader)
    reader.finish()
    for signer in tail.signers:
        if signer.digest not in head.digests:
            raise MalformedCMS("the digest of a signature is not announced")
    return SignedContent(head, tail, digests, digester.size)


def _pieces(source: Source) -> Iterator[bytes | memoryview]:
    while piece := source.read(PIECE_BYTES):
        yield piece
