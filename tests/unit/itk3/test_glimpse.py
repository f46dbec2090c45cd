"""What is read of a header that belongs to no valid message."""

import json

import pytest

from unit.itk3.sample import NOW, RECEIVER, counted, letter
from wardgate.fhir import Format, Version
from wardgate.itk3 import Original, original, respond, write
from wardgate.itk3.glimpse import form_of, header_of, original_of


def seen(data: bytes, form: Format | None = None) -> Original:
    """What is seen."""
    return original_of(header_of(data, form or form_of(data)), Version.STU3)


@pytest.mark.parametrize("form", Format)
def test_all_of_a_header_is_seen(form: Format) -> None:
    """As much as of a message that was read."""
    assert seen(write(letter(), form)) == original(letter())
    answer = respond(letter(), "30001", sender=RECEIVER, endpoint="RY6OT002", now=NOW, random=counted("r"))
    assert seen(write(answer, form)).response_identifier == letter().message_id
    assert seen(write(answer, form)).is_response


def test_of_xml_it_is_seen_however_it_ends() -> None:
    """Every cut behind the header gives the same; every cut within it gives nothing."""
    data = write(letter())
    end = data.index(b"</MessageHeader>") + len(b"</MessageHeader>")
    assert {seen(data[:place]) for place in range(0, end, 97)} == {Original()}
    assert {seen(data[:place]) for place in range(end, len(data), 97)} == {original(letter())}


WRONG = (
    ("id", "a b"), ("id", "x" * 65), ("id", ["a", "b"]), ("id", {"id": "a"}), ("id", None), ("id", 5), ("extension", []), ("extension", "x"),
    ("extension", [{"url": None}]), ("extension", [{"url": "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-ITK-MessageHandling-2", "extension": "x"}]),
    ("event", "ITK007C"), ("event", [{"code": "ITK007C"}, {"code": "ITK008M"}]), ("event", {"code": "a\nb"}), ("response", {"identifier": "<x>"}),
)  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_what_is_of_no_form_is_not_seen(name: str, value: object) -> None:
    """An answer, and a log, never carries what somebody wrote in place of an id."""
    bundle = json.loads(write(letter(), Format.JSON))
    bundle["entry"][0]["resource"][name] = value
    found = seen(json.dumps(bundle).encode())
    whole = original(letter())
    assert {"id": found.message_id, "event": found.event, "response": found.response_identifier, "extension": found.infrastructure_ack}[name] is None
    assert found.message_id in {None, whole.message_id}
    assert found.event in {None, whole.event}


def test_what_is_seen_is_bounded() -> None:
    """Depth, elements, document types and a header beyond the first megabyte."""
    start, header = b'<Bundle xmlns="http://hl7.org/fhir">', b'<MessageHeader><id value="a"/>%s</MessageHeader>'
    assert seen(start + header % b"").message_id == "a"
    for data in (
        start + header % (b"<a>" * 70 + b"</a>" * 70), start + header % (b"<a/>" * 60_000), b"<!DOCTYPE Bundle>" + start + header % b"",
        start + b" " * 1_100_000 + header % b"", b'{"a":' * 5_000, b'{"resourceType":"MessageHeader","id":' + b"[" * 100_000,
    ):  # fmt: skip
        assert seen(data) == Original()
