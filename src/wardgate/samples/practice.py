"""One invented GP practice: its patients and what is on their record (GP Connect 1.x, STU3)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from wardgate.fhir import Resource
from wardgate.refusals.operation_outcome import STU3
from wardgate.samples.outcomes import Refused
from wardgate.samples.references import shown
from wardgate.spine.identifiers import nhs_number_holds

NHS_NUMBER: Final = "https://fhir.nhs.uk/Id/nhs-number"
ODS: Final = "https://fhir.nhs.uk/Id/ods-organization-code"
SNOMED: Final = "http://snomed.info/sct"
_PROFILE: Final = f"{STU3}/StructureDefinition/"


@dataclass(frozen=True, slots=True)
class Person:
    """A patient of the practice. `allergies` are SNOMED codes with their terms."""

    nhs_number: str = field(repr=False)
    family: str = field(repr=False)
    given: str = field(repr=False)
    gender: str = field(repr=False)
    birth_date: str = field(repr=False)
    allergies: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Practice:
    """A provider: its organisation, its ASID, the root of its endpoint, and who is registered."""

    ods: str
    name: str
    asid: str
    base_path: str
    people: Mapping[str, Person]
    """By NHS number; the logical id of a Patient is its place among them."""

    @classmethod
    def of(cls, ods: str, name: str, asid: str, base_path: str, people: Iterable[Person]) -> "Practice":
        """Return a practice with these patients."""
        return cls(ods, name, asid, base_path, {person.nhs_number: person for person in people})

    def patient(self, name: str) -> Resource:
        """Return a Patient by its logical id. Raises `Refused`."""
        for number, person in self.people.items():
            if self._id(number) == name:
                return self._patient(person)
        raise Refused("PATIENT_NOT_FOUND", "There is no Patient with this id")

    def search(self, identifiers: list[str]) -> Resource:
        """Return the searchset of a search by NHS number: of nobody, an empty one."""
        system, bar, number = identifiers[0].rpartition("|") if len(identifiers) == 1 else ("", "", "")
        if not bar or system != NHS_NUMBER:
            raise Refused("INVALID_IDENTIFIER_SYSTEM", f"identifier is {NHS_NUMBER}|[NHS number], once")
        person = self.people.get(self._checked(number))
        found: Resource = {"resourceType": "Bundle", "type": "searchset", "total": int(person is not None)}
        return found | ({"entry": [{"resource": self._patient(person)}]} if person is not None else {})

    def structured(self, parameters: Resource, now: datetime) -> Resource:
        """Return the answer of `$gpc.getstructuredrecord`: the patient, and the allergies when they are asked for."""
        given = {one.get("name"): one for one in parameters.get("parameter", [])}
        identifier = given.get("patientNHSNumber", {}).get("valueIdentifier", {})
        if "value" not in identifier:
            raise Refused("INVALID_PARAMETER", "patientNHSNumber is mandatory")
        if identifier.get("system") != NHS_NUMBER:
            raise Refused("INVALID_IDENTIFIER_SYSTEM", f"The system of patientNHSNumber is {NHS_NUMBER}")
        person = self.people.get(self._checked(identifier["value"]))
        if person is None:
            raise Refused("PATIENT_NOT_FOUND", "The patient is not registered here")
        resources = [self._patient(person), self._organisation()]
        if "includeAllergies" in given:
            resources += self._allergies(person, now)
        return {"resourceType": "Bundle", "meta": {"profile": [f"{_PROFILE}GPConnect-StructuredRecord-Bundle-1"]}, "type": "collection",
                "entry": [{"resource": resource} for resource in resources]}

    @staticmethod
    def _checked(number: str) -> str:
        if not nhs_number_holds(number):
            raise Refused("INVALID_NHS_NUMBER", f"The NHS number does not conform to the NHS Number format: {shown(number)}")
        return number

    def _id(self, number: str) -> str:
        return str(list(self.people).index(number) + 1)

    def _patient(self, person: Person) -> dict[str, Any]:
        return {
            "resourceType": "Patient", "id": self._id(person.nhs_number),
            "meta": {"versionId": "1", "profile": [f"{_PROFILE}CareConnect-GPC-Patient-1"]},
            "identifier": [{"system": NHS_NUMBER, "value": person.nhs_number}],
            "active": True, "name": [{"use": "official", "family": person.family, "given": [person.given]}],
            "gender": person.gender, "birthDate": person.birth_date, "managingOrganization": {"reference": "Organization/1"},
        }  # fmt: skip

    def _organisation(self) -> dict[str, Any]:
        return {"resourceType": "Organization", "id": "1", "meta": {"versionId": "1", "profile": [f"{_PROFILE}CareConnect-GPC-Organization-1"]},
                "identifier": [{"system": ODS, "value": self.ods}], "name": self.name}

    def _allergies(self, person: Person, now: datetime) -> list[dict[str, Any]]:
        patient = {"reference": f"Patient/{self._id(person.nhs_number)}"}
        allergies = [{
            "resourceType": "AllergyIntolerance", "id": f"{self._id(person.nhs_number)}-{place}", "clinicalStatus": "active", "verificationStatus": "unconfirmed",
            "code": {"coding": [{"system": SNOMED, "code": code, "display": term}]}, "patient": patient, "assertedDate": "2020-01-01",
        } for place, (code, term) in enumerate(person.allergies, 1)]  # fmt: skip
        entries = {"entry": [{"item": {"reference": f"AllergyIntolerance/{one['id']}"}} for one in allergies]} if allergies else {}
        code = {"coding": [{"system": SNOMED, "code": "886921000000105", "display": "Allergies and adverse reactions"}]}
        listed = {"resourceType": "List", "status": "current", "mode": "snapshot", "title": "Allergies and adverse reactions", "code": code, "subject": patient,
                  "date": now.isoformat(timespec="seconds").replace("+00:00", "Z"), **entries}
        return [listed, *allergies]

    def capabilities(self) -> Resource:
        """Return the CapabilityStatement."""
        searched = [{"name": "identifier", "type": "token"}]
        return {
            "resourceType": "CapabilityStatement", "status": "active", "date": "2026-01-01", "kind": "instance", "fhirVersion": "3.0.1",
            "software": {"name": "A sample practice"}, "acceptUnknown": "both", "format": ["application/fhir+json", "application/fhir+xml"],
            "rest": [{"mode": "server", "resource": [{"type": "Patient", "interaction": [{"code": "read"}, {"code": "search-type"}], "searchParam": searched}],
                      "operation": [{"name": "gpc.getstructuredrecord", "definition": {"reference": f"{STU3}/OperationDefinition/GPConnect-GetStructuredRecord-Operation-1"}}]}],
        }  # fmt: skip
