"""The message handler by itself: mailboxes of automatic accounts are looked into, and what is due of them is done.

Polite to the national service: a look every five minutes unless set otherwise, a handshake a day (itk3-messaging 5.4). A mailbox that is
hosted here is looked into as soon as something waits in it. Each mailbox is worked on by one thread at a time, a few mailboxes at once, on
threads of their own: a server that takes its time holds up no other mailbox, and nothing else of this process. A look that failed is
followed by a wait, each longer than the one before.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

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
"""Messages that one round takes up of a mailbox, or forgets, in one step: others wait for it."""
LOOK_AT_ONCE: Final = 1000
"""Messages that one look brings; where there are more, another follows at once."""
STEP_SECONDS: Final = 3600.0
END_SECONDS: Final = 10.0
"""How long a step that began has when the server ends. One that is not done then is taken up again by whoever starts next."""
MOST_DOUBLINGS: Final = 16

T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Visits:
    """When a mailbox was looked into, its server greeted, and how often in a row a look failed."""

    looked: datetime | None = None
    greeted: datetime | None = None
    failures: int = 0
    more: bool = False


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
    look_at_once: int = LOOK_AT_ONCE
    _visits: dict[str, _Visits] = field(default_factory=dict)
    _accounts: tuple[Account, ...] = ()
    _busy: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Look, send and answer until cancelled; a step that began is ended first, if that is soon."""
        ticks, every = 0, max(1, int(self.accounts_seconds / self.tick_seconds))
        threads, working = ThreadPoolExecutor(self.at_once, "messages"), set[asyncio.Task[None]]()
        try:
            while True:
                if ticks % every == 0:
                    await _whole(asyncio.to_thread(self._safely, self.read_accounts))
                ticks += 1
                working = {task for task in working if not task.done()} | await self._begun(threads)
                await asyncio.sleep(self.tick_seconds)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            if working:
                await asyncio.wait(working, timeout=END_SECONDS)

    async def round(self) -> None:
        """Do once what is to be done now, to its end."""
        threads = ThreadPoolExecutor(self.at_once, "messages")
        try:
            await asyncio.gather(*await self._begun(threads))
        finally:
            threads.shutdown(wait=False, cancel_futures=True)

    def wanting(self) -> list[Account]:
        """Return the accounts of mailboxes that there is something to do for, and that nobody works on. Blocking."""
        idle = [account for account in self._accounts if account.mailbox not in self._busy]
        found: list[Account] = []
        self._safely(lambda: found.extend(self._wanting(idle)))
        return found

    def work(self, account: Account) -> None:
        """Look into a mailbox, if it is time, and do what is due of it. Blocking."""
        self._safely(self.visit, account)
        self._safely(self._drive, account)

    def visit(self, account: Account) -> None:
        """Look into a mailbox, if it is time. Blocking. Raises what the handler does."""
        now, visits = self.now(), self._visits.setdefault(account.mailbox, _Visits())
        if not self._is_time(account):
            return
        visits.looked, visits.failures, visits.more = now, visits.failures + 1, False
        if account.base_url is not None and (visits.greeted is None or now - visits.greeted >= HANDSHAKE_EVERY):
            self.posts(account.mailbox).handshake()
            visits.greeted = now
        found = self.handler.receive(account.mailbox, self.look_at_once)
        for mex_id, why in found.failed:
            _log.warning("message %s of %s could not be had, and is asked for again: %s", mex_id, account.mailbox, why)
        if not found.failed:
            visits.failures, visits.more = 0, len(found.messages) + found.reports + found.again >= self.look_at_once

    def purge(self) -> None:
        """Forget messages, and their contents, whose time is over."""
        places = ["first"]
        while places:
            places = list(self.handler.parts.store.purge(self.now() - self.keep, AT_ONCE))
            self.handler.parts.bodies.remove(places)

    def sweep(self) -> None:
        """Remove contents that no message names: whoever wrote them ended before the step that would have kept them."""
        self.handler.parts.bodies.sweep(STEP_SECONDS, self.handler.parts.store.known_places)

    def _wanting(self, accounts: list[Account]) -> list[Account]:
        due = self.handler.due_mailboxes(frozenset(account.mailbox for account in accounts)) if accounts else frozenset()
        return [account for account in accounts if account.mailbox in due or self._is_time(account)]

    def _is_time(self, account: Account) -> bool:
        visits = self._visits.get(account.mailbox)
        if visits is None or visits.looked is None:
            return True
        since = self.now() - visits.looked
        if visits.more or not timedelta() <= since < self.poll_every:
            return True
        return account.base_url is None and since >= self._pause(visits) and self.stores.mailboxes.count(account.mailbox) > 0

    def _pause(self, visits: _Visits) -> timedelta:
        """Return how long nobody looks after looks that failed: twice as long after each, up to the usual."""
        if not visits.failures:
            return timedelta()
        return min(timedelta(seconds=self.tick_seconds * 2 ** min(visits.failures, MOST_DOUBLINGS)), self.poll_every)

    def read_accounts(self) -> None:
        """See which mailboxes are automatic. Blocking. Raises `StoreError`."""
        active = [mailbox.id for mailbox in self.post_office().mailboxes.values() if mailbox.active]
        self._accounts = tuple(account for account in Accounts(self.stores.values).of(active) if account.automatic)

    def _drive(self, account: Account) -> None:
        self.handler.drive(AT_ONCE, frozenset({account.mailbox}))

    async def _begun(self, threads: ThreadPoolExecutor) -> set[asyncio.Task[None]]:
        """Begin with every mailbox that wants it."""
        wanting = await _whole(asyncio.to_thread(self.wanting))
        self._busy |= {account.mailbox for account in wanting}
        return {asyncio.create_task(self._worked(account, threads)) for account in wanting}

    async def _worked(self, account: Account, threads: ThreadPoolExecutor) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(threads, self.work, account)
        finally:
            self._busy.discard(account.mailbox)

    def _safely(self, step: Callable[..., None], *about: Account) -> None:
        try:
            step(*about)
        except (StoreError, CAError, *PASSING) as error:
            _log.warning("messages%s: %s", "".join(f" of {account.mailbox}" for account in about), said(error))
        except Exception:  # noqa: BLE001 - one mailbox must not stop the others
            _log.exception("messages%s could not be handled", "".join(f" of {account.mailbox}" for account in about))


async def _whole(step: Coroutine[Any, Any, T]) -> T:
    """Return what a step returns; whoever is cancelled meanwhile waits for its end, if that is soon."""
    work = asyncio.ensure_future(step)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work], timeout=END_SECONDS)
        raise
