"""The FHIR R4 forms of a call between systems: AuditEvent with every party, Provenance of what was written (spine 9.4, 9.5)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from fhir.resources.R4B.provenance import Provenance

from wardgate.audit.fhir import audit_event
from wardgate.audit.model import Event, EventType, Outcome, Patient, Personal
from wardgate.audit.provenance import is_write, provenance
from wardgate.audit.redact import personal_hash, redact

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
KEY = b"key"
CREATE = "urn:nhs:names:services:nrl:DocumentReference.create"
DETAILS = {
    "api": "nrl", "route": "/DocumentReference", "method": "POST", "status": 201, "from_asid": "200000000115", "to_asid": "200000000124", "ods": "Z9X01",
    "certificate_name": "epr.example", "interaction": CREATE, "reason_for_request": "directcare", "user": Personal("555000000101"),
    "role": Personal("R0260"), "patient": Patient("9990000018"), "patient_2": Patient("9990000026"),
}


def body(kind: EventType = EventType.CALL_ALLOWED, outcome: Outcome | None = Outcome.ALLOWED, **details: Any) -> dict[str, Any]:
    """A stored body; details given as None are left out."""
    kept = {name: value for name, value in (DETAILS | details).items() if value is not None}
    return redact(Event(kind, NOW, outcome, message_id="m-1", details=kept), KEY)


def named(reference: dict[str, Any]) -> tuple[str, str]:
    """System and value of a reference."""
    return reference["identifier"]["system"], reference["identifier"]["value"]


def test_every_party_is_an_agent() -> None:
    """User in a role, system, organisation and receiver; one requestor; each patient an entity, as a hash."""
    found = audit_event(12, body(), site="demo", observer="wardgate")
    AuditEvent.model_validate(found)
    user, sender, organisation, receiver = found["agent"]
    assert named(user["who"]) == ("urn:wardgate:hmac-sha256", personal_hash("555000000101", KEY))
    assert user["role"][0]["coding"][0]["code"] == personal_hash("R0260", KEY)
    assert named(sender["who"]) == ("https://fhir.nhs.uk/Id/accredited-system", "200000000115")
    assert sender["name"] == "epr.example"
    assert named(organisation["who"]) == ("https://fhir.nhs.uk/Id/ods-organization-code", "Z9X01")
    assert named(receiver["who"]) == ("https://fhir.nhs.uk/Id/accredited-system", "200000000124")
    assert [agent["requestor"] for agent in found["agent"]] == [True, False, False, False]
    assert found["purposeOfEvent"] == [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT", "display": "treatment"}], "text": "directcare"}]
    assert [named(entity["what"])[1] for entity in found["entity"][1:]] == [personal_hash(number, KEY) for number in ("9990000018", "9990000026")]
    assert "999000" not in str(found)


@pytest.mark.parametrize("kind", EventType)
def test_every_event_fits_the_published_model(kind: EventType) -> None:
    """With the parties of a call and without, whatever the event."""
    for one in (body(kind), body(kind, None, user=None, role=None), redact(Event(kind, NOW), KEY)):
        AuditEvent.model_validate(audit_event(1, one, site="demo", observer="wardgate"))


def test_a_system_alone_is_the_requestor() -> None:
    """An unattended call has no user; a stated reason without a code of the standard is text."""
    found = audit_event(1, body(user=None, role=None, reason_for_request="secondaryuses"), site="demo", observer="wardgate")
    assert [(named(agent["who"])[1], agent["requestor"]) for agent in found["agent"]] == [("200000000115", True), ("Z9X01", False), ("200000000124", False)]
    assert found["purposeOfEvent"] == [{"text": "secondaryuses"}]


def test_whole_provenance_of_a_write() -> None:
    """Who, in which role, on behalf of whom, when and what."""
    found = provenance(12, body())
    Provenance.model_validate(found)
    behalf = {"identifier": {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "Z9X01"}, "type": "Organization", "display": "Z9X01"}
    hashed = {name: {"system": "urn:wardgate:hmac-sha256", "value": personal_hash(name, KEY)} for name in ("555000000101", "9990000018", "9990000026")}
    participant = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
    assert found == {
        "resourceType": "Provenance", "id": "wardgate-12", "recorded": "2026-11-21T09:30:00.000000Z",
        "target": [{"identifier": {"system": "urn:wardgate:message", "value": "m-1"}, "display": "/DocumentReference"},
                   {"identifier": hashed["9990000018"], "type": "Patient"}, {"identifier": hashed["9990000026"], "type": "Patient"}],
        "activity": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-DataOperation", "code": "CREATE", "display": "create"}]},
        "agent": [
            {"type": {"coding": [{"system": participant, "code": "author", "display": "Author"}]},
             "who": {"identifier": hashed["555000000101"], "type": "PractitionerRole"}, "onBehalfOf": behalf,
             "role": [{"coding": [{"system": "urn:wardgate:hmac-sha256", "code": personal_hash("R0260", KEY)}]}]},
            {"type": {"coding": [{"system": participant, "code": "assembler", "display": "Assembler"}]},
             "who": {"identifier": {"system": "https://fhir.nhs.uk/Id/accredited-system", "value": "200000000115"}, "type": "Device", "display": "ASID 200000000115"},
             "onBehalfOf": behalf},
        ],
    }


@pytest.mark.parametrize(("details", "activity"), [
    ({}, "CREATE"), ({"method": "PUT"}, "UPDATE"), ({"method": "PATCH", "user": None}, "UPDATE"), ({"method": "DELETE", "ods": None}, "DELETE"),
    ({"route": "/$removerarecord"}, "UPDATE"), ({"interaction": None, "message_id": None}, "CREATE"),
])
def test_what_was_done_follows_from_the_method(details: dict[str, Any], activity: str) -> None:
    """An operation changes what there is; without a user the system is the author."""
    found = provenance(1, body(**details))
    Provenance.model_validate(found)
    assert found["activity"]["coding"][0]["code"] == activity
    assert found["agent"][0]["type"]["coding"][0]["code"] == "author"


@pytest.mark.parametrize("details", [
    {"method": "GET"}, {"status": 404}, {"status": 500}, {"status": 304}, {"from_asid": None}, {"interaction": "urn:nhs:names:services:raflags:Flag.read:1"},
    {"interaction": "urn:nhs:names:services:nrl:DocumentReference.search"}, {"interaction": "urn:nhs:names:services:gpconnect:fhir:rest:search:slot-1"},
])
def test_what_changed_nothing_is_no_write(details: dict[str, Any]) -> None:
    """A read, a search by POST, a refusal and a failure leave nothing to prove the origin of."""
    assert is_write(body())
    assert not is_write(body(**details))
    assert not is_write(body(EventType.CALL_REFUSED, Outcome.REFUSED))
    assert not is_write(body(EventType.CALL_DECIDED))
