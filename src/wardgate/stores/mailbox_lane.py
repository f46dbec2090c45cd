"""An asyncio front of mailboxes: steps of one loop tick, and those made while a commit runs, share one commit; looks share a thread.

One thread writes. Looks are short and many, so they have a thread of their own and wait for nobody's commit; what takes
long, such as writing and reading bodies, has a small pool.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final, Self, TypeVar

from wardgate.stores.errors import StoreUnavailable
from wardgate.stores.group_commit import GATHER_SECONDS, answers_of
from wardgate.stores.lane import Lane, LaneLimits
from wardgate.stores.mailboxes import Done, Mailboxes, MailboxStep

MAX_WAITING: Final = 10_000
MAX_BATCH: Final = 256
"""A batch may hold as many small bodies: 16 MiB."""
TIMEOUT_SECONDS: Final = 10.0
THREADS: Final = 4
MAX_WORKING: Final = 1_000

T = TypeVar("T")
Look = Callable[[], Any]


class MailboxLane:
    """Use from one event loop: `async with MailboxLane(mailboxes) as lane`, or `await lane.close()` at the end.

    Fails closed: too many calls, and a store that takes too long, raise `StoreUnavailable`. After a timeout a step may still
    have been done, and its token claimed, but its caller must not say so.
    """

    def __init__(
        self, mailboxes: Mailboxes, *, max_waiting: int = MAX_WAITING, max_batch: int = MAX_BATCH, timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._mailboxes = mailboxes
        self._loop = asyncio.get_running_loop()
        limits = LaneLimits(max_waiting, max_batch, timeout_seconds)
        self._steps: Lane[MailboxStep] = Lane("wardgate-mailboxes", self._take, replace(limits, gather_seconds=GATHER_SECONDS))
        self._looks: Lane[Look] = Lane("wardgate-mailbox-reader", _look, limits)
        self._pool = ThreadPoolExecutor(THREADS, "wardgate-bodies")
        self._working = 0
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def step(self, step: MailboxStep) -> Done:
        """Do a step durably. Raises `StoreUnavailable`, and what the store says of a step that cannot be."""
        done: Done = await self._steps.ask(step)
        return done

    async def look(self, function: Callable[..., T], *args: Any, **named: Any) -> T:
        """Call a method of the store that reads one thing. Raises what it raises, and `StoreUnavailable`."""
        found: T = await self._looks.ask(lambda: function(*args, **named))
        return found

    async def work(self, function: Callable[..., T], *args: Any) -> T:
        """Call what may take long, such as a write of a body. Raises what it raises, and `StoreUnavailable` when too much waits.

        It is never given up half-way: two threads must not write one body.
        """
        if self._closed or self._working >= MAX_WORKING:
            raise StoreUnavailable("too many calls wait for bodies")
        self._working += 1
        future = self._loop.run_in_executor(self._pool, lambda: function(*args))
        future.add_done_callback(self._worked)
        return await asyncio.shield(future)

    async def close(self) -> None:
        """Let the calls that wait finish, refuse new ones, and end the threads."""
        self._closed = True
        await self._steps.close()
        await self._looks.close()
        await self._loop.run_in_executor(None, self._pool.shutdown)

    @property
    def waiting(self) -> int:
        """How many steps and looks wait: a metric."""
        return self._steps.waiting + self._looks.waiting

    def _worked(self, future: asyncio.Future[Any]) -> None:
        self._working -= 1
        if not future.cancelled():
            future.exception()  # seen here, for a caller that has gone

    def _take(self, steps: Sequence[MailboxStep]) -> Sequence[Any]:
        return answers_of(self._mailboxes.step, steps)


def _look(looks: Sequence[Look]) -> Sequence[Any]:
    return [_answer(look) for look in looks]


def _answer(look: Look) -> Any:
    try:
        return look()
    except Exception as fault:  # noqa: BLE001 - delivered to the caller whose look it is
        return fault
