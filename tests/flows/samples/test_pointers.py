"""The record of pointers: who owns a pointer, who sees it, and how it changes (spine 10, 8.2)."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from flows.samples.place import (
    ARTHUR,
    CARE_PLAN,
    END_OF_LIFE,
    JANE,
    ORGANISATIONS,
    PATIENTS,
    Clock,
    as_json,
    called_by,
    outcome,
    pointers,
    told,
)
from wardgate.fhir import Format, Version, read, write
from wardgate.samples.records import Records

NOT_OURS = "The Custodian ODS code is not affiliated with the sender ASID."
NOT_CURRENT = "DocumentReference status is not 'current'"
pytestmark = pytest.mark.anyio


def pointer(patient: str = JANE, custodian: str = "Z9X01", kind: str = CARE_PLAN, **more: Any) -> dict[str, Any]:
    """A pointer to a care plan."""
    return {
        "resourceType": "DocumentReference", "status": "current", "type": {"coding": [{"system": "http://snomed.info/sct", "code": kind}]},
        "class": {"coding": [{"system": "http://snomed.info/sct", "code": "734163000", "display": "Care plan"}]},
        "subject": {"reference": PATIENTS + patient}, "indexed": "2026-03-01T10:00:00Z",
        "author": [{"reference": ORGANISATIONS + "Z9X02"}], "custodian": {"reference": ORGANISATIONS + custodian},
        "content": [{"attachment": {"contentType": "application/pdf", "url": "https://example.thirdparty.nhs.uk/plan"},
                     "format": {"system": "https://fhir.nhs.uk/STU3/CodeSystem/NRL-FormatCode-1", "code": "urn:nhs-ic:unstructured"}}],
        "context": {"practiceSetting": {"coding": [{"system": "http://snomed.info/sct", "code": "708168004"}]}}, **more,
    }  # fmt: skip


async def create(client: httpx2.AsyncClient, resource: dict[str, Any] | None = None, caller: str = "Z9X01") -> httpx2.Response:
    """Create a pointer."""
    return await client.post("/DocumentReference", content=as_json(resource or pointer()), headers=called_by(caller))


async def created(client: httpx2.AsyncClient, resource: dict[str, Any] | None = None, caller: str = "Z9X01") -> str:
    """Create a pointer that must be taken, and return its path."""
    response = await create(client, resource, caller)
    assert response.status_code == 201, response.text
    return response.headers["Location"]


ENTERED_IN_ERROR = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [
    {"name": "type", "valueCode": "replace"}, {"name": "path", "valueString": "DocumentReference.status"}, {"name": "value", "valueString": "entered-in-error"}]}]}


async def test_created_and_read() -> None:
    """201 with Location and RESOURCE_CREATED; the pointer comes back in either form, with its version."""
    client = pointers()
    response = await create(client)
    assert told(response) == outcome("RESOURCE_CREATED", 201, "informational", "Successfully created resource DocumentReference", "information")
    assert len(response.json()["issue"][0]["details"]["text"]) == 36
    path = response.headers["Location"]
    found = await client.get(path, headers=called_by())
    assert (found.status_code, found.headers["ETag"], found.headers["Content-Type"]) == (200, 'W/"1"', "application/fhir+json; charset=utf-8")
    assert found.json()["meta"]["versionId"] == "1"
    assert found.json()["content"] == pointer()["content"]
    in_xml = await client.get(path, headers={name: value for name, value in called_by().items() if name not in {"Accept", "Content-Type"}})
    assert in_xml.headers["Content-Type"] == "application/fhir+xml; charset=utf-8"
    assert read(in_xml.content, Format.XML, Version.STU3) == found.json()
    assert (await client.get(f"{path}?_format=json", headers=called_by(Accept="application/fhir+xml"))).json() == found.json()


async def test_in_xml_from_end_to_end() -> None:
    """XML in, XML out, refusals too."""
    client = pointers()
    headers = called_by() | {"Content-Type": "application/fhir+xml", "Accept": "*/*"}
    body = write(pointer(), Format.XML, Version.STU3)
    assert (await client.post("/DocumentReference", content=body, headers=headers)).status_code == 201
    refused = await client.post("/DocumentReference", content=b"<DocumentReference", headers=headers)
    said = read(refused.content, Format.XML, Version.STU3)
    assert refused.status_code == 400
    assert said["issue"][0]["details"]["coding"][0]["code"] == "INVALID_REQUEST_MESSAGE"


def without(name: str) -> dict[str, Any]:
    """A pointer that lacks something."""
    return {member: value for member, value in pointer().items() if member != name}


REFUSED = (
    (pointer(custodian="Z9X02"), outcome("INVALID_RESOURCE", 400, "invalid", NOT_OURS)),
    (pointer(status="superseded"), outcome("BAD_REQUEST", 400, "invalid", NOT_CURRENT)),
    (pointer(status="other"), outcome("INVALID_RESOURCE", 400, "invalid", "status is not one of document-reference-status")),
    (pointer(patient="9000000010"), outcome("INVALID_NHS_NUMBER", 400, "invalid", "The NHS number does not conform to the NHS Number format: 9000000010")),
    (pointer(subject={"reference": "Patient/1"}), outcome("INVALID_RESOURCE", 400, "invalid", f"subject.reference is {PATIENTS}[NHS number]")),
    (pointer(custodian="Z9X99"), outcome("ORGANISATION_NOT_FOUND", 400, "not-found", "The ODS code in the custodian and/or author element is not resolvable - Z9X99")),
    (pointer(author=[{"reference": ORGANISATIONS + "A9"}]), outcome("ORGANISATION_NOT_FOUND", 400, "not-found", "The ODS code in the custodian and/or author element is not resolvable - A9")),
    (pointer(author=[{"reference": "Organization/1"}]), outcome("INVALID_RESOURCE", 400, "invalid", f"author.reference is {ORGANISATIONS}[ODS code]")),
    (pointer(author=[{"reference": ORGANISATIONS + "Z9X01"}] * 2), outcome("INVALID_RESOURCE", 400, "invalid", "there is one author")),
    (pointer(id="mine"), outcome("MSG_RESOURCE_ID_FAIL", 405, "forbidden", "The server gives a pointer its id")),
    (pointer(kind="1"), outcome("AUTHOR_CREDENTIALS_ERROR", 401, "forbidden", "The type of the provided DocumentReference is not in the list of allowed types for this organisation", "fatal")),
    (pointer(masterIdentifier={"value": "a"}), outcome("INVALID_RESOURCE", 400, "invalid", "masterIdentifier has system and value")),
    (pointer(relatesTo=[{"code": "appends", "target": {"reference": "a"}}]), outcome("INVALID_RESOURCE", 400, "invalid", "relatesTo has the code replaces, once")),
    (pointer(relatesTo=[{"code": "replaces", "target": {"reference": "a"}}]), outcome("INVALID_RESOURCE", 400, "invalid", "relatesTo.target is not a pointer of this record")),
    (pointer(content=[{"attachment": {"url": "https://x"}}]), outcome("INVALID_RESOURCE", 400, "invalid", "content.attachment has url and contentType")),
    (pointer(content=[{"attachment": {"url": "https://x", "contentType": "text/plain"}}]), outcome("INVALID_RESOURCE", 400, "invalid", "content.format has system and code")),
    (pointer(type={"coding": [{"system": "http://loinc.org", "code": "1"}]}), outcome("INVALID_RESOURCE", 400, "invalid", "type has one coding of http://snomed.info/sct")),
    (pointer(nothing=1), outcome("INVALID_RESOURCE", 400, "invalid", "DocumentReference: an element that it has not")),
    ({"resourceType": "Flag"}, outcome("INVALID_RESOURCE", 400, "invalid", "The resource is not a DocumentReference")),
    *((without(name), outcome("INVALID_RESOURCE", 400, "invalid", f"{name} is mandatory"))
      for name in ("status", "type", "class", "subject", "indexed", "author", "custodian", "content", "context")),
)  # fmt: skip


@pytest.mark.parametrize(("resource", "expected"), REFUSED, ids=range(len(REFUSED)))
async def test_pointers_that_are_refused(resource: dict[str, Any], expected: Any) -> None:
    """Each rule, alone, with its code and words; nothing is kept."""
    client = pointers()
    assert told(await create(client, resource)) == expected
    found = await client.get("/DocumentReference", params={"subject": PATIENTS + JANE}, headers=called_by())
    assert found.json()["total"] == 0


async def test_what_arrives_is_bounded_and_fhir() -> None:
    """Another type of content, a body that is no JSON, one that is too large, and nobody whom the gateway names."""
    client = pointers()
    body = as_json(pointer())
    for headers, content, expected in (
        (called_by() | {"Content-Type": "text/plain"}, body, (415, "UNSUPPORTED_MEDIA_TYPE")), (called_by(), b"{", (400, "INVALID_REQUEST_MESSAGE")),
        (called_by(), body + b" " * 200_001, (400, "INVALID_RESOURCE")), (called_by() | {"Accept": "text/html"}, body, (415, "UNSUPPORTED_MEDIA_TYPE")),
        ({"Content-Type": "application/fhir+json"}, body, (403, "ACCESS_DENIED")), (called_by("Z9X09"), as_json(pointer(custodian="Z9X03")), (400, "INVALID_RESOURCE")),
    ):  # fmt: skip
        response = await client.post("/DocumentReference", content=content, headers=headers)
        coding = read(response.content, Format.XML if "xml" in response.headers["content-type"] else Format.JSON, Version.STU3)["issue"][0]["details"]["coding"][0]
        assert (response.status_code, coding["code"]) == expected


async def test_searches() -> None:
    """By patient, with type and custodian; by id alone; each organisation its types."""
    client = pointers()
    first = await created(client)
    second = await created(client, pointer(kind=END_OF_LIFE))
    await created(client, pointer(ARTHUR, "Z9X02"), "Z9X02")

    async def found(caller: str = "Z9X01", **parameters: str) -> list[str]:
        response = await client.get("/DocumentReference", params=parameters, headers=called_by(caller))
        assert response.status_code == 200, response.text
        body = response.json()
        assert body["total"] == len(body.get("entry", []))
        return [entry["fullUrl"] for entry in body.get("entry", [])]

    subject = PATIENTS + JANE
    assert await found(subject=subject) == [first, second]
    assert await found("Z9X02", subject=subject) == [first]
    assert await found("Z9X01,Z9X02", subject=subject) == [first, second]
    assert await found(subject=subject, **{"type.coding": f"http://snomed.info/sct|{END_OF_LIFE}"}) == [second]
    assert await found(subject=subject, custodian="https://fhir.nhs.uk/Id/ods-organization-code|Z9X02") == []
    assert await found(subject=subject, custodian=ORGANISATIONS + "Z9X01", type=f"http://snomed.info/sct|{CARE_PLAN}") == [first]
    assert await found(_id=first.rpartition("/")[2]) == [first]
    assert await found(_id="nothing") == []
    assert await found("Z9X02", _id=second.rpartition("/")[2]) == []
    unseen = await client.get(second, headers=called_by("Z9X02"))
    assert told(unseen) == outcome("NO_RECORD_FOUND", 404, "not-found", f"No record found for supplied DocumentReference identifier - {second.rpartition('/')[2]}.")
    denied = await client.get("/DocumentReference", params={"subject": subject}, headers=called_by("Z9X03"))
    assert told(denied) == outcome("ACCESS_DENIED", 403, "forbidden", "Your organisation 'Z9X03' does not have permission to access this resource. Contact the onboarding team.")


INVALID_SEARCHES = (
    ({}, "INVALID_PARAMETER", "subject or _id is needed"),
    ({"_id": "a", "subject": PATIENTS + JANE}, "INVALID_PARAMETER", "_id cannot be combined with another parameter"),
    ({"subject": JANE}, "INVALID_PARAMETER", f"subject is {PATIENTS}[NHS number]"),
    ({"subject": PATIENTS + "1234567890"}, "INVALID_NHS_NUMBER", "The NHS number does not conform to the NHS Number format: 1234567890"),
    ({"subject": PATIENTS + JANE, "type": "1"}, "INVALID_PARAMETER", "type is http://snomed.info/sct|[code]"),
    ({"subject": PATIENTS + JANE, "custodian": "Z9X01"}, "INVALID_PARAMETER", "custodian is https://fhir.nhs.uk/Id/ods-organization-code|[ODS code]"),
    ({"subject": PATIENTS + JANE, "custodian": ORGANISATIONS + "A9"}, "ORGANISATION_NOT_FOUND", "The ODS code in the custodian and/or author element is not resolvable - A9"),
    ({"subject": PATIENTS + JANE, "status": "current"}, "INVALID_PARAMETER", "The parameter status is not one of this search"),
    ({"subject": [PATIENTS + JANE] * 2}, "INVALID_PARAMETER", "The parameter subject is there more than once"),
    ({"subject": PATIENTS + JANE, "x": "y" * 5000}, "INVALID_PARAMETER", "The query is too long"),
)  # fmt: skip


@pytest.mark.parametrize(("parameters", "code", "text"), INVALID_SEARCHES, ids=range(len(INVALID_SEARCHES)))
async def test_searches_that_are_refused(parameters: dict[str, Any], code: str, text: str) -> None:
    """400 with the parameter's own words (spine 8.2: 400 at NRL)."""
    status, (_, _, found, diagnostics) = told(await pointers().get("/DocumentReference", params=parameters, headers=called_by()))
    assert (status, found, diagnostics) == (400, code, text)


async def test_superseding() -> None:
    """A pointer that is replaced becomes superseded at the same moment; neither happens when it is not the caller's, or not current."""
    client = pointers()
    old = await created(client)

    def replacing(target: dict[str, Any], **more: Any) -> dict[str, Any]:
        return pointer(relatesTo=[{"code": "replaces", "target": target}], **more)

    other = replacing({"reference": old}, custodian="Z9X02")
    assert told(await create(client, other, "Z9X02")) == outcome("INVALID_RESOURCE", 400, "invalid", NOT_OURS)
    assert told(await create(client, replacing({"reference": old}, patient=ARTHUR))) == outcome("INVALID_RESOURCE", 400, "invalid", "relatesTo.target is a pointer of another subject")
    mismatch = replacing({"reference": old, "identifier": {"system": "urn:x", "value": "1"}})
    assert told(await create(client, mismatch)) == outcome("INVALID_RESOURCE", 400, "invalid", "relatesTo.target.identifier is not the masterIdentifier of the pointer")
    new = await created(client, replacing({"reference": old}))
    assert told(await client.get(old, headers=called_by())) == outcome("BAD_REQUEST", 400, "invalid", NOT_CURRENT)
    assert told(await create(client, replacing({"reference": old}))) == outcome("BAD_REQUEST", 400, "invalid", NOT_CURRENT)
    found = await client.get("/DocumentReference", params={"subject": PATIENTS + JANE}, headers=called_by())
    assert [entry["fullUrl"] for entry in found.json()["entry"]] == [new]


async def test_master_identifiers() -> None:
    """One pointer of a patient has one; after its removal another may."""
    client = pointers()
    identifier = {"masterIdentifier": {"system": "urn:x", "value": "1"}}
    path = await created(client, pointer(**identifier))
    assert told(await create(client, pointer(**identifier))) == outcome("DUPLICATE_REJECTED", 400, "duplicate", "Duplicate masterIdentifier value: 1 system: urn:x")
    await created(client, pointer(ARTHUR, **identifier))
    assert told(await client.delete(path, headers=called_by())) == outcome("RESOURCE_DELETED", 200, "informational", "Successfully removed resource DocumentReference", "information")
    again = await created(client, pointer(**identifier))
    by_identifier = {"subject": PATIENTS + JANE, "identifier": "urn:x|1"}
    updated = await client.patch("/DocumentReference", params=by_identifier, content=as_json(ENTERED_IN_ERROR), headers=called_by())
    assert updated.status_code == 200
    assert told(await client.get(again, headers=called_by())) == outcome("BAD_REQUEST", 400, "invalid", NOT_CURRENT)
    assert (await client.delete("/DocumentReference", params=by_identifier, headers=called_by())).status_code == 200
    assert told(await client.delete("/DocumentReference", params=by_identifier, headers=called_by()))[0] == 404


async def test_updates_and_removals() -> None:
    """By the custodian's systems only, of the version that was seen, once."""
    client = pointers()
    path = await created(client)

    async def patch(body: Any = ENTERED_IN_ERROR, caller: str = "Z9X01", **more: str) -> httpx2.Response:
        return await client.patch(path, content=as_json(body), headers=called_by(caller, **more))

    not_ours = outcome("INVALID_RESOURCE", 400, "invalid", NOT_OURS)
    assert told(await patch(caller="Z9X02")) == not_ours
    assert told(await client.delete(path, headers=called_by("Z9X02"))) == not_ours
    assert told(await patch(**{"If-Match": 'W/"7"'})) == outcome("CONFLICT", 409, "forbidden", "If-Match is not the version of the pointer")
    for place, name, expected in ((0, "insert", "type has the value replace"), (1, "DocumentReference.type", "path has the value DocumentReference.status"),
                                  (2, "superseded", "value has the value entered-in-error")):
        parts = [dict(part) for part in ENTERED_IN_ERROR["parameter"][0]["part"]]  # type: ignore[index]
        parts[place] = {"name": parts[place]["name"], "valueString": name}
        refused = await patch({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]})
        assert told(refused) == outcome("INVALID_RESOURCE", 400, "invalid", f"The parameter {expected}")
    changed = await patch(**{"If-Match": 'W/"1"'})
    assert (changed.status_code, changed.headers["ETag"]) == (200, 'W/"2"')
    assert told(await patch()) == outcome("BAD_REQUEST", 400, "invalid", NOT_CURRENT)
    assert (await client.delete(path, headers=called_by())).status_code == 200
    assert told(await client.get(path, headers=called_by()))[0] == 404
    assert told(await patch())[0] == 404


async def test_kept_in_a_file(tmp_path: Path) -> None:
    """What was answered is there when the file is opened again, and readable by its owner only."""
    path = tmp_path / "samples.db"
    first = Records(path, Clock())
    where = await created(pointers(first))
    second = Records(path, Clock())
    assert (await pointers(second).get(where, headers=called_by())).status_code == 200
    assert path.stat().st_mode & 0o077 == 0
    first.close()
    second.close()
