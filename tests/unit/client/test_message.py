"""Messages sealed and opened by the SDK: every suite, and what does not belong together."""

import dataclasses
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from message_world import NOW, World
from unit.itk3.sample import SENDING, counted, resources
from wardgate.client.message import acknowledge, open_message, verify_message
from wardgate.client.message_seal import Recipient, SealOptions, context_of, seal_message
from wardgate.fhir import Format, Version
from wardgate.itk3 import ITK3Error, Message, Party, build, write
from wardgate.sealing import modern
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import Use
from wardgate.sealing.model import Purpose, Sealed, Statement, Suite, Transport

TO = (Recipient("RY6OT002", "RY6"),)
WORKFLOW = "WORKFLOW_A"
WAYS = {
    "modern": SealOptions(role="R8000"),
    "modern, folded": SealOptions(compress=True),
    "header readable": SealOptions(header_readable=True),
    "cms": SealOptions(Suite.CMS, Purpose.REVIEW),
    "xml": SealOptions(Suite.XML),
    "xml, signed": SealOptions(Suite.XML, encrypt=False),
    "detached": SealOptions(Suite.DETACHED),
}


@pytest.fixture(scope="module")
def world() -> World:
    """X26 signs, RY6 and RQM have keys to seal to."""
    made = World()
    made.add("X26", Use.SIGNING)
    made.add("RY6", Use.ENCRYPTION)
    made.add("RQM", Use.ENCRYPTION)
    return made


def letter(version: Version = Version.STU3, **changes: Any) -> Message:
    """A message of X26."""
    sending = dataclasses.replace(SENDING, sender=Party(ods="X26"), endpoint="X26OT001", **changes)
    return build(resources(version), sending, now=NOW, random=counted("a"), version=version)


def sealed(world: World, options: SealOptions = SealOptions(), form: Format = Format.XML, **changes: Any) -> Sealed:  # noqa: B008 - frozen
    """It, sealed for RY6."""
    asked: dict[str, Any] = {"recipients": TO, "workflow": WORKFLOW} | changes
    return seal_message(asked.pop("message", None) or letter(), keys=world, options=options, form=form, now=NOW, **asked)


def opened(world: World, seal: Sealed, **changes: Any) -> Any:
    """What RY6 finds inside."""
    asked: dict[str, Any] = {"transport": Transport("X26OT001", "RY6OT002", WORKFLOW), "require_encryption": seal.encrypted, "now": NOW} | changes
    return open_message(seal.body, keys=world, signature=seal.signature, **asked)


def code_of(act: Callable[[], Any]) -> str | None:
    """Why it is refused."""
    try:
        act()
    except (SealRefused, ITK3Error) as refused:
        return refused.code
    return None


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("way", WAYS)
def test_what_is_sealed_is_opened(world: World, way: str, form: Format) -> None:
    """The same message, read and bound to its seal."""
    options, message = WAYS[way], letter()
    seal = sealed(world, options, form)
    found = opened(world, seal)
    assert found.message == message
    assert found.facts.document_id == seal.context.document_id == message.payload["id"]  # type: ignore[index]
    (signature,) = found.opened.signatures
    assert (signature.organisation, signature.statement.purpose, signature.statement.role) == ("X26", options.purpose, options.role)
    assert (found.opened.suite, found.opened.encrypted) == (options.suite, way not in {"detached", "xml, signed"})


@pytest.mark.parametrize("way", ["modern", "header readable"])
def test_messages_of_r4(world: World, way: str) -> None:
    """They go the same way."""
    message = letter(Version.R4)
    found = opened(world, sealed(world, WAYS[way], message=message))
    assert (found.message.version, found.message) == (Version.R4, message)


def test_octets_are_sealed_as_they_are(world: World) -> None:
    """What was written is what is signed."""
    octets = write(letter()) + b"\n"
    assert opened(world, sealed(world, message=octets)).opened.content == octets


REFUSED = {
    "no key of ours": (lambda world: sealed(world, organisation=None, message=letter_of("RQX")), "signing-key-unavailable"),
    "for another organisation": (lambda world: sealed(world, organisation="RQM"), "signing-key-unavailable"),
    "no key of theirs": (lambda world: sealed(world, recipients=(Recipient("RQX01", "RQX"),)), "recipient-key-unknown"),
    "a suite that is never made": (lambda world: sealed(world, SealOptions(Suite.ITK2_LEGACY)), "seal-suite-refused"),
    "JOSE without encryption": (lambda world: sealed(world, SealOptions(encrypt=False)), "seal-suite-refused"),
    "a readable header of XML": (lambda world: sealed(world, SealOptions(Suite.XML, header_readable=True)), "seal-suite-refused"),
    "a readable header of one bundle": (lambda world: sealed(world, WAYS["header readable"], message=letter_of("X26", nested=False)), "seal-suite-refused"),
    "no message": (lambda world: sealed(world, message=b"<Bundle xmlns='http://hl7.org/fhir'/>"), "10009"),
    "brought by another mailbox": (lambda world: opened(world, sealed(world), transport=Transport("RQX01", "RY6OT002", WORKFLOW)), "seal-context"),
    "clear, where encryption is asked": (lambda world: opened(world, sealed(world, WAYS["detached"]), require_encryption=True), "seal-encryption-missing"),
    "a suite not allowed": (lambda world: opened(world, sealed(world), suites=(Suite.CMS,)), "seal-suite-refused"),
    "in clear": (lambda world: open_message(write(letter()), keys=world, now=NOW), "seal-signature-missing"),
    "ITK2": (lambda world: open_message(b"<DistributionEnvelope/>", keys=world, now=NOW), "seal-suite-refused"),
    "older than MESH keeps": (lambda world: opened(world, sealed(world), now=NOW + timedelta(days=36)), "signer-revocation-unknown"),
}


def letter_of(ods: str, *, nested: bool = True) -> Message:
    """A message of somebody else, or of another shape."""
    return build(resources(), dataclasses.replace(SENDING, sender=Party(ods=ods)), now=NOW, random=counted("a"), nested=nested)


@pytest.mark.parametrize("way", REFUSED)
def test_refusals(world: World, way: str) -> None:
    """Each with its code."""
    act, code = REFUSED[way]
    assert code_of(lambda: act(world)) == code


OTHERWISE = {"sender": "RQX01", "message_id": "other", "event": "ITK004D", "document_id": "other", "sender_ods": "RQM"}


@pytest.mark.parametrize("name", OTHERWISE)
def test_a_seal_that_says_something_else_than_its_message(world: World, name: str) -> None:
    """Each word of the context is compared with the header inside, whoever made such a seal."""
    if world.signing_key("RQM") is None:
        world.add("RQM", Use.SIGNING)
    context = dataclasses.replace(context_of(letter(), TO, WORKFLOW), **{name: OTHERWISE[name]})
    signer = world.signing_key(context.sender_ods)
    assert signer is not None
    seal = modern.seal(
        write(letter()), "application/fhir+xml", context, Statement(NOW), signer, world.encryption_keys("RY6")[:1], directory=world, now=NOW, random=os.urandom,
    )
    assert code_of(lambda: opened(world, seal, transport=None)) == "seal-context"


def test_evidence_is_verified_later(world: World) -> None:
    """Of a clear message with its signature; age alone is no matter, and nothing is said of the message."""
    seal = sealed(world, WAYS["detached"])
    (signature,) = verify_message(seal.body, keys=world, signature=seal.signature, now=NOW).signatures
    assert (signature.kid[:3], signature.covers[:4]) == ("x26", "all ")
    assert code_of(lambda: verify_message(seal.body + b" ", keys=world, signature=seal.signature, now=NOW)) == "signature-invalid"
    assert code_of(lambda: verify_message(seal.body, keys=world, now=NOW)) == "seal-signature-missing"
    assert verify_message(sealed(world, WAYS["header readable"]).body, keys=world, now=NOW).suite is Suite.MODERN


def test_an_answer_finds_its_way_back(world: World) -> None:
    """It names the message it answers, and is sealed like any other."""
    world.add("RY6", Use.SIGNING)
    world.add("X26", Use.ENCRYPTION)
    received = opened(world, sealed(world))
    answer = acknowledge(received, "20013", mailbox="RY6OT002", organisation="RY6", now=NOW)
    seal = seal_message(answer, [Recipient("X26OT001", "X26")], f"{WORKFLOW}_ACK", keys=world, now=NOW)
    response = open_message(seal.body, keys=world, now=NOW).message.response
    assert response is not None
    assert (response.identifier, response.code) == (received.message.message_id, "ok")
    with pytest.raises(ValueError, match="ITK-ResponseCodes-1"):
        acknowledge(received, "99999", mailbox="RY6OT002", organisation="RY6")
