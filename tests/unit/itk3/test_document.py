"""What a document says that policy, record and readers ask for."""

import base64
from typing import Any

import pytest

from unit.itk3.sample import LETTER, NHS_NUMBER, NOW, SENDING, counted, letter, resources
from wardgate.fhir import Version
from wardgate.itk3 import DocumentFacts, NotAccepted, Party, Receiver, build, check_receiver, document_facts
from wardgate.itk3.attachments import attachments

INFORMATION = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-ITK-InformationRecipient-1"


def facts_of(given: list[dict[str, Any]], version: Version = Version.STU3) -> DocumentFacts:
    """The facts of a message of these resources."""
    return document_facts(build(given, SENDING, now=NOW, random=counted(), version=version).payload, version)


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("nested", [True, False])
def test_the_letter(version: Version, nested: bool) -> None:
    """Ids, type, confidentiality, patient and attachment, wherever the payload lies."""
    message = letter(version, nested=nested)
    facts = document_facts(message.payload, version)
    payload = message.payload or {}
    assert (facts.document_id, facts.identifier) == (payload["id"], payload["identifier"]["value"])
    assert facts.composition == payload["entry"][0]["resource"]["identifier"]["value"]
    assert (facts.type, facts.confidentiality, facts.patient, facts.replaces, facts.recipients) == (LETTER, ("N",), NHS_NUMBER, (), ())
    assert [(one.where, one.content_type, one.size_bytes) for one in facts.attachments] == [("Bundle.entry[3].resource.Binary", "text/plain", 17)]
    assert NHS_NUMBER not in repr(facts)
    assert "Synthetic" not in repr(facts)


def test_a_document_of_two_types_is_of_none() -> None:
    """Whether it is one that a workflow carries, nobody could say; the same type twice is one."""
    coding = {"system": "http://snomed.info/sct", "code": LETTER}
    for codes, found in (((LETTER, "1323571000000101"), None), ((LETTER, LETTER), LETTER)):
        given = resources()
        given[0]["type"]["coding"] = [coding | {"code": code} for code in codes]
        assert facts_of(given).type == found


def test_a_message_without_payload_says_nothing() -> None:
    """As responses have none."""
    assert document_facts(None) == DocumentFacts()


def test_labels_are_found_wherever_they_are() -> None:
    """Of the bundle's, of any resource's and of contained ones' meta, and the composition's own."""
    given = resources()
    given[0]["confidentiality"] = "R"
    given[1]["meta"] = {"security": [{"system": "http://hl7.org/fhir/v3/Confidentiality", "code": "V"}]}
    given[2]["contained"] = [{"resourceType": "Organization", "id": "o", "meta": {"security": [{"code": "ETH"}, {"display": "no code"}]}}]
    assert facts_of(given).confidentiality == ("ETH", "R", "V")


def test_the_subject_comes_first() -> None:
    """Of several patients, and each number once."""
    given = resources()
    other = {"resourceType": "Patient", "id": "q", "identifier": [{"system": "http://fhir.nhs.net/Id/nhs-number", "value": "9000000017"}]}
    assert facts_of([given[0], other, *given[1:]]).patients == (NHS_NUMBER, "9000000017")
    assert facts_of([*given, other, other | {"id": "r"}]).patients == (NHS_NUMBER, "9000000017")


REPLACED = (
    ({"targetIdentifier": {"value": "a"}}, ("a",)), ({"targetReference": {"identifier": {"value": "b"}}}, ("b",)),
    ({"targetReference": {"reference": "Patient/p"}}, (NHS_NUMBER,)), ({"targetReference": {"display": "that one"}}, ("",)),
)  # fmt: skip


@pytest.mark.parametrize(("target", "replaces"), REPLACED)
def test_what_is_replaced(target: dict[str, Any], replaces: tuple[str, ...]) -> None:
    """By identifier, by reference, or not named; 20014 for what the receiver cannot replace."""
    given = resources()
    given[0]["relatesTo"] = [{"code": "appends", "targetIdentifier": {"value": "z"}}, {"code": "replaces"} | target]
    message = build(given, SENDING, now=NOW, random=counted())
    assert document_facts(message.payload).replaces == replaces
    for receiver, good in ((Receiver(), replaces != ("",)), (Receiver(replaceable=set(replaces).__contains__), replaces != ("",)), (Receiver(replaceable=set().__contains__), False)):
        assert passes(message, receiver) == (None if good else "20014")


def passes(message: Any, receiver: Receiver) -> str | None:
    """The code of the refusal, if there is one."""
    try:
        check_receiver(message, receiver)
    except NotAccepted as refused:
        return refused.code if refused.original.message_id == message.message_id else "of another message"
    return None


def named(*parties: dict[str, Any]) -> Any:
    """A letter that names recipients."""
    given = resources()
    given[0]["extension"] = [{"url": INFORMATION, "valueReference": {"reference": f"{one['resourceType']}/r{place}"}} for place, one in enumerate(parties)]
    given += [one | {"id": f"r{place}"} for place, one in enumerate(parties)]
    return build(given, SENDING, now=NOW, random=counted())


def organisation(code: str) -> dict[str, Any]:
    """One with an ODS code."""
    return {"resourceType": "Organization", "identifier": [{"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": code}]}


PERSON = {"resourceType": "Practitioner", "identifier": [{"system": "https://fhir.nhs.uk/Id/sds-user-id", "value": "123456789012"}]}
OURS, NOBODY, ALL = frozenset({"RY6"}), (lambda _party: False), (lambda _party: True)


def test_whom_a_message_is_for() -> None:
    """The header's receiver and the sender: 20001, 20002, 20003; a receiver that does not look accepts all."""
    assert passes(letter(), Receiver()) is None
    assert passes(letter(), Receiver(organisations=OURS, persons=ALL, senders=ALL)) is None
    assert passes(letter(), Receiver(organisations=frozenset({"A1"}))) == "20002"
    assert passes(letter(), Receiver(senders=NOBODY)) == "20003"
    for_site = build(resources(), with_receiver(Party(ods="X", site="RY6")), now=NOW, random=counted())
    assert passes(for_site, Receiver(organisations=OURS)) is None
    for_person = build(resources(), with_receiver(Party(user="123")), now=NOW, random=counted())
    assert passes(for_person, Receiver(organisations=frozenset())) is None
    assert passes(for_person, Receiver(persons=NOBODY)) == "20001"
    for_anybody = build(resources(), with_receiver(None), now=NOW, random=counted())
    assert passes(for_anybody, Receiver(organisations=frozenset(), persons=NOBODY)) is None


def with_receiver(party: Party | None) -> Any:
    """A sending to somebody else."""
    return type(SENDING)(SENDING.sender, SENDING.endpoint, SENDING.event, receiver=party)


def test_whom_a_document_is_for() -> None:
    """One of the organisations that it names is ours, and one of the persons: 20010, 20011."""
    both = named(organisation("A1"), organisation("RY6"), PERSON)
    assert document_facts(both.payload).recipients == (Party(ods="A1"), Party(ods="RY6"), Party(user="123456789012"))
    assert passes(both, Receiver(organisations=OURS, persons=ALL)) is None
    assert passes(named(organisation("A1")), Receiver(organisations=OURS)) == "20010"
    assert passes(both, Receiver(organisations=OURS, persons=NOBODY)) == "20011"
    assert passes(named({"resourceType": "Organization"}), Receiver(organisations=OURS)) is None


def test_attachments_of_any_element() -> None:
    """A Binary, and data in any other resource; parameters of a type do not matter, and what is no base64 has no size."""
    given = resources()
    given[1]["photo"] = [{"contentType": "Image/PNG; x=y", "data": "iVBORw0KGgoA"}, {"contentType": "image/png", "title": "empty"}]
    found = list(attachments({"resourceType": "Bundle", "entry": [{"resource": one} for one in given]}, Version.STU3))
    assert [(one.where, one.content_type, one.size_bytes) for one in found] == [
        ("Bundle.entry[1].resource.Patient.photo[0]", "image/png", 9), ("Bundle.entry[3].resource.Binary", "text/plain", 17),
    ]  # fmt: skip
    given[1]["photo"] = [{"data": "AAA"}]
    assert next(attachments(given[1], Version.STU3)).size_bytes is None


SIGNS = (
    ("application/pdf", b"%PDF-1.7", True), ("application/pdf", b"MZ", False), ("image/png", b"\x89PNG\r\n\x1a\n", True), ("image/jpeg", b"\x89PNG", False),
    ("image/tiff", b"MM\0*", True), ("text/rtf", b"{\\rtf1", True), ("application/rtf", b"x{\\rtf", False), ("text/plain", b"#!/bin/sh", False),
    ("text/html", b"PK\x03\x04", False), ("text/xml", b"\xef\xbb\xbf<a/>", True), ("text/xml", b"\xef\xbb\xbf\x7fELF", False),
    ("application/msword", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", True), ("application/msword", b"PK\x03\x04", False),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "start", "good"), SIGNS)
def test_an_attachment_is_what_it_says(kind: str, start: bytes, good: bool) -> None:
    """By how its octets begin; 20004 when not."""
    given = resources()
    given[3] |= {"contentType": kind, "content": base64.b64encode(start + b" " * 20).decode()}
    if good:
        assert facts_of(given).attachments[0].content_type == kind
    else:
        with pytest.raises(NotAccepted) as refused:
            facts_of(given)
        assert refused.value.code == "20004"
