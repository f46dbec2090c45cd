"""The server's own rounds: letters leave, arrive and are answered without any command, politely, and whatever is away meanwhile (itk3-messaging 5.4)."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from exchange_world import RECIPIENT, SENDER, WORKFLOW, Exchanging, Installation, MessageRules, Protection
from mesh_rows.place import BASE, PASSWORD, SHARED_KEY, URL
from unit.itk3.sample import resources
from wardgate.exchange.account import Account, Accounts
from wardgate.exchange.outgoing import Route, Wishes, accepted, made_of
from wardgate.server.exchange_rounds import MessageRounds
from wardgate.stores.exchange import Direction, HandledMessage, Stage

pytestmark = pytest.mark.anyio
POLL = timedelta(minutes=5)
TICK_SECONDS = 0.01


def rounds(two: Exchanging, side: Installation, *, here: bool = False, **changes: Any) -> MessageRounds:
    """The rounds of an installation, with an automatic account at the other server; or where the mailbox server is its own."""
    stores = two.place.stores if here else side.stores
    elsewhere = {} if here else {"base_url": URL, "password": PASSWORD, "shared_key": SHARED_KEY.decode()}
    Accounts(stores.values).put(Account(side.mailbox, **elsewhere, **{"automatic": True} | changes))
    made = MessageRounds(
        stores, side.handler, side.parts.post, side.parts.post_office, side.parts.now, POLL, 2, timedelta(days=30), TICK_SECONDS, 2 * TICK_SECONDS,
    )
    made.read_accounts()
    return made


def kept(side: Installation, to: str = RECIPIENT) -> HandledMessage:
    """A letter that an application left to be sent: nobody has tried yet."""
    route = Route(side.mailbox, to, WORKFLOW)
    return accepted(side.parts, route, made_of(side.parts, route, resources(), Wishes()))


class Watched:
    """What goes to the server, which may be away."""

    def __init__(self, two: Exchanging, side: Installation) -> None:
        self.asked: list[tuple[Any, str, str]] = []
        self.away = False
        self._place = two.place
        side.bridge.fault = self

    def __call__(self, request: httpx2.Request, do: Callable[[], httpx2.Response]) -> httpx2.Response:
        """Note a request, and do it if the server is there."""
        self.asked.append((self._place.now, request.method, request.url.path.removeprefix(BASE)))
        if self.away:
            raise httpx2.ConnectError("nobody there")
        return do()

    def times(self, method: str, end: str) -> list[Any]:
        """When requests of this method, to a path that ends so, were made."""
        return [at for at, how, path in self.asked if how == method and path.endswith(end)]


def gaps(times: list[Any]) -> list[timedelta]:
    """How long it was from each to the next."""
    return [later - sooner for sooner, later in itertools.pairwise(times)]


async def through(two: Exchanging, minutes: int, *sides: MessageRounds, step: int = 1) -> None:
    """Let so many minutes go by, with a round of each in every one of them."""
    for _ in range(0, minutes, step):
        two.later(minutes=step)
        for side in sides:
            await side.round()


@contextlib.asynccontextmanager
async def running(*every: MessageRounds) -> AsyncIterator[None]:
    """Have them run by themselves, and end them."""
    tasks = [asyncio.create_task(one.run()) for one in every]
    try:
        yield
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in ended), ended


async def until(condition: Callable[[], bool], two: Exchanging, seconds: float = 20) -> None:
    """Wait, with a minute going by for each tick, until it is so."""
    async with asyncio.timeout(seconds):
        while not condition():
            two.later(minutes=1)
            await asyncio.sleep(TICK_SECONDS)


def of(side: Installation, row: HandledMessage) -> HandledMessage:
    """A message as it stands."""
    return side.handler.message(row.key)


async def test_a_sealed_letter_goes_there_and_its_answers_come_back(two: Exchanging) -> None:
    """Nobody gives a command but the person who answers for the business; both ends record what their servers did."""
    two.rules(MessageRules(protection=Protection.SEALED))
    row = kept(two.sender)
    assert row.stage is Stage.BUILT
    async with running(rounds(two, two.sender), rounds(two, two.recipient)):
        await until(lambda: of(two.sender, row).stage is Stage.COLLECTED, two)
        (came,) = two.recipient.rows(Direction.IN)
        assert (came.stage, came.seal, of(two.sender, row).codes) == (Stage.OPENED, "modern", ("20013",))
        await asyncio.to_thread(two.recipient.handler.acknowledge, came.key, "30001")
        await until(lambda: of(two.sender, row).stage is Stage.ANSWERED, two)
    assert of(two.sender, row).codes == ("20013", "30001")
    assert {event["details"]["by"] for side in (two.sender, two.recipient) for event in side.events()} == {"server"}
    for side in (two.sender, two.recipient):
        assert not two.place.stores.mailboxes.count(side.mailbox)
        assert not list(side.parts.store.waiting(Stage.DEAD))


async def test_an_account_that_is_set_or_taken_back_meanwhile(two: Exchanging) -> None:
    """Is known soon, without a start."""
    watched, row = Watched(two, two.sender), kept(two.sender)
    mine = rounds(two, two.sender, automatic=False)
    accounts = Accounts(two.sender.stores.values)
    async with running(mine):
        await asyncio.sleep(5 * TICK_SECONDS)
        assert (watched.asked, of(two.sender, row).stage) == ([], Stage.BUILT)
        accounts.put(Account(SENDER, URL, password=PASSWORD, shared_key=SHARED_KEY.decode(), automatic=True))
        await until(lambda: of(two.sender, row).stage is Stage.SENT, two)
        accounts.remove(SENDER)
        await asyncio.sleep(10 * TICK_SECONDS)
        before = len(watched.asked)
        two.later(hours=48)
        await asyncio.sleep(10 * TICK_SECONDS)
        assert len(watched.asked) == before


async def test_a_server_that_is_away_is_asked_ever_less_often(two: Exchanging) -> None:
    """Sending backs off, looks stay at their pace; when it is back everything arrives, once."""
    two.sender.handler = two.sender.with_parts(patience=type(two.sender.parts.patience)())
    row, watched = kept(two.sender), Watched(two, two.sender)
    mine, theirs = rounds(two, two.sender), rounds(two, two.recipient)
    watched.away = True
    await through(two, 180, mine)
    tries = [at for at, _, path in watched.asked if "/outbox" in path]  # sent, then looked for, in case an earlier try got there
    waits = gaps(tries)
    assert len(tries) == 8
    assert waits == sorted(waits)
    assert waits[-1] > timedelta(minutes=45)
    looks = watched.times("POST", f"/{SENDER}")
    assert 30 <= len(looks) <= 37
    assert min(gaps(looks)) >= POLL
    assert of(two.sender, row).stage is Stage.SEALED
    watched.away = False
    await through(two, 240, mine, theirs, step=5)
    assert (of(two.sender, row).stage, of(two.sender, row).codes) == (Stage.COLLECTED, ("20013",))
    assert [one.stage for one in two.recipient.rows(Direction.IN)] == [Stage.OPENED]


async def test_a_handshake_a_day(two: Exchanging) -> None:
    """Before the first look, and again after a day; one that nobody answered is made again at the next look."""
    watched = Watched(two, two.recipient)
    mine = rounds(two, two.recipient)
    await through(two, 3 * 24 * 60, mine, step=30)
    greeted = watched.times("POST", f"/{RECIPIENT}")
    assert len(greeted) == 3
    assert min(gaps(greeted)) >= timedelta(hours=24)
    assert watched.asked[0][1:] == ("POST", f"/{RECIPIENT}")
    watched.asked.clear()
    watched.away = True
    await through(two, 60, mine, step=30)
    watched.away = False
    await through(two, 60, mine, step=30)
    assert [path for _, _, path in watched.asked] == [f"/{RECIPIENT}", f"/{RECIPIENT}", f"/{RECIPIENT}", f"/{RECIPIENT}/inbox", f"/{RECIPIENT}/inbox"]


@pytest.mark.parametrize("why", ["not automatic", "no account", "the mailbox is closed"])
async def test_a_mailbox_that_is_not_automatic_is_left_alone(two: Exchanging, why: str) -> None:
    """Nothing of it is sent or looked at: its people do that with commands."""
    waiting = two.send()
    two.recipient.handler.receive(RECIPIENT)
    row, watched = kept(two.sender), Watched(two, two.sender)
    mine = rounds(two, two.sender, automatic=why != "not automatic")
    if why == "no account":
        Accounts(two.sender.stores.values).remove(SENDER)
    if why == "the mailbox is closed":
        office = two.offices[SENDER]
        mailboxes = {name: box.model_copy(update={"active": name != SENDER}) for name, box in office.mailboxes.items()}
        two.offices[SENDER] = type(office).of(tuple(mailboxes.values()), tuple(office.workflows.values()))
    mine.read_accounts()
    async with running(mine):
        two.later(hours=30)
        await asyncio.sleep(10 * TICK_SECONDS)
    await through(two, 60, mine, step=5)
    assert watched.asked == []
    assert (of(two.sender, row).stage, of(two.sender, waiting).stage) == (Stage.BUILT, Stage.SENT)


async def test_a_mailbox_that_is_hosted_here_is_looked_into_as_soon_as_something_waits(two: Exchanging) -> None:
    """Not at the next poll, and without handshakes: the server knows."""
    watched = Watched(two, two.recipient)
    mine = rounds(two, two.recipient, here=True)
    await mine.round()
    asked = len(watched.asked)
    assert not watched.times("POST", f"/{RECIPIENT}")
    two.later(seconds=2)
    await mine.round()
    assert len(watched.asked) == asked
    two.send()
    two.later(seconds=2)
    await mine.round()
    assert [row.stage for row in two.recipient.rows(Direction.IN)] == [Stage.OPENED]
    assert two.recipient.rows(Direction.OUT)[0].stage is Stage.SENT


async def test_a_mailbox_that_is_hosted_here_and_cannot_be_read_is_not_hammered(two: Exchanging) -> None:
    """Something waits in it all the time: looks that fail come ever less often, up to the usual pace; then it is read at once again."""
    watched = Watched(two, two.recipient)
    mine = rounds(two, two.recipient, here=True)
    two.send()
    watched.away = True
    for _ in range(1_800):
        two.later(seconds=1)
        await mine.round()
    looks = watched.times("GET", "/inbox")
    waits = gaps(looks)
    assert waits == sorted(waits)
    assert waits[-1] == POLL
    assert len(looks) < 20
    watched.away = False
    await through(two, 5, mine)
    two.send()
    two.later(seconds=1)
    await mine.round()
    assert [row.stage for row in two.recipient.rows(Direction.IN)] == [Stage.OPENED, Stage.OPENED]


async def test_one_mailbox_that_fails_does_not_stop_the_others(two: Exchanging) -> None:
    """Whatever it fails with: the other's letter goes."""
    row = kept(two.sender)
    mine = rounds(two, two.sender)
    Accounts(two.sender.stores.values).put(Account(RECIPIENT, URL, password=PASSWORD, shared_key="x", automatic=True))
    mine.read_accounts()
    with pytest.raises(AssertionError):
        two.sender.parts.post(RECIPIENT)
    await mine.round()
    assert of(two.sender, row).stage is Stage.SENT


async def test_a_step_that_began_is_ended_before_the_rounds_end(two: Exchanging) -> None:
    """The store and the connections are closed next: nothing is left in hand."""
    row, begun = kept(two.sender), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(request: httpx2.Request, do: Callable[[], httpx2.Response]) -> httpx2.Response:
        if request.url.path.endswith("/outbox"):
            loop.call_soon_threadsafe(begun.set)
            time.sleep(0.3)
        return do()

    two.sender.bridge.fault = slow
    async with running(rounds(two, two.sender)):
        await begun.wait()
    assert of(two.sender, row).stage is Stage.SENT


async def test_messages_whose_time_is_over_are_forgotten_with_their_contents(two: Exchanging) -> None:
    """What was answered long ago is; what still waits is not, however old."""
    row = kept(two.sender)
    mine = rounds(two, two.sender)
    two.sender.handler.drive()
    two.exchange()
    (came,) = two.recipient.rows(Direction.IN)
    two.recipient.handler.acknowledge(came.key, "30001")
    two.exchange()
    two.later(days=31)
    waiting = kept(two.sender)
    two.later(days=31)
    mine.purge()
    mine.sweep()
    left = two.sender.rows()
    assert row.key not in {one.key for one in left}
    assert waiting.key in {one.key for one in left}
    assert two.sender.handler.content(waiting)
