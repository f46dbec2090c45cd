"""An asyncio front of the hot stores: the calls of one loop tick, and those made while a commit runs, share one commit.

One thread writes, and one looks. A batch of writes is one transaction, so its cost (the fsync above all) is divided among
its calls; a batch of looks is one statement, and does not wait for a commit. When the store refuses, every caller of the
batch learns it; when one call's input is at fault, the batch is taken apart and only that caller does.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final, Self, TypeVar

from wardgate.audit.model import Event
from wardgate.stores.errors import StoreUnavailable
from wardgate.stores.lane import Lane, LaneLimits
from wardgate.stores.ports import (
    AuditRecord,
    CodeRedemption,
    Grant,
    GrantStart,
    RefreshToken,
    Rotated,
    Rotation,
    Steps,
    Stores,
    TokenIssue,
)

MAX_WAITING: Final = 10_000
MAX_BATCH: Final = 1_024
TIMEOUT_SECONDS: Final = 5.0
GATHER_SECONDS: Final = 0.004
"""What a crowd waits for its commit to be shared: a commit costs as much work as fifteen calls."""
COLD_THREADS: Final = 4
MAX_COLD_WAITING: Final = 200

T = TypeVar("T")
Write = GrantStart | CodeRedemption | Rotation | TokenIssue | Event
"""What a batch of writes is made of, in the order of `Steps`."""


class GroupCommit:
    """Use from one event loop: `async with GroupCommit(stores) as commits`, or `await commits.close()` at the end.

    Fails closed: a full queue and a store that takes too long raise `StoreUnavailable`. After a timeout a call may
    still have been stored (its single use is then gone and its event recorded), but its caller must not act on it.
    """

    def __init__(
        self, stores: Stores, *, max_waiting: int = MAX_WAITING, max_batch: int = MAX_BATCH,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._stores, self._timeout_seconds = stores, timeout_seconds
        self._loop = asyncio.get_running_loop()
        limits = LaneLimits(max_waiting, max_batch, timeout_seconds)
        self._writes: Lane[Write] = Lane("wardgate-writer", self._write, replace(limits, gather_seconds=GATHER_SECONDS))
        self._looks: Lane[str] = Lane("wardgate-reader", self._look, limits)
        self._closed = False
        self._cold = ThreadPoolExecutor(COLD_THREADS, "wardgate-store")
        self._cold_waiting = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def issue(self, issue: TokenIssue) -> bool:
        """Claim and record durably; True: the token may leave. Raises `StoreUnavailable`."""
        return bool(await self._writes.ask(issue))

    async def append(self, event: Event) -> AuditRecord:
        """Record durably and return the record. Raises `StoreUnavailable`."""
        record: AuditRecord = await self._writes.ask(event)
        return record

    async def start(self, start: GrantStart) -> bool:
        """Keep a sign-in durably (`Grants.start`); True: its tokens may leave. Raises `StoreUnavailable`."""
        return bool(await self._writes.ask(start))

    async def redeem(self, redemption: CodeRedemption) -> Grant | None:
        """Use a code durably (`Grants.redeem`); with a grant, its tokens may leave. Raises `StoreUnavailable`."""
        grant: Grant | None = await self._writes.ask(redemption)
        return grant

    async def rotate(self, rotation: Rotation) -> Rotated:
        """Replace a refresh token durably (`Grants.rotate`). Raises `StoreUnavailable`."""
        rotated: Rotated = await self._writes.ask(rotation)
        return rotated

    async def refresh_token(self, token_hash: str) -> tuple[RefreshToken, Grant] | None:
        """Look at a refresh token (`Grants.refresh_token`): a look may only refuse. Raises `StoreUnavailable`."""
        found: tuple[RefreshToken, Grant] | None = await self._looks.ask(token_hash)
        return found

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
        await self._writes.close()
        await self._looks.close()
        await self._loop.run_in_executor(None, self._cold.shutdown)

    @property
    def waiting(self) -> int:
        """How many calls wait: a metric."""
        return self._writes.waiting + self._looks.waiting

    def _cold_done(self, future: asyncio.Future[Any]) -> None:
        self._cold_waiting -= 1
        if not future.cancelled():
            future.exception()  # seen here, for a caller that has gone

    # --- below: the lanes' threads

    def _write(self, writes: Sequence[Write]) -> Sequence[Any]:
        return answers_of(self._commit, writes)

    def _look(self, token_hashes: Sequence[str]) -> Sequence[Any]:
        return answers_of(self._stores.grants.refresh_tokens, token_hashes)

    def _commit(self, writes: Sequence[Write]) -> Sequence[Any]:
        """Write everything in one transaction; return the answers in the order of the calls."""
        kinds: dict[type, list[Any]] = {GrantStart: [], CodeRedemption: [], Rotation: [], TokenIssue: [], Event: []}
        for write in writes:
            kinds[type(write)].append(write)
        answers: dict[type, Sequence[Any]]
        if kinds[GrantStart] or kinds[CodeRedemption] or kinds[Rotation]:
            taken = self._stores.grants.step(Steps(*kinds.values()))
            answers = dict(zip(kinds, (taken.started, taken.redeemed, taken.rotated, taken.issued, taken.appended), strict=True))
        else:
            issued, appended = self._stores.tokens.issue_and_append(kinds[TokenIssue], kinds[Event])
            answers = {TokenIssue: issued, Event: appended}
        waiting = {kind: iter(answer) for kind, answer in answers.items()}
        return [next(waiting[type(write)]) for write in writes]


def answers_of(work: Callable[[Sequence[T]], Sequence[Any]], questions: Sequence[T]) -> Sequence[Any]:
    """Return a result or an exception for each question: a batch that fails by the input of one is taken apart."""
    try:
        return work(questions)
    except StoreUnavailable as refused:
        return [refused] * len(questions)
    except Exception as fault:  # noqa: BLE001 - delivered to the caller whose input it is
        if len(questions) == 1:
            return [fault]
        return [answers_of(work, [question])[0] for question in questions]
