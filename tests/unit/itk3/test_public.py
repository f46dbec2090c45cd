"""Our messages read by others' models of FHIR, and a message of others read by us."""

from pathlib import Path
from typing import Final

import pytest
from fhir.resources.R4B.bundle import Bundle as R4Bundle
from fhir.resources.STU3.bundle import Bundle as STU3Bundle

from unit.itk3.sample import NOW, RECEIVER, counted, letter
from wardgate.fhir import Format, Version
from wardgate.itk3 import Issue, Message, Party, read, respond, write

PUBLISHED: Final = Path(__file__).parent / "response_10004.xml"
MODELS: Final = {Version.STU3: STU3Bundle, Version.R4: R4Bundle}


def messages(version: Version) -> tuple[Message, ...]:
    """A letter, and an answer to it."""
    sent = letter(version)
    return sent, respond(sent, "20013", sender=RECEIVER, endpoint="RY6OT002", now=NOW, random=counted("r"))


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("place", [0, 1])
def test_public_models_read_what_we_write(version: Version, place: int) -> None:
    """Our JSON is valid to them, with all that is required there, and says what we meant."""
    message = messages(version)[place]
    bundle = MODELS[version].model_validate_json(write(message, Format.JSON))
    header = bundle.entry[0].resource
    event = header.event if version is Version.STU3 else header.eventCoding
    assert (bundle.type, event.code, header.id, header.source.endpoint) == ("message", message.event, message.message_id, message.endpoint)
    handling = {one.url: one for one in header.extension[0].extension}
    assert handling["InfAckRequested"].valueBoolean is message.handling.infrastructure_ack
    as_we_write = bundle.model_dump_json().replace('Z"', '+00:00"')  # the other spelling of UTC
    assert read(as_we_write.encode()) == message


def test_public_models_read_our_xml() -> None:
    """As they read our JSON."""
    message = letter()
    from_xml = STU3Bundle.model_validate_xml(write(message))
    assert from_xml.model_dump_json() == STU3Bundle.model_validate_json(write(message, Format.JSON)).model_dump_json()


def test_a_published_response() -> None:
    """A refusal as it is published in examples of the specification; comments in it are passed over."""
    message = read(PUBLISHED.read_bytes())
    assert message.response is not None
    assert (message.response.identifier, message.response.code) == ("ea7221b8-3cc0-4b11-bc95-585b056b5427", "fatal-error")
    assert message.response.issues == (Issue("10004", "Message Definition Value - Processing Error", "fatal", "processing"),)
    assert (message.endpoint, message.sender, message.warnings) == ("NOROT003", Party(user="099945750518"), ())
    assert read(write(message)) == message
