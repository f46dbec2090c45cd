"""A manifest of national size: checked, compared, taken apart and written out in seconds."""

import json
import time
from typing import Any

import pytest

from wardgate.manifest import Manifest, ManifestInvalid, Source, check
from wardgate.manifest.diff import diff
from wardgate.manifest.documents import changes, from_documents, to_documents
from wardgate.manifest.export import export

SYSTEMS, APPLICATIONS, APIS = 20_000, 5_000, 50
LIMIT_SECONDS = 12
"""CPU, generous: 1 to 1.5 s was measured for the check."""


def large() -> dict[str, Any]:
    """Return plain data with every kind of reference."""
    return {
        "environment": {"name": "large"},
        "organisations": [{"ods": f"Z{number:04d}", "name": f"Organisation {number}"} for number in range(500)],
        "systems": [{
            "asid": str(200000100000 + number), "organisation": f"Z{number % 500:04d}", "fqdn": f"s{number}.example.nhs.uk",
            "party_key": f"Z{number % 500:04d}-{number:07d}", "interactions": [f"urn:nhs:names:services:x:{number % 10}"]}
            for number in range(SYSTEMS)],
        "apis": [{
            "name": f"api-{number}", "base_path": f"/api-{number}", "backend": "http://127.0.0.1:9001",
            "routes": [{"path": f"/thing{route}/{{id}}", "methods": ["GET"], "pattern": "signed-jwt"} for route in range(10)]}
            for number in range(APIS)],
        "products": [{"name": f"p-{number}", "apis": [f"api-{number}"], "scopes": [f"urn:nhsd:apim:app:level3:api-{number}"]}
                     for number in range(APIS)],
        "applications": [{
            "name": f"app-{number}", "organisation": f"Z{number % 500:04d}", "asid": str(200000100000 + number),
            "products": [f"p-{number % APIS}", f"p-{(number + 7) % APIS}"], "jwks_url": f"https://keys.example.nhs.uk/{number}"}
            for number in range(APPLICATIONS)],
    }


def sources(data: dict[str, Any]) -> list[Source]:
    """Return the data as a file for each section."""
    return [Source(f"{section}.yaml", json.dumps({section: value}, indent=1).encode()) for section, value in data.items()]


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    """Return the large manifest, checked in time."""
    files = sources(large())
    begin = time.process_time()
    checked = check(files)
    assert time.process_time() - begin < LIMIT_SECONDS
    return checked


def test_documents(manifest: Manifest) -> None:
    """Taking apart, comparing and putting together stay quick; one changed application is one document."""
    begin = time.process_time()
    documents, _ = to_documents(manifest)
    assert len(documents) == 1 + 500 + SYSTEMS + APIS + APIS + APPLICATIONS
    last = manifest.applications[-1].model_copy(update={"developer_active": False})
    changed = manifest.model_copy(update={"applications": (*manifest.applications[:-1], last)})
    assert [document.name for document in changes(documents, changed).put] == ["app-4999"]
    assert len(from_documents(documents).systems) == SYSTEMS
    assert len(diff(manifest, changed).losses) == 20
    assert time.process_time() - begin < LIMIT_SECONDS


def test_export(manifest: Manifest) -> None:
    """Writing out stays quick."""
    begin = time.process_time()
    assert export(manifest).count("asid:") == SYSTEMS + APPLICATIONS
    assert time.process_time() - begin < LIMIT_SECONDS


def test_a_mistake_in_every_entry() -> None:
    """All problems are reported in time, although not each with a suggestion."""
    data = large()
    for system in data["systems"]:
        system["organisation"] = system["organisation"].replace("Z", "Y")
    for application in data["applications"]:
        application["prodcts"] = application.pop("products")
    files = sources(data)
    begin = time.process_time()
    with pytest.raises(ManifestInvalid) as invalid:
        check(files)
    assert len(invalid.value.problems) == SYSTEMS + APPLICATIONS
    assert invalid.value.problems[0].suggestion is not None
    assert time.process_time() - begin < 2 * LIMIT_SECONDS
