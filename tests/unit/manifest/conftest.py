"""A small manifest to change one thing in."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from wardgate.manifest import Manifest, ManifestInvalid, Problem, Source, check

BASE: dict[str, Any] = {
    "environment": {"name": "test"},
    "organisations": [{"ods": "Z9X01", "name": "Example Hospital"}, {"ods": "Z9X02", "name": "Example Trust"}],
    "systems": [
        {"asid": "200000000115", "organisation": "Z9X01", "fqdn": "epr.example.thirdparty.nhs.uk", "party_key": "Z9X01-0000001"},
        {"asid": "200000000116", "organisation": "Z9X02", "fqdn": "lab.example.thirdparty.nhs.uk", "party_key": "Z9X02-0000001"},
    ],
    "apis": [
        {"name": "hello", "base_path": "/hello", "backend": "http://127.0.0.1:9001", "routes": [
            {"path": "/world", "pattern": "open-access"},
            {"path": "/application", "any_of": [{"pattern": "api-key"}, {"pattern": "signed-jwt"}]},
        ]},
        {"name": "demo-fhir", "base_path": "/demo/FHIR/R4", "backend": "http://127.0.0.1:9001", "errors": "fhir", "routes": [
            {"path": "/Patient/{id}", "methods": ["GET"], "pattern": "signed-jwt"},
            {"path": "/Patient/{id}", "methods": ["PATCH"], "pattern": "tls-ma"},
        ]},
    ],
    "products": [
        {"name": "hello", "apis": ["hello"], "scopes": ["urn:nhsd:apim:app:level3:hello"]},
        {"name": "fhir", "apis": ["demo-fhir"], "scopes": ["urn:nhsd:apim:app:level3:demo-fhir"]},
    ],
    "applications": [
        {"name": "one", "organisation": "Z9X01", "products": ["hello", {"product": "fhir", "status": "pending"}],
         "asid": "200000000115", "jwks_url": "http://127.0.0.1:9001/jwks.json"},
        {"name": "two", "organisation": "Z9X02", "products": ["fhir"],
         "tls_client_auth_san_dns": "two.example.thirdparty.nhs.uk"},
    ],
}


@pytest.fixture
def base() -> dict[str, Any]:
    """Return a valid manifest as plain data, free to be changed."""
    return copy.deepcopy(BASE)


def checked(data: Any, *more: str) -> Manifest:
    """Check plain data (JSON is YAML) and, if given, further files of YAML."""
    sources = [Source("one.yaml", json.dumps(data, indent=1).encode())]
    return check(sources + [Source(f"more-{number}.yaml", text.encode()) for number, text in enumerate(more)])


@pytest.fixture
def accept() -> Callable[..., Manifest]:
    """Return a function that checks data and returns the manifest."""
    return checked


@pytest.fixture
def refuse() -> Callable[..., tuple[Problem, ...]]:
    """Return a function that checks data and returns the problems, of which there is at least one."""

    def problems(data: Any, *more: str) -> tuple[Problem, ...]:
        with pytest.raises(ManifestInvalid) as invalid:
            checked(data, *more)
        assert invalid.value.problems
        return invalid.value.problems

    return problems
