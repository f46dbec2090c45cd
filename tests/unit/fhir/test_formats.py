"""JSON and XML hold the same resource, whatever it is."""

import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unit.fhir.trees import resources
from wardgate.fhir import FHIRError, Format, NotValid, NotWellFormed, TooLarge, Version, read, write
from wardgate.fhir.elements import definitions

JSON, XML = Format.JSON, Format.XML


@pytest.mark.parametrize("version", Version)
@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example, HealthCheck.data_too_large])
@given(data=st.data())
def test_there_and_back(version: Version, data: st.DataObject) -> None:
    """A resource that is written in either form, read, and written in the other is the same."""
    drawn = data.draw(resources(version))
    first = read(write(drawn, JSON, version), JSON, version)
    assert first == drawn
    again = read(write(first, XML, version), XML, version)
    assert again == first
    assert write(again, JSON, version) == write(first, JSON, version)


@given(st.binary(max_size=200), st.sampled_from([*Format]), st.sampled_from([*Version]))
def test_bytes_of_any_kind(data: bytes, form: Format, version: Version) -> None:
    """Whatever arrives is a resource or a fault of ours."""
    with contextlib.suppress(FHIRError):
        read(data, form, version)


def test_what_xml_looks_like() -> None:
    """Values are attributes, ids of elements and the url of an extension too, and a contained resource has its own element."""
    flag = {"resourceType": "Flag", "id": "a", "contained": [{"resourceType": "Provenance", "id": "p"}],
            "extension": [{"url": "https://x", "valueDecimal": Decimal("1.50")}], "status": "active", "_status": {"id": "s"},
            "code": {"id": "c", "text": 'a "b" & <c>'}}  # fmt: skip
    assert write(flag, XML, Version.STU3).decode() == (
        '<Flag xmlns="http://hl7.org/fhir"><id value="a" /><contained><Provenance><id value="p" /></Provenance></contained>'
        '<extension url="https://x"><valueDecimal value="1.50" /></extension><status id="s" value="active" />'
        '<code id="c"><text value="a &quot;b&quot; &amp; &lt;c&gt;" /></code></Flag>'
    )


def test_decimals_keep_their_precision() -> None:
    """1.50 is not 1.5 (FHIR, json.html#decimal)."""
    text = b'{"resourceType":"Observation","valueQuantity":{"value":1.50}}'
    assert write(read(text, JSON, Version.R4), JSON, Version.R4) == text
    assert b'value="1.50"' in write(read(text, JSON, Version.R4), XML, Version.R4)


def flag_xml(inside: str, before: str = "", attributes: str = "") -> bytes:
    """Return a Flag with something in it."""
    return f'{before}<Flag xmlns="http://hl7.org/fhir"{attributes}>{inside}</Flag>'.encode()


ENTITIES = '<!DOCTYPE Flag [<!ENTITY a "b"><!ENTITY c "&a;&a;&a;">]>'
EXTERNAL = '<!DOCTYPE Flag [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
REFUSED_XML = (
    (flag_xml('<language value="&c;"/>', ENTITIES), NotWellFormed),
    (flag_xml('<language value="x">&a;</language>', EXTERNAL), NotWellFormed),
    (flag_xml("", '<!DOCTYPE Flag SYSTEM "http://127.0.0.1/x.dtd">'), NotWellFormed),
    (flag_xml('<language value="&nbsp;"/>'), NotWellFormed),
    (b"<Flag", NotWellFormed),
    ('<?xml version="1.0" encoding="utf-16"?><Flag xmlns="http://hl7.org/fhir"/>'.encode("utf-16"), NotWellFormed),
    (b"<Flag/>", NotValid),
    (b'<Flag xmlns="urn:other"/>', NotValid),
    (flag_xml("<nothing/>"), NotValid),
    (flag_xml('<status value="a"/><status value="b"/>'), NotValid),
    (flag_xml("<status/>"), NotValid),
    (flag_xml('<status value=""/>'), NotValid),
    (flag_xml('<status value="a" other="b"/>'), NotValid),
    (flag_xml("text"), NotValid),
    (flag_xml('<status value="a">text</status>'), NotValid),
    (flag_xml("", attributes=' id="a"'), NotValid),
    (flag_xml("<code><id value='a'/></code>"), NotValid),
    (flag_xml('<extension><url value="a"/></extension>'), NotValid),
    (flag_xml("<contained><Flag/><Flag/></contained>"), NotValid),
    (flag_xml("<code/>"), NotValid),
    (flag_xml("<a>" * 100 + "</a>" * 100), TooLarge),
    (flag_xml("<a/>" * 60_000), TooLarge),
    (flag_xml("x" * 1_000_001), TooLarge),
)


@pytest.mark.parametrize(("data", "fault"), REFUSED_XML, ids=range(len(REFUSED_XML)))
def test_xml_that_is_refused(data: bytes, fault: type[FHIRError]) -> None:
    """A document type, entities, other encodings, unknown elements and endless ones."""
    with pytest.raises(fault):
        read(data, XML, Version.STU3)


REFUSED_JSON = (
    (b"[]", NotWellFormed), (b'{"resourceType":"Flag","resourceType":"Flag"}', NotWellFormed), (b'{"resourceType":NaN}', NotWellFormed),
    (b'{"resourceType":"Flag","status":"\\ud800"}', NotWellFormed), (b"[" * 100_000, NotWellFormed), (b"\xff", NotWellFormed),
    (b'{"resourceType":"Observation","valueQuantity":{"value":' + b"1" * 41 + b"}}", NotWellFormed),
    (b"{}", NotValid), (b'{"resourceType":"Nothing"}', NotValid), (b'{"resourceType":"Flag","other":1}', NotValid),
    (b'{"resourceType":"Flag","status":["active"]}', NotValid), (b'{"resourceType":"Flag","identifier":{}}', NotValid),
    (b'{"resourceType":"Flag","identifier":[]}', NotValid), (b'{"resourceType":"Flag","status":""}', NotValid),
    (b'{"resourceType":"Flag","status":null}', NotValid), (b'{"resourceType":"Flag","code":{}}', NotValid),
    (b'{"resourceType":"Flag","status":"\\u0000"}', NotValid), (b'{"resourceType":"Flag","status":true}', NotValid),
    (b'{"resourceType":"Flag","period":{"start":"tomorrow"}}', NotValid), (b'{"resourceType":"Flag","id":"a b"}', NotValid),
    (b'{"resourceType":"Flag","_status":{}}', NotValid), (b'{"resourceType":"Flag","_code":{"id":"a"}}', NotValid),
    (b'{"resourceType":"Patient","name":[{"given":["a",null]}]}', NotValid),
    (b'{"resourceType":"Patient","name":[{"given":["a"],"_given":[{"id":"1"},{"id":"2"}]}]}', NotValid),
    (b'{"resourceType":"Patient","active":"true"}', NotValid), (b'{"resourceType":"Patient","multipleBirthInteger":true}', NotValid),
    (b'{"resourceType":"Patient","multipleBirthInteger":1.0}', NotValid),
    (b'{"resourceType":"Patient","multipleBirthInteger":2147483648}', NotValid),
)  # fmt: skip


@pytest.mark.parametrize(("data", "fault"), REFUSED_JSON, ids=range(len(REFUSED_JSON)))
def test_json_that_is_refused(data: bytes, fault: type[FHIRError]) -> None:
    """Names twice, unknown members, lists for one, values of another type."""
    with pytest.raises(fault):
        read(data, JSON, Version.STU3)


def test_too_deep() -> None:
    """Extensions in extensions end somewhere, in both forms."""
    value: dict[str, object] = {"url": "x", "valueCode": "y"}
    for _ in range(80):
        value = {"url": "x", "extension": [value]}
    with pytest.raises(TooLarge):
        read(json.dumps({"resourceType": "Flag", "extension": [value]}).encode(), JSON, Version.STU3)


NARRATIVES = (
    "<script>alert(1)</script>", "<p onclick='x()'>a</p>", "<a href='javascript:x()'>a</a>", "<img src='https://example.org/a.png'/>",
    "<p style='background:url(https://example.org)'>a</p>", "<iframe/>", "<form/>", "<object/>", "<svg xmlns='http://www.w3.org/2000/svg'/>",
    "<p xmlns='http://hl7.org/fhir'>a</p>", "&nbsp;", "<p>", "<link/>", "<style/>", "<a href=' javascript:x()'>a</a>",
)  # fmt: skip


@pytest.mark.parametrize("inside", NARRATIVES)
def test_narratives_that_act_are_refused(inside: str) -> None:
    """Neither script nor anything fetched from elsewhere, in JSON and in XML (FHIR, narrative.html)."""
    div = f'<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>'
    with pytest.raises(NotValid):
        read(json.dumps({"resourceType": "Flag", "text": {"status": "generated", "div": div}}).encode(), JSON, Version.STU3)
    with pytest.raises(FHIRError):
        read(flag_xml(f'<text><status value="generated"/>{div}</text>'), XML, Version.STU3)


def test_a_narrative_has_one_form() -> None:
    """Prefixes and carriage returns go, text, links and tables stay; what was written is read as it is."""
    text = '<x:div xmlns:x="http://www.w3.org/1999/xhtml">a&#13;b <x:a href="https://example.nhs.uk">c</x:a></x:div>'
    found = read(json.dumps({"resourceType": "Flag", "text": {"status": "generated", "div": text}}).encode(), JSON, Version.STU3)
    assert found["text"]["div"] == '<div xmlns="http://www.w3.org/1999/xhtml">a\nb <a href="https://example.nhs.uk">c</a></div>'
    assert read(write(found, XML, Version.STU3), XML, Version.STU3) == found


def test_tables_are_there() -> None:
    """Every type that an element names is known, in both releases."""
    for version in Version:
        known = definitions(version)
        assert {"DocumentReference", "Consent", "Flag", "List", "Condition", "Provenance", "Bundle", "Parameters", "Patient"} <= known.resources
        named = {element.kind for elements in known.types.values() for element in elements.values() if not element.is_primitive}
        assert named - {"Resource"} <= set(known.types)
