"""Files of transfers: a message that gets its name when all of it is there, and states that outlive the process.

Beside the file that a message shall become lie its part, `.<name>.part`, and how much of that is whole, `.<name>.part.json`. One
process has a part at a time. `NOTE:` what is kept is durable (fsync of the file and its directory) before anybody is told.
"""

import errno
import fcntl
import json
import os
import tempfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

from wardgate.client.mesh_content import Progress
from wardgate.client.mesh_download import MeshDownload
from wardgate.client.mesh_errors import MeshTransferInvalid
from wardgate.client.mesh_inflate import Part
from wardgate.client.mesh_outgoing import MAX_STATE_BYTES, MeshUpload

_VERSION: Final = 1
_PRIVATE: Final = 0o600
_STATE_BYTES: Final = 2_047
"""More than ids and headers of the greatest length take."""
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})
"""Of file systems that have no second names; there a name is looked at before it is given."""


def write_whole(path: Path, content: bytes) -> None:
    """Put a small file in place in one step, readable by its owner only. Raises `OSError`."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable. Raises `OSError`."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def locked(file: BinaryIO, what: str) -> None:
    """Have a file to oneself until it is closed. Raises `MeshTransferInvalid` when another process has it."""
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise MeshTransferInvalid(f"{what} is under way in another process") from None


class PartFile:
    """The part of a message that shall become the file `target`. Close it, or use it as a context; what came is kept."""

    def __init__(self, target: Path, message_id: str, max_bytes: int, progress: Progress | None = None) -> None:
        """Raises `FileExistsError` when there is a file of this name, `MeshTransferInvalid` and `OSError`."""
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "there is a file of this name already", str(target))
        self._target, self._message_id = target, message_id
        self._path = target.with_name(f".{target.name}.part")
        self._state = target.with_name(f".{target.name}.part.json")
        self._file: BinaryIO = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE), "r+b")
        try:
            locked(self._file, f"receiving {target.name}")
        except BaseException:
            self._file.close()
            raise
        self.part = Part(self._file, max_bytes, progress)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._file.close()

    def kept(self) -> MeshDownload | None:
        """Return what an earlier process left of this message, when it is whole chunks of it; else nothing is taken. Raises `OSError`."""
        kept = _read(self._state)
        if kept is None or kept.message_id != self._message_id:
            return None
        self.part.take_up(kept.size)
        if (self.part.end, self.part.sha256) == (kept.size, kept.sha256):
            return kept
        self.part = self.part.anew()
        return None

    def keep(self, state: MeshDownload) -> None:
        """Make what came durable, and then say so. Raises `OSError`."""
        self._file.flush()
        os.fsync(self._file.fileno())
        write_whole(self._state, json.dumps({"version": _VERSION, **asdict(state)}).encode())

    def finish(self) -> None:
        """Give it its name, durably. Raises `FileExistsError` when another file got it meanwhile, and `OSError`."""
        self._file.truncate(self.part.end)
        self._file.flush()
        os.fsync(self._file.fileno())
        try:
            os.link(self._path, self._target)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if os.path.lexists(self._target):
                raise FileExistsError(errno.EEXIST, "there is a file of this name already", str(self._target)) from None
            self._path.rename(self._target)
        sync_directory(self._target.parent)
        self.abandon()

    def abandon(self) -> None:
        """Forget what came."""
        for path in (self._state, self._path):
            with suppress(OSError):
                path.unlink()


class UploadFile:
    """The state of an upload in a file, for one process at a time. Close it, or use it as a context; it stays until `forget`."""

    def __init__(self, path: Path) -> None:
        """Raises `MeshTransferInvalid` for what is no state, or is another process's, and `OSError`."""
        self._path = path
        self._file: BinaryIO = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE), "r+b", buffering=0)
        try:
            locked(self._file, "this sending")
            found = self._file.read(MAX_STATE_BYTES)
            self.state = MeshUpload.from_json(found) if found.strip() else None
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._file.close()

    def keep(self, state: MeshUpload) -> None:
        """Make the state durable: always as long, in one write. Raises `OSError`."""
        new = self.state is None
        os.pwrite(self._file.fileno(), state.to_json().ljust(_STATE_BYTES) + b"\n", 0)
        os.fsync(self._file.fileno())
        self.state = state
        if new:
            sync_directory(self._path.parent)

    def forget(self) -> None:
        """There is nothing to go on with."""
        self.state = None
        with suppress(OSError):
            self._path.unlink()


def _read(path: Path) -> MeshDownload | None:
    try:
        with path.open("rb") as file:
            found: Any = json.loads(file.read(MAX_STATE_BYTES))
        if found.pop("version") != _VERSION:
            return None
        kept = MeshDownload(**found)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    numbers = (kept.chunks, kept.total_chunks, kept.size)
    return kept if all(type(one) is int for one in numbers) and 0 < kept.chunks <= kept.total_chunks and kept.size >= 0 else None
