"""Several processes of one installation at once, and steps of which nobody knows whether they were done: once is once (itk3-messaging 1.6, 5.4)."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from exchange_world import RECIPIENT, SENDER, STORE_KEY, Exchanging, Installation, Killed, MessageRules, Protection
from wardgate.audit.model import Event, EventType
from wardgate.exchange.errors import NotPossible
from wardgate.exchange.handler import MessageHandler
from wardgate.keystores import Sealer
from wardgate.mesh import reports as reports_of
from wardgate.stores import open_stores
from wardgate.stores.exchange import Direction, Stage

LETTERS = 6
Do = Callable[[], httpx2.Response]


@pytest.fixture
def others(two: Exchanging, directory: Path) -> Iterator[Callable[[Installation], MessageHandler]]:
    """The handler of an installation as another process has it: with connections of its own."""
    opened = []

    def handler(side: Installation) -> MessageHandler:
        stores = open_stores(f"sqlite:///{directory / side.mailbox}.db", Sealer([STORE_KEY]), migrate=False)
        opened.append(stores)
        return side.with_parts(store=stores.exchange, record=stores.audit.append)

    yield handler
    for stores in opened:
        stores.close()


def test_several_processes_do_each_thing_once(two: Exchanging, others: Callable[[Installation], MessageHandler], tmp_path: Path) -> None:
    """They receive, open, answer and send the same letters at the same time: each is delivered once, answered once, and heard of once."""
    two.rules(MessageRules(protection=Protection.SEALED))
    rows = [two.send() for _ in range(LETTERS)]
    drop = tmp_path / "drop"
    for side, count in ((two.recipient, 3), (two.sender, 3)):
        handlers = [MessageHandler(replace(others(side).parts, drop_directory=drop)) for _ in range(count)]
        start = threading.Barrier(count)

        def work(handler: MessageHandler, side: Installation = side, start: threading.Barrier = start) -> None:
            start.wait(20)
            handler.receive(side.mailbox)
            handler.drive()

        with ThreadPoolExecutor(count) as pool:
            list(pool.map(work, handlers))
    two.exchange()
    came = two.recipient.rows(Direction.IN)
    assert sorted(row.message_id for row in came) == sorted(row.message_id for row in rows)
    assert {row.stage for row in came} == {Stage.OPENED}
    replies = two.recipient.rows(Direction.OUT)
    assert sorted(row.answers or "" for row in replies) == sorted(row.message_id for row in rows)
    assert [(two.sender.handler.message(row.key).stage, two.sender.handler.message(row.key).codes) for row in rows] == [(Stage.COLLECTED, ("20013",))] * LETTERS
    assert sorted(path.stem for path in drop.glob("*/*")) == sorted(row.key for row in came)
    for side in (two.sender, two.recipient):
        assert not list(side.parts.store.waiting(Stage.DEAD))
        kinds = [(event["type"], event["details"]["key"]) for event in side.events() if event["type"] in {"MessageReceived", "MessageOpened", "MessageSent"}]
        assert len(kinds) == len(set(kinds))


def test_two_people_answer_at_once(two: Exchanging, others: Callable[[Installation], MessageHandler]) -> None:
    """One of them does, and the other is told."""
    two.send()
    two.exchange()
    (came,) = two.recipient.rows(Direction.IN)
    start = threading.Barrier(2)

    def answer(handler: MessageHandler) -> str:
        start.wait(20)
        try:
            return handler.acknowledge(came.key, "30001").codes[0]
        except NotPossible as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(answer, [two.recipient.handler, others(two.recipient)]))
    assert said[0] == "30001"
    assert "meanwhile" in said[1] or "no business response is owed" in said[1]
    assert len([row for row in two.recipient.rows(Direction.OUT) if row.codes == ("30001",)]) == 1


def test_what_broke_here_when_it_had_arrived_is_not_sent_twice_by_a_replay(two: Exchanging) -> None:
    """A fault of ours behind the server's answer: the message is given up, and found by its local id when an operator takes it up."""
    def fault(request: httpx2.Request, do: Do) -> httpx2.Response:
        do()
        raise ValueError("a mistake of ours")

    usual, two.sender.bridge.fault = two.sender.bridge.fault, fault
    row = two.send()
    while (row := two.sender.handler.message(row.key)).stage is not Stage.DEAD:
        assert row.due is not None
        two.place.now = row.due
        two.sender.handler.drive()
    assert row.reason == "message-not-processed"
    two.sender.bridge.fault = usual
    assert two.sender.handler.replay(row.key).stage is Stage.SENT
    two.exchange()
    assert [one.stage for one in two.recipient.rows(Direction.IN)] == [Stage.OPENED]
    assert two.sender.handler.message(row.key).codes == ("20013",)


class Overtaken:
    """A store in which somebody else moves a message just before we do, so many times."""

    def __init__(self, inner: Any, times: int) -> None:
        self._inner, self._left = inner, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def move(self, *given: Any) -> bool:
        """`Exchange`."""
        self._left -= 1
        return False if self._left >= 0 else self._inner.move(*given)


@pytest.mark.parametrize(("times", "reports", "failed", "stage"), [(1, 1, 0, Stage.DEAD), (5, 0, 1, Stage.SENT)])
def test_a_report_is_acknowledged_when_it_was_acted_on(two: Exchanging, times: int, reports: int, failed: int, stage: Stage) -> None:
    """Whoever else is at the message at that moment: its report is tried again, or stays in the mailbox for the next look."""
    row, now = two.send(), two.place.now
    two.place.stores.mailboxes.expire(
        now.replace(year=now.year + 1), 10,
        lambda message: (reports_of.not_collected(message, "20260301120000000000_ABCDEF", now, 5, deactivated=False), Event(EventType.MAILBOX_EXPIRED, now)),
    )
    found = two.sender.with_parts(store=Overtaken(two.sender.stores.exchange, times)).receive(SENDER)
    assert (found.reports, len(found.failed), two.sender.handler.message(row.key).stage) == (reports, failed, stage)
    assert two.place.stores.mailboxes.count(SENDER) == failed
    two.sender.handler.receive(SENDER)
    assert two.sender.handler.message(row.key).stage is Stage.DEAD


class Deadly:
    """A store or body store that ends the process at the step with a number, before it is done or after."""

    def __init__(self, inner: Any, fuse: list[int], *, after: bool) -> None:
        self._inner, self._fuse, self._after = inner, fuse, after

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in {"add", "move", "claim_ids", "create", "remove"}:
            return found

        def step(*given: Any, **named: Any) -> Any:
            self._fuse[0] -= 1
            if not self._fuse[0] and not self._after:
                raise Killed
            done = found(*given, **named)
            if not self._fuse[0]:
                raise Killed
            return done

        return step


@pytest.mark.parametrize("after", [False, True], ids=["before the step", "after the step"])
def test_every_delivered_letter_has_its_file_whenever_the_process_ends(two: Exchanging, tmp_path: Path, after: bool) -> None:
    """One file for each, under its key, with what was proved; and none for a letter that was not delivered."""
    drop, kills = tmp_path / "drop", 0
    two.rules(MessageRules(protection=Protection.SEALED))
    for _ in range(2):
        two.send()
    for at in range(1, 40):
        fuse = [at]
        parts = replace(two.recipient.parts, drop_directory=drop, store=Deadly(two.recipient.parts.store, fuse, after=after),
                        bodies=Deadly(two.recipient.parts.bodies, fuse, after=after))
        try:
            MessageHandler(parts).receive(RECIPIENT)
            MessageHandler(parts).drive()
            break
        except Killed:
            kills += 1
            two.later(minutes=20)
    assert kills >= 6
    came = two.recipient.rows(Direction.IN)
    assert [row.stage for row in came] == [Stage.OPENED] * 2
    assert {path.stem: path.read_bytes() for path in drop.glob("*/*")} == {row.key: two.recipient.handler.content(row) for row in came}
    assert len(two.recipient.rows(Direction.OUT)) == 2
