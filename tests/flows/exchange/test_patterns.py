"""Who answers what: the four patterns of responses, negative ones, and those that never come (itk3-messaging 1.6, 1.7)."""

from pathlib import Path

import pytest

from exchange_world import RECIPIENT, SENDER, WORKFLOW, Exchanging, MessageRules, Protection
from message_world import NOW
from unit.itk3.sample import resources
from wardgate.client import MeshOutgoing
from wardgate.exchange.errors import MessageRefused, NotPossible
from wardgate.exchange.tracked import track
from wardgate.itk3 import Message, Party, Sending, build, read, write
from wardgate.stores.exchange import Direction, HandledMessage, Stage


def responses(two: Exchanging) -> list[tuple[str, str, str | None]]:
    """Every response that travelled: from which mailbox, its code, and which response is itself to be answered."""
    found = []
    for side in (two.recipient, two.sender):
        for row in side.rows(Direction.OUT):
            if row.answers is not None:
                message = written(side.handler.content(row))
                found.append((row.mailbox, " ".join(row.codes), "to be answered" if message.handling.infrastructure_ack else None))
    return found


def written(content: bytes) -> Message:
    """A message, with what must be true of every response."""
    message = read(content)
    assert message.response is not None
    assert (message.event, message.handling.business_ack, message.payload) == ("ITK008M", False, None)
    assert b"9000000009" not in content
    return message


def came(two: Exchanging) -> HandledMessage:
    """The letter, where it arrived."""
    (row,) = [row for row in two.recipient.rows(Direction.IN) if row.answers is None]
    return row


PATTERNS = {
    "full, the sender's answer too": ((True, True, True), [(RECIPIENT, "20013", None), (RECIPIENT, "30001", "to be answered"), (SENDER, "20013", None)]),
    "technical and business": ((True, True, False), [(RECIPIENT, "20013", None), (RECIPIENT, "30001", None)]),
    "technical only": ((True, False, False), [(RECIPIENT, "20013", None)]),
    "fire and forget": ((False, False, False), []),
    "fire and forget, though answers would be answered": ((False, False, True), []),
}


@pytest.mark.parametrize("protection", [Protection.NONE, Protection.SEALED])
@pytest.mark.parametrize(("asked", "travelled"), PATTERNS.values(), ids=PATTERNS)
def test_a_pattern(two: Exchanging, asked: tuple[bool, bool, bool], travelled: list[tuple[str, str, str | None]], protection: Protection) -> None:
    """Exactly these responses travel, and then nobody waits for anything."""
    infrastructure, business, full_ack = asked
    two.rules(MessageRules(protection=protection, full_ack=full_ack))
    row = two.send(event="ITK006D", infrastructure_ack=infrastructure, business_ack=business)
    two.exchange()
    owed = [response for response, wanted in (("infrastructure", infrastructure), ("business", business)) if wanted]
    assert list(row.responses_due) == owed
    assert list(came(two).responses_due) == (["business"] if business else [])
    if business:
        two.recipient.handler.acknowledge(came(two).key, "30001")
        two.exchange()
    else:
        with pytest.raises(NotPossible, match="no business response is owed"):
            two.recipient.handler.acknowledge(came(two).key, "30001")
    assert responses(two) == travelled
    two.later(hours=2)
    two.exchange()
    ends = {(one.direction, one.answers is None): one for side in (two.sender, two.recipient) for one in side.rows()}
    assert all(one.responses_due == () and one.reason is None for one in ends.values()), ends
    sent = two.sender.handler.message(row.key)
    assert sent.codes == tuple(code for mailbox, code, _ in travelled if mailbox == RECIPIENT)
    assert sent.stage is (Stage.ANSWERED if owed else Stage.COLLECTED)
    assert came(two).stage is (Stage.ANSWERED if owed else Stage.OPENED)
    assert responses(two) == travelled


def test_a_business_response_alone_is_no_pattern(two: Exchanging) -> None:
    """It is not sent; one that comes is not delivered, and answered with 10008."""
    with pytest.raises(MessageRefused) as refused:
        two.send(event="ITK006D", infrastructure_ack=False, business_ack=True)
    assert (refused.value.code, refused.value.response_code) == ("message-invalid", "10008")
    message = build(resources(), Sending(Party(ods="X26"), SENDER, "ITK006D", business_ack=True, infrastructure_ack=True), now=NOW, random=two.sender.parts.random)
    flag = b'<extension url="InfAckRequested"><valueBoolean value="true" />'
    content = write(message)
    assert content.count(flag) == 1
    two.sender.parts.post(SENDER).send(content.replace(flag, flag.replace(b"true", b"false")), MeshOutgoing(RECIPIENT, WORKFLOW, content_type="application/fhir+xml"))
    two.exchange()
    assert (came(two).stage, came(two).content, came(two).codes) == (Stage.REFUSED, None, ("10008",))
    assert responses(two) == [(RECIPIENT, "10008", None)]


@pytest.mark.parametrize("full_ack", [False, True])
def test_a_negative_business_response(two: Exchanging, full_ack: bool) -> None:
    """It ends the message; it is answered where business responses are, because it arrived."""
    two.rules(MessageRules(full_ack=full_ack))
    row = two.send()
    two.exchange()
    answer = two.recipient.handler.acknowledge(came(two).key, "30002")
    two.exchange()
    two.later(hours=2)
    two.exchange()
    now = two.sender.handler.message(row.key)
    assert (now.stage, now.reason, now.codes, now.responses_due) == (Stage.REFUSED, "response-negative", ("20013", "30002"), ())
    assert responses(two)[2:] == ([(SENDER, "20013", None)] if full_ack else [])
    heard = two.recipient.handler.message(answer.key)
    assert (heard.stage, heard.responses_due) == (Stage.ANSWERED if full_ack else Stage.COLLECTED, ())


@pytest.mark.parametrize(("infrastructure", "business", "answered"), [(True, True, True), (True, False, True), (False, False, False)])
def test_a_refused_message_is_answered_once_if_any_answer_was_asked_for(two: Exchanging, infrastructure: bool, business: bool, answered: bool) -> None:
    """By one infrastructure response, and then by nobody: a person cannot answer what was not delivered."""
    row = two.send(event="ITK006D", infrastructure_ack=infrastructure, business_ack=business)
    two.rules(MessageRules(events=("ITK003D",)), RECIPIENT)
    two.exchange()
    assert came(two).stage is Stage.REFUSED
    assert [code for _, code, _ in responses(two)] == (["20012"] if answered else [])
    with pytest.raises(NotPossible):
        two.recipient.handler.acknowledge(came(two).key, "30001")
    two.later(hours=2)
    two.exchange()
    now = two.sender.handler.message(row.key)
    assert (now.stage, now.codes) == ((Stage.REFUSED, ("20012",)) if answered else (Stage.COLLECTED, ()))


@pytest.mark.parametrize("late", [(), ("30001",), ("30002",)], ids=["never", "late and good", "late and bad"])
def test_a_response_that_does_not_come(two: Exchanging, late: tuple[str, ...], caplog: pytest.LogCaptureFixture) -> None:
    """The operator is told once, in the log, the record, the list and by tracking; what comes late counts as what comes in time."""
    row = two.send()
    two.exchange()
    for _ in range(8):
        two.later(hours=20)
        two.exchange()
    assert two.sender.handler.message(row.key).reason is None
    for _ in range(6):
        two.later(hours=20)
        two.exchange()
    now = two.sender.handler.message(row.key)
    assert (now.stage, now.reason, now.responses_due, now.due) == (Stage.COLLECTED, "response-overdue", ("business",), None)
    assert [record.getMessage() for record in caplog.records if "no response" in record.getMessage()] == [f"message {row.message_id} to {RECIPIENT} has no response yet: business"]
    told = [event for event in two.sender.events() if event.get("reason") == "response-overdue"]
    assert [(event["type"], event["outcome"], event["message_id"], event["details"]["change"]) for event in told] == [("MessageSent", "refused", row.message_id, "overdue")]
    assert [one.row.reason for one in track(two.sender.parts, row.message_id) if one.row.direction is Direction.OUT] == ["response-overdue"]
    for code in late:
        two.recipient.handler.acknowledge(came(two).key, code)
        two.exchange()
    now = two.sender.handler.message(row.key)
    assert (now.stage, now.reason) == {
        (): (Stage.COLLECTED, "response-overdue"), ("30001",): (Stage.ANSWERED, None), ("30002",): (Stage.REFUSED, "response-negative"),
    }[late]


def test_an_infrastructure_response_that_comes_late_leaves_the_other_overdue(two: Exchanging) -> None:
    """Each that comes is taken; what is still missing is told again, by its name."""
    row = two.send()
    post = two.recipient.parts.post(RECIPIENT)
    handled = two.recipient.handler.receive(RECIPIENT).messages[0]
    assert not list(post.messages())
    for days in (1, 7):
        two.later(days=days)
        two.sender.handler.drive()
    assert two.sender.handler.message(row.key).responses_due == ("infrastructure", "business")
    two.recipient.handler.drive()
    two.sender.handler.receive(SENDER)
    two.sender.handler.drive()
    now = two.sender.handler.message(row.key)
    assert (now.stage, now.reason, now.responses_due, now.codes) == (Stage.COLLECTED, "response-overdue", ("business",), ("20013",))
    assert [event["details"]["received"] for event in two.sender.events() if event.get("reason") == "response-overdue"] == ["none: infrastructure and business", "none: business"]
    assert two.recipient.handler.message(handled.key).stage is Stage.OPENED


def test_what_cannot_be_handled_is_given_up_and_taken_up_again(two: Exchanging, tmp_path: Path) -> None:
    """`message-not-processed`: the sender hears nothing until an operator has mended it; then it is delivered and answered, once."""
    place = tmp_path / "drop"
    place.write_text("a file, where a directory should be")
    broken = two.recipient.with_parts(drop_directory=place)
    row = two.send()
    broken.receive(RECIPIENT)
    waits = []
    while came(two).stage is not Stage.DEAD:
        found = came(two)
        assert (found.stage, found.content, responses(two)) == (Stage.RECEIVED, None, [])
        assert found.due is not None
        waits.append(found.due - found.changed)
        two.place.now = found.due
        broken.drive()
    assert len(waits) == two.recipient.parts.patience.attempts - 1
    assert waits == sorted(waits)
    assert (came(two).reason, came(two).due) == ("message-not-processed", None)
    (event,) = [event for event in two.recipient.events() if event["type"] == "MessageDead"]
    assert (event["reason"], event["details"]["received"]) == ("message-not-processed", "NotADirectoryError")
    two.exchange()
    assert two.sender.handler.message(row.key).codes == ()
    place.unlink()
    assert broken.replay(came(two).key).stage is Stage.OPENED
    two.exchange()
    assert two.sender.handler.message(row.key).codes == ("20013",)
    assert [path.name for path in (place / WORKFLOW).iterdir()] == [f"{came(two).key}.xml"]
