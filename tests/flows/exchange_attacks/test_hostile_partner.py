"""A partner with a mailbox and keys of its own, who means harm to us or to another partner (itk3-messaging 1.6, 1.7, 6)."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from exchange_world import (
    MAILBOXES,
    RECIPIENT,
    SENDER,
    STRANGER,
    WORKFLOW,
    Exchanging,
    Installation,
    MessageRules,
    Protection,
)
from message_world import NOW
from unit.itk3.sample import resources
from wardgate.exchange.errors import MessageRefused
from wardgate.exchange.outgoing import Route
from wardgate.fhir import Format
from wardgate.itk3 import Message, Party, Sending, build, respond, write
from wardgate.sealing.model import Suite
from wardgate.stores.exchange import Direction, HandledMessage, Stage
from wardgate.workflows.post_office import PostOffice

SIGNED_BESIDE = MessageRules(protection=Protection.SIGNED, suites=(Suite.DETACHED,))
NHS_NUMBER = "9000000009"


def down(_request: httpx2.Request, _do: Callable[[], httpx2.Response]) -> httpx2.Response:
    """A server that cannot be reached."""
    raise httpx2.ConnectError("nobody there")


def came(two: Exchanging) -> list[HandledMessage]:
    """What the recipient has."""
    return two.recipient.rows(Direction.IN)


def test_a_document_that_was_refused_may_be_sent_again(two: Exchanging, letter: Any) -> None:
    """What was never taken is no duplicate: the sender would be told that it had arrived (itk3-messaging 1.6, FHIR-RR-05)."""
    first, second, third = (replace(one, message_id=f"5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9e0{number}") for number, one in enumerate([letter(two.sender, "X26")] * 3))
    two.rules(MessageRules(events=("ITK003D",)), RECIPIENT)
    for one in (first, first, second, third):
        two.sender.handler.send_message(Route(SENDER, RECIPIENT, WORKFLOW), one)
        two.exchange()
        two.rules(MessageRules(events=("ITK003D",)) if len(came(two)) < 1 else MessageRules(), RECIPIENT)
    assert [(row.stage, row.reason) for row in came(two)] == [
        (Stage.REFUSED, "event-not-allowed"), (Stage.OPENED, None), (Stage.DUPLICATE, "document-seen"), (Stage.DUPLICATE, "document-seen"),
    ]


def test_nobody_uses_up_the_ids_of_another(two: Exchanging, post: Any, letter: Any) -> None:
    """A stranger who sends another's message and document first, clear or sealed, does not make the other's a duplicate."""
    message = letter(two.sender, "X26")
    theirs = build(resources(), Sending(Party(ods="RQM"), two.stranger.mailbox, "ITK007C"), now=NOW, random=two.stranger.parts.random)
    post(two.stranger, write(replace(theirs, message_id=message.message_id)))
    post(two.sender, write(message))
    two.recipient.handler.receive(RECIPIENT)
    assert [row.stage for row in came(two)] == [Stage.OPENED, Stage.OPENED]


def test_nobody_hides_the_signature_of_another(two: Exchanging, post: Any) -> None:
    """However many messages of a stranger are called as a signature that is to come: it is found."""
    two.rules(SIGNED_BESIDE)
    usual, two.sender.bridge.fault = two.sender.bridge.fault, down
    row = two.send()
    for _ in range(101):
        post(two.stranger, b"none", "application/jose", local_id=f"{row.local_id}.sig")
    two.recipient.handler.receive(RECIPIENT)
    two.sender.bridge.fault = usual
    two.later(minutes=2)
    two.sender.handler.drive()
    two.recipient.handler.receive(RECIPIENT)
    assert [one.stage for one in came(two) if one.peer == SENDER] == [Stage.OPENED, Stage.OPENED]


def hostile(text: str, message: Message) -> bytes:
    """The message in JSON, with something else as its sender's reference."""
    return write(message, Format.JSON).replace(b'"None"', text.encode("ascii"))


@pytest.mark.parametrize("rules", [MessageRules(), MessageRules(protection=Protection.SEALED)], ids=["clear", "sealed"])
def test_whatever_comes_is_judged_once(two: Exchanging, post: Any, letter: Any, rules: MessageRules) -> None:
    """No octets make the handler try again: each is delivered, refused or a duplicate at the first try, and its answer can be written."""
    message = letter(two.sender, "X26")
    two.rules(rules, RECIPIENT)
    deep, wide = b'{"resourceType":"Bundle","entry":' * 3_000, b"<Bundle xmlns='http://hl7.org/fhir'>" * 1_000
    bodies = (
        *(hostile(json.dumps(text), message) for text in ("\ud800", "\x00", "x\ny", "\ufffe", "a" * 50_000)), hostile('"\\ud800\\udc00"', message),
        b"[" * 50_000, deep, b'{"a":1e999999}', b"{}", b"null", b'{"protected":1}', b'{"protected":"e30","payload":{}}', b'{"aad":[]}', b'{"recipients":[]}',
        b"\x30\x80" * 2_000, b"\x30\x03\x02\x01\x01", b"<a>" * 20_000, wide, b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"\xff\xfe<\x00a\x00/\x00>\x00",
        b"\x00" * 100, b"%PDF-1.7",
    )
    types = ("application/fhir+json", "application/jose+json", "application/cms", "application/xenc+xml", "application/octet-stream")
    for number, body in enumerate(bodies):
        post(two.sender, body, types[number % len(types)])
        post(two.sender, body, types[(number + 1) % len(types)])
    two.recipient.handler.receive(RECIPIENT)
    assert {row.stage for row in came(two)} <= {Stage.OPENED, Stage.REFUSED, Stage.DUPLICATE}
    assert {row.attempts for row in came(two)} == {1}


def test_what_a_partner_writes_makes_no_lines_in_the_record(two: Exchanging, post: Any) -> None:
    """Identifiers of documents may have any signs; records and stories have none that begin a line, or command a terminal."""
    found = resources()
    found[0]["identifier"] = {"system": "https://tools.ietf.org/html/rfc4122", "value": "x\n\nA message was opened at 2026-01-01T00:00:00Z (audit record 1)\n\x9b31m"}
    message = build(found, Sending(Party(ods="X26"), SENDER, "ITK007C"), now=NOW, random=two.sender.parts.random)
    body = write(message, Format.JSON)
    post(two.sender, body, "application/fhir+json")
    two.recipient.handler.receive(RECIPIENT)
    texts = [text for event in two.recipient.events() for text in (*event.get("details", {}).values(), event.get("message_id", "")) if isinstance(text, str)]
    assert texts
    assert all(text.isprintable() for text in texts)


@pytest.mark.parametrize("local_id", [f"patient {NHS_NUMBER}", NHS_NUMBER, "900 000 0009", f"GPPROVIDER_{NHS_NUMBER}_01011970_SMITH", "John Smith, 1 High Street"])
def test_names_of_messages_tell_nobody_of_a_patient(two: Exchanging, post: Any, local_id: str) -> None:
    """A local id shall name no patient; one that does is in no record. The message is found by it all the same (itk3-messaging 5.3)."""
    post(two.sender, b"<x/>", local_id=local_id)
    two.recipient.handler.receive(RECIPIENT)
    record = "".join(row.body for row in two.recipient.stores.audit.read(0, 1_000))
    assert local_id not in record
    assert NHS_NUMBER not in record
    assert [row.local_id for row in two.recipient.stores.exchange.find(local_id) if row.direction is Direction.IN] == [local_id]


def test_a_report_does_not_undo_what_the_recipient_signed(two: Exchanging) -> None:
    """The network's word that a message was lost is nothing against the recipient's own that it was taken: replaying it would send it twice."""
    from wardgate.client.mesh_answers import MeshMessage  # noqa: PLC0415
    from wardgate.exchange.fate import reported  # noqa: PLC0415
    from wardgate.mesh.model import MessageType, StatusReport  # noqa: PLC0415

    two.rules(MessageRules(protection=Protection.SEALED))
    row = two.send()
    two.exchange()
    before = two.sender.handler.message(row.key)
    assert (before.stage, before.codes) == (Stage.COLLECTED, ("20013",))
    lie = MeshMessage(
        "20260301120000000000_ABCDEF", MessageType.REPORT, "", SENDER, WORKFLOW, 1, linked_id=row.mex_id, report=StatusReport("SEND", "14", "Message not collected", success=False, at=NOW),
    )
    assert reported(two.sender.parts, SENDER, lie)
    assert two.sender.handler.message(row.key) == before


def answer(two: Exchanging, row: HandledMessage, side: Installation, code: str = "20013", ods: str = "RY6") -> bytes:
    """A response to a message, as somebody writes it."""
    original = build(resources(), Sending(Party(ods="X26"), SENDER, "ITK007C"), now=NOW, random=two.sender.parts.random)
    message = respond(
        replace(original, message_id=row.message_id), code, sender=Party(ods=ods), endpoint=side.mailbox, now=NOW, random=two.sender.parts.random,
    )
    return write(message)


@pytest.mark.parametrize("code", ["20013", "20012"])
def test_an_unsigned_response_to_a_sealed_message_is_believed_by_nobody(two: Exchanging, post: Any, code: str) -> None:
    """A server that knows our ids cannot answer for the recipient, neither well nor badly: responses are protected as their messages."""
    two.rules(MessageRules(protection=Protection.SEALED))
    row = two.send()
    two.rules(MessageRules(), "server")
    post(two.recipient, answer(two, row, two.recipient, code), to=SENDER, workflow=f"{WORKFLOW}_ACK")
    two.sender.handler.receive(SENDER)
    (heard,) = two.sender.rows(Direction.IN)
    assert (heard.stage, heard.reason) == (Stage.REFUSED, "seal-signature-missing")
    assert (two.sender.handler.message(row.key).stage, two.sender.handler.message(row.key).codes) == (Stage.SENT, ())


def test_one_message_to_two_partners_is_answered_by_each(two: Exchanging, post: Any, letter: Any) -> None:
    """A response belongs to the copy that went to its sender: neither partner speaks for the other (itk3-messaging 1.6, FHIR-MR-01)."""
    two.rules(None, senders=(SENDER,), receivers=(RECIPIENT, STRANGER))
    message = letter(two.sender, "X26")
    rows = [two.sender.handler.send_message(Route(SENDER, to, WORKFLOW), message) for to in (RECIPIENT, STRANGER)]
    assert len({row.local_id for row in rows}) == 2
    for side, code, ods in ((two.stranger, "20012", "RQM"), (two.recipient, "20013", "RY6")):
        post(side, answer(two, rows[0], side, code, ods), to=SENDER, workflow=f"{WORKFLOW}_ACK")
    two.sender.handler.receive(SENDER)
    assert {row.stage for row in two.sender.rows(Direction.IN)} == {Stage.OPENED}
    found = [two.sender.handler.message(row.key) for row in rows]
    assert [(row.stage, row.codes) for row in found] == [(Stage.COLLECTED, ("20013",)), (Stage.REFUSED, ("20012",))]


def test_a_message_goes_to_a_partner_once(two: Exchanging, letter: Any) -> None:
    """An operator who sends a file twice is told so: the answer to the second, that it is a duplicate, would make the first a failure. What was refused may go again."""
    route, message = Route(SENDER, RECIPIENT, WORKFLOW), letter(two.sender, "X26")
    two.rules(MessageRules(events=("ITK003D",)), RECIPIENT)
    first = two.sender.handler.send_message(route, message)
    with pytest.raises(MessageRefused) as refused:
        two.sender.handler.send_message(route, message)
    assert refused.value.code == "message-seen"
    two.exchange()
    two.rules()
    assert two.sender.handler.message(first.key).stage is Stage.REFUSED
    second = two.sender.handler.send_message(route, message)
    two.exchange()
    assert [(two.sender.handler.message(row.key).stage, two.sender.handler.message(row.key).codes) for row in (first, second)] == [
        (Stage.REFUSED, ("20012",)), (Stage.COLLECTED, ("20013",)),
    ]


def test_strangers_do_not_fill_the_list_of_dead_letters(two: Exchanging, post: Any) -> None:
    """Whoever may not write to us cannot be answered: each try is on record as refused, twice, and waits for no operator."""
    stated = two.offices["server"].workflows[WORKFLOW]
    two.offices["server"] = PostOffice.of(MAILBOXES, [stated, stated.model_copy(update={"id": "OTHER"})])
    two.rules(None, RECIPIENT, senders=(SENDER,))
    for side, workflow in ((two.stranger, WORKFLOW), (two.sender, "OTHER"), (two.stranger, "OTHER")):
        post(side, b"<x/>", workflow=workflow)
    two.recipient.handler.receive(RECIPIENT)
    two.recipient.handler.drive()
    assert [row.stage for row in two.recipient.rows()] == [Stage.REFUSED] * 6
    assert {row.reason for row in two.recipient.rows(Direction.OUT)} <= {"recipient-not-allowed", "workflow-unknown"}
    refused = [event for event in two.recipient.events() if event["type"] == "MessageRefused"]
    assert [event["details"]["direction"] for event in refused] == ["in"] * 3 + ["out"] * 3
    assert not [event for event in two.recipient.events() if event["type"] == "MessageDead"]
