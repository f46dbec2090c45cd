"""Reads Envoy's log as it grows, exactly once: the offset is stored in the same step as the events.

A file is known by its first line, which has a message id, so a renamed file goes on where it was. When it is large enough it is renamed,
Envoy opens a new one, and the old one is read to its end before it is deleted.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from wardgate.audit.model import Event
from wardgate.quotas import Quota
from wardgate.stores.errors import StoreError
from wardgate.stores.ports import QuotaCount
from wardgate.telemetry.counting import count
from wardgate.telemetry.lines import event_of, lost

CHUNK_BYTES: Final = 1 << 20
MAX_LINE_BYTES: Final = 1 << 16
ROTATE_BYTES: Final = 64 << 20
RETRY_SECONDS: Final = 1.0

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
    on_counted: Callable[[], None] = lambda: None
    """Called when a batch counted towards a long quota."""
    stored: int = 0
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Read until `stop`; then read what is left."""
        while not self._stopping.is_set():
            try:
                more = await self.step()
            except (StoreError, OSError):
                await self._pause(RETRY_SECONDS)  # nothing was lost: the offset did not move
                continue
            if not more:
                await self._pause(self.flush_seconds / 2)
        with contextlib.suppress(StoreError, OSError):
            while await self.step():
                pass

    def stop(self) -> None:
        """Make `run` come to its end."""
        self._stopping.set()

    async def step(self) -> bool:
        """Store one chunk of the rotated file, else of the current one. True: there may be more."""
        rotated = self.path.with_suffix(".rotated")
        if rotated.exists():
            if await asyncio.to_thread(self._store_chunk, rotated, whole=True):
                return True
            rotated.unlink()
            return True
        if not self.path.exists():
            return False
        more = await asyncio.to_thread(self._store_chunk, self.path, whole=False)
        if not more and self.path.stat().st_size >= ROTATE_BYTES:
            await self._rotate(rotated)
        return more

    async def _rotate(self, rotated: Path) -> None:
        self.path.rename(rotated)
        await self.reopen()
        await asyncio.sleep(self.flush_seconds * 2)  # NOTE: Envoy writes to the old file until it has flushed once more

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _store_chunk(self, path: Path, *, whole: bool) -> bool:
        with path.open("rb") as file:
            first = file.readline(MAX_LINE_BYTES)
            if not first.endswith(b"\n") and not whole:
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
        for line in data.splitlines():
            try:
                event = event_of(line)
            except (ValueError, KeyError, TypeError):
                damaged += 1
                continue
            if event is not None:
                events.append(event)
        if damaged:
            events.append(lost(self.now(), "a damaged line of Envoy's log", damaged))
        return events
