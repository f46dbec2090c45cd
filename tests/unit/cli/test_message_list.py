"""`wardgate message list`: what an operator sees of messages that nobody answered, and of those that we owe an answer (itk3-messaging 1.7)."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from wardgate.audit import Event, EventType
from wardgate.cli.context import World
from wardgate.stores.exchange import Direction, HandledMessage, Stage

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OUT = HandledMessage("a" * 24, Direction.OUT, Stage.COLLECTED, "Z9X01OT001", "Z9X02OT001", "LETTERS", "5d0b7a52-1c7e-4a0e-9b0a-000000000001", NOW, NOW, responses_due=("business",))
ROWS = {
    "overdue": replace(OUT, reason="response-overdue"),
    "waited for": replace(OUT, key="b" * 24, message_id="5d0b7a52-1c7e-4a0e-9b0a-000000000002"),
    "refused": replace(OUT, key="c" * 24, message_id="5d0b7a52-1c7e-4a0e-9b0a-000000000003", stage=Stage.REFUSED, reason="response-negative", responses_due=()),
    "owed": replace(OUT, key="d" * 24, message_id="5d0b7a52-1c7e-4a0e-9b0a-000000000004", direction=Direction.IN, stage=Stage.OPENED, mex_id="20260301120000000000_ABCDEF"),
}


@pytest.fixture
def place(installed: Any, tmp_path: Path) -> Any:
    """An installation with those messages; the command."""
    with World(tmp_path / "data", None) as world:
        for row in ROWS.values():
            world.stores.exchange.add(row, Event(EventType.MESSAGE_BUILT, NOW, message_id=row.message_id, details={"key": row.key}))
    return installed


@pytest.mark.parametrize(("asked", "names"), [
    ((), set(ROWS)), (("--overdue",), {"overdue"}), (("--owed",), {"owed"}), (("--stage", "collected"), {"overdue", "waited for"}),
    (("--overdue", "--mailbox", "z9x01ot001"), {"overdue"}), (("--overdue", "--mailbox", "Z9X02OT001"), set()), (("--overdue", "--direction", "in"), set()),
])
def test_what_is_asked_for(place: Any, asked: tuple[str, ...], names: set[str]) -> None:
    """And nothing else."""
    answer = place("message", "list", *asked, "-o", "json")
    assert answer.code == 0, answer
    assert {row["key"] for row in answer.data} == {ROWS[name].key for name in names}


def test_people_see_why(place: Any) -> None:
    """In the line of the message."""
    (line,) = [line for line in place("message", "list", "--overdue").out.splitlines() if ROWS["overdue"].key in line]
    assert "collected (response-overdue)" in line
    told = place("message", "track", ROWS["overdue"].message_id, "--offline", "-o", "json").data["messages"][0]
    assert (told["reason"], told["responses_due"]) == ("response-overdue", ["business"])


def test_both_ends_of_a_message_may_be_here(place: Any, tmp_path: Path) -> None:
    """Whoever means one of them is told their keys; when each is looked at next is said to the minute."""
    due = NOW.replace(month=4)
    ends = replace(OUT, key="e" * 24, message_id="both", stage=Stage.SENT, due=due), replace(ROWS["owed"], key="f" * 24, message_id="both", mex_id="M2")
    with World(tmp_path / "data", None) as world:
        for row in ends:
            world.stores.exchange.add(row, Event(EventType.MESSAGE_BUILT, NOW, message_id="both", details={"key": row.key}))
    refused = place("message", "read", "both")
    assert (refused.code, refused.err) == (1, f"wardgate: 2 messages have the id both; give the key of one: {'e' * 24} (from us), {'f' * 24} (to us)\n")
    assert "  next look  2026-04-01 12:00 UTC" in place("message", "track", "both", "--offline").out.splitlines()
