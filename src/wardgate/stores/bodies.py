"""Bodies of chunks: small ones go with their row, larger ones into files, encrypted under keys that go with their rows.

A file is `DIRECTORY/a/bc/<place>`, made of `body_segments`. It is named before anything is known of it and readable to nobody
without its key, which is the row's: a body whose row never came, or is gone, is noise, and `sweep` removes it.
"""

import hashlib
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from wardgate.mesh.model import Chunk
from wardgate.stores.body_segments import KEY_BYTES, SEALED_BYTES, SEGMENT_BYTES, TAG_BYTES, Segments
from wardgate.stores.errors import StoreUnavailable
from wardgate.stores.mailboxes import KnownPlaces, WrittenBody

INLINE_BYTES: Final = 65_536
"""A body of no more than this is kept with its row: that costs one sync, not three."""

_INLINE, _FILE = "i", "f"
_ID_BYTES: Final = 16
_ASKED_AT_ONCE: Final = 500


class FileBodies:
    """`Bodies` in a directory of this machine, or of several that share it. Safe for threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._durable: set[Path] = set()
        """Folders whose names are on the disk."""

    def create(self) -> "FileBodyWriter":
        return FileBodyWriter(self)

    def read(self, chunk: Chunk) -> Iterator[bytes]:
        """Yield proved pieces. The first is read before this returns, so that what is missing is known before anything is answered."""
        if chunk.kept is None:
            raise StoreUnavailable("a stored body has no row")
        if chunk.place.startswith(_INLINE):
            return iter((chunk.kept,))
        pieces = self._pieces(chunk, chunk.kept)
        return _beginning_with(next(pieces, b""), pieces)

    def remove(self, places: Sequence[str]) -> None:
        """Remove files; one that is not there is removed already. Raises `StoreUnavailable`."""
        for place in places:
            if place.startswith(_FILE):
                _remove(self.path(place))

    def sweep(self, older_than_seconds: float, known: KnownPlaces) -> int:
        before, removed = time.time() - older_than_seconds, 0
        asked: list[str] = []
        for path in _files(self._directory):
            if _modified(path) < before:
                asked.append(path.name)
            if len(asked) == _ASKED_AT_ONCE:
                removed += self._remove_unknown(asked, known)
                asked = []
        return removed + self._remove_unknown(asked, known)

    def path(self, place: str) -> Path:
        """Return where a body's file is. Raises `StoreUnavailable` for what is no place of a file."""
        if not place.startswith(_FILE) or len(place) != 1 + 2 * _ID_BYTES or not place.isalnum():
            raise StoreUnavailable("a stored body has a place that is none")
        return self._directory / place[1] / place[2:4] / place

    def make_folder(self, folder: Path) -> None:
        """Make a folder whose name survives a loss of power. Raises `OSError`."""
        if folder in self._durable:
            return
        for one in (self._directory, folder.parent, folder):
            if one not in self._durable:
                one.mkdir(mode=0o700, parents=True, exist_ok=True)
                sync_folder(one.parent)
                self._durable.add(one)

    def forget_folder(self, folder: Path) -> None:
        """Forget that a folder is there: somebody removed it."""
        self._durable -= {folder, folder.parent, self._directory}

    def _remove_unknown(self, places: Sequence[str], known: KnownPlaces) -> int:
        unknown = set(places) - known(places) if places else set()
        for place in unknown:
            _remove(self.path(place))
        return len(unknown)

    def _pieces(self, chunk: Chunk, key: bytes) -> Iterator[bytes]:
        segments, left, number = Segments(key, chunk.place), chunk.size, 0
        try:
            with self.path(chunk.place).open("rb", buffering=0) as file:
                while left > 0:
                    wanted = min(SEGMENT_BYTES, left)
                    sealed = _read(file.fileno(), wanted + TAG_BYTES)
                    left -= wanted
                    piece = segments.open(number, sealed, last=left == 0)
                    if len(piece) != wanted:
                        raise StoreUnavailable("a stored body was changed, moved or cut")
                    yield piece
                    number += 1
        except OSError as error:
            raise StoreUnavailable(f"a stored body cannot be read: {error.strerror}") from None


class FileBodyWriter:
    """`BodyWriter`: as much as fits a row is held; what is larger goes to a file, segment by segment."""

    def __init__(self, bodies: FileBodies) -> None:
        self._bodies = bodies
        self._place = secrets.token_hex(_ID_BYTES)
        self._hash, self._size, self._segment = hashlib.sha256(), 0, 0
        self._held = bytearray()
        self._file: int | None = None
        self._key = b""
        self._segments: Segments | None = None
        self._sealed = memoryview(b"")
        self._over = False

    def write(self, data: bytes) -> None:
        if self._over:
            raise StoreUnavailable("a body was given up")
        self._hash.update(data)
        self._size += len(data)
        self._held += data
        if self._file is None and self._size > INLINE_BYTES:
            self._begin()
        # NOTE: one octet more than a segment must be there: the last one is marked, and it is known only at the end which that is.
        if self._file is not None and len(self._held) > SEGMENT_BYTES:
            self._flush()

    def finish(self) -> WrittenBody:
        if self._over:
            raise StoreUnavailable("a body was given up")
        self._over = True
        digest = self._hash.hexdigest()
        if self._file is None:
            return WrittenBody(_INLINE + self._place, self._size, digest, bytes(self._held))
        try:
            self._seal(memoryview(self._held), last=True)
            os.fsync(self._file)
            sync_folder(self._bodies.path(_FILE + self._place).parent)
        except OSError as error:
            self._remove()
            raise StoreUnavailable(f"a body cannot be stored: {error.strerror}") from None
        self._close()
        return WrittenBody(_FILE + self._place, self._size, digest, self._key)

    def abandon(self) -> None:
        """Forget it, unless it was finished."""
        if not self._over:
            self._remove()

    def _begin(self) -> None:
        path = self._bodies.path(_FILE + self._place)
        self._key = secrets.token_bytes(KEY_BYTES)
        self._segments, self._sealed = Segments(self._key, path.name), memoryview(bytearray(SEALED_BYTES))
        try:
            self._bodies.make_folder(path.parent)
            self._file = _create(path)
        except OSError as error:
            self._bodies.forget_folder(path.parent)
            self._remove()
            raise StoreUnavailable(f"a body cannot be stored: {error.strerror}") from None

    def _flush(self) -> None:
        """Write every segment that is whole and not the last."""
        held, start = memoryview(self._held), 0
        try:
            while len(held) - start > SEGMENT_BYTES:
                self._seal(held[start : start + SEGMENT_BYTES], last=False)
                start += SEGMENT_BYTES
        except OSError as error:
            self._remove()
            raise StoreUnavailable(f"a body cannot be stored: {error.strerror}") from None
        finally:
            held.release()
        del self._held[:start]

    def _seal(self, plain: memoryview, *, last: bool) -> None:
        """Write one segment. Raises `OSError`."""
        assert self._file is not None and self._segments is not None  # noqa: S101, PT018 - there is a file by now
        length = self._segments.seal(self._segment, plain, self._sealed[: len(plain) + TAG_BYTES], last=last)
        self._segment += 1
        done = 0
        while done < length:
            done += os.write(self._file, self._sealed[done:length])

    def _close(self) -> None:
        self._held, self._segments, self._sealed = bytearray(), None, memoryview(b"")
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _remove(self) -> None:
        """Leave nothing behind."""
        self._over = True
        opened = self._file is not None
        self._close()
        if opened:
            _remove(self._bodies.path(_FILE + self._place))


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def _read(descriptor: int, length: int) -> memoryview:
    """Return so many octets, fewer at the end of the file."""
    found = memoryview(bytearray(length))
    done = 0
    while done < length and (count := os.readv(descriptor, [found[done:]])):
        done += count
    return found[:done]


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"a stored body cannot be removed: {error.strerror}") from None


def _files(directory: Path) -> Iterator[Path]:
    for root, _, names in os.walk(directory):
        yield from (Path(root) / name for name in names if name.startswith(_FILE) and len(name) == 1 + 2 * _ID_BYTES)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _beginning_with(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
