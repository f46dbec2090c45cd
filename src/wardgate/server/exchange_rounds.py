"""The message handler by itself: mailboxes of automatic accounts are looked into, and what is due of them is done.

Polite to the national service: a look every five minutes unless set otherwise, a handshake a day (itk3-messaging 5.4). A mailbox that is
hosted here is looked into as soon as something waits in it, and after looks that failed ever less often. Each mailbox is worked on by one
thread at a time, a few mailboxes at once.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from wardgate.ca.errors import CAError
from wardgate.exchange.account import Account, Accounts
from wardgate.exchange.handler import MessageHandler
from wardgate.exchange.parts import Post
from wardgate.exchange.posting import PASSING, said
from wardgate.stores import Stores
from wardgate.stores.errors import StoreError
from wardgate.workflows.post_office import PostOffice

TICK_SECONDS: Final = 2.0
ACCOUNTS_SECONDS: Final = 30.0
"""How soon an account that was set is known."""
HANDSHAKE_EVERY: Final = timedelta(hours=24)
AT_ONCE: Final = 200
"""Messages that one round takes up, or forgets, in one step: others wait for it."""
STEP_SECONDS: Final = 3600.0
END_SECONDS: Final = 10.0
"""How long a step that began has when the server ends. One that is not done then is taken up again by whoever starts next."""
MOST_DOUBLINGS: Final = 16

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Visits:
    """When a mailbox was looked into, and its server greeted."""

    looked: datetime | None = None
    greeted: datetime | None = None
    failed: int = 0
    """How many looks failed one after the other."""


@dataclass(slots=True)
class MessageRounds:
    """Drives the message handler. `run` until cancelled; the chores are blocking and safe to repeat."""

    stores: Stores
    handler: MessageHandler
    posts: Callable[[str], Post]
    post_office: Callable[[], PostOffice]
    now: Callable[[], datetime]
    poll_every: timedelta
    at_once: int
    keep: timedelta
    tick_seconds: float = TICK_SECONDS
    accounts_seconds: float = ACCOUNTS_SECONDS
    _visits: dict[str, _Visits] = field(default_factory=dict)
    _accounts: tuple[Account, ...] = ()

    async def run(self) -> None:
        """Look, send and answer until cancelled; a step that began is ended first, if that is soon."""
        ticks, every = 0, max(1, int(self.accounts_seconds / self.tick_seconds))
        while True:
            if ticks % every == 0:
                await self._safely(self.read_accounts)
            ticks += 1
            if self._accounts:
                await self.round()
            await asyncio.sleep(self.tick_seconds)

    async def round(self) -> None:
        """Do once what is to be done now."""
        gate = asyncio.Semaphore(self.at_once)

        async def one(account: Account) -> None:
            async with gate:
                await self._safely(self.visit, account)

        await asyncio.gather(*(one(account) for account in self._accounts))
        await self._safely(self._drive)

    def visit(self, account: Account) -> None:
        """Look into a mailbox, if it is time. Blocking. Raises what the handler does."""
        now, visits = self.now(), self._visits.setdefault(account.mailbox, _Visits())
        is_here = account.base_url is None
        since = now - visits.looked if visits.looked is not None else self.poll_every
        if timedelta() <= since < self.poll_every and not (is_here and since >= self._pause(visits) and self.stores.mailboxes.count(account.mailbox)):
            return
        visits.looked, visits.failed = now, visits.failed + 1
        if not is_here and (visits.greeted is None or now - visits.greeted >= HANDSHAKE_EVERY):
            self.posts(account.mailbox).handshake()
            visits.greeted = now
        self.handler.receive(account.mailbox)
        visits.failed = 0

    def purge(self) -> None:
        """Forget messages, and their contents, whose time is over."""
        places = ["first"]
        while places:
            places = list(self.handler.parts.store.purge(self.now() - self.keep, AT_ONCE))
            self.handler.parts.bodies.remove(places)

    def sweep(self) -> None:
        """Remove contents that no message names: whoever wrote them ended before the step that would have kept them."""
        self.handler.parts.bodies.sweep(STEP_SECONDS, self.handler.parts.store.known_places)

    def read_accounts(self) -> None:
        """See which mailboxes are automatic."""
        active = [mailbox.id for mailbox in self.post_office().mailboxes.values() if mailbox.active]
        self._accounts = tuple(account for account in Accounts(self.stores.values).of(active) if account.automatic)

    def _pause(self, visits: _Visits) -> timedelta:
        """Return how long nobody looks after looks that failed: twice as long after each, up to the usual."""
        if not visits.failed:
            return timedelta()
        return min(timedelta(seconds=self.tick_seconds * 2 ** min(visits.failed, MOST_DOUBLINGS)), self.poll_every)

    def _drive(self) -> None:
        self.handler.drive(AT_ONCE, frozenset(account.mailbox for account in self._accounts))

    async def _safely(self, step: Callable[..., None], *about: Account) -> None:
        work = asyncio.ensure_future(asyncio.to_thread(step, *about))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait([work], timeout=END_SECONDS)
            if work.done() and not work.cancelled() and work.exception() is not None:
                _log.warning("messages were left by the server's end: %s", type(work.exception()).__name__)
            raise
        except (StoreError, CAError, *PASSING) as error:
            _log.warning("messages%s: %s", "".join(f" of {account.mailbox}" for account in about), said(error))
        except Exception:  # noqa: BLE001 - one mailbox must not stop the others
            _log.exception("messages%s could not be handled", "".join(f" of {account.mailbox}" for account in about))
