"""A process that ends at any step of sending or receiving: nothing is lost, delivered twice, or answered twice (counted)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest

from exchange_world import RECIPIENT, SENDER, Exchanging, Installation, Killed, MessageRules, Protection
from wardgate.exchange.handler import MessageHandler
from wardgate.stores.exchange import Direction, Stage

STORED = ("add", "move", "claim_ids")
MOST_STEPS = 40


@dataclass
class Fuse:
    """Kills at the step with a number: before it is done, or after, when nobody hears of it."""

    at: int
    after: bool
    count: int = 0

    def step(self, do: Callable[[], Any]) -> Any:
        """Do one step."""
        self.count += 1
        if self.count == self.at and not self.after:
            raise Killed
        done = do()
        if self.count == self.at and self.after:
            raise Killed
        return done

    @property
    def burnt(self) -> bool:
        """Whether it came to that."""
        return self.count >= self.at


@dataclass
class Fused:
    """A store or body store whose every writing is a step."""

    inner: Any
    fuse: Fuse
    names: tuple[str, ...]

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        return (lambda *given, **named: self.fuse.step(lambda: found(*given, **named))) if name in self.names else found


def fused(side: Installation, fuse: Fuse) -> MessageHandler:
    """The side's handler, which is killed at a step: of the store, of the bodies, or of a request."""
    def fault(_request: httpx2.Request, do: Callable[[], httpx2.Response]) -> httpx2.Response:
        return fuse.step(do)  # type: ignore[no-any-return]

    side.bridge.fault = fault
    return MessageHandler(replace(side.parts, store=Fused(side.parts.store, fuse, STORED), bodies=Fused(side.parts.bodies, fuse, ("create", "remove"))))


def killed_everywhere(two: Exchanging, side: Installation, act: Callable[[MessageHandler], object], *, after: bool) -> int:
    """Do it again and again, killed at each step in turn, until it is not; return how often it was killed."""
    for at in range(1, MOST_STEPS):
        fuse = Fuse(at, after)
        try:
            act(fused(side, fuse))
        except Killed:
            two.later(minutes=20)
            continue
        finally:
            side.bridge.fault = lambda _request, do: do()
        assert not fuse.burnt
        return at - 1
    raise AssertionError("it never ended")


def settle(two: Exchanging) -> None:
    """Let everybody do what is left."""
    for _ in range(5):
        two.exchange(1)
        two.later(minutes=20)


def outcome(two: Exchanging, number: int) -> None:
    """So many letters were delivered once each, and each was answered once."""
    came = two.recipient.rows(Direction.IN)
    opened = [row for row in came if row.stage is Stage.OPENED]
    assert {row.stage for row in came} == {Stage.OPENED}, [(row.stage, row.reason) for row in came]
    assert len(opened) == len({row.message_id for row in opened}) == number
    replies = two.recipient.rows(Direction.OUT)
    assert sorted(row.answers or "" for row in replies) == sorted(row.message_id for row in opened)
    heard = two.sender.rows(Direction.IN)
    assert sorted(row.answers or "" for row in heard) == sorted(row.message_id for row in opened)
    assert {(row.stage, row.codes) for row in two.sender.rows(Direction.OUT)} == {(Stage.COLLECTED, ("20013",))}
    for side in (two.sender, two.recipient):
        assert not list(side.handler.parts.store.waiting(Stage.DEAD))
        assert not side.stores.mailboxes.count(side.mailbox)


@pytest.mark.parametrize("after", [False, True], ids=["before the step", "after the step"])
def test_sending(two: Exchanging, after: bool) -> None:
    """A letter that was kept is sent once; one that was not was never promised."""
    two.rules(MessageRules(protection=Protection.SEALED))
    first = two.sender.handler

    def send(handler: MessageHandler) -> None:
        two.sender.handler = handler
        try:
            two.send()
        finally:
            two.sender.handler = first

    kills = killed_everywhere(two, two.sender, send, after=after)
    settle(two)
    kept = len(two.sender.rows(Direction.OUT))
    assert kills >= 6
    assert kept >= kills - 3
    outcome(two, kept)


@pytest.mark.parametrize("after", [False, True], ids=["before the step", "after the step"])
def test_receiving_and_answering(two: Exchanging, after: bool) -> None:
    """Every letter is delivered once and answered once, whenever the recipient ends."""
    two.rules(MessageRules(protection=Protection.SEALED))
    for _ in range(2):
        two.send()

    def receive(handler: MessageHandler) -> None:
        handler.receive(RECIPIENT)
        handler.drive()

    kills = killed_everywhere(two, two.recipient, receive, after=after)
    assert kills >= 6
    settle(two)
    outcome(two, 2)


@pytest.mark.parametrize("after", [False, True], ids=["before the step", "after the step"])
def test_hearing_answers(two: Exchanging, after: bool) -> None:
    """Responses are joined to their messages once, whenever the sender ends."""
    for _ in range(2):
        two.send()
    two.recipient.handler.receive(RECIPIENT)
    two.recipient.handler.drive()

    def receive(handler: MessageHandler) -> None:
        handler.receive(SENDER)
        handler.drive()

    assert killed_everywhere(two, two.sender, receive, after=after) >= 4
    settle(two)
    outcome(two, 2)
