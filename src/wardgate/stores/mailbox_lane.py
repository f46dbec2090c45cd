"""An asyncio front of mailboxes: the steps of one loop tick, and those made while a commit runs, share one commit."""

from collections.abc import Sequence
from typing import Any, Final, Self

from wardgate.stores.group_commit import GATHER_SECONDS, answers_of
from wardgate.stores.lane import Lane, LaneLimits
from wardgate.stores.mailboxes import Done, Mailboxes, MailboxStep

MAX_WAITING: Final = 10_000
MAX_BATCH: Final = 256
"""As many small bodies at most are written at once: 16 MiB."""
TIMEOUT_SECONDS: Final = 10.0


class MailboxLane:
    """Use from one event loop: `async with MailboxLane(mailboxes) as lane`, or `await lane.close()` at the end.

    Fails closed: a full queue and a store that takes too long raise `StoreUnavailable`. After a timeout a step may still have
    been done, and its token claimed, but its caller must not say so.
    """

    def __init__(
        self, mailboxes: Mailboxes, *, max_waiting: int = MAX_WAITING, max_batch: int = MAX_BATCH, timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._mailboxes = mailboxes
        limits = LaneLimits(max_waiting, max_batch, timeout_seconds, GATHER_SECONDS)
        self._steps: Lane[MailboxStep] = Lane("wardgate-mailboxes", self._take, limits)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def step(self, step: MailboxStep) -> Done:
        """Do a step durably. Raises `StoreUnavailable`, and what the store says of a step that cannot be."""
        done: Done = await self._steps.ask(step)
        return done

    async def close(self) -> None:
        """Let the steps that wait finish, refuse new ones, and end the thread."""
        await self._steps.close()

    @property
    def waiting(self) -> int:
        """How many steps wait: a metric."""
        return self._steps.waiting

    def _take(self, steps: Sequence[MailboxStep]) -> Sequence[Any]:
        return answers_of(self._mailboxes.step, steps)
