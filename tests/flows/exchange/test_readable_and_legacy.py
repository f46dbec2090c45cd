"""Seals that others make and this handler only opens: a header in clear around a sealed payload, and payloads of ITK2 behind their switch (itk3-messaging 2.3, 6)."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from exchange_world import RECIPIENT, SENDER, WORKFLOW, Exchanging, Installation, MessageRules, Protection
from itk2_payloads import PAYLOAD_ID, Reader, encrypted, java_name, signed
from message_world import RSA_KEY, Held, common_name
from unit.itk3.sample import resources
from wardgate.client import MeshOutgoing
from wardgate.client.message_seal import Recipient, SealOptions, seal_message
from wardgate.exchange.errors import MessageRefused
from wardgate.fhir import Format
from wardgate.itk3 import Message, Party, Sending, build, read, write
from wardgate.sealing.keys import State, Use
from wardgate.sealing.model import Suite
from wardgate.stores.exchange import Direction, HandledMessage, Stage

LEGACY = MessageRules(protection=Protection.SEALED, suites=(Suite.MODERN, Suite.ITK2_LEGACY))
SEALED = MessageRules(protection=Protection.SEALED)
TYPES = {Format.XML: "application/fhir+xml", Format.JSON: "application/fhir+json"}


def letter(two: Exchanging) -> Message:
    """From X26 to RY6, which is to answer."""
    return build(resources(), Sending(Party(ods="X26"), SENDER, "ITK007C", receiver=Party(ods="RY6")), now=two.place.now, random=two.sender.parts.random)


def posted(two: Exchanging, body: bytes, media_type: str, *, side: Installation | None = None, local_id: str = "") -> HandledMessage:
    """Send it to the recipient, and return it as it stands there."""
    side = side or two.sender
    post: Any = side.parts.post(side.mailbox)
    sent = post.send(body, MeshOutgoing(RECIPIENT, WORKFLOW, local_id=local_id, content_type=media_type))
    two.recipient.handler.receive(RECIPIENT)
    two.recipient.handler.drive()
    (row,) = [row for row in two.recipient.rows(Direction.IN) if row.mex_id == sent.message_id]
    return row


def answers(two: Exchanging, row: HandledMessage) -> list[tuple[str, ...]]:
    """What the recipient answered to a message."""
    return [one.codes for one in two.recipient.rows(Direction.OUT) if one.answers == row.message_id]


def readable(two: Exchanging, message: Message, form: Format = Format.XML, **options: Any) -> bytes:
    """The message with its header in clear, as the SDK makes it."""
    return seal_message(
        message, [Recipient(RECIPIENT, "RY6")], WORKFLOW, keys=two.world, options=SealOptions(header_readable=True, **options), form=form, now=two.place.now,
    ).body


@pytest.mark.parametrize("told", ["its form", "nothing"])
@pytest.mark.parametrize("form", Format)
def test_a_header_in_clear_around_a_sealed_payload(two: Exchanging, form: Format, told: str) -> None:
    """It counts as sealed; what is delivered is the message as it was before it was sealed, and it is answered."""
    two.rules(SEALED)
    message = letter(two)
    row = posted(two, readable(two, message, form), TYPES[form] if told == "its form" else "application/octet-stream")
    assert (row.stage, row.reason, row.seal, row.message_id) == (Stage.OPENED, None, "modern", message.message_id)
    content = two.recipient.handler.content(row)
    assert content == write(message, form)
    assert read(content) == message
    assert answers(two, row) == [("20013",)]
    (event,) = [event for event in two.recipient.events() if event["type"] == "MessageOpened"]
    assert (event["details"]["signer_ods"], event["details"]["encrypted"], event["details"]["document_id"]) == ("X26", True, row.document_id)
    again = posted(two, readable(two, message, form), TYPES[form])
    assert (again.stage, again.reason) == (Stage.DUPLICATE, "message-seen")


SPOILED: dict[str, tuple[Callable[[Exchanging, bytes], bytes], str]] = {
    "a header that was changed": (lambda _two, body: body.replace(b"2026-03-01T12:00:00", b"2026-03-01T12:00:01", 1), "seal-context"),
    "another sender in the header": (lambda _two, body: body.replace(b'<endpoint value="X26OT001"', b'<endpoint value="RQMOT003"'), "seal-context"),
    "a flag that was turned": (lambda _two, body: body.replace(b'<valueBoolean value="true"', b'<valueBoolean value="false"'), "seal-context"),
    "two sealed payloads": (lambda two, body: body.replace(b"</Bundle>", readable(two, letter(two)).split(b">", 1)[1]), "message-invalid"),
    "a payload cut short": (lambda _two, body: body.replace(b'"/></Binary>', b'A"/></Binary>').replace(b'" /></Binary>', b'A" /></Binary>'), "seal-malformed"),
}


@pytest.mark.parametrize(("spoil", "reason"), SPOILED.values(), ids=SPOILED)
def test_a_header_in_clear_that_is_not_what_was_signed(two: Exchanging, spoil: Callable[[Exchanging, bytes], bytes], reason: str) -> None:
    """Nothing of it is delivered."""
    two.rules(SEALED)
    body = readable(two, letter(two))
    spoiled = spoil(two, body)
    assert spoiled != body
    row = posted(two, spoiled, TYPES[Format.XML])
    assert (row.stage, row.reason, row.content) == (Stage.REFUSED, reason, None)


def test_a_header_in_clear_is_bound_to_its_route_and_policy(two: Exchanging) -> None:
    """As every seal is: another sender's mailbox, a suite that is not listed, a time-stamp that is wanted."""
    two.rules(SEALED)
    body = readable(two, letter(two))
    row = posted(two, body, TYPES[Format.XML], side=two.stranger)
    assert (row.reason, row.codes) == ("seal-context", ("20006",))
    two.rules(MessageRules(protection=Protection.SEALED, suites=(Suite.CMS,)))
    assert posted(two, body, TYPES[Format.XML]).reason == "seal-suite-refused"
    two.rules(MessageRules(protection=Protection.SEALED, time_stamp=True))
    assert posted(two, readable(two, letter(two)), TYPES[Format.XML]).reason == "time-stamp-missing"


@pytest.mark.parametrize("form", Format)
def test_an_attachment_that_looks_like_a_seal_is_an_attachment(two: Exchanging, form: Format) -> None:
    """Its type says what it is: such a message in clear is delivered where messages are in clear."""
    found = resources()
    (binary,) = [one for one in found if one["resourceType"] == "Binary"]
    binary["content"] = b64encode(b'{"protected":"e30","note":"an example of a seal, for a lesson"}').decode()
    message = build(found, Sending(Party(ods="X26"), SENDER, "ITK007C", receiver=Party(ods="RY6")), now=two.place.now, random=two.sender.parts.random)
    row = posted(two, write(message, form), TYPES[form])
    assert (row.stage, row.reason, row.seal) == (Stage.OPENED, None, None)


@dataclass
class Legacy:
    """X26 signs with RSA and SHA-1; RY6 has a certificate for dataEncipherment: as ITK2 had it."""

    two: Exchanging
    signer: Held
    reader: Held

    def envelope(
        self, content: bytes, *, sender: str = "X26", to: str = "RY6", signer: Held | None = None, is_signed: bool = True, items: int = 1, is_encrypted: bool = True,
        **changes: Any,
    ) -> bytes:
        """A DistributionEnvelope around a content."""
        by = signer or self.signer
        clear = signed(content, by.private, by.certificate, **changes.pop("signature", {})) if is_signed else content
        body = encrypted(clear, [Reader(java_name(self.reader.certificate), self.reader.certificate)], **changes) if is_encrypted else b"<a/>"
        ids = [PAYLOAD_ID[:-1] + str(number) if number else PAYLOAD_ID for number in range(items)]
        manifest = "".join(f'<manifestitem id="{one}" mimetype="text/xml" base64="false" compressed="false" encrypted="{"true" if is_encrypted else "false"}"/>' for one in ids)
        payloads = b"".join(f'<payload id="{one}">'.encode() + body + b"</payload>" for one in ids)
        return (
            f'<DistributionEnvelope xmlns="urn:nhs-itk:ns:201005"><header service="urn:nhs-itk:services:201005:SendDocument" trackingid="2D37D9CA-5223-41C7-A159-F33D5A914EB5">'
            f'<addresslist><address uri="urn:nhs-uk:addressing:ods:{to}"/></addresslist><manifest count="{items}">{manifest}</manifest>'
            f'<senderAddress uri="urn:nhs-uk:addressing:ods:{sender}"/></header><payloads count="{items}">'
        ).encode() + payloads + b"</payloads></DistributionEnvelope>"

    def row(self, body: bytes, **more: Any) -> HandledMessage:
        """As it stands where it was sent to."""
        return posted(self.two, body, "text/xml", **more)


@pytest.fixture
def legacy(two: Exchanging) -> Legacy:
    """Both sides with keys of ITK2, and the switch on."""
    two.rules(LEGACY)
    signer = two.world.add("X26", Use.SIGNING, private=RSA_KEY, algorithm="RS256")
    reader = two.world.add("RY6", Use.ENCRYPTION, private=RSA_KEY, usages=("data_encipherment",), subject=common_name("ry6.example", "Messaging"))
    two.world.keys[reader.kid] = replace(two.world.keys[reader.kid], state=State.RETIRED)  # nobody seals to it any more
    two.world.keys = {signer.kid: two.world.keys.pop(signer.kid), **two.world.keys}  # nobody signs with it any more
    return Legacy(two, signer, reader)


def test_a_payload_of_itk2_is_opened_where_the_workflow_says_so(legacy: Legacy) -> None:
    """Decrypted, its signer believed, delivered, recorded and answered, as any other; what answers is sealed by the suite that is made."""
    message = letter(legacy.two)
    content = write(message)
    row = legacy.row(legacy.envelope(content))
    assert (row.stage, row.reason, row.seal, row.message_id) == (Stage.OPENED, None, "itk2-legacy", message.message_id)
    assert legacy.two.recipient.handler.content(row) == content
    (event,) = [event for event in legacy.two.recipient.events() if event["type"] == "MessageOpened"]
    assert (event["details"]["signer_kid"], event["details"]["opened_with"], event["details"]["seal"]) == (legacy.signer.kid, legacy.reader.kid, "itk2-legacy")
    (answer,) = [one for one in legacy.two.recipient.rows(Direction.OUT) if one.answers == row.message_id]
    assert (answer.codes, answer.seal, answer.stage) == (("20013",), "modern", Stage.SENT)
    again = legacy.row(legacy.envelope(content))
    assert (again.stage, again.codes) == (Stage.DUPLICATE, ("20007",))


@pytest.mark.parametrize("rules", [SEALED, MessageRules(), MessageRules(protection=Protection.SIGNED, suites=(Suite.XML, Suite.DETACHED))], ids=["sealed", "in clear", "signed"])
@pytest.mark.parametrize("body", ["whole", "not even an envelope"])
def test_without_the_switch_nothing_of_it_is_read(legacy: Legacy, rules: MessageRules, body: str) -> None:
    """Refused with `seal-suite-refused`, 20012, whatever it is: no key is used."""
    legacy.two.rules(rules)
    two, keys = legacy.two, dict(legacy.two.world.held)
    two.world.held = {kid: held for kid, held in keys.items() if two.world.keys[kid].use is Use.SIGNING}
    row = legacy.row(legacy.envelope(write(letter(two))) if body == "whole" else b"<itk:DistributionEnvelope>&rubbish;", local_id="5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9e03")
    assert (row.stage, row.reason, row.codes, row.content) == (Stage.REFUSED, "seal-suite-refused", ("20012",), None)
    assert [one.codes for one in two.recipient.rows(Direction.OUT)] == [("20012",)]


BROKEN: dict[str, tuple[Callable[[Legacy, bytes], bytes], str, str]] = {
    "not signed": (lambda its, content: its.envelope(content, is_signed=False), "seal-undecryptable", "10009"),
    "a digest of something else": (lambda its, content: its.envelope(content, signature={"digest": bytes(20)}), "seal-undecryptable", "10009"),
    "a key that does not unwrap": (lambda its, content: its.envelope(content, wrapped=bytes(256)), "seal-undecryptable", "10009"),
    "cipher text that was changed": (lambda its, content: its.envelope(content, changed=bytes(160)), "seal-undecryptable", "10009"),
    "signed by another organisation": (lambda its, content: its.envelope(content, signer=its.two.world.add("RQM", Use.SIGNING, private=RSA_KEY)), "seal-undecryptable", "10009"),
    "from another organisation": (
        lambda its, content: its.envelope(content, sender="RQM", signer=its.two.world.add("RQM", Use.SIGNING, private=RSA_KEY)), "signer-organisation", "20012"),
    "to somebody else": (lambda its, content: its.envelope(content, to="RQM"), "seal-context", "20006"),
    "two payloads": (lambda its, content: its.envelope(content, items=2), "seal-malformed", "10009"),
    "a clear payload": (lambda its, content: its.envelope(content, is_encrypted=False), "seal-encryption-missing", "20012"),
    "a count that is wrong": (lambda its, content: its.envelope(content).replace(b'count="1"', b'count="2"', 1), "seal-malformed", "10009"),
    "an entity": (lambda its, content: b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + its.envelope(content), "seal-malformed", "10009"),
    "a document of ITK2 inside": (lambda its, _content: its.envelope(b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>'), "message-invalid", "10009"),
    "text inside": (lambda its, _content: its.envelope(b64encode(b"a letter")), "message-invalid", "10009"),
}


@pytest.mark.parametrize(("make", "reason", "code"), BROKEN.values(), ids=BROKEN)
def test_a_payload_of_itk2_that_is_refused(legacy: Legacy, make: Callable[[Legacy, bytes], bytes], reason: str, code: str) -> None:
    """Kept for inspection, not delivered; once a private key is used all that is wrong is one word, until a signature is good."""
    body = make(legacy, write(letter(legacy.two)))
    row = legacy.row(body, local_id="5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9e03")
    assert (row.stage, row.reason, row.codes, row.content) == (Stage.REFUSED, reason, (code,), None)
    assert legacy.two.recipient.handler.content(row, sealed=True) == body
    assert [one.codes for one in legacy.two.recipient.rows(Direction.OUT)] == [(code,)]


def test_a_payload_of_itk2_has_no_time_stamp(legacy: Legacy) -> None:
    """So a workflow that wants time-stamps takes none of it, whatever it lists."""
    legacy.two.rules(MessageRules(protection=Protection.SEALED, suites=(Suite.MODERN, Suite.ITK2_LEGACY), time_stamp=True))
    row = legacy.row(legacy.envelope(write(letter(legacy.two))))
    assert (row.stage, row.reason) == (Stage.REFUSED, "time-stamp-missing")


def test_payloads_of_itk2_are_never_made(legacy: Legacy) -> None:
    """Where they are listed another suite is made; where nothing else is, nothing goes."""
    legacy.two.rules(MessageRules(protection=Protection.SEALED, suites=(Suite.ITK2_LEGACY, Suite.CMS)))
    assert legacy.two.send().seal == "cms"
    legacy.two.rules(MessageRules(protection=Protection.SEALED, suites=(Suite.ITK2_LEGACY,)))
    with pytest.raises(MessageRefused) as refused:
        legacy.two.send()
    assert refused.value.code == "seal-suite-refused"
