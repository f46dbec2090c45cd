"""Files sealed and opened by CMS, of any size in little memory; nothing of a file appears under its name before all of it is proved.

What is written first has another name, in the same directory, and only its owner may read it. It takes the wanted name when everything was
found good, in one step, and is removed when anything was not.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from wardgate.sealing.beside_signature import CounterSigner
from wardgate.sealing.keys import HeldKeys, KeyDirectory, MessageKey, SigningKey, TimeStamper
from wardgate.sealing.model import Context, Limits, Statement, Transport
from wardgate.sealing.stream import STREAM_LIMITS, StreamOpened, open_stream, rekey_stream, seal_stream

PREFIX: Final = ".wardgate-"
SUFFIX: Final = ".unproved"
Progress = Callable[[int], None]
"""Told how many octets more were read."""


class _Watched:
    """A file that tells how much of it was read."""

    def __init__(self, file: BinaryIO, progress: Progress | None) -> None:
        self._file = file
        self._progress = progress

    def read(self, size: int, /) -> bytes:
        piece = self._file.read(size)
        if self._progress is not None:
            self._progress(len(piece))
        return piece

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)


def seal_file(
    source: Path, target: Path, media_type: str, context: Context, statement: Statement, signer: SigningKey, recipients: Sequence[MessageKey], *,
    directory: KeyDirectory, now: datetime, stamper: TimeStamper | None = None, counter_signers: Sequence[CounterSigner] = (),
    limits: Limits = STREAM_LIMITS, progress: Progress | None = None, replace: bool = False,
) -> int:
    """Seal a file into another, and return how many octets were sealed.

    Raises `SealRefused` as `seal_stream` does, `OSError`, and `FileExistsError` for a target that is there, unless it may be replaced.
    """
    with source.open("rb", buffering=0) as opened, _proved(target, replace=replace) as out:
        return seal_stream(
            _Watched(opened, progress), out, media_type, context, statement, signer, recipients, directory=directory, now=now, random=os.urandom,
            stamper=stamper, counter_signers=counter_signers, limits=limits,
        )


def open_file(
    source: Path, target: Path, *, transport: Transport | None, held: HeldKeys, directory: KeyDirectory, now: datetime,
    limits: Limits = STREAM_LIMITS, unauthenticated: bool = False, progress: Progress | None = None, replace: bool = False,
) -> StreamOpened:
    """Open a sealed file into another, and return what was proved of it. The target exists only when all was.

    Raises `SealRefused` as `open_stream` does, `OSError`, and `FileExistsError` for a target that is there, unless it may be replaced.
    """
    with source.open("rb", buffering=0) as opened, _proved(target, replace=replace) as out:
        return open_stream(
            _Watched(opened, progress), out, transport=transport, held=held, directory=directory, now=now, limits=limits, unauthenticated=unauthenticated,
        )


def rekey_file(
    source: Path, target: Path, recipients: Sequence[MessageKey], *, held: HeldKeys, directory: KeyDirectory, now: datetime,
    limits: Limits = STREAM_LIMITS, progress: Progress | None = None, replace: bool = False,
) -> None:
    """Write a sealed file again for other keys. Raises `SealRefused` as `rekey_stream` does, and as `seal_file` for its target."""
    with source.open("rb", buffering=0) as opened, _proved(target, replace=replace) as out:
        rekey_stream(_Watched(opened, progress), out, recipients, held=held, directory=directory, now=now, limits=limits)


@contextlib.contextmanager
def _proved(target: Path, *, replace: bool) -> Iterator[BinaryIO]:
    """A file under another name, which takes its own when the block has ended well."""
    if not replace and target.exists():
        raise FileExistsError(f"{target.name} is there already")
    descriptor, name = tempfile.mkstemp(prefix=PREFIX, suffix=SUFFIX, dir=target.parent)
    unproved = Path(name)
    try:
        with os.fdopen(descriptor, "wb", buffering=64 * 1024) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if replace:
            unproved.replace(target)
        else:
            target.hardlink_to(unproved)
    finally:
        unproved.unlink(missing_ok=True)
    _keep_name(target.parent)


def _keep_name(folder: Path) -> None:
    """See to it that the name outlives a crash, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
