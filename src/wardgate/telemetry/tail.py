"""Reads Envoy's log as it grows, exactly once: the offset is stored in the same step as the events.

A file is known by its first line, which has a message id, so a renamed file goes on where it was. When it is large
enough, or old enough, it is renamed, Envoy opens a new one, and the old one is read to its end before it is deleted. Whoever finds a
renamed file, after a crash too, asks Envoy to open a new one before reading: it may be writing to the old one still.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from wardgate.audit.model import Event
from wardgate.dataplane.admin import AdminUnavailable
from wardgate.quotas import Quota
from wardgate.stores.errors import StoreError
from wardgate.stores.ports import QuotaCount
from wardgate.telemetry.counting import count
from wardgate.telemetry.lines import DAMAGED, event_of, lost, recovered
from wardgate.telemetry.systems import NOTHING_KNOWN, Known

CHUNK_BYTES: Final = 1 << 20
MAX_LINE_BYTES: Final = 1 << 19
"""Of a whole line: a call between systems has its target in it, each character of which may be written as six."""
ROTATE_BYTES: Final = 64 << 20
RETRY_SECONDS: Final = 1.0
KEEP_SECONDS: Final = 600.0
"""How long a file is written to: its lines may hold addresses, and paths of calls between systems, which are not to lie about."""

_log = logging.getLogger(__name__)

Store = Callable[[str, int, Sequence[Event], Sequence[QuotaCount]], None]


@dataclass(slots=True)
class LogTail:
    """One log file. `store` and `offset_of` are `stores.audit.append_from` and `.offset_of`; they run on a thread."""

    path: Path
    store: Store
    offset_of: Callable[[str], int]
    reopen: Callable[[], Awaitable[None]]
    quotas: Callable[[], Mapping[tuple[str, str], Quota]]
    now: Callable[[], datetime]
    flush_seconds: float = 0.2
    rotate_bytes: int = ROTATE_BYTES
    on_counted: Callable[[], None] = lambda: None
    """Called when a batch counted towards a long quota."""
    known: Known = NOTHING_KNOWN
    keep_seconds: float = KEEP_SECONDS
    stored: int = 0
    _reopened: bool = False
    """Whether Envoy has left the renamed file."""
    _begun: datetime | None = None
    """When the current file was first seen with something in it."""
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Read until `stop`; then read what is left."""
        while not self._stopping.is_set():
            try:
                more = await self.step()
            except (StoreError, OSError, AdminUnavailable) as fault:
                _log.warning("Envoy's log is not read at the moment, and will be: %s", fault)
                await self._pause(RETRY_SECONDS)  # nothing was lost: the offset did not move
                continue
            if not more:
                await self._pause(self.flush_seconds / 2)
        with contextlib.suppress(StoreError, OSError, AdminUnavailable):
            while await self.step():
                pass

    def stop(self) -> None:
        """Make `run` come to its end."""
        self._stopping.set()

    async def step(self) -> bool:
        """Store one chunk of the rotated file, else of the current one. True: there may be more."""
        rotated = self.path.with_suffix(".rotated")
        if rotated.exists():
            await self._leave()
            if not await asyncio.to_thread(self._store_chunk, rotated, whole=True):
                rotated.unlink()
                self._reopened = False
            return True
        if not self.path.exists():
            return False
        more = await asyncio.to_thread(self._store_chunk, self.path, whole=False)
        if not more and self._is_full(self.path.stat()):
            self.path.rename(rotated)
            self._begun = None
            return True
        return more

    def _is_full(self, file: os.stat_result) -> bool:
        """Return whether the file is large enough, or was begun long enough ago, to be read to its end and deleted."""
        if file.st_size == 0:
            return False
        self._begun = self._begun or self.now()
        return file.st_size >= self.rotate_bytes or (self.now() - self._begun).total_seconds() >= self.keep_seconds

    async def _leave(self) -> None:
        """Make sure, once per renamed file, that Envoy writes to a new one."""
        if not self._reopened:
            await self.reopen()
            await asyncio.sleep(self.flush_seconds * 2)  # NOTE: Envoy writes to the old file until it has flushed once more
            self._reopened = True

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _store_chunk(self, path: Path, *, whole: bool) -> bool:
        with path.open("rb") as file:
            first = file.readline(MAX_LINE_BYTES)
            if not first.endswith(b"\n") and len(first) < MAX_LINE_BYTES and not whole:
                return False
            source = "envoy-log:" + hashlib.sha256(first).hexdigest()[:32]
            offset = self.offset_of(source)
            file.seek(offset)
            chunk = file.read(CHUNK_BYTES)
        end = chunk.rfind(b"\n") + 1
        if not end and (len(chunk) >= MAX_LINE_BYTES or (whole and chunk)):
            end = len(chunk)  # a line without an end: torn by a crash, or not ours
        if not end:
            return False
        events = self._events(chunk[:end])
        counts = count(events, self.quotas())
        self.store(source, offset + end, events, counts)
        self.stored += len(events)
        if counts:
            self.on_counted()
        return True

    def _events(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        damaged = 0
        for line in data.rstrip(b"\n").split(b"\n"):
            try:
                event = event_of(line, self.known)
            except DAMAGED:
                damaged += 1
                event = recovered(line, self.known)
            if event is not None:
                events.append(event)
        if damaged:
            events.append(lost(self.now(), "a damaged line of Envoy's log", damaged))
        return events
