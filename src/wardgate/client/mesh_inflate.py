"""Bodies of chunks as they come: inflated where the transport compressed them, bounded, and put where they belong."""

import hashlib
from collections.abc import Mapping
from typing import BinaryIO, Final

from wardgate.client.mesh_content import Progress
from wardgate.client.mesh_errors import MeshContentInvalid
from wardgate.mesh.checksum import sha256_of
from wardgate.mesh.inflate import Inflation, NotInflatable

_MOST_AT_ONCE: Final = 1_048_576


class Part:
    """A file that a message is put together in, chunk after chunk. Up to `end` it is what came; behind that, an interrupted chunk."""

    def __init__(self, file: BinaryIO, max_bytes: int, progress: Progress | None = None) -> None:
        self._file, self._max_bytes, self._progress = file, max_bytes, progress
        self.end = 0
        self._of_end = hashlib.sha256()
        self._of_all = self._of_end.copy()
        self._at = 0
        self._inflation: Inflation | None = None

    @property
    def sha256(self) -> str:
        """Of what came, in hex."""
        return self._of_end.hexdigest()

    def anew(self) -> "Part":
        """Return the same from the beginning: what came is not believed."""
        return Part(self._file, self._max_bytes, self._progress)

    def take_up(self, size: int) -> None:
        """Take what an earlier process left, up to `size`. Raises `OSError`."""
        self._file.seek(0)
        while self.end < size and (piece := self._file.read(min(_MOST_AT_ONCE, size - self.end))):
            self._of_end.update(piece)
            self.end += len(piece)

    def begin(self, headers: Mapping[str, str]) -> None:
        """A chunk begins, again perhaps. Raises `MeshContentInvalid` for an encoding that is not spoken."""
        encoding = headers.get("content-encoding", "identity").strip().lower() or "identity"
        if encoding not in {"identity", "gzip"}:
            raise MeshContentInvalid("a chunk in a content encoding that was not asked for")
        self._inflation = Inflation(self._max_bytes + _MOST_AT_ONCE) if encoding == "gzip" else None
        self._file.seek(self.end)
        self._file.truncate()
        self._at, self._of_all = self.end, self._of_end.copy()

    def feed(self, data: bytes) -> None:
        """Take octets of the chunk. Raises `MeshContentInvalid` and `OSError`."""
        if self._inflation is None:
            self._write(data)
            return
        try:
            for piece in self._inflation.feed(data):
                self._write(piece)
        except NotInflatable as found:
            raise MeshContentInvalid(f"a chunk that says it is gzip, and is {found}") from None

    def finish(self) -> None:
        """The chunk is all there. Raises `MeshContentInvalid` for a gzip stream that was cut off."""
        if self._inflation is not None:
            try:
                self._inflation.finish()
            except NotInflatable:
                raise MeshContentInvalid("a chunk whose gzip stream was cut off") from None
        self.end, self._of_end = self._at, self._of_all

    def _write(self, data: bytes) -> None:
        self._at += len(data)
        if self._at > self._max_bytes:
            raise MeshContentInvalid(f"a message of more than {self._max_bytes} octets, which is the limit here")
        self._file.write(data)
        self._of_all.update(data)
        if data and self._progress is not None:
            self._progress(self._at, 0)


def check_sha256(checksum: str, sha256: str) -> None:
    """A checksum of the form `SHA256 <hex>` is the content's; others are the sender's own matter. Raises `MeshContentInvalid`."""
    said = sha256_of(checksum)
    if said is not None and said != sha256:
        raise MeshContentInvalid("the content is not what its sender's SHA-256 says")
