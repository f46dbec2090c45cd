"""What is refused, by whom, with which code to the sender, and what is kept (itk3-messaging 1.8, 6, 7)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from exchange_world import RECIPIENT, SENDER, STRANGER, WORKFLOW, Exchanging, Installation, MessageRules, Protection
from message_world import DAY, NOW
from unit.itk3.sample import LETTER, resources
from wardgate.client import MeshOutgoing
from wardgate.exchange.errors import MessageRefused
from wardgate.exchange.outgoing import Route, Wishes
from wardgate.itk3 import Party, Sending, build, respond, write
from wardgate.sealing.keys import MessageKey, State, Use
from wardgate.sealing.model import Suite
from wardgate.stores.exchange import Direction, HandledMessage, Stage

SEALED = MessageRules(protection=Protection.SEALED)


def posted(side: Installation, body: bytes, media_type: str = "application/fhir+xml", to: str = RECIPIENT, workflow: str = WORKFLOW, local_id: str = "") -> None:
    """Put something into a mailbox, whatever it is."""
    side.parts.post(side.mailbox).send(body, MeshOutgoing(to, workflow, local_id=local_id, content_type=media_type))  # type: ignore[call-arg]


def only(two: Exchanging) -> HandledMessage:
    """The one message that the recipient has."""
    (found,) = two.recipient.rows(Direction.IN)
    return found


def told(two: Exchanging, row: HandledMessage) -> tuple[Stage, str | None, tuple[str, ...]]:
    """What the sender knows of its message when answers are in."""
    two.exchange()
    now = two.sender.handler.message(row.key)
    return now.stage, now.reason, now.codes


def recipient_wants(**more: Any) -> Callable[[Exchanging], None]:
    """The recipient's manifest asks more than the sender's."""
    return lambda two: two.rules(MessageRules(**more), RECIPIENT)


def revoked(two: Exchanging) -> None:
    """The sender's key was revoked yesterday."""
    kid, key = next((kid, key) for kid, key in two.world.keys.items() if key.organisation == "X26" and key.use is Use.SIGNING)
    two.world.keys[kid] = replace(key, state=State.REVOKED, revoked_at=NOW - DAY)


def forgotten(two: Exchanging) -> None:
    """The recipient does not know the sender's key."""
    for kid, key in list(two.world.keys.items()):
        if key.organisation == "X26" and key.use is Use.SIGNING:
            two.world.keys[f"other-{kid}"] = MessageKey(f"other-{kid}", key.organisation, key.use, key.certificate)
            del two.world.keys[kid]


def lost_key(two: Exchanging) -> None:
    """The recipient has no more the key that it publishes."""
    for kid, key in list(two.world.keys.items()):
        if key.organisation == "RY6" and key.use is Use.ENCRYPTION:
            del two.world.held[kid]


def untrusted(two: Exchanging) -> None:
    """The sender's authority is not believed."""
    two.world.trusts.pop("X26")


PROTECTED = {"protection": Protection.SEALED}
REFUSALS: dict[str, tuple[Callable[[Exchanging], None], str, str]] = {
    "a clear message where it must be signed": (lambda two: (two.rules(MessageRules(), SENDER), two.rules(SEALED, RECIPIENT))[0], "seal-signature-missing", "20012"),
    "signed only where it must be encrypted": (
        lambda two: (two.rules(MessageRules(protection=Protection.SIGNED, suites=(Suite.XML,)), SENDER), two.rules(MessageRules(**PROTECTED, suites=(Suite.XML,)), RECIPIENT))[0],
        "seal-encryption-missing", "20012"),
    "another suite": (recipient_wants(**PROTECTED, suites=(Suite.CMS,)), "seal-suite-refused", "20012"),
    "another event": (recipient_wants(**PROTECTED, events=("ITK003D",)), "event-not-allowed", "20012"),
    "another type of document": (recipient_wants(**PROTECTED, document_types=("149701000000109",)), "document-type-not-allowed", "20012"),
    "another confidentiality": (recipient_wants(**PROTECTED, confidentiality=("L",)), "confidentiality-not-allowed", "20012"),
    "no role": (recipient_wants(**PROTECTED, signer_roles=("R8000",)), "signer-role", "20012"),
    "no time-stamp": (recipient_wants(**PROTECTED, time_stamp=True), "time-stamp-missing", "20012"),
    "a revoked key": (revoked, "signer-revoked", "20012"),
    "an unknown key": (forgotten, "signer-unknown", "20012"),
    "an authority that is not believed": (untrusted, "signer-untrusted", "20012"),
    "a key that is lost": (lost_key, "seal-not-for-us", "10009"),
    "a sender that is not listed": (lambda two: two.rules(SEALED, RECIPIENT, senders=(STRANGER,)), "sender-not-allowed", "20012"),
    "a recipient that is not listed": (lambda two: two.rules(SEALED, RECIPIENT, receivers=(STRANGER,)), "recipient-not-allowed", "20002"),
}


@pytest.mark.parametrize(("change", "reason", "code"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_reaches_the_sender_as_its_code(two: Exchanging, change: Callable[[Exchanging], None], reason: str, code: str) -> None:
    """The recipient keeps it for inspection, and delivers nothing; the sender learns the code, not the reason."""
    two.rules(SEALED)
    if reason in {"seal-signature-missing", "seal-encryption-missing"}:
        change(two)
    sent = two.send()
    change(two)
    two.recipient.handler.receive(RECIPIENT)
    found = only(two)
    assert (found.stage, found.reason, found.codes, found.content) == (Stage.REFUSED, reason, (code,), None)
    assert two.recipient.handler.content(found, sealed=True) == two.sender.handler.content(sent, sealed=True)
    two.rules(SEALED)
    if change is lost_key:
        two.world.add("RY6", Use.ENCRYPTION)
    if change is untrusted:
        two.world.trusts["X26"] = two.world.believed()
    if reason == "seal-signature-missing":
        two.rules(MessageRules(), SENDER, "server")
        two.rules(MessageRules(), RECIPIENT)
    assert told(two, sent) == (Stage.REFUSED, "response-negative", (code,))
    events = [event for event in two.recipient.events() if event["type"] == "MessageRefused"]
    assert [(event["reason"], event["details"]["itk_code"], event["outcome"]) for event in events] == [(reason, code, "refused")]


@pytest.mark.parametrize(("wants", "code"), [
    ({"events": ("ITK003D",)}, "event-not-allowed"), ({"document_types": ("149701000000109",)}, "document-type-not-allowed"),
    ({"confidentiality": ("L",)}, "confidentiality-not-allowed"), ({"protection": Protection.SEALED, "signer_roles": ("R8000",)}, "signer-role"),
    ({"protection": Protection.SEALED, "time_stamp": True}, "time-stamp-missing"),
])
def test_the_policy_is_asked_before_anything_is_sealed(two: Exchanging, wants: dict[str, Any], code: str) -> None:
    """Nothing is kept and nothing sent; the refusal is recorded."""
    two.rules(MessageRules(**wants))
    with pytest.raises(MessageRefused) as refused:
        two.send(event="ITK007C")
    assert refused.value.code == code
    assert not two.sender.rows()
    assert [(event["type"], event["reason"]) for event in two.sender.events()] == [("MessageRefused", code)]


@pytest.mark.parametrize(("to", "workflow", "code"), [
    ("NOBODY", WORKFLOW, "recipient-not-allowed"), ("X26", WORKFLOW, "recipient-not-allowed"), (RECIPIENT, "UNKNOWN", "workflow-unknown"),
    (STRANGER, WORKFLOW, "recipient-not-allowed"),
])
def test_nobody_to_send_to(two: Exchanging, to: str, workflow: str, code: str) -> None:
    """A recipient or workflow that the manifest does not have."""
    with pytest.raises(MessageRefused) as refused:
        two.send(to=to, workflow=workflow)
    assert refused.value.code == code


@pytest.mark.parametrize("missing", [Use.SIGNING, Use.ENCRYPTION])
def test_a_message_that_cannot_be_sealed_waits_for_an_operator(two: Exchanging, missing: Use) -> None:
    """It is kept, given up, and goes when the key is there and somebody says so."""
    two.rules(SEALED)
    for kid, key in list(two.world.keys.items()):
        if key.use is missing:
            del two.world.keys[kid]
    row = two.send()
    assert (row.stage, row.reason) == (Stage.DEAD, "signing-key-unavailable" if missing is Use.SIGNING else "recipient-key-unknown")
    for ods in ("X26", "RY6"):
        two.world.add(ods, missing)
    assert two.sender.handler.replay(row.key).stage is Stage.SENT
    assert told(two, row) == (Stage.COLLECTED, None, ("20013",))


def test_octets_that_are_no_message_are_answered(two: Exchanging) -> None:
    """10009 to the mailbox they came from; the message is the one that its sender named."""
    posted(two.sender, b"<not-a-message/>", local_id="5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9e03")
    posted(two.sender, b"rubbish", local_id="no id of FHIR:1")
    two.recipient.handler.receive(RECIPIENT)
    assert {(row.stage, row.codes) for row in two.recipient.rows(Direction.IN)} == {(Stage.REFUSED, ("10009",))}
    assert {row.answers for row in two.recipient.rows(Direction.OUT)} == {"5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9e03", "UNREADABLE-IN-ORIGINAL-MESSAGE"}


def test_the_same_message_by_another_message_id_of_mesh_is_a_duplicate(two: Exchanging) -> None:
    """20007; and 20008 for the same document in another message. Nothing is delivered again (itk3-messaging 1.6)."""
    message = build(resources(), Sending(Party(ods="X26"), SENDER, "ITK007C"), now=NOW, random=two.sender.parts.random)
    other = replace(message, message_id="5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9eff")
    for one in (message, message, other):
        posted(two.sender, write(one), local_id=one.message_id)
    two.recipient.handler.receive(RECIPIENT)
    assert [(row.stage, row.reason, row.codes) for row in two.recipient.rows(Direction.IN)] == [
        (Stage.OPENED, None, ("20013",)), (Stage.DUPLICATE, "message-seen", ("20007",)), (Stage.DUPLICATE, "document-seen", ("20008",)),
    ]


def test_a_message_that_comes_again_because_its_acknowledgement_was_lost_is_no_duplicate(two: Exchanging) -> None:
    """The same id of MESH: acknowledged again, and that is all."""
    two.send()
    lost: list[bool] = []

    def fault(request: Any, do: Callable[[], Any]) -> Any:
        if request.url.path.endswith("acknowledged") and not lost:
            lost.append(True)
            raise OSError("the acknowledgement was lost before it arrived")
        return do()

    two.recipient.bridge.fault = fault
    with pytest.raises(OSError, match="lost"):
        two.recipient.handler.receive(RECIPIENT)
    assert two.recipient.handler.receive(RECIPIENT).again == 1
    two.recipient.handler.drive()
    assert only(two).stage is Stage.OPENED
    assert not two.recipient.handler.receive(RECIPIENT).again


def test_a_message_that_was_sealed_for_another_route(two: Exchanging) -> None:
    """The context is compared with the transport: 20006."""
    two.rules(SEALED)
    sent = two.send()
    body = two.sender.handler.content(sent, sealed=True)
    two.recipient.handler.receive(RECIPIENT)
    posted(two.stranger, body, "application/jose+json")
    two.recipient.handler.receive(RECIPIENT)
    row = two.recipient.rows(Direction.IN)[-1]
    assert (row.peer, row.stage, row.reason, row.codes) == (STRANGER, Stage.REFUSED, "seal-context", ("20006",))


@pytest.mark.parametrize("of", ["a stranger", "the recipient, twice", "the recipient, to nothing"])
def test_a_response_from_somebody_else_changes_nothing(two: Exchanging, of: str) -> None:
    """Only the mailbox that the message went to answers it, once; another response is refused, recorded, and not answered."""
    sent = two.send()
    message_id = "5d0b7a52-1c7e-4a0e-9b0a-000000000000" if "nothing" in of else sent.message_id
    side = two.stranger if "stranger" in of else two.recipient
    if "twice" in of:
        two.exchange()
    before = two.sender.handler.message(sent.key)
    original = build(resources(), Sending(Party(ods="X26"), SENDER, "ITK007C"), now=NOW, random=two.sender.parts.random)
    response = respond(
        replace(original, message_id=message_id), "20013", sender=Party(ods="RQM" if side is two.stranger else "RY6"), endpoint=side.mailbox, now=NOW,
        random=two.sender.parts.random,
    )
    if side is two.stranger:
        two.rules(None, senders=(SENDER,), receivers=(RECIPIENT, STRANGER))
    posted(side, write(response), to=SENDER, workflow=f"{WORKFLOW}_ACK")
    two.sender.handler.receive(SENDER)
    came = two.sender.rows(Direction.IN)[-1]
    assert (came.stage, came.reason) == (Stage.REFUSED, "response-unexpected")
    assert two.sender.handler.message(sent.key) == before
    assert not [row for row in two.sender.rows(Direction.OUT) if row.answers]
    assert [event["reason"] for event in two.sender.events() if event["type"] == "MessageRefused"] == ["response-unexpected"]


def test_a_message_beyond_the_limit_is_answered_and_not_kept(two: Exchanging) -> None:
    """20015, without its content having been taken."""
    limits = replace(two.recipient.parts.patience.limits, max_sealed_bytes=10_000)
    handler = two.recipient.with_parts(patience=replace(two.recipient.parts.patience, limits=limits))
    posted(two.sender, b"x" * 10_001)
    handler.receive(RECIPIENT)
    assert (only(two).stage, only(two).reason, only(two).codes, only(two).sealed) == (Stage.REFUSED, "seal-too-large", ("20015",), None)


def test_nothing_is_kept_where_the_workflow_says_so(two: Exchanging) -> None:
    """The row says why; the content is gone."""
    two.rules(MessageRules(keep_refused=False), RECIPIENT)
    posted(two.sender, b"x" * 100_000)
    two.recipient.handler.receive(RECIPIENT)
    assert (only(two).stage, only(two).sealed) == (Stage.REFUSED, None)


def test_a_document_for_somebody_else(two: Exchanging) -> None:
    """The header's receiver is another organisation: 20002."""
    message = build(resources(), Sending(Party(ods="X26"), SENDER, "ITK007C", receiver=Party(ods="RQM")), now=NOW, random=two.sender.parts.random)
    row = two.sender.handler.send_message(Route(SENDER, RECIPIENT, WORKFLOW), message)
    assert told(two, row) == (Stage.REFUSED, "response-negative", ("20002",))
    assert only(two).reason == "message-invalid"


def test_wishes_and_letters(two: Exchanging) -> None:
    """Fire and forget: no flags, no responses (itk3-messaging 1.7)."""
    two.rules(MessageRules(document_types=(LETTER,)))
    row = two.sender.handler.send(Route(SENDER, "RY6", WORKFLOW), resources(), Wishes(event="ITK006D", business_ack=False, infrastructure_ack=False))
    two.exchange()
    assert (only(two).stage, two.recipient.rows(Direction.OUT)) == (Stage.OPENED, [])
    two.later(hours=1)
    two.exchange()
    assert two.sender.handler.message(row.key).stage is Stage.COLLECTED
