"""The resources of the sample FHIR API: invented people, with NHS numbers from the test range."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wardgate.demo.nhs_number import SYSTEM

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """An invented person."""

    nhs_number: str
    family: str
    given: str
    gender: str
    birth_date: str
    postcode: str


PEOPLE: Final = (
    Person("9000000009", "Sample", "Jane", "female", "2010-10-22", "ZZ99 1AA"),
    Person("9000000017", "Sample", "Arthur", "male", "1954-03-01", "ZZ99 1AA"),
    Person("9000000025", "Specimen", "Priya", "female", "1987-07-14", "ZZ99 2BB"),
    Person("9000000033", "Testcase", "Owen", "male", "1999-12-31", "ZZ99 3CC"),
    Person("9000000041", "Placeholder", "Sam", "other", "1971-05-05", "ZZ99 4DD"),
)

_FLAGS: Final = (
    ("flag-1", "9000000009", "Requires a British Sign Language interpreter"),
    ("flag-2", "9000000017", "Needs step-free access"),
)
_CONSENTS: Final = (("consent-1", "9000000009", "permit"), ("consent-2", "9000000025", "deny"))
_DOCUMENTS: Final = (
    ("document-1", "9000000009", "Discharge summary", "2026-01-12T09:30:00Z"),
    ("document-2", "9000000009", "Care plan", "2026-02-03T14:05:00Z"),
    ("document-3", "9000000033", "Clinic letter", "2025-11-20T11:45:00Z"),
)


def _identified(nhs_number: str) -> Resource:
    return {"reference": f"Patient/{nhs_number}", "identifier": {"system": SYSTEM, "value": nhs_number}}


def _patient(person: Person) -> Resource:
    return {
        "resourceType": "Patient",
        "id": person.nhs_number,
        "meta": {"versionId": "1"},
        "identifier": [{"system": SYSTEM, "value": person.nhs_number}],
        "name": [{"use": "usual", "family": person.family, "given": [person.given]}],
        "gender": person.gender,
        "birthDate": person.birth_date,
        "address": [{"use": "home", "postalCode": person.postcode}],
    }


def _flag(name: str, nhs_number: str, text: str) -> Resource:
    return {"resourceType": "Flag", "id": name, "status": "active", "code": {"text": text}, "subject": _identified(nhs_number)}


def _consent(name: str, nhs_number: str, decision: str) -> Resource:
    scope = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]}
    category = {"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}
    return {"resourceType": "Consent", "id": name, "status": "active", "scope": scope, "category": [category],
            "patient": _identified(nhs_number), "policyRule": {"text": "Example sharing policy"},
            "provision": {"type": decision}}


def _document(name: str, nhs_number: str, title: str, date: str) -> Resource:
    attachment = {"contentType": "application/pdf", "title": title, "url": f"https://documents.example.nhs.uk/{name}"}
    return {"resourceType": "DocumentReference", "id": name, "status": "current", "type": {"text": title},
            "subject": _identified(nhs_number), "date": date, "content": [{"attachment": attachment}]}


RESOURCES: Final[Mapping[str, Mapping[str, Resource]]] = {
    "Patient": {person.nhs_number: _patient(person) for person in PEOPLE},
    "Flag": {row[0]: _flag(*row) for row in _FLAGS},
    "Consent": {row[0]: _consent(*row) for row in _CONSENTS},
    "DocumentReference": {row[0]: _document(*row) for row in _DOCUMENTS},
}
"""By type and id."""

CAPABILITIES: Final[Resource] = {
    "resourceType": "CapabilityStatement",
    "status": "active",
    "kind": "instance",
    "date": "2026-01-01",
    "fhirVersion": "4.0.1",
    "format": ["application/fhir+json"],
    "rest": [{"mode": "server", "resource": [
        {"type": kind, "interaction": [{"code": "read"}, {"code": "search-type"}]} for kind in RESOURCES]}],
}


def subject_of(resource: Mapping[str, Any]) -> str | None:
    """Return the NHS number of the person a resource is about."""
    if resource["resourceType"] == "Patient":
        return str(resource["id"])
    about = resource.get("subject") or resource.get("patient")
    if not isinstance(about, dict) or not isinstance(about.get("reference"), str):
        return None
    return str(about["reference"]).removeprefix("Patient/")
