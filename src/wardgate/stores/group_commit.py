"""An asyncio front of the hot stores: the calls of one loop tick, and those made while a commit runs, share one commit.

One thread writes. A batch is one transaction, so its cost (the fsync above all) is divided among its calls. When the
store refuses, every caller of the batch learns it; when one call's input is at fault, the batch is taken apart and only
that caller does.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Self, TypeVar

from wardgate.audit.model import Event
from wardgate.stores.errors import StoreError, StoreUnavailable
from wardgate.stores.ports import AuditRecord, Stores, TokenIssue

MAX_WAITING: Final = 10_000
MAX_BATCH: Final = 1_024
TIMEOUT_SECONDS: Final = 5.0
COLD_THREADS: Final = 4
MAX_COLD_WAITING: Final = 200

T = TypeVar("T")


class _Batch:
    """Calls that will share a transaction, and who waits for each."""

    __slots__ = ("appenders", "events", "issuers", "issues", "timer")

    def __init__(self) -> None:
        self.issues: list[TokenIssue] = []
        self.issuers: list[asyncio.Future[bool]] = []
        self.events: list[Event] = []
        self.appenders: list[asyncio.Future[AuditRecord]] = []
        self.timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self.issues) + len(self.events)


class GroupCommit:
    """Use from one event loop: `async with GroupCommit(stores) as commits`, or `await commits.close()` at the end.

    Fails closed: a full queue and a store that takes too long raise `StoreUnavailable`. After a timeout a call may
    still have been stored (its single use is then gone and its event recorded), but its caller must not act on it.
    """

    def __init__(
        self, stores: Stores, *, max_waiting: int = MAX_WAITING, max_batch: int = MAX_BATCH,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._stores = stores
        self._max_waiting, self._max_batch, self._timeout_seconds = max_waiting, max_batch, timeout_seconds
        self._loop = asyncio.get_running_loop()
        self._open: list[_Batch] = []
        self._running: _Batch | None = None
        self._waiting = 0
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._to_write: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_batches, name="wardgate-writer", daemon=True)
        self._writer.start()
        self._cold = ThreadPoolExecutor(COLD_THREADS, "wardgate-store")
        self._cold_waiting = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def issue(self, issue: TokenIssue) -> bool:
        """Claim and record durably; True: the token may leave. Raises `StoreUnavailable`."""
        batch = self._batch()
        future: asyncio.Future[bool] = self._loop.create_future()
        batch.issues.append(issue)
        batch.issuers.append(future)
        return await future

    async def append(self, event: Event) -> AuditRecord:
        """Record durably and return the record. Raises `StoreUnavailable`."""
        batch = self._batch()
        future: asyncio.Future[AuditRecord] = self._loop.create_future()
        batch.events.append(event)
        batch.appenders.append(future)
        return await future

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call a method of the stores, one that is not hot, on a thread of a small pool.

        Raises what it raises, and `StoreUnavailable` when it takes too long or too many calls wait.
        """
        if self._closed or self._cold_waiting >= MAX_COLD_WAITING:
            raise StoreUnavailable("too many calls wait for the store")
        self._cold_waiting += 1
        future = self._loop.run_in_executor(self._cold, lambda: function(*args))
        future.add_done_callback(self._cold_done)
        try:
            return await asyncio.wait_for(asyncio.shield(future), self._timeout_seconds * 4)
        except TimeoutError:
            raise StoreUnavailable("the store takes too long") from None

    async def close(self) -> None:
        """Let the calls that wait finish, refuse new ones, and end the threads."""
        self._closed = True
        await self._idle.wait()
        self._to_write.put(None)
        await self._loop.run_in_executor(None, self._writer.join)
        await self._loop.run_in_executor(None, self._cold.shutdown)

    @property
    def waiting(self) -> int:
        """How many calls wait: a metric."""
        return self._waiting

    def _batch(self) -> _Batch:
        """Return the batch that is still open to one more call."""
        if self._closed:
            raise StoreUnavailable("the store is closing")
        if self._waiting >= self._max_waiting:
            raise StoreUnavailable("too many calls wait for the store")
        self._waiting += 1
        if self._open and len(self._open[-1]) < self._max_batch:
            return self._open[-1]
        batch = _Batch()
        batch.timer = self._loop.call_later(self._timeout_seconds, self._expire, batch)
        if not self._open and self._running is None:
            self._idle.clear()
            self._loop.call_soon(self._start_next)
        self._open.append(batch)
        return batch

    def _start_next(self) -> None:
        if self._running is None and self._open:
            self._running = self._open.pop(0)
            self._to_write.put(self._running)

    def _expire(self, batch: _Batch) -> None:
        """Give up on a batch: `timeout_seconds` after its first call."""
        late = StoreUnavailable("the store takes too long")
        futures: tuple[asyncio.Future[Any], ...] = (*batch.issuers, *batch.appenders)
        for future in futures:
            if not future.done():
                future.set_exception(late)
        if batch in self._open:
            self._open.remove(batch)
            self._waiting -= len(batch)

    def _deliver(self, batch: _Batch, issued: Sequence[Any], appended: Sequence[Any]) -> None:
        if batch.timer is not None:
            batch.timer.cancel()
        self._running = None
        self._waiting -= len(batch)
        futures: tuple[asyncio.Future[Any], ...] = (*batch.issuers, *batch.appenders)
        for future, result in zip(futures, (*issued, *appended), strict=True):
            if future.done():  # cancelled, or given up on
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
        if self._open:
            self._start_next()
        else:
            self._idle.set()

    def _cold_done(self, future: asyncio.Future[Any]) -> None:
        self._cold_waiting -= 1
        if not future.cancelled():
            future.exception()  # seen here, for a caller that has gone

    # --- below: the writer thread

    def _write_batches(self) -> None:
        while (batch := self._to_write.get()) is not None:
            issued, appended = self._write(batch.issues, batch.events)
            try:
                self._loop.call_soon_threadsafe(self._deliver, batch, issued, appended)
            except RuntimeError:  # the loop was closed without `close`: nobody waits any more
                return

    def _write(self, issues: Sequence[TokenIssue], events: Sequence[Event]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Return a result or an exception for each call."""
        try:
            return self._stores.tokens.issue_and_append(issues, events)
        except StoreError as refused:
            return [refused] * len(issues), [refused] * len(events)
        except Exception as fault:  # noqa: BLE001 - delivered to the caller whose input it is
            if len(issues) + len(events) == 1:
                return [fault] * len(issues), [fault] * len(events)
            issued = [self._write([issue], [])[0][0] for issue in issues]
            return issued, [self._write([], [event])[1][0] for event in events]
