"""What could not be sent, was not collected, or got lost on the way: found, given up, replayed or dropped (itk3-messaging 5.4)."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from exchange_world import RECIPIENT, SENDER, Exchanging
from wardgate.exchange.errors import NoMessage, NotPossible
from wardgate.exchange.tracked import track
from wardgate.stores.exchange import Direction, Stage


def down(_request: httpx2.Request, _do: Callable[[], httpx2.Response]) -> httpx2.Response:
    """A server that cannot be reached."""
    raise httpx2.ConnectError("nobody there")


def test_a_server_that_is_down_is_tried_again_and_then_given_up(two: Exchanging) -> None:
    """With growing waits, up to the limit; an operator replays it, and it arrives once."""
    usual, two.sender.bridge.fault = two.sender.bridge.fault, down
    row = two.send()
    waits = []
    while (row := two.sender.handler.message(row.key)).stage is not Stage.DEAD:
        assert row.due is not None
        waits.append(row.due - row.changed)
        two.place.now = row.due
        two.sender.handler.drive()
    assert waits == sorted(waits)
    assert len(waits) == two.sender.parts.patience.attempts - 1
    assert row.reason == "message-not-sent"
    two.sender.bridge.fault = usual
    assert two.sender.handler.replay(row.key).stage is Stage.SENT
    two.exchange()
    assert [one.stage for one in two.recipient.rows(Direction.IN)] == [Stage.OPENED]
    assert [event["type"] for event in two.sender.events() if event["details"].get("key") == row.key] == [
        "MessageBuilt", "MessageSealed", "MessageDead", "MessageReplayed", "MessageSent",
    ]


def test_a_lost_answer_makes_no_second_message(two: Exchanging) -> None:
    """The server took it and nobody heard: it is found by its local id."""
    lost: list[bool] = []

    def lose(request: httpx2.Request, do: Callable[[], httpx2.Response]) -> httpx2.Response:
        answer = do()
        if request.method == "POST" and request.url.path.endswith("/outbox") and not lost:
            lost.append(True)
            raise httpx2.ReadError("the connection broke")
        return answer

    two.sender.bridge.fault = lose
    row = two.send()
    two.later(minutes=30)
    two.sender.handler.drive()
    assert two.sender.handler.message(row.key).stage is Stage.SENT
    two.exchange()
    assert len(two.recipient.rows(Direction.IN)) == 1


def test_what_the_server_refuses_for_good_is_given_up_at_once(two: Exchanging) -> None:
    """Here, a workflow that it does not know of this recipient; dropped, its contents are gone and its record stays."""
    two.rules(None, "server", receivers=())
    row = two.send()
    assert (row.stage, row.reason) == (Stage.DEAD, "message-not-taken")
    dropped = two.sender.handler.drop(row.key)
    assert (dropped.stage, dropped.content, dropped.sealed) == (Stage.DROPPED, None, None)
    with pytest.raises(NoMessage):
        two.sender.handler.content(two.sender.handler.message(row.key))
    with pytest.raises(NotPossible, match="dropped, not given up"):
        two.sender.handler.replay(row.key)
    assert [event["reason"] for event in two.sender.events() if event["type"] == "MessageDead" and "reason" in event] == ["message-not-taken"]


def test_a_message_that_nobody_collects_is_given_up_by_report_or_by_tracking(two: Exchanging) -> None:
    """And replayed as another message of the mailbox server, which arrives."""
    from wardgate.audit.model import Event, EventType  # noqa: PLC0415
    from wardgate.mesh import reports  # noqa: PLC0415

    row = two.send()
    now = two.place.now
    two.place.stores.mailboxes.expire(
        now.replace(year=now.year + 1), 10,
        lambda message: (reports.not_collected(message, "20260301120000000000_ABCDEF", now, 5, deactivated=False), Event(EventType.MAILBOX_EXPIRED, now)),
    )
    found = two.sender.handler.receive(SENDER)
    assert (found.reports, found.messages) == (1, ())
    dead = two.sender.handler.message(row.key)
    assert (dead.stage, dead.reason) == (Stage.DEAD, "message-not-collected")
    assert not two.sender.handler.receive(SENDER).reports
    again = two.sender.handler.replay(row.key)
    assert again.stage is Stage.SENT
    assert (again.mex_id, again.local_id) != (row.mex_id, row.local_id)
    two.exchange()
    assert two.sender.handler.message(row.key).codes == ("20013",)


def test_a_message_is_followed_from_end_to_end(two: Exchanging) -> None:
    """Its stage, the mailbox server's word, and the response; from either side, by each id."""
    row = two.send()
    assert [(one.row.key, one.server.status if one.server else None) for one in track(two.sender.parts, row.message_id)] == [(row.key, "accepted")]
    two.exchange()
    for any_id in (row.message_id, row.key, row.mex_id or "", row.document_id or ""):
        found = track(two.sender.parts, any_id)
        assert {(one.row.direction, one.row.answers) for one in found} == {(Direction.OUT, None), (Direction.IN, row.message_id)}
        assert next(one.server.status for one in found if one.server) == "acknowledged"
    assert len(track(two.recipient.parts, row.message_id)) == 2
    assert not track(two.sender.parts, "nothing")


def test_a_person_answers_once(two: Exchanging) -> None:
    """With a code of the business; another answer is not possible, nor one to what asks for none."""
    two.send()
    two.exchange()
    (came,) = two.recipient.rows(Direction.IN)
    for code, said in (("20013", "30001 to 30025"), ("39999", "no code"), ("30005", "for the payload's specification")):
        with pytest.raises(NotPossible, match=said):
            two.recipient.handler.acknowledge(came.key, code)
    made = two.recipient.handler.acknowledge(came.key, "30002")
    with pytest.raises(NotPossible, match="no business response is owed"):
        two.recipient.handler.acknowledge(came.key, "30001")
    assert made.answers == came.message_id
    two.exchange()
    (sent,) = two.sender.rows(Direction.OUT)
    assert (sent.stage, sent.reason, sent.codes) == (Stage.REFUSED, "response-negative", ("20013", "30002"))


def test_files_of_what_was_delivered(two: Exchanging, tmp_path: Any) -> None:
    """One for each message, in the directory of its workflow, readable by its owner only."""
    handler = two.recipient.with_parts(drop_directory=tmp_path / "drop")
    two.send()
    handler.receive(RECIPIENT)
    (came,) = two.recipient.rows(Direction.IN)
    path = tmp_path / "drop" / "LETTERS" / f"{came.key}.xml"
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (handler.content(came), 0o600)


def test_records_are_found_and_tell_nothing_of_the_patient(two: Exchanging) -> None:
    """By the message's id; the NHS number is a keyed hash, and finds them too."""
    row = two.sender.handler.message(two.send(on_behalf_of={"user": "555021935107"}).key)
    two.exchange()
    for side, kinds in ((two.sender, ["MessageBuilt", "MessageSealed", "MessageSent"]), (two.recipient, ["MessageReceived", "MessageOpened"])):
        told = [event["type"] for event in side.events() if event.get("message_id") == row.message_id]
        assert told[: len(kinds)] == kinds
        bodies = "".join(record.body for record in side.stores.audit.read(0, 1_000))
        assert not any(secret in bodies for secret in ("9000000009", "555021935107", "SYNTHETIC"))
        assert side.stores.audit.about(side.stores.audit.personal_hash("9000000009"), 0, 10)
