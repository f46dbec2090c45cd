"""Contents to send, of any size in constant memory: split first, each chunk compressed by itself (itk3-messaging 5.4).

A content is read twice: once to know its size and checksums, and once for every time a chunk is sent. What is sent must be what was
read before: the last piece of a chunk leaves only when it is.
"""

import hashlib
import io
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Self, cast

from wardgate.client.mesh_errors import MeshCallInvalid, MeshSourceChanged
from wardgate.client.mesh_steps import PIECE_BYTES

MAX_CHUNK_BYTES: Final = 100_000_000
"""Of one request."""
DEFAULT_CHUNK_BYTES: Final = 75 * 1_048_576
MAX_MESSAGE_BYTES: Final = 100_000_000_000
_IN_MEMORY_BYTES: Final = 1_048_576
_GZIP: Final = 31
"""zlib's word for a gzip stream; without a time in it, so that a chunk sent again has the same octets."""

Content = bytes | BinaryIO | Iterable[bytes]
Progress = Callable[[int, int], None]
"""Called with the octets done so far and with all there are."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a content is."""

    size: int
    sha256: str
    chunks: tuple[str, ...]
    """The SHA-256 of every chunk, before compression."""


class Source:
    """A content that can be read from any place. Close it, or use it as a context; a caller's file is left open."""

    def __init__(self, file: BinaryIO, begin: int, *, ours: bool) -> None:
        self._file, self._begin, self._ours = file, begin, ours

    @classmethod
    def of(cls, content: Content, directory: str | None = None) -> "Source":
        """Return a source; what cannot be read twice goes through a file without a name in `directory`. Raises `MeshCallInvalid`, `OSError`."""
        if isinstance(content, bytes):
            return cls(io.BytesIO(content), 0, ours=True)
        if hasattr(content, "read"):
            file = cast("BinaryIO", content)
            if file.seekable():
                return cls(file, file.tell(), ours=False)
            return cls._kept(iter(lambda: file.read(PIECE_BYTES), b""), directory)
        return cls._kept(content, directory)

    @classmethod
    def _kept(cls, pieces: Iterable[bytes], directory: str | None) -> "Source":
        kept = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES, dir=directory)  # noqa: SIM115 - `close` closes it
        try:
            size = 0
            for piece in pieces:
                size += len(piece)
                _check_size(size)
                kept.write(piece)
        except BaseException:
            kept.close()
            raise
        return cls(kept, 0, ours=True)  # type: ignore[arg-type]  # a BinaryIO in all but name

    def close(self) -> None:
        """Let go of what is ours."""
        if self._ours:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def pieces(self, offset: int, size: int) -> Iterator[bytes]:
        """Yield `size` octets from `offset` on; fewer when there are no more. Raises `OSError`."""
        self._file.seek(self._begin + offset)
        while size > 0 and (piece := self._file.read(min(PIECE_BYTES, size))):
            size -= len(piece)
            yield piece

    def measured(self, chunk_bytes: int) -> Measured:
        """Read it through. Raises `MeshCallInvalid` for an empty or too large one, and `OSError`."""
        whole, size, chunks = hashlib.sha256(), 0, []
        while True:
            one, got = hashlib.sha256(), 0
            for piece in self.pieces(size, chunk_bytes):
                whole.update(piece)
                one.update(piece)
                got += len(piece)
            if not got:
                break
            size += got
            chunks.append(one.hexdigest())
            _check_size(size)
        if not size:
            raise MeshCallInvalid("an empty message is not sent")
        return Measured(size, whole.hexdigest(), tuple(chunks))


def _check_size(size: int) -> None:
    if size > MAX_MESSAGE_BYTES:
        raise MeshCallInvalid(f"a message has at most {MAX_MESSAGE_BYTES} octets")


class ChunkBody:
    """One chunk as a request's body, which can be sent again."""

    def __init__(
        self, source: Source, measured: Measured, number: int, chunk_bytes: int, level: int | None, progress: Progress | None,
    ) -> None:
        self._source, self._measured, self._level, self._progress = source, measured, level, progress
        self._offset = (number - 1) * chunk_bytes
        self._length = min(chunk_bytes, measured.size - self._offset)
        self._sha256 = measured.chunks[number - 1]

    @property
    def size(self) -> int | None:
        """Its octets; None when they are compressed on the way."""
        return self._length if self._level is None else None

    def pieces(self) -> Iterator[bytes]:
        """Yield it, compressed if it shall be. Raises `MeshSourceChanged` before the last piece, and `OSError`."""
        if self._level is None:
            yield from self._proved()
            return
        deflate = zlib.compressobj(self._level, zlib.DEFLATED, _GZIP)
        for piece in self._proved():
            if packed := deflate.compress(piece):
                yield packed
        yield deflate.flush()

    def _proved(self) -> Iterator[bytes]:
        digest, held, done = hashlib.sha256(), b"", self._offset
        for piece in self._source.pieces(self._offset, self._length):
            if held:
                yield held
                self._tell(done)
            held, done = piece, done + len(piece)
            digest.update(piece)
        if digest.hexdigest() != self._sha256:
            raise MeshSourceChanged("the content changed while it was sent; the message was not finished")
        yield held
        self._tell(done)

    def _tell(self, done: int) -> None:
        if self._progress is not None:
            self._progress(done, self._measured.size)
