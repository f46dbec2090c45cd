"""The sample APIs in this process, called as a gateway calls them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from starlette.applications import Starlette

from wardgate.samples import adjustment_app, pointer_app, practice_app
from wardgate.samples.practice import Person, Practice
from wardgate.samples.provenance import RoleProfile
from wardgate.samples.records import Records
from wardgate.spine.interaction_catalogue import find
from wardgate.spine.mint import CoreContext, build_spine_jwt
from wardgate.spine.variants import VARIANTS, VariantName

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
JANE, ARTHUR, NOBODY = "9000000009", "9000000017", "9000000025"
CARE_PLAN, END_OF_LIFE = "736253002", "736373009"
PATIENTS = "https://demographics.spineservices.nhs.uk/STU3/Patient/"
ORGANISATIONS = "https://directory.spineservices.nhs.uk/STU3/Organization/"
FHIR_JSON = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}
TYPES = {"Z9X01": {f"http://snomed.info/sct|{CARE_PLAN}", f"http://snomed.info/sct|{END_OF_LIFE}"}, "Z9X02": {f"http://snomed.info/sct|{CARE_PLAN}"}}
ROLE = "555254242105"
PROFILES = {ROLE: RoleProfile("656005750107", "Dafydd Marchetti", "R8000", "Clinical Practitioner Access Role", "Z9X01", "Example Hospital")}
CODES = "https://fhir.nhs.uk/STU3/CodeSystem/Spine-ErrorOrWarningCode-1"


class Clock:
    """A clock that goes a second ahead with each look."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def client(app: Starlette) -> httpx2.AsyncClient:
    """A client of an application, without a network."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1:9001")


def pointers(records: Records | None = None) -> httpx2.AsyncClient:
    """The record of pointers."""
    kept = records or Records(":memory:", Clock())
    return client(pointer_app.create_app(kept, {"Z9X01", "Z9X02", "Z9X03"}.__contains__, lambda ods: TYPES.get(ods, set())))


def adjustments(records: Records | None = None) -> httpx2.AsyncClient:
    """The record of reasonable adjustments."""
    clock = Clock()
    return client(adjustment_app.create_app(records or Records(":memory:", clock), PROFILES.get, clock))


PRACTICE = Practice.of("Z9X03", "Example Surgery", "200000000118", "/Z9X03/STU3/1/gpconnect",
                       [Person(JANE, "Sample", "Jane", "female", "2010-10-22", (("91936005", "Allergy to penicillin"),)),
                        Person(ARTHUR, "Sample", "Arthur", "male", "1954-03-01")])


def practice() -> httpx2.AsyncClient:
    """The practice's provider."""
    return client(practice_app.create_app(PRACTICE, lambda: NOW))


def called_by(organisations: str = "Z9X01", **more: str) -> dict[str, str]:
    """What the gateway says of a caller."""
    return {"NHSD-ASID": "200000000115", "NHSD-Calling-Organisations": organisations, **FHIR_JSON, **more}


def by_role(role: str = ROLE, interaction: str = "urn:nhs:names:services:raflags:Consent.read:1", **more: str) -> dict[str, str]:
    """What the gateway passes on to the record of reasonable adjustments: a system, and a Spine JWT."""
    context = CoreContext("https://gateway.example", "https://clinicals.spineservices.nhs.uk/STU3", "200000000115", "Z9X01", role=role)
    token = build_spine_jwt(VARIANTS[VariantName.REASONABLE_ADJUSTMENTS], context, NOW, find(interaction))
    return called_by(Authorization=f"Bearer {token}", **more)


def outcome(code: str, status: int, issue: str, diagnostics: str | None = None, severity: str = "error") -> tuple[int, Any]:
    """A refusal, as `told` gives it."""
    return status, (severity, issue, code, diagnostics)


def told(response: httpx2.Response) -> tuple[int, Any]:
    """What an answer says: status, and its outcome."""
    body = response.json()
    assert body["resourceType"] == "OperationOutcome", body
    assert body["meta"]["profile"] == ["https://fhir.nhs.uk/STU3/StructureDefinition/Spine-OperationOutcome-1"]
    (issue,) = body["issue"]
    (coding,) = issue["details"]["coding"]
    assert coding["system"] == CODES
    return response.status_code, (issue["severity"], issue["code"], coding["code"], issue.get("diagnostics"))


def as_json(value: Any) -> bytes:
    """A body."""
    return json.dumps(value).encode()
