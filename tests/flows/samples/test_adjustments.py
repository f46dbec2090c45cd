"""A record of reasonable adjustments: one active Consent, changes of one kind, and who made them (spine 9.3, 9.4, 8.2)."""

from typing import Any

import httpx2
import pytest

from flows.samples.place import (
    ARTHUR,
    FHIR_JSON,
    JANE,
    ORGANISATIONS,
    PATIENTS,
    adjustments,
    as_json,
    by_role,
    called_by,
    outcome,
    told,
)
from wardgate.fhir import Format, Version, read, write

CATEGORY = {"coding": [{"system": "https://fhir.nhs.uk/STU3/CodeSystem/RARecord-FlagCategory-1", "code": "NRAF"}]}
REASON = {"coding": [{"system": "https://fhir.nhs.uk/STU3/CodeSystem/RARecord-RemovalReason-1", "code": "Error"}]}
REMOVAL = {"url": "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-RARecord-RemovalReason-1", "extension": [
    {"url": "removalReason", "valueCodeableConcept": REASON}, {"url": "supportingComment", "valueString": "Made in error"}]}
WHOLE = {"Prefer": "return=representation"}
FILLED = {"resourceType": "Provenance", "id": "p", "target": [{"reference": "#"}], "recorded": "2026-03-01T10:00:00Z",
          "activity": {"system": "http://hl7.org/fhir/v3/DataOperation", "code": "CREATE"},
          "agent": [{"whoReference": {"display": "A clinician"}, "onBehalfOfReference": {"reference": ORGANISATIONS + "Z9X01"}}]}
pytestmark = pytest.mark.anyio


def consent(patient: str = JANE, **more: Any) -> dict[str, Any]:
    """A patient's consent to a record."""
    return {"resourceType": "Consent", "status": "active", "category": [CATEGORY], "patient": {"reference": PATIENTS + patient}, **more}


def flag(patient: str = JANE, **more: Any) -> dict[str, Any]:
    """An adjustment."""
    return {"resourceType": "Flag", "status": "active", "category": CATEGORY, "code": {"text": "Sign language interpreter"}, "subject": {"reference": PATIENTS + patient}, **more}


def condition(patient: str = JANE, **more: Any) -> dict[str, Any]:
    """An impairment."""
    return {"resourceType": "Condition", "contained": [FILLED], "clinicalStatus": "active", "subject": {"reference": PATIENTS + patient},
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "15188001", "display": "Hearing loss"}]}, **more}


def listed(*conditions: str, patient: str = JANE, **more: Any) -> dict[str, Any]:
    """A list of impairments."""
    entries = {"entry": [{"item": {"reference": path.removeprefix("/")}} for path in conditions]} if conditions else {}
    return {"resourceType": "List", "status": "current", "mode": "changes", "subject": {"reference": PATIENTS + patient},
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "1094391000000102"}]}, **entries, **more}


async def create(client: httpx2.AsyncClient, resource: dict[str, Any], **more: str) -> httpx2.Response:
    """Create a resource."""
    return await client.post(f"/{resource['resourceType']}", content=as_json(resource), headers=by_role(**more))


async def created(client: httpx2.AsyncClient, resource: dict[str, Any]) -> dict[str, Any]:
    """Create a resource that must be taken, and return it as it was kept."""
    response = await create(client, resource, **WHOLE)
    assert response.status_code == 201, response.text
    return response.json()


async def put(client: httpx2.AsyncClient, resource: dict[str, Any], version: str | None = "1", **more: str) -> httpx2.Response:
    """Send a resource's next version."""
    given = {"If-Match": f'W/"{version}"'} if version is not None else {}
    return await client.put(f"/{resource['resourceType']}/{resource['id']}", content=as_json(resource), headers=by_role(**WHOLE, **given, **more))


def inactive(resource: dict[str, Any], status: str = "status", value: str = "inactive") -> dict[str, Any]:
    """A resource as it is taken off the record."""
    return resource | {status: value, "extension": [REMOVAL]}


async def test_created_with_its_provenance() -> None:
    """The server says who did it, from the role of the token, whatever the caller says; the version is in meta and ETag."""
    client = adjustments()
    response = await create(client, consent(contained=[FILLED]), **WHOLE)
    found = response.json()
    assert (response.status_code, response.headers["ETag"], found["meta"]["versionId"]) == (201, 'W/"1"', "1")
    assert response.headers["Location"] == f"/Consent/{found['id']}"
    (provenance,) = found["contained"]
    assert provenance == {
        "resourceType": "Provenance", "id": "provenance", "target": [{"reference": "#"}], "recorded": found["meta"]["lastUpdated"],
        "activity": {"system": "http://hl7.org/fhir/v3/DataOperation", "code": "CREATE"},
        "agent": [{"role": [{"coding": [{"system": "https://fhir.hl7.org.uk/STU3/CodeSystem/CareConnect-SDSJobRoleName-1", "code": "R8000", "display": "Clinical Practitioner Access Role"}]}],
                   "whoReference": {"reference": "https://sds.spineservices.nhs.uk/STU3/Practitioner/656005750107", "display": "Dafydd Marchetti"},
                   "onBehalfOfReference": {"reference": f"{ORGANISATIONS}Z9X01", "display": "Example Hospital"}}],
    }  # fmt: skip
    again = await client.get(f"/Consent/{found['id']}", headers=by_role())
    assert again.json() == found
    in_xml = await client.get(f"/Consent/{found['id']}", headers=by_role() | {"Accept": "application/fhir+xml"})
    assert read(in_xml.content, Format.XML, Version.STU3) == found


async def test_what_a_writer_prefers() -> None:
    """Nothing but headers by default, the resource, or an outcome."""
    client = adjustments()
    minimal = await create(client, flag())
    assert (minimal.status_code, minimal.content) == (201, b"")
    said = await create(client, flag(), Prefer="return=OperationOutcome")
    assert told(said) == outcome("RESOURCE_CREATED", 201, "informational", severity="information")
    in_xml = await client.post("/Flag", content=write(flag(), Format.XML, Version.STU3), headers=by_role(**WHOLE) | {"Content-Type": "application/fhir+xml", "Accept": "*/*"})
    assert read(in_xml.content, Format.XML, Version.STU3)["code"] == {"text": "Sign language interpreter"}


async def test_one_active_consent() -> None:
    """The second is refused; after the first became inactive there may be another; a List is one as well."""
    client = adjustments()
    first = await created(client, consent())
    assert told(await create(client, consent())) == outcome("DUPLICATE_REJECTED", 422, "duplicate", "The patient already has an active consent")
    await created(client, consent(ARTHUR))
    assert (await put(client, inactive(first))).status_code == 200
    await created(client, consent())
    await created(client, listed())
    assert told(await create(client, listed())) == outcome("DUPLICATE_REJECTED", 422, "duplicate", "The patient already has a current list")


PATIENT_FORM = f"patient.reference is {PATIENTS}[NHS number]"
REFUSED = (
    (consent(id="a"), 405, "MSG_RESOURCE_ID_FAIL", "The server gives a resource its id"),
    (consent() | {"patient": {"reference": "Patient/1"}}, 422, "INVALID_RESOURCE", PATIENT_FORM),
    (consent("9000000010"), 400, "INVALID_NHS_NUMBER", "The NHS number does not conform to the NHS Number format: 9000000010"),
    (consent(status="inactive"), 422, "INVALID_RESOURCE", "status of a new Consent is active"),
    (consent(extension=[REMOVAL]), 422, "INVALID_RESOURCE", "A new Consent has no reason for its removal"),
    (consent(category=[]), 422, "INVALID_RESOURCE", "Consent.category: not a list, or an empty one"),
    (flag(category={"text": "a"}), 422, "INVALID_RESOURCE", "category is NRAF of https://fhir.nhs.uk/STU3/CodeSystem/RARecord-FlagCategory-1"),
    (condition(contained=[]), 422, "INVALID_RESOURCE", "Condition.contained: not a list, or an empty one"),
    (condition(contained=[{"resourceType": "Provenance", "id": "p"}]), 422, "INVALID_RESOURCE", "A Condition contains one Provenance with recorded, activity and agent"),
    (condition(contained=[{**FILLED, "agent": [{"whoReference": {"display": "A"}}]}]), 422, "INVALID_RESOURCE", "Provenance.agent has onBehalfOfReference"),
    (condition(code={"text": "a"}), 422, "INVALID_RESOURCE", "Condition.code is mandatory"),
    (listed(contained=[FILLED]), 422, "INVALID_RESOURCE", "A List carries no Provenance"),
    (listed("Condition/none"), 422, "REFERENCE_NOT_FOUND", "An entry is no Condition of this patient"),
)  # fmt: skip


@pytest.mark.parametrize(("resource", "status", "code", "text"), REFUSED, ids=range(len(REFUSED)))
async def test_resources_that_are_refused(resource: dict[str, Any], status: int, code: str, text: str) -> None:
    """Each rule, alone."""
    found, (_, _, said, diagnostics) = told(await create(adjustments(), resource))
    assert (found, said, diagnostics) == (status, code, text)


async def test_updates() -> None:
    """Into inactive, with the reason and a comment, of the version that was seen; nothing else, and once."""
    client = adjustments()
    kept = await created(client, flag())
    assert told(await put(client, inactive(kept), None)) == outcome("PRECONDITION_FAILED", 412, "conflict", "If-Match is missing")
    assert told(await put(client, inactive(kept), "2")) == outcome("CONFLICT", 409, "forbidden", "If-Match is not the version of the resource")
    only = "The only change is status from active to inactive"
    for wrong, text in (
        (kept | {"status": "inactive"}, "removalReason and supportingComment are mandatory"),
        (kept | {"code": {"text": "Another"}}, only), (inactive(kept) | {"code": {"text": "Another"}}, f"{only}, with its reason"),
        (inactive(kept, value="entered-in-error"), only), (inactive(kept) | {"period": {"start": "2026"}}, f"{only}, with its reason"),
        (inactive(kept) | {"extension": [{**REMOVAL, "extension": REMOVAL["extension"][:1]}]}, "supportingComment is mandatory"),
        (inactive(kept) | {"extension": [{**REMOVAL, "extension": REMOVAL["extension"][1:]}]}, "removalReason is one code of https://fhir.nhs.uk/STU3/CodeSystem/RARecord-RemovalReason-1"),
    ):  # fmt: skip
        assert told(await put(client, wrong)) == outcome("INVALID_RESOURCE", 422, "invalid", text)
    changed = await put(client, inactive(kept))
    body = changed.json()
    assert (changed.status_code, changed.headers["ETag"], body["status"], body["meta"]["versionId"]) == (200, 'W/"2"', "inactive", "2")
    assert body["contained"][0]["activity"]["code"] == "UPDATE"
    assert told(await put(client, inactive(body), "2")) == outcome("INVALID_RESOURCE", 422, "invalid", "The Flag is not active: nothing of it changes any more")
    missing = await client.put("/Flag/none", content=as_json(inactive(flag(id="none"))), headers=by_role(**{"If-Match": 'W/"1"'}))
    assert told(missing) == outcome("NO_RECORD_FOUND", 404, "not-found", "There is no Flag with this id")
    other = await client.put(f"/Flag/{kept['id']}", content=as_json(inactive(flag(id="none"))), headers=by_role(**{"If-Match": 'W/"2"'}))
    assert told(other) == outcome("INVALID_RESOURCE", 422, "invalid", "The id is not the one in the path")


async def test_lists_and_their_conditions() -> None:
    """A current List gains entries and marks others as deleted; a search brings its Conditions along."""
    client = adjustments()
    first, second = await created(client, condition()), await created(client, condition())
    foreign = await created(client, condition(ARTHUR))
    kept = await created(client, listed(f"Condition/{first['id']}"))
    entries = kept["entry"]
    more = {"item": {"reference": f"Condition/{second['id']}"}}
    assert told(await put(client, kept | {"entry": [*entries, {"item": {"reference": f"Condition/{foreign['id']}"}}]}))[1][2] == "REFERENCE_NOT_FOUND"
    only = outcome("INVALID_RESOURCE", 422, "invalid", "Of a current List only entries are added, or marked as deleted")
    assert told(await put(client, kept | {"entry": [more]})) == only
    assert told(await put(client, kept | {"title": "Another"})) == only
    grown = await put(client, kept | {"entry": [entries[0] | {"deleted": True}, more]})
    assert grown.status_code == 200, grown.text
    asked = {"patient": PATIENTS + JANE, "status": "current", "code": "http://snomed.info/sct|1094391000000102"}
    found = (await client.get("/List", params=asked, headers=by_role())).json()
    assert [(entry["resource"]["resourceType"], entry["search"]["mode"]) for entry in found["entry"]] == [("List", "match"), ("Condition", "include"), ("Condition", "include")]
    assert found["total"] == 1
    assert (await put(client, inactive(first, "clinicalStatus"))).status_code == 200
    retired = await put(client, inactive(grown.json(), value="retired"), "2")
    assert (retired.status_code, retired.json()["status"]) == (200, "retired")


async def test_searches() -> None:
    """By patient, status and category, all three; of nobody an empty bundle."""
    client = adjustments()
    kept = await created(client, flag())
    await created(client, flag(ARTHUR))
    asked = {"patient": PATIENTS + JANE, "status": "active", "category": "https://fhir.nhs.uk/STU3/CodeSystem/RARecord-FlagCategory-1|NRAF"}

    async def found(**changed: str) -> list[str]:
        response = await client.get("/Flag", params=asked | changed, headers=by_role())
        assert response.status_code == 200, response.text
        return [entry["resource"]["id"] for entry in response.json().get("entry", [])]

    assert await found() == await found(patient=JANE) == await found(patient=f"https://fhir.nhs.uk/Id/nhs-number|{JANE}") == await found(category="NRAF") == [kept["id"]]
    assert await found(status="inactive") == await found(category="urn:x|NRAF") == await found(category="other") == []
    for wrong in ({"patient": JANE}, asked | {"status": " "}, asked | {"other": "1"}, {**asked, "status": ["active", "inactive"]}):
        refused = await client.get("/Flag", params=wrong, headers=by_role())
        assert told(refused) == outcome("INVALID_PARAMETER", 422, "invalid", "A search has patient, status, category, each once and with a value, and nothing else")
    bad = await client.get("/Flag", params=asked | {"patient": "1"}, headers=by_role())
    assert told(bad)[1][2] == "INVALID_NHS_NUMBER"


async def test_conditional_reads() -> None:
    """304 for who has the version already, by tag before by time."""
    client = adjustments()
    kept = await created(client, flag())
    path = f"/Flag/{kept['id']}"
    first = await client.get(path, headers=by_role())
    modified = first.headers["Last-Modified"]
    for given, status in (({"If-None-Match": 'W/"1"'}, 304), ({"If-None-Match": 'W/"2"'}, 200), ({"If-Modified-Since": modified}, 304),
                          ({"If-Modified-Since": "Wed, 21 Oct 2015 07:28:00 GMT"}, 200), ({"If-Modified-Since": "yesterday"}, 200),
                          ({"If-None-Match": 'W/"2"', "If-Modified-Since": modified}, 200)):
        response = await client.get(path, headers=by_role(**given))
        assert response.status_code == status, given
        assert response.headers["ETag"] == 'W/"1"'
        assert bool(response.content) == (status == 200)


def parameters(number: str = JANE, reason: Any = REASON, comment: str = "No longer applies", name: str = "removerarecord") -> dict[str, Any]:
    """What `$removerarecord` is sent."""
    parts = [{"name": "nhsNumber", "valueString": number}, {"name": "removalReason", "valueCodeableConcept": reason}, {"name": "supportingComment", "valueString": comment}]
    return {"resourceType": "Parameters", "parameter": [{"name": name, "part": parts}]}


async def test_the_whole_record_is_removed() -> None:
    """Consent, Flags, List and Conditions of one patient become inactive together, with reason and Provenance."""
    client = adjustments()
    one, two, other = await created(client, consent()), await created(client, flag()), await created(client, flag(ARTHUR))
    impairment = await created(client, condition())
    entries = await created(client, listed(f"Condition/{impairment['id']}"))

    async def remove(body: dict[str, Any]) -> httpx2.Response:
        return await client.post("/$removerarecord", content=as_json(body), headers=by_role())

    for wrong, status, code in ((parameters("9000000010"), 400, "INVALID_NHS_NUMBER"), (parameters(comment=" "), 422, "INVALID_RESOURCE"),
                                (parameters(reason={"text": "a"}), 422, "INVALID_RESOURCE"), (parameters(name="other"), 422, "INVALID_RESOURCE")):
        answered, (_, _, said, _) = told(await remove(wrong))
        assert (answered, said) == (status, code)
    assert told(await remove(parameters())) == outcome("RESOURCE_UPDATED", 200, "informational", severity="information")
    for kept, status, value in ((one, "status", "inactive"), (two, "status", "inactive"), (impairment, "clinicalStatus", "inactive"), (entries, "status", "retired")):
        now = (await client.get(f"/{kept['resourceType']}/{kept['id']}", headers=by_role())).json()
        assert (now[status], now["meta"]["versionId"], now["extension"][-1]["extension"][1]["valueString"]) == (value, "2", "No longer applies")
        if kept["resourceType"] == "List":
            assert [entry["deleted"] for entry in now["entry"]] == [True]
    assert (await client.get(f"/Flag/{other['id']}", headers=by_role())).json() == other
    assert told(await remove(parameters()))[0] == 404


async def test_who_is_believed() -> None:
    """A system that the gateway names, with a token whose role the directory has; a token in the gateway's tolerant form too."""
    client = adjustments()
    no_token = await client.get("/Flag/a", headers=called_by())
    assert told(no_token) == outcome("MISSING_OR_INVALID_HEADER", 400, "invalid", "The Authorisation header must be supplied")
    unknown = await client.get("/Flag/a", headers=by_role("999999999999"))
    assert told(unknown) == outcome("AUTHOR_CREDENTIALS_ERROR", 401, "forbidden", "The role profile of the token is not in the directory", "fatal")
    headers = {name: value for name, value in by_role().items() if name != "NHSD-ASID"}
    assert told(await client.get("/Flag/a", headers=headers)) == outcome("ACCESS_DENIED", 403, "forbidden", "The gateway has not named the calling system")
    assert told(await client.get("/Flag/a", headers=FHIR_JSON))[0] == 403
