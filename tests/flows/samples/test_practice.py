"""A practice's provider: for its own ASID, the interaction of the request, and a token (spine 4.3, 10, 2.6)."""

from datetime import timedelta
from typing import Any

import pytest

from flows.samples.place import ARTHUR, FHIR_JSON, JANE, NOBODY, NOW, PRACTICE, as_json, practice
from wardgate.fhir import Format, Version, read
from wardgate.spine.gp_mint import Device, GPContext, Practitioner
from wardgate.spine.identifiers import Identifier
from wardgate.spine.interaction_catalogue import find
from wardgate.spine.mint import build_spine_jwt
from wardgate.spine.variants import VARIANTS, VariantName

BASE = PRACTICE.base_path
PREFIX = "urn:nhs:names:services:gpconnect:fhir:"
METADATA, READ, SEARCH = PREFIX + "rest:read:metadata-1", PREFIX + "rest:read:patient-1", PREFIX + "rest:search:patient-1"
STRUCTURED = PREFIX + "operation:gpc.getstructuredrecord-1"
NUMBERS = "https://fhir.nhs.uk/Id/nhs-number"
pytestmark = pytest.mark.anyio


def relayed(interaction: str, *, ahead: timedelta = timedelta(0), organisation: str = "Z9X01", **changed: str) -> dict[str, str]:
    """The headers of a consumer, as the proxy relays them."""
    device = Device(Identifier("https://consumer.example/device", "1"), "Consumer", "1")
    somebody = Practitioner("1", "Example", "Robin", Identifier("https://consumer.example/users", "1"))
    context = GPContext("https://consumer.example", f"https://gp.example{BASE}", organisation, "Example Hospital", device, somebody)
    token = build_spine_jwt(VARIANTS[VariantName.GP_CONNECT_1], context, NOW + ahead, find(interaction))
    return {"Ssp-TraceID": "0f7a3c2e-9b41-4d0e-8f1a-2b6c1d5e7a90", "Ssp-From": "200000000115", "Ssp-To": PRACTICE.asid, "Ssp-InteractionID": interaction,
            "Authorization": f"Bearer {token}", **FHIR_JSON, **changed}


async def test_what_a_practice_answers() -> None:
    """Metadata, a patient by id and by NHS number, and the structured record; never kept by anyone."""
    client = practice()
    metadata = await client.get(f"{BASE}/metadata", headers=relayed(METADATA))
    assert (metadata.status_code, metadata.json()["resourceType"]) == (200, "CapabilityStatement")
    assert metadata.headers["Cache-Control"] == "no-store"
    found = await client.get(f"{BASE}/Patient", params={"identifier": f"{NUMBERS}|{JANE}"}, headers=relayed(SEARCH))
    (entry,) = found.json()["entry"]
    one = await client.get(f"{BASE}/Patient/{entry['resource']['id']}", headers=relayed(READ))
    assert one.json() == entry["resource"]
    assert one.json()["identifier"] == [{"system": NUMBERS, "value": JANE}]
    nobody = await client.get(f"{BASE}/Patient", params={"identifier": f"{NUMBERS}|{NOBODY}"}, headers=relayed(SEARCH))
    assert nobody.json() == {"resourceType": "Bundle", "type": "searchset", "total": 0}
    in_xml = await client.get(f"{BASE}/Patient/1", headers=relayed(READ) | {"Accept": "application/fhir+xml"})
    assert read(in_xml.content, Format.XML, Version.STU3) == one.json()


def asked(number: str = JANE, *, allergies: bool = True, system: str = NUMBERS) -> bytes:
    """What `$gpc.getstructuredrecord` is sent."""
    given: list[dict[str, Any]] = [{"name": "patientNHSNumber", "valueIdentifier": {"system": system, "value": number}}]
    return as_json({"resourceType": "Parameters", "parameter": given + ([{"name": "includeAllergies"}] if allergies else [])})


@pytest.mark.parametrize(("body", "kinds"), [
    (asked(), ["Patient", "Organization", "List", "AllergyIntolerance"]), (asked(ARTHUR), ["Patient", "Organization", "List"]),
    (asked(allergies=False), ["Patient", "Organization"]),
])
async def test_the_structured_record(body: bytes, kinds: list[str]) -> None:
    """The patient, and the allergies that were asked for, as a collection that is FHIR."""
    response = await practice().post(f"{BASE}/Patient/$gpc.getstructuredrecord", content=body, headers=relayed(STRUCTURED))
    assert response.status_code == 200, response.text
    assert read(response.content, Format.JSON, Version.STU3) == response.json()
    assert [entry["resource"]["resourceType"] for entry in response.json()["entry"]] == kinds


@pytest.mark.parametrize(("body", "status", "code"), [
    (asked("9000000010"), 400, "INVALID_NHS_NUMBER"), (asked(NOBODY), 404, "PATIENT_NOT_FOUND"), (asked(system="urn:x"), 400, "INVALID_IDENTIFIER_SYSTEM"),
    (as_json({"resourceType": "Parameters"}), 422, "INVALID_PARAMETER"), (b"{", 400, "BAD_REQUEST"), (as_json({"resourceType": "Flag"}), 422, "INVALID_RESOURCE"),
])
async def test_records_that_are_not_given(body: bytes, status: int, code: str) -> None:
    """Each fault of the Parameters."""
    response = await practice().post(f"{BASE}/Patient/$gpc.getstructuredrecord", content=body, headers=relayed(STRUCTURED))
    assert (response.status_code, response.json()["issue"][0]["details"]["coding"][0]["code"]) == (status, code)


WRONG = (
    (relayed(READ, **{"Ssp-To": "200000000119"}), "Ssp-To is not the ASID of this provider"),
    (relayed(READ, **{"Ssp-From": "1"}), "Ssp-From header missing or invalid"),
    (relayed(READ, **{"Ssp-TraceID": "1"}), "Ssp-TraceID header missing or invalid"),
    (relayed(METADATA), "InteractionID does not match the resource"),
    (relayed(SEARCH), "InteractionID does not match the presence of a resource id"),
    (relayed(STRUCTURED), "InteractionID does not match the HTTP method"),
    (relayed(READ, **{"Ssp-InteractionID": "urn:x"}), "InteractionID is not one of this service"),
    (relayed(READ, Authorization=""), "Authorization header missing"),
    (relayed(READ, Authorization="Bearer a"), "Invalid number of JWT base 64 blocks 1"),
    (relayed(READ, ahead=-timedelta(minutes=10)), "JWT Request time has expired"),
)  # fmt: skip


@pytest.mark.parametrize(("headers", "text"), WRONG, ids=range(len(WRONG)))
async def test_requests_that_are_refused(headers: dict[str, str], text: str) -> None:
    """400 BAD_REQUEST in GP Connect's profile, and not kept either."""
    response = await practice().get(f"{BASE}/Patient/1", headers=headers)
    body = response.json()
    assert (response.status_code, body["issue"][0]["diagnostics"], response.headers["Cache-Control"]) == (400, text, "no-store")
    assert body["meta"]["profile"] == ["https://fhir.nhs.uk/STU3/StructureDefinition/GPConnect-OperationOutcome-1"]
    assert body["issue"][0]["details"]["coding"][0]["code"] == "BAD_REQUEST"


async def test_nothing_else_is_there() -> None:
    """Other paths are 404, other methods 501, with an outcome."""
    for method, path, expected in (
        ("GET", "/", (404, "not-found")), ("GET", f"{BASE}/Practitioner/1", (404, "not-found")), ("DELETE", f"{BASE}/Patient/1", (501, "not-supported")),
        ("GET", "/Z9X04/STU3/1/gpconnect/metadata", (404, "not-found")),
    ):  # fmt: skip
        response = await practice().request(method, path, headers=relayed(READ))
        assert (response.status_code, response.json()["issue"][0]["code"]) == expected
