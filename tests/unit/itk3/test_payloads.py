"""Payloads that are no document of their own: resources in the message's bundle, and bundles in bundles."""

from copy import deepcopy
from typing import Any

import pytest

from unit.itk3.changes import header, put
from unit.itk3.sample import NOW, SENDING, counted, letter, resources
from wardgate import fhir
from wardgate.fhir import Format, Version
from wardgate.itk3 import NotAccepted, Rules, accept, build, bundle_of, document_facts, read, write

IN_MESSAGE = (
    ("20009", "Bundle.entry[3].resource.Composition.status", lambda b: b["entry"][3]["resource"].pop("status")),
    ("20009", "Bundle.entry[3].resource.Composition.subject.reference", lambda b: put(b["entry"][3]["resource"], "subject", {"reference": "Patient/p"})),
    ("20009", "Bundle.entry[6].resource", lambda b: put(b["entry"][6], "resource", b["entry"][3]["resource"])),
    ("20005", "Bundle.entry[6].resource.Binary.contentType", lambda b: put(b["entry"][6]["resource"], "contentType", "video/mp4")),
    ("20006", "Bundle.entry[4].fullUrl", lambda b: b["entry"][4].pop("fullUrl")),
)


@pytest.mark.parametrize(("code", "where", "change"), IN_MESSAGE)
def test_faults_of_resources_in_the_message(code: str, where: str, change: Any) -> None:
    """At their own places, with the codes that they would have inside."""
    bundle = deepcopy(bundle_of(letter(nested=False)))
    change(bundle)
    with pytest.raises(NotAccepted) as refused:
        read(fhir.write(bundle, Format.XML, Version.STU3))
    assert (refused.value.code, refused.value.problems[0].where) == (code, where)


@pytest.mark.parametrize("sender", [None, "urn:uuid:5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9eff"])
def test_resources_in_the_message_may_refer_to_its_sender(sender: str | None) -> None:
    """It is in the same bundle, under our URL or that of others. Written again, it goes with them."""
    bundle = deepcopy(bundle_of(letter(nested=False)))
    sender = sender or header(bundle)["sender"]["reference"]
    header(bundle)["sender"]["reference"] = bundle["entry"][1]["fullUrl"] = sender
    bundle["entry"][3]["resource"]["custodian"] = {"reference": sender}
    message = accept(bundle, Version.STU3)
    assert (message.payload or {})["entry"][0]["resource"]["custodian"]["reference"] == sender
    assert read(write(message)) == message


def test_a_message_has_one_header() -> None:
    """A second one would be another reader's: refused by strict and lenient readers, in both variants."""
    for nested in (True, False):
        bundle = deepcopy(bundle_of(letter(nested=nested)))
        second = {"fullUrl": "urn:uuid:5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9eff", "resource": header(bundle) | {"id": "5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9eff"}}
        bundle["entry"].append(second)
        for rules in (Rules(), Rules(strict=False)):
            with pytest.raises(NotAccepted) as refused:
                accept(bundle, Version.STU3, rules)
            assert (refused.value.code, refused.value.problems[0].where) == ("20006", f"Bundle.entry[{len(bundle['entry']) - 1}].resource")


def test_one_document_is_sent_at_a_time() -> None:
    """Policy asks what the document is: a second one, in a collection or in a bundle within it, would not be asked about (FHIR-PAY-01)."""
    patient = {"resourceType": "Patient", "id": "p"}
    beside = resources()[0] | {"id": "5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9eff", "confidentiality": "V"}
    held = {"resourceType": "Parameters", "parameter": [{"name": "document", "resource": inner()}]}
    for more in ([*resources(), beside], [held, *resources()], [held, held]):
        with pytest.raises(NotAccepted) as refused:
            build([patient | {"id": "q"}, *more], SENDING, now=NOW, random=counted("b"))
        assert (refused.value.code, refused.value.problems[0].problem) == ("20009", "one document is sent at a time")


def test_the_focus_comes_first_wherever_it_lies() -> None:
    """Entries have no order but this."""
    bundle = deepcopy(bundle_of(letter(nested=False)))
    bundle["entry"][1:] = reversed(bundle["entry"][1:])
    message = accept(bundle, Version.STU3)
    assert [row["resource"]["resourceType"] for row in (message.payload or {})["entry"]] == ["Composition", "Binary", "Practitioner", "Patient"]
    assert document_facts(message.payload).type == document_facts(letter().payload).type


def inner(**more: Any) -> dict[str, Any]:
    """A document's bundle, as another payload may carry it."""
    return deepcopy(letter().payload or {}) | more


def test_bundles_in_a_payload_are_checked_too() -> None:
    """A signature, a fault or a bad attachment is found at any depth, and its references are its own."""
    whole = build([{"resourceType": "Parameters", "parameter": [{"name": "document", "resource": inner()}]}], SENDING, now=NOW, random=counted("b"))
    assert read(write(whole)) == whole
    place = "Bundle.entry[3].resource.Bundle.entry[0].resource.Parameters.parameter[0].resource.Bundle"
    signed = inner(signature={"whoUri": "https://x"})
    program = inner()
    program["entry"][3]["resource"]["content"] = "TVqQAAMAAAA="
    lost = inner()
    lost["entry"][0]["resource"]["subject"]["reference"] = "urn:uuid:5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9eff"
    for bundle, code, where in (
        (signed, "20009", f"{place}.signature"), (program, "20004", f"{place}.entry[3].resource.Binary"),
        (lost, "20009", f"{place}.entry[0].resource.Composition.subject.reference"),
    ):  # fmt: skip
        with pytest.raises(NotAccepted) as refused:
            build([{"resourceType": "Parameters", "parameter": [{"name": "document", "resource": bundle}]}], SENDING, now=NOW, random=counted("b"))
        assert (refused.value.code, refused.value.problems[0].where) == (code, where)


def test_an_event_in_a_bundle_of_type_message() -> None:
    """Payloads of events are messages themselves; their entries have methods where they are transactions."""
    rows = [{"resource": {"resourceType": "MessageHeader", "timestamp": "2026-01-05T10:00:00Z"}}, {"resource": resources()[1], "request": {"method": "POST", "url": "Patient"}}]
    for kind in ("message", "transaction", "batch", "collection"):
        message = build({"resourceType": "Bundle", "type": kind, "entry": rows}, SENDING, now=NOW, random=counted())
        assert (message.payload or {})["type"] == kind
        assert (message.payload or {})["meta"]["profile"] == ["https://fhir.nhs.uk/STU3/StructureDefinition/ITK-Payload-Bundle-1"]
        assert read(write(message)) == message
    for kind in ("history", "searchset"):
        with pytest.raises(NotAccepted, match="no type of payload"):
            build({"resourceType": "Bundle", "type": kind, "entry": rows}, SENDING, now=NOW, random=counted())


def test_a_sealed_payload_is_carried_where_its_type_is_agreed() -> None:
    """A message whose header is readable, and whose payload is a seal in a Binary."""
    types = frozenset({"application/jose+json"})
    sealed = {"resourceType": "Binary", "contentType": "application/jose+json", "content": "e30K"}
    rules = Rules(approved_types=types, supported_types=types)
    message = build(sealed, SENDING, now=NOW, random=counted(), nested=False, rules=rules)
    assert read(write(message, rules=rules), rules) == message
    assert header(bundle_of(message))["focus"][0]["reference"] == bundle_of(message)["entry"][3]["fullUrl"]
    with pytest.raises(NotAccepted) as refused:
        read(write(message, rules=rules))
    assert refused.value.code == "20005"
