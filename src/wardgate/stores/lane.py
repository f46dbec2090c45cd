"""A lane: calls of one loop tick, and those made while the lane's thread works, are worked off together as a batch."""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from wardgate.stores.errors import StoreUnavailable

Q = TypeVar("Q")


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """How many calls may wait, how many share a batch, and how long a batch may take from its first call."""

    waiting: int
    batch: int
    timeout_seconds: float
    gather_seconds: float = 0.0
    """How long a batch waits for more calls when there is a crowd, and up to three times as long while they keep coming: many
    small batches cost more than a few large ones. A caller who is alone never waits."""


GATHER_TIMES: Final = 3
QUIET_SECONDS: Final = 0.001
"""When no call came for so long, those who would come have come."""
CROWD_SECONDS: Final = 0.1
"""For so long after two calls waited at once there is a crowd."""


class _Batch(Generic[Q]):
    """Questions that will be worked off together, and who waits for each answer."""

    __slots__ = ("futures", "questions", "timer")

    def __init__(self) -> None:
        self.questions: list[Q] = []
        self.futures: list[asyncio.Future[Any]] = []
        self.timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self.questions)


class Lane(Generic[Q]):
    """Use from one event loop, and close at the end.

    `work` runs on the lane's thread, one batch at a time, and returns a result or an exception for each question; it
    does not raise. Fails closed: a full queue and a batch that takes too long raise `StoreUnavailable`.
    """

    def __init__(self, name: str, work: Callable[[Sequence[Q]], Sequence[Any]], limits: LaneLimits) -> None:
        self._work, self._limits = work, limits
        self._loop = asyncio.get_running_loop()
        self._open: list[_Batch[Q]] = []
        self._running: _Batch[Q] | None = None
        self._waiting = 0
        self._crowded_until = 0.0
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._batches: queue.SimpleQueue[_Batch[Q] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work_off, name=name, daemon=True)
        self._thread.start()

    def ask(self, question: Q) -> asyncio.Future[Any]:
        """Return the future answer. Raises `StoreUnavailable` when too many wait, or the lane is closed."""
        batch = self._batch()
        future: asyncio.Future[Any] = self._loop.create_future()
        batch.questions.append(question)
        batch.futures.append(future)
        return future

    async def close(self) -> None:
        """Let the calls that wait finish, refuse new ones, and end the thread."""
        self._closed = True
        await self._idle.wait()
        self._batches.put(None)
        await self._loop.run_in_executor(None, self._thread.join)

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return self._waiting

    def _batch(self) -> _Batch[Q]:
        """Return the batch that is still open to one more call."""
        if self._closed:
            raise StoreUnavailable("the store is closing")
        if self._waiting >= self._limits.waiting:
            raise StoreUnavailable("too many calls wait for the store")
        self._waiting += 1
        if self._waiting > 1:
            self._crowded_until = self._loop.time() + CROWD_SECONDS
        if self._open and len(self._open[-1]) < self._limits.batch:
            return self._open[-1]
        batch: _Batch[Q] = _Batch()
        batch.timer = self._loop.call_later(self._limits.timeout_seconds, self._expire, batch)
        if not self._open and self._running is None:
            self._idle.clear()
            self._start_soon()
        self._open.append(batch)
        return batch

    def _start_soon(self) -> None:
        """Start the next batch: at the end of this tick, or of a crowd when no more of it come."""
        began = self._loop.time()
        if self._limits.gather_seconds and began < self._crowded_until:
            self._loop.call_later(self._limits.gather_seconds, self._gather, self._waiting, began + GATHER_TIMES * self._limits.gather_seconds)
        else:
            self._loop.call_soon(self._start_next)

    def _gather(self, before: int, until: float) -> None:
        """Go on gathering while calls keep coming."""
        if self._waiting == before or self._loop.time() >= until:
            self._start_next()
        else:
            self._loop.call_later(QUIET_SECONDS, self._gather, self._waiting, until)

    def _start_next(self) -> None:
        if self._running is None and self._open:
            self._running = self._open.pop(0)
            self._batches.put(self._running)
        elif self._running is None:  # given up on while it waited to start
            self._idle.set()

    def _expire(self, batch: _Batch[Q]) -> None:
        """Give up on a batch: its time is over."""
        late = StoreUnavailable("the store takes too long")
        for future in batch.futures:
            if not future.done():
                future.set_exception(late)
        if batch in self._open:
            self._open.remove(batch)
            self._waiting -= len(batch)

    def _deliver(self, batch: _Batch[Q], answers: Sequence[Any]) -> None:
        if batch.timer is not None:
            batch.timer.cancel()
        self._running = None
        self._waiting -= len(batch)
        for future, answer in zip(batch.futures, answers, strict=True):
            if future.done():  # cancelled, or given up on
                continue
            if isinstance(answer, BaseException):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        if self._open:
            self._start_soon()
        else:
            self._idle.set()

    def _work_off(self) -> None:
        """The lane's thread."""
        while (batch := self._batches.get()) is not None:
            answers = self._work(batch.questions)
            try:
                self._loop.call_soon_threadsafe(self._deliver, batch, answers)
            except RuntimeError:  # the loop was closed without `close`: nobody waits any more
                return
