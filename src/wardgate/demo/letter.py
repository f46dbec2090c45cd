"""A discharge letter about nobody: an STU3 document whose patient is made up, with a number of the test range (itk3-messaging 1.1, 1.6)."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from wardgate.demo.nhs_number import SYSTEM
from wardgate.fhir import Resource

PATIENT: Final = "9000000017"
"""Arthur Sample of the sample FHIR API."""
SENDER, SENDER_NAME = "Z9X01", "Example Hospital"
RECEIVER, RECEIVER_NAME = "Z9X03", "Example Surgery"
AUTHOR, AUTHOR_ROLE = "656005750105", "555254242103"
"""Bryn Probert, the demo's healthcare worker."""
_ODS, _USER, _ROLE = (f"https://fhir.nhs.uk/Id/{name}" for name in ("ods-organization-code", "sds-user-id", "sds-role-profile-id"))
_SECTIONS: Final = (
    ("Admission details", "Admitted as an emergency with a cough and a fever of three days."),
    ("Diagnoses", "Pneumonia of the right lower lobe, confirmed by X-ray."),
    ("Clinical summary", "Treated with intravenous, then oral antibiotics. No fever for two days before going home."),
    ("Medications", "Amoxicillin 500 mg, three times a day, for five more days. Everything else as before."),
    ("Allergies and adverse reactions", "None known."),
    ("Plan and requested actions", "GP: chest X-ray in six weeks, please. Patient: stop smoking clinic, invitation follows by post."),
)
_STATUS: Final = "Synthetic: made up for demonstrations. Nobody's letter."


def letter(now: datetime, random: Callable[[int], bytes], patient: str = PATIENT) -> Resource:
    """Return a new document about `patient`, an NHS number: with ids of its own, so that it is no duplicate of another."""
    def new() -> str:
        return str(UUID(bytes=random(16), version=4))

    ids = {name: new() for name in ("Composition", "Patient", "Practitioner", "Encounter", "sender", "receiver")}
    written = now.isoformat(timespec="seconds")
    resources = (
        _composition(ids, new(), written), _patient(ids["Patient"], patient, ids), _practitioner(ids["Practitioner"]),
        _encounter(ids, written), _organisation(ids["sender"], SENDER, SENDER_NAME), _organisation(ids["receiver"], RECEIVER, RECEIVER_NAME),
    )
    return {
        "resourceType": "Bundle", "id": new(), "meta": {"lastUpdated": written, "profile": ["https://fhir.nhs.uk/STU3/StructureDefinition/ITK-Document-Bundle-1"]},
        "identifier": {"system": "https://tools.ietf.org/html/rfc4122", "value": new()}, "type": "document",
        "entry": [{"fullUrl": _urn(one["id"]), "resource": one} for one in resources],
    }


def _composition(ids: dict[str, str], identifier: str, written: str) -> Resource:
    return {
        "resourceType": "Composition", "id": ids["Composition"], "identifier": {"system": "https://tools.ietf.org/html/rfc4122", "value": identifier},
        "status": "final", "type": _snomed("373942005", "Discharge summary"), "subject": _to(ids["Patient"]), "encounter": _to(ids["Encounter"]),
        "date": written, "author": [_to(ids["Practitioner"])], "title": "Discharge summary", "confidentiality": "N", "custodian": _to(ids["sender"]),
        "section": [_section(title, text) for title, text in (*_SECTIONS, ("About this letter", _STATUS))],
    }


def _patient(resource_id: str, nhs_number: str, ids: dict[str, str]) -> Resource:
    return {
        "resourceType": "Patient", "id": resource_id, "identifier": [{"system": SYSTEM, "value": nhs_number}],
        "name": [{"use": "official", "family": "Sample", "given": ["Arthur"]}], "gender": "male", "birthDate": "1954-03-01",
        "address": [{"use": "home", "postalCode": "ZZ99 1AA"}], "generalPractitioner": [_to(ids["receiver"])],
    }


def _practitioner(resource_id: str) -> Resource:
    return {
        "resourceType": "Practitioner", "id": resource_id, "identifier": [{"system": _USER, "value": AUTHOR}, {"system": _ROLE, "value": AUTHOR_ROLE}],
        "name": [{"family": "Probert", "given": ["Bryn"], "prefix": ["Mr"]}],
    }


def _encounter(ids: dict[str, str], written: str) -> Resource:
    return {
        "resourceType": "Encounter", "id": ids["Encounter"], "status": "finished", "subject": _to(ids["Patient"]), "period": {"end": written},
        "class": {"system": "http://hl7.org/fhir/v3/ActCode", "code": "IMP", "display": "inpatient encounter"}, "serviceProvider": _to(ids["sender"]),
    }


def _organisation(resource_id: str, ods: str, name: str) -> Resource:
    return {"resourceType": "Organization", "id": resource_id, "identifier": [{"system": _ODS, "value": ods}], "name": name}


def _section(title: str, text: str) -> dict[str, Any]:
    return {"title": title, "text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{text}</p></div>'}}


def _snomed(code: str, display: str) -> dict[str, Sequence[dict[str, str]]]:
    return {"coding": [{"system": "http://snomed.info/sct", "code": code, "display": display}]}


def _to(resource_id: str) -> dict[str, str]:
    return {"reference": _urn(resource_id)}


def _urn(resource_id: str) -> str:
    return f"urn:uuid:{resource_id}"
