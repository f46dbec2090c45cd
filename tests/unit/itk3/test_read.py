"""Messages that are refused: each with the code that answers it, and the element that is wrong (itk3-messaging 1.2 to 1.8)."""

import json
from copy import deepcopy
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.itk3.changes import (
    COMPOSITION,
    HANDLING,
    HEADER,
    NATIONAL,
    PAYLOAD,
    URN,
    Change,
    coding,
    definition,
    header,
    inside,
    key,
    keys,
    payload,
    put,
)
from unit.itk3.sample import NHS_NUMBER, letter
from wardgate import fhir
from wardgate.fhir import Format, Version
from wardgate.itk3 import RESPONSE_CODE_ROWS, ITK3Error, NotAccepted, NotReadable, accept, bundle_of, read, write

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
    ("rules that are not said", "20006", "Bundle.implicitRules", lambda b: put(b, "implicitRules", "https://x")),
    ("a header that means something else", "20006", f"{HEADER}.modifierExtension", lambda b: put(header(b), "modifierExtension", [{"url": "https://x", "valueBoolean": True}])),
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
        assert refused.value.original.message_id == letter().message_id


def test_every_code_that_reading_can_give_is_met() -> None:
    """20015 and those that need a directory or a store have tests of their own."""
    met = {row[1] for row in ROWS}
    assert met == {"10001", "10002", "10003", "10004", "10005", "10007", "10008", "10009", "10010", "20004", "20005", "20006", "20009"}


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


@given(st.data(), st.sampled_from(Format), st.sampled_from(Version))
def test_a_message_with_any_octets_changed(data: st.DataObject, form: Format, version: Version) -> None:
    """Cut out, put in, moved: a message, or a fault with a code."""
    octets = WRITTEN[form, version]
    start = data.draw(st.integers(0, len(octets)))
    end = data.draw(st.integers(start, min(start + 60, len(octets))))
    put_in = data.draw(st.binary(max_size=8) | st.sampled_from([b"<a/>", b"</entry>", b"<entry>", b'"x":', b"{", b"}", b"[]", b"true", octets[start : start + 200]]))
    assert outcome(octets[:start] + put_in + octets[end:]) in {"read", *RESPONSE_CODE_ROWS}


WRITTEN: Final = {(form, version): write(letter(version), form) for form in Format for version in Version}


def outcome(data: bytes) -> str:
    """Read, and the same again when it is written; or the code of the fault."""
    try:
        message = read(data)
    except ITK3Error as refused:
        return refused.code if NHS_NUMBER not in str(refused) else "a value in the text"
    return "read" if read(write(message)) == message else "another message"


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
