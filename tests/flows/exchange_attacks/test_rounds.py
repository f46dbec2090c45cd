"""The server's own rounds: one mailbox whose server hangs or fails holds up no other, and is not asked again at once (itk3-messaging 5.4)."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import httpx2
import pytest

from exchange_world import RECIPIENT, SENDER, Exchanging
from wardgate.exchange.account import Account, Accounts
from wardgate.server.exchange_rounds import MessageRounds
from wardgate.stores.exchange import Direction, Stage

Do = Callable[[], httpx2.Response]
STUCK = Account(SENDER, base_url="http://127.0.0.1:1", password="p", shared_key="k", automatic=True)
HERE = Account(RECIPIENT, automatic=True)


@dataclass
class Both:
    """The clients of two mailboxes that one installation has."""

    two: Exchanging
    greeted: list[str] = field(default_factory=list)

    def __call__(self, mailbox: str) -> Any:
        """`Posts`."""
        self.greeted.append(mailbox)
        return (self.two.sender if mailbox == SENDER else self.two.recipient).parts.post(mailbox)


def rounds_of(two: Exchanging, *accounts: Account, now: Callable[[], Any] | None = None) -> MessageRounds:
    """The recipient's rounds, with the sender's mailbox as another of its own. What waits is what the mailbox server says."""
    posts: Any = Both(two)
    for account in accounts:
        Accounts(two.recipient.stores.values).put(account)
    stores = replace(two.recipient.stores, mailboxes=two.place.stores.mailboxes)
    handler = two.recipient.with_parts(post=posts)
    return MessageRounds(stores, handler, posts, lambda: two.offices[RECIPIENT], now or two.recipient.parts.now, timedelta(minutes=5), 4, timedelta(days=3000), 0.01, 0.02)


def test_a_server_that_hangs_holds_up_nobody_else(two: Exchanging) -> None:
    """While one mailbox is waited for, messages of another come, and what is due of it goes."""
    release, hung = threading.Event(), threading.Event()

    def hang(_request: httpx2.Request, _do: Do) -> httpx2.Response:
        hung.set()
        release.wait(20)
        raise httpx2.ReadTimeout("the server hung")

    two.send()
    rounds = rounds_of(two, STUCK, HERE)
    two.sender.bridge.fault = hang

    async def run() -> None:
        running = asyncio.create_task(rounds.run())
        async with asyncio.timeout(20):
            while not (  # noqa: ASYNC110 - both are of other threads
                hung.is_set() and [row for row in two.recipient.rows(Direction.OUT) if row.stage is Stage.SENT]
            ):
                await asyncio.sleep(0.01)
        running.cancel()

    try:
        asyncio.run(run())
    finally:
        release.set()
        for thread in threading.enumerate():
            if thread.name.startswith("messages"):
                thread.join(20)
    (came,) = two.recipient.rows(Direction.IN)
    assert came.stage is Stage.OPENED


def test_a_mailbox_here_that_fails_is_looked_into_ever_less_often(two: Exchanging, caplog: pytest.LogCaptureFixture) -> None:
    """A message that cannot be had waits there, and is asked for after growing waits: no storm, and no log without an end."""
    two.send()
    asked: list[Any] = []

    def broken(request: httpx2.Request, do: Do) -> httpx2.Response:
        if request.method == "GET" and "/inbox/" in request.url.path:
            asked.append(two.place.now)
            return httpx2.Response(500, stream=httpx2.ByteStream(b""))
        return do()

    two.recipient.bridge.fault = broken
    rounds = rounds_of(two, HERE)
    rounds.read_accounts()
    for _ in range(300):
        for account in rounds.wanting():
            rounds.work(account)
        two.later(seconds=2)
    waits = [(after - before).total_seconds() for before, after in pairwise(asked)]
    assert waits == sorted(waits)
    assert 4 <= len(asked) < 18
    assert len([one for one in caplog.messages if "could not be had" in one]) == len(asked)
    two.recipient.bridge.fault = lambda _request, do: do()
    two.later(minutes=5)
    for account in rounds.wanting():
        rounds.work(account)
    assert [row.stage for row in two.recipient.rows(Direction.IN)] == [Stage.OPENED]


@pytest.mark.parametrize("number", [1, 3])
def test_what_is_due_of_one_mailbox_is_done_when_a_look_fails(two: Exchanging, number: int) -> None:
    """A server that answers no list of the inbox takes what is sent all the same."""
    for _ in range(number):
        two.send()
    two.recipient.handler.receive(RECIPIENT)
    assert {row.stage for row in two.recipient.rows(Direction.OUT)} == {Stage.BUILT}

    def deaf(request: httpx2.Request, do: Do) -> httpx2.Response:
        return httpx2.Response(500, stream=httpx2.ByteStream(b"")) if request.url.path.endswith("/inbox") else do()

    two.recipient.bridge.fault = deaf
    rounds = rounds_of(two, HERE)
    rounds.read_accounts()
    for account in rounds.wanting():
        rounds.work(account)
    assert {row.stage for row in two.recipient.rows(Direction.OUT)} == {Stage.SENT}


def test_what_one_look_leaves_another_takes_at_once(two: Exchanging) -> None:
    """A full mailbox is read to its end, in looks that let what is due go between them: not one look at every poll."""
    for _ in range(5):
        two.send()
    Accounts(two.recipient.stores.values).put(replace(STUCK, mailbox=RECIPIENT))
    rounds = rounds_of(two)
    rounds.look_at_once = 2
    rounds.read_accounts()
    looks = 0
    while wanting := rounds.wanting():
        looks += 1
        rounds.work(wanting[0])
    assert (looks, {row.stage for row in two.recipient.rows(Direction.IN)}, len(two.recipient.rows(Direction.IN))) == (3, {Stage.OPENED}, 5)
