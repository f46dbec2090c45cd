"""Messages that are refused: each with the code that answers it, and the element that is wrong (itk3-messaging 1.2 to 1.8)."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.itk3.sample import NHS_NUMBER, NOW, SENDER, counted, letter
from wardgate import fhir
from wardgate.fhir import Format, Version
from wardgate.itk3 import (
    RESPONSE_CODE_ROWS,
    ITK3Error,
    NotAccepted,
    NotReadable,
    Rules,
    accept,
    bundle_of,
    read,
    respond,
    write,
)

Change = Callable[[dict[str, Any]], object]
LAX: Final = Rules(strict=False)
URN: Final = "urn:uuid:5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9eff"
HEADER: Final = "Bundle.entry[0].resource.MessageHeader"
HANDLING: Final = f"{HEADER}.extension[0]"
PAYLOAD: Final = "Bundle.entry[3].resource.Bundle"
COMPOSITION: Final = f"{PAYLOAD}.entry[0].resource.Composition"


def header(bundle: dict[str, Any]) -> dict[str, Any]:
    """The header in a bundle."""
    found: dict[str, Any] = bundle["entry"][0]["resource"]
    return found


def keys(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    """The keys of its handling extension."""
    found: list[dict[str, Any]] = header(bundle)["extension"][0]["extension"]
    return found


def payload(bundle: dict[str, Any]) -> dict[str, Any]:
    """Its document."""
    found: dict[str, Any] = bundle["entry"][3]["resource"]
    return found


def inside(bundle: dict[str, Any], place: int) -> dict[str, Any]:
    """A resource of its document."""
    found: dict[str, Any] = payload(bundle)["entry"][place]["resource"]
    return found


def put(found: dict[str, Any], name: str, value: Any) -> None:
    """Set a member."""
    found[name] = value


def key(place: int, **value: Any) -> Change:
    """Give a key another value."""
    return lambda bundle: put(keys(bundle), place, {"url": keys(bundle)[place]["url"]} | value)  # type: ignore[arg-type]


def coding(**more: Any) -> dict[str, Any]:
    """A recipient type."""
    return {"system": "https://fhir.nhs.uk/STU3/CodeSystem/ITK-RecipientType-1", "code": "FA"} | more


def definition(url: str, **more: Any) -> dict[str, Any]:
    """A reference to a definition."""
    return {"valueReference": {"reference": url} | more}


NATIONAL: Final = "https://fhir.nhs.uk/STU3/MessageDefinition/"
KEYS: Final[tuple[tuple[str, str, str, Change], ...]] = (
    ("no handling", "10001", f"{HEADER}.extension", lambda b: header(b).pop("extension")),
    ("handling twice", "10001", f"{HEADER}.extension", lambda b: header(b)["extension"].append(header(b)["extension"][0])),
    ("another version of handling", "10005", f"{HANDLING}.url", lambda b: put(header(b)["extension"][0], "url", header(b)["extension"][0]["url"][:-1] + "3")),
    ("an empty handling", "10001", HANDLING, lambda b: put(header(b)["extension"][0], "extension", [{"url": "LocalExtension", "valueString": "x"}])),
    ("no InfAckRequested", "10001", HANDLING, lambda b: keys(b).pop(1)),
    ("no SenderReference", "10001", HANDLING, lambda b: keys(b).pop(4)),
    ("no LocalExtension", "10001", HANDLING, lambda b: keys(b).pop(5)),
    ("a key twice", "10001", f"{HANDLING}.extension[6]", lambda b: keys(b).append(keys(b)[0])),
    ("a priority", "10001", f"{HANDLING}.extension[6]", lambda b: keys(b).append({"url": "PriorityFlag", "valueBoolean": True})),
    ("a key of nobody", "10001", f"{HANDLING}.extension[6]", lambda b: keys(b).append({"url": "SealProfile", "valueString": "itk3-seal-1"})),
    ("no local value", "10001", f"{HANDLING}.extension[5]", key(5, extension=[{"url": "x", "valueString": "y"}])),
    ("BusAck as text", "10003", f"{HANDLING}.extension[0]", key(0, valueString="true")),
    ("InfAck as text", "10002", f"{HANDLING}.extension[1]", key(1, valueString="true")),
    ("InfAck with more", "10002", f"{HANDLING}.extension[1]", key(1, valueBoolean=True, extension=[{"url": "x", "valueString": "y"}])),
    ("an unknown recipient type", "10010", f"{HANDLING}.extension[2].valueCoding", key(2, valueCoding=coding(code="XX"))),
    ("a recipient type of another system", "10010", f"{HANDLING}.extension[2].valueCoding", key(2, valueCoding=coding(system="https://x"))),
    ("a recipient type with a version", "10010", f"{HANDLING}.extension[2].valueCoding", key(2, valueCoding=coding(version="1"))),
    ("no absolute definition", "10004", f"{HANDLING}.extension[3].valueReference", key(3, **definition("MessageDefinition/1"))),
    ("an unknown definition", "10004", f"{HANDLING}.extension[3].valueReference", key(3, **definition(f"{NATIONAL}ITK-X-MessageDefinition-1"))),
    ("somebody's definition", "10004", f"{HANDLING}.extension[3].valueReference", key(3, **definition("https://example.org/MessageDefinition/1"))),
    ("a definition with a display", "10004", f"{HANDLING}.extension[3].valueReference", key(3, **definition(f"{NATIONAL}ITK-SendPayload-MessageDefinition-1", display="x"))),
    ("a definition's version", "10005", f"{HANDLING}.extension[3].valueReference", key(3, **definition(f"{NATIONAL}ITK-GPConnectSendDocument-MessageDefinition-9"))),
    ("a long reference", "10007", f"{HANDLING}.extension[4]", key(4, valueString="x" * 256)),
    ("a reference that is none", "10007", f"{HANDLING}.extension[4]", key(4, valueBoolean=True)),
    ("the definition of a response", "10008", f"{HEADER}.extension", key(3, **definition(f"{NATIONAL}ITK-Response-MessageDefinition-1"))),
    ("business without infrastructure", "10008", f"{HEADER}.extension", key(1, valueBoolean=False)),
    ("flags that the payload has otherwise", "10008", f"{HEADER}.extension", key(0, valueBoolean=False)),
)  # fmt: skip
SHAPE: Final[tuple[tuple[str, str, str, Change], ...]] = (
    ("no bundle", "10009", "Bundle.type", lambda b: put(b, "type", "document")),
    ("no id", "20006", "Bundle.id", lambda b: b.pop("id")),
    ("no identifier", "20006", "Bundle.identifier.value", lambda b: b["identifier"].pop("value")),
    ("a total", "20006", "Bundle.total", lambda b: put(b, "total", 1)),
    ("a link", "20006", "Bundle.link", lambda b: put(b, "link", [{"relation": "self", "url": "https://x"}])),
    ("a signature", "20006", "Bundle.signature", lambda b: put(b, "signature", {"whoUri": "https://x"})),
    ("a search", "20006", "Bundle.entry[1].search", lambda b: put(b["entry"][1], "search", {"mode": "match"})),
    ("a request", "20006", "Bundle.entry[1].request", lambda b: put(b["entry"][1], "request", {"method": "POST", "url": "x"})),
    ("a response in an entry", "20006", "Bundle.entry[1].response", lambda b: put(b["entry"][1], "response", {"status": "200"})),
    ("a link in an entry", "20006", "Bundle.entry[1].link", lambda b: put(b["entry"][1], "link", [{"relation": "self", "url": "https://x"}])),
    ("no entries", "20006", "Bundle.entry", lambda b: b.pop("entry")),
    ("no resource", "20006", "Bundle.entry[1]", lambda b: b["entry"][1].pop("resource")),
    ("no URL", "20006", "Bundle.entry[1].fullUrl", lambda b: b["entry"][1].pop("fullUrl")),
    ("another URL", "20006", "Bundle.entry[1].fullUrl", lambda b: put(b["entry"][1], "fullUrl", "https://example.org/Organization/1")),
    ("a URL twice", "20006", "Bundle.entry[2].fullUrl", lambda b: put(b["entry"][2], "fullUrl", b["entry"][1]["fullUrl"].upper().replace("URN:UUID", "urn:uuid"))),
    ("no header", "20006", "Bundle.entry[0].resource", lambda b: b["entry"].reverse()),
    ("a header without id", "20006", f"{HEADER}.id", lambda b: header(b).pop("id")),
    ("another version of the header", "10005", f"{HEADER}.meta.profile", lambda b: put(header(b)["meta"], "profile", [header(b)["meta"]["profile"][0][:-1] + "3"])),
    ("a destination", "20006", f"{HEADER}.destination", lambda b: put(header(b), "destination", [{"endpoint": "https://x"}])),
    ("an author", "20006", f"{HEADER}.author", lambda b: put(header(b), "author", {"reference": URN})),
    ("an enterer", "20006", f"{HEADER}.enterer", lambda b: put(header(b), "enterer", {"reference": URN})),
    ("a responsible", "20006", f"{HEADER}.responsible", lambda b: put(header(b), "responsible", {"reference": URN})),
    ("a reason", "20006", f"{HEADER}.reason", lambda b: put(header(b), "reason", {"text": "x"})),
    ("a software", "20006", f"{HEADER}.source.software", lambda b: put(header(b)["source"], "software", "x")),
    ("no mailbox", "20006", f"{HEADER}.source.endpoint", lambda b: header(b).pop("source")),
    ("no event", "20006", f"{HEADER}.event", lambda b: header(b).pop("event")),
    ("an event of another system", "20006", f"{HEADER}.event", lambda b: put(header(b)["event"], "system", "https://x")),
    ("an event without display", "20006", f"{HEADER}.event", lambda b: header(b)["event"].pop("display")),
    ("an event that is not known", "20006", f"{HEADER}.event.code", lambda b: put(header(b)["event"], "code", "ITK999X")),
    ("an event with a version", "20006", f"{HEADER}.event.version", lambda b: put(header(b)["event"], "version", "1")),
    ("no time", "20006", f"{HEADER}.timestamp", lambda b: header(b).pop("timestamp")),
    ("a day that is none", "20006", f"{HEADER}.timestamp", lambda b: put(header(b), "timestamp", "2026-02-30T10:00:00Z")),
    ("no sender", "20006", f"{HEADER}.sender.reference", lambda b: header(b).pop("sender")),
    ("a sender elsewhere", "20006", f"{HEADER}.sender.reference", lambda b: put(header(b)["sender"], "reference", URN)),
    ("a receiver elsewhere", "20006", f"{HEADER}.receiver.reference", lambda b: put(header(b)["receiver"], "reference", URN)),
    ("a sender that is a document", "20006", "Bundle.entry[3].resource", lambda b: put(header(b)["sender"], "reference", b["entry"][3]["fullUrl"])),
    ("a sender with a name", "20006", "Bundle.entry[1].resource.Organization.name", lambda b: put(b["entry"][1]["resource"], "name", "Hospital")),
    ("a sender without code", "20006", "Bundle.entry[1].resource.Organization.identifier", lambda b: b["entry"][1]["resource"].pop("identifier")),
    ("a sender with two codes", "20006", "Bundle.entry[1].resource.Organization.identifier", lambda b: b["entry"][1]["resource"]["identifier"].append(b["entry"][1]["resource"]["identifier"][0])),
    ("no payload", "20006", f"{HEADER}.focus", lambda b: header(b).pop("focus")),
    ("two payloads", "20006", f"{HEADER}.focus", lambda b: header(b)["focus"].append(header(b)["focus"][0])),
    ("a payload elsewhere", "20006", f"{HEADER}.focus[0].reference", lambda b: put(header(b)["focus"][0], "reference", URN)),
    ("a resource beside", "20006", "Bundle.entry[4].resource", lambda b: b["entry"].append({"fullUrl": URN, "resource": {"resourceType": "Patient"}})),
    ("a second header", "20006", "Bundle.entry[4].resource", lambda b: b["entry"].append({"fullUrl": URN, "resource": header(b)})),
    ("a response without its event", "20006", f"{HEADER}.response", lambda b: put(header(b), "response", {"identifier": "x", "code": "ok"})),
)  # fmt: skip
CONTENT: Final[tuple[tuple[str, str, str, Change], ...]] = (
    ("a history", "20009", f"{PAYLOAD}.type", lambda b: put(payload(b), "type", "history")),
    ("a signature inside", "20009", f"{PAYLOAD}.signature", lambda b: put(payload(b), "signature", {"whoUri": "https://x"})),
    ("no identifier inside", "20009", f"{PAYLOAD}.identifier.value", lambda b: payload(b)["identifier"].pop("value")),
    ("no system of the identifier", "20009", f"{PAYLOAD}.identifier.system", lambda b: payload(b)["identifier"].pop("system")),
    ("no date", "20009", f"{PAYLOAD}.meta.lastUpdated", lambda b: payload(b)["meta"].pop("lastUpdated")),
    ("no composition", "20009", f"{PAYLOAD}.entry[0].resource", lambda b: payload(b)["entry"].reverse()),
    ("two compositions", "20009", f"{PAYLOAD}.entry[4].resource", lambda b: payload(b)["entry"].append({"fullUrl": URN, "resource": inside(b, 0)})),
    ("a document in the document", "20009", f"{PAYLOAD}.entry[4].resource", lambda b: payload(b)["entry"].append({"fullUrl": URN, "resource": deepcopy(payload(b))})),
    ("no composition identifier", "20009", f"{COMPOSITION}.identifier.value", lambda b: inside(b, 0).pop("identifier")),
    ("no status", "20009", f"{COMPOSITION}.status", lambda b: inside(b, 0).pop("status")),
    ("no author", "20009", f"{COMPOSITION}.author", lambda b: inside(b, 0).pop("author")),
    ("no subject", "20009", f"{COMPOSITION}.subject", lambda b: inside(b, 0).pop("subject")),
    ("a patient elsewhere", "20009", f"{COMPOSITION}.subject.reference", lambda b: put(inside(b, 0), "subject", {"reference": "https://example.org/Patient/1"})),
    ("a patient that is not there", "20009", f"{COMPOSITION}.subject.reference", lambda b: put(inside(b, 0), "subject", {"reference": URN})),
    ("a contained that is not there", "20009", f"{COMPOSITION}.author[0].reference", lambda b: put(inside(b, 0), "author", [{"reference": "#a"}])),
    ("a URL twice inside", "20009", f"{PAYLOAD}.entry[2].fullUrl", lambda b: put(payload(b)["entry"][2], "fullUrl", payload(b)["entry"][1]["fullUrl"])),
    ("a photo elsewhere", "20009", f"{PAYLOAD}.entry[1].resource.Patient.photo[0].url", lambda b: put(inside(b, 1), "photo", [{"url": "https://example.org/a.png"}])),
    ("who may see it", "20009", f"{PAYLOAD}.entry[3].resource.Binary.securityContext", lambda b: put(inside(b, 3), "securityContext", {"reference": payload(b)["entry"][1]["fullUrl"]})),
    ("an empty attachment", "20009", f"{PAYLOAD}.entry[3].resource.Binary", lambda b: inside(b, 3).pop("content")),
    ("no type of attachment", "20009", f"{PAYLOAD}.entry[3].resource.Binary", lambda b: inside(b, 3).pop("contentType")),
    ("no base64", "20009", f"{PAYLOAD}.entry[3].resource.Binary", lambda b: put(inside(b, 3), "content", "AAAAA")),
    ("an unknown type", "20005", f"{PAYLOAD}.entry[3].resource.Binary.contentType", lambda b: put(inside(b, 3), "contentType", "application/x-msdownload")),
    ("a photo without type", "20005", f"{PAYLOAD}.entry[1].resource.Patient.photo[0].contentType", lambda b: put(inside(b, 1), "photo", [{"data": "AAAA"}])),
    ("a program that says it is text", "20004", f"{PAYLOAD}.entry[3].resource.Binary", lambda b: put(inside(b, 3), "content", "TVqQAAMAAAA=")),
    ("text that says it is PDF", "20004", f"{PAYLOAD}.entry[3].resource.Binary", lambda b: put(inside(b, 3), "contentType", "application/pdf")),
)  # fmt: skip
ROWS: Final = (*KEYS, *SHAPE, *CONTENT)


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize(("code", "where", "change"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_fault_has_its_code_and_its_place(code: str, where: str, change: Change, form: Format) -> None:
    """In XML as in JSON; the text says no value, and what it is of can still be answered."""
    bundle = deepcopy(bundle_of(letter()))
    change(bundle)
    with pytest.raises(ITK3Error) as refused:
        read(fhir.write(bundle, form, Version.STU3))
    first = refused.value.problems[0]
    assert (first.code, first.where) == (code, where)
    assert refused.value.code == code
    assert type(refused.value) is (NotReadable if code == "10009" else NotAccepted)
    assert NHS_NUMBER not in str(refused.value)
    if "entry" in bundle and "id" in header(bundle):
        assert form is Format.JSON or refused.value.original.message_id == letter().message_id


def test_all_that_is_wrong_is_named_up_to_a_number() -> None:
    """In the order of the message; a thousand faults are a hundred problems."""
    bundle = deepcopy(bundle_of(letter()))
    bundle["total"] = 1
    inside(bundle, 0).pop("status")
    inside(bundle, 1)["photo"] = [{"url": "https://example.org/a.png"}] * 1_000
    with pytest.raises(NotAccepted) as refused:
        accept(bundle, Version.STU3)
    assert [one.where for one in refused.value.problems[:3]] == ["Bundle.total", f"{COMPOSITION}.status", f"{PAYLOAD}.entry[1].resource.Patient.photo[0].url"]
    assert len(refused.value.problems) == 100


NOT_FHIR: Final = (
    ("InfAck", '<extension url="InfAckRequested"><valueBoolean value="true"', '<extension url="InfAckRequested"><valueBoolean value="yes"', "10002"),
    ("BusAck", '<extension url="BusAckRequested"><valueBoolean value="true"', '<extension url="BusAckRequested"><valueFlag value="true"', "10003"),
    ("reference", '<valueString value="SYNTH-ENC-0001"', '<valueString value=""', "10007"),
    ("recipient type", '<code value="FA"', '<code value=" FA"', "10010"),
    ("definition", "<valueReference>", '<valueReference><x value="a"/>', "10004"),
    ("local", '<extension url="LocalExtension"><valueString value="None"', '<extension url="LocalExtension"><valueString value=""', "10001"),
    ("header", "<event>", '<happening value="x"/><event>', "20006"),
    ("a time without offset", '<timestamp value="2026-01-05T10:00:00+00:00"', '<timestamp value="2026-01-05T10:00:00"', "20006"),
    ("sender", "<Organization>", '<Organization><x value="a"/>', "20006"),
    ("entry", "<fullUrl", "<url", "20006"),
    ("outer", '<type value="message"', '<kind value="message"', "20006"),
    ("payload", "<Composition>", '<Composition><x value="a"/>', "20009"),
    ("a resource of no kind", "<Composition>", "<Composition2><x/></Composition2><Composition>", "20009"),
    ("root", "<Bundle xmlns", "<Sack xmlns", "10009"),
    ("not well-formed", "<Composition>", "<Composition>&nbsp;", "10009"),
    ("a document type", "<Bundle xmlns", "<!DOCTYPE Bundle [<!ENTITY a 'b'>]><Bundle xmlns", "10009"),
)


@pytest.mark.parametrize(("old", "new", "code"), [row[1:] for row in NOT_FHIR], ids=[row[0] for row in NOT_FHIR])
def test_what_is_not_fhir_is_answered_by_its_place(old: str, new: str, code: str) -> None:
    """A value of another type in a key is that key's fault; in the header the header's; in the payload the payload's."""
    text = write(letter()).decode()
    assert old in text
    with pytest.raises(ITK3Error) as refused:
        read(text.replace(old, new, 1).encode())
    assert refused.value.code == code


UNREADABLE: Final = (b"", b"  ", b"\0" * 50, b"hello", b"<", b"{", b"[]", b"{}", b'{"resourceType":"Bundle"}', b'{"resourceType":"Patient"}', b'<Patient xmlns="http://hl7.org/fhir"/>')


@pytest.mark.parametrize("data", UNREADABLE)
def test_what_is_no_message_is_unreadable(data: bytes) -> None:
    """10009, and nothing to name in the answer."""
    with pytest.raises(NotReadable) as refused:
        read(data)
    assert refused.value.code == "10009"
    assert refused.value.original.message_id is None


@given(st.binary(max_size=300), st.sampled_from([None, *Format]))
def test_bytes_of_any_kind(data: bytes, form: Format | None) -> None:
    """Whatever arrives is a message or a fault of ours."""
    with pytest.raises(ITK3Error) as refused:
        read(data, form=form)
    assert refused.value.code in RESPONSE_CODE_ROWS


@given(st.data())
def test_a_message_with_any_part_changed(data: st.DataObject) -> None:
    """A member that is lost or changed gives the same message, another one, or a fault with a code: never another error."""
    bundle = json.loads(write(letter(), Format.JSON))
    spot: Any = bundle
    for _ in range(data.draw(st.integers(0, 12))):
        if not isinstance(spot, dict | list) or not spot:
            break
        name = data.draw(st.sampled_from(sorted(spot) if isinstance(spot, dict) else range(len(spot))))
        if data.draw(st.booleans()):
            spot[name] = data.draw(st.sampled_from([None, "", "x", 1, True, [], {}, "urn:uuid:x", {"resourceType": "Bundle"}]))
            break
        spot = spot[name]
    assert outcome(json.dumps(bundle).encode()) in {"read", *RESPONSE_CODE_ROWS}


def outcome(data: bytes) -> str:
    """Read, or the code of the fault."""
    try:
        read(data)
    except ITK3Error as refused:
        return refused.code if NHS_NUMBER not in str(refused) else "a value in the text"
    return "read"


def test_limits() -> None:
    """Bytes, entries, values and depth: all of them 20015, and the header is named when it can be."""
    data = write(letter())
    with pytest.raises(NotAccepted) as refused:
        read(data, Rules(max_bytes=len(data) - 1))
    assert (refused.value.code, refused.value.original.message_id) == ("20015", letter().message_id)
    with pytest.raises(NotAccepted) as refused:
        read(data, Rules(max_entries=7))
    assert (refused.value.code, refused.value.problems[0].where) == ("20015", "Bundle.entry")
    assert read(data, Rules(max_bytes=len(data), max_entries=8)) == letter()
    deep = data.replace(b"<Composition>", b"<Composition>" + b'<extension url="x">' * 70 + b"</extension>" * 70)
    with pytest.raises(NotAccepted) as refused:
        read(deep)
    assert refused.value.code == "20015"
    many = data.replace(b"<Composition>", b"<Composition>" + b"<language/>" * 300_000)
    with pytest.raises(NotAccepted) as refused:
        read(many)
    assert refused.value.code == "20015"


def test_a_large_attachment_is_within_the_limit() -> None:
    """4 MB of it, which a resource of its own may not have."""
    bundle = deepcopy(bundle_of(letter()))
    inside(bundle, 3)["content"] = "QUJD" * 1_000_000
    for form in Format:
        assert (read(fhir.write(bundle, form, Version.STU3)).payload or {})["entry"][3]["resource"]["content"] == "QUJD" * 1_000_000


LENIENT: Final[tuple[tuple[str, Change, str], ...]] = (
    ("PriorityFlag", lambda b: keys(b).append({"url": "PriorityFlag", "valueBoolean": True}), f"{HANDLING}.extension[6]"),
    ("a key of nobody", lambda b: keys(b).append({"url": "SealProfile", "valueString": "x"}), f"{HANDLING}.extension[6]"),
    ("no LocalExtension", lambda b: keys(b).pop(5), HANDLING),
    ("flags that the payload has otherwise", key(0, valueBoolean=False), f"{HEADER}.extension"),
    ("a national definition that is not known", key(3, **definition(f"{NATIONAL}ITK-X-MessageDefinition-1")), f"{HANDLING}.extension[3].valueReference"),
    ("a sender with a name", lambda b: put(b["entry"][1]["resource"], "name", "Hospital"), "Bundle.entry[1].resource.Organization.name"),
    ("a resource beside", lambda b: b["entry"].append({"fullUrl": URN, "resource": {"resourceType": "Patient"}}), "Bundle.entry[4].resource"),
    ("no date", lambda b: payload(b)["meta"].pop("lastUpdated"), f"{PAYLOAD}.meta.lastUpdated"),
)  # fmt: skip


@pytest.mark.parametrize(("change", "where"), [row[1:] for row in LENIENT], ids=[row[0] for row in LENIENT])
def test_a_lenient_reader_passes_some_over_and_says_so(change: Change, where: str) -> None:
    """What a strict one refuses is a warning, and the message is the same else."""
    bundle = deepcopy(bundle_of(letter()))
    change(bundle)
    with pytest.raises(NotAccepted):
        accept(deepcopy(bundle), Version.STU3)
    message = accept(bundle, Version.STU3, LAX)
    assert message.message_id == letter().message_id
    assert [warning.partition(": ")[0] for warning in message.warnings] == [where]


def test_what_was_agreed_locally_is_read() -> None:
    """Keys, definitions and events that both sides know, and they are written again."""
    bundle = deepcopy(bundle_of(letter()))
    keys(bundle).append({"url": "SealProfile", "valueString": "itk3-seal-1"})
    keys(bundle)[3] |= definition("https://example.org/MessageDefinition/1")
    header(bundle)["event"] |= {"code": "LOCAL1", "display": "Local"}
    rules = Rules(local_keys=frozenset({"SealProfile"}), other_definitions=frozenset({"https://example.org/MessageDefinition/1"}), events={"LOCAL1": "Local"})
    message = accept(bundle, Version.STU3, rules)
    assert message.handling.more == ({"url": "SealProfile", "valueString": "itk3-seal-1"},)
    assert read(write(message, rules=rules), rules) == message


def test_types_of_attachments_are_settings() -> None:
    """Not supported is 20005; supported but not approved is 20004."""
    data = write(letter())
    for rules, code in ((Rules(supported_types=frozenset({"image/png"})), "20005"), (Rules(approved_types=frozenset({"image/png"})), "20004")):
        with pytest.raises(NotAccepted) as refused:
            read(data, rules)
        assert refused.value.code == code


RESPONSES: Final[tuple[tuple[str, str, str, Change], ...]] = (
    ("no details", "20006", f"{HEADER}.response.details.reference", lambda b: header(b)["response"].pop("details")),
    ("no identifier", "20006", f"{HEADER}.response", lambda b: header(b)["response"].pop("identifier")),
    ("another code", "20006", f"{HEADER}.response", lambda b: put(header(b)["response"], "code", "fine")),
    ("an outcome that is none", "20006", "Bundle.entry[1].resource", lambda b: put(header(b)["response"]["details"], "reference", b["entry"][1]["fullUrl"])),
    ("no issue", "20006", "Bundle.entry[2].resource.OperationOutcome.issue", lambda b: b["entry"][2]["resource"].pop("issue")),
    ("an issue without display", "20006", "Bundle.entry[2].resource.OperationOutcome.issue[0].details.coding", lambda b: issue(b)["details"]["coding"][0].pop("display")),
    ("an issue of another system", "20006", "Bundle.entry[2].resource.OperationOutcome.issue[0].details.coding", lambda b: put(issue(b)["details"]["coding"][0], "system", "https://x")),
    ("an issue with a code of nobody", "20006", "Bundle.entry[2].resource.OperationOutcome.issue[0].details.coding[0].code", lambda b: put(issue(b)["details"]["coding"][0], "code", "10006")),
    ("an issue without severity", "20006", "Bundle.entry[2].resource.OperationOutcome.issue[0]", lambda b: issue(b).pop("severity")),
    ("ok that is not", "20006", f"{HEADER}.response.code", lambda b: put(header(b)["response"], "code", "fatal-error")),
    ("a response with another event", "20006", f"{HEADER}.response", lambda b: put(header(b)["event"], "code", "ITK012M")),
    ("a response that asks for business", "10008", f"{HEADER}.extension", lambda b: put(keys(b)[0], "valueBoolean", True)),
)  # fmt: skip


def issue(bundle: dict[str, Any]) -> dict[str, Any]:
    """The issue of a response."""
    found: dict[str, Any] = bundle["entry"][2]["resource"]["issue"][0]
    return found


@pytest.mark.parametrize(("code", "where", "change"), [row[1:] for row in RESPONSES], ids=[row[0] for row in RESPONSES])
def test_responses_that_are_refused(code: str, where: str, change: Change) -> None:
    """A response is a message too."""
    bundle = deepcopy(bundle_of(respond(letter(), "20013", sender=SENDER, endpoint="X26OT001", now=NOW, random=counted())))
    assert accept(bundle, Version.STU3).is_response
    change(bundle)
    with pytest.raises(NotAccepted) as refused:
        accept(bundle, Version.STU3)
    assert (code, where) in [(one.code, one.where) for one in refused.value.problems]


def test_a_lenient_reader_takes_a_response_without_all_keys_or_names() -> None:
    """As test harnesses write them: the flags that are missing are false, and its sender has a name only."""
    bundle = deepcopy(bundle_of(respond(letter(), "20013", sender=SENDER, endpoint="X26OT001", now=NOW, random=counted())))
    header(bundle)["extension"][0]["extension"] = keys(bundle)[1:3]
    bundle["entry"][1]["resource"] = {"resourceType": "Practitioner", "name": [{"family": "Harness"}]}
    message = accept(bundle, Version.STU3, LAX)
    assert (message.handling.business_ack, message.handling.infrastructure_ack, message.sender.is_person) == (False, False, True)
    with pytest.raises(NotAccepted):
        accept(bundle, Version.STU3)


R4: Final[tuple[tuple[str, str, str, Change], ...]] = (
    ("an event of another kind", "20006", f"{HEADER}.eventUri", lambda b: put(header(b), "eventUri", "https://x")),
    ("no time", "20006", "Bundle.timestamp", lambda b: b.pop("timestamp")),
    ("two destinations", "20006", f"{HEADER}.destination", lambda b: header(b)["destination"].append({"endpoint": "https://x"})),
    ("another definition", "10004", f"{HEADER}.definition", lambda b: put(header(b), "definition", "https://example.org/x")),
)  # fmt: skip


@pytest.mark.parametrize(("code", "where", "change"), [row[1:] for row in R4], ids=[row[0] for row in R4])
def test_faults_of_r4(code: str, where: str, change: Change) -> None:
    """What R4 has elsewhere."""
    bundle = deepcopy(bundle_of(letter(Version.R4)))
    change(bundle)
    with pytest.raises(NotAccepted) as refused:
        read(fhir.write(bundle, Format.XML, Version.R4))
    assert (refused.value.code, refused.value.problems[0].where, refused.value.original.version) == (code, where, Version.R4)


def test_r4_is_known_by_its_header() -> None:
    """By the name of its event's element, whatever prefix it has, and not by text; the version can be given too."""
    data = write(letter(Version.R4))
    assert read(data).version is Version.R4
    prefixed = data.replace(b'xmlns="http://hl7.org/fhir"', b'xmlns:f="http://hl7.org/fhir"').replace(b"</", b"</f:").replace(b"<", b"<f:").replace(b"<f:/f:", b"</f:")
    assert read(prefixed) == letter(Version.R4)
    stu3 = write(letter()).replace(b'<title value="Letter"', b'<title value="&lt;eventCoding >, eventCoding"')
    assert read(stu3).version is Version.STU3
    with pytest.raises(NotAccepted):
        read(data, version=Version.STU3)
    assert read(data, version=Version.R4, form=Format.XML) == letter(Version.R4)
