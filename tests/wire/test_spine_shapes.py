"""APIs whose errors are those of Spine or of GP Connect: Envoy's own refusals in their shape, whole bodies compared (spine 8.1)."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from wardgate.catalogue import API
from wardgate.refusals import Refusal, reason
from wardgate.refusals.dialects import Dialect, body

SHAPES = (Dialect.SPINE, Dialect.GP_CONNECT)
ROUTES = [
    {"path": "/open", "pattern": "open-access"}, {"path": "/key", "pattern": "api-key"}, {"path": "/jwt", "pattern": "signed-jwt"}, {"path": "/mtls", "pattern": "tls-ma"},
    {"path": "/strict", "pattern": "open-access", "request_id": "required"}, {"path": "/only-post", "pattern": "open-access", "methods": ["POST"]},
    {"path": "/asked", "pattern": "api-key", "enforcement": "decision"}, {"path": "/down", "pattern": "open-access"},
]
NASTY = '"}<b>{value}\\'
ROWS: tuple[tuple[str, str, list[tuple[str, str]], dict[str, str]], ...] = (
    ("api-key-missing", "/key", [], {}), ("api-key-unknown", "/key", [("apikey", "another")], {}), ("api-key-missing", "/asked", [], {}),
    ("authorization-missing", "/jwt", [], {}), ("token-type-invalid", "/jwt", [("Authorization", "Basic dTpw")], {"scheme": "Basic"}),
    ("access-token-unknown", "/jwt", [("Authorization", "Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30.")], {}),
    ("certificate-missing", "/mtls", [], {}), ("request-id-missing", "/strict", [], {}), ("request-id-invalid", "/strict", [("X-Request-ID", NASTY)], {"value": NASTY}),
    ("route-not-found", "/nowhere", [], {}), ("method-not-allowed", "/only-post", [], {}), ("backend-unavailable", "/down", [], {}),
)  # fmt: skip


@pytest.fixture(scope="module")
def spine_plane(cast: Any, shared_plane: Any) -> Iterator[Any]:
    """An Envoy with one API in each shape, and the same with a backend that is down."""
    found = cast.snapshot(shared_plane.backend_url)
    working = [_api(shape, f"/{shape}", shared_plane.backend_url) for shape in SHAPES]
    down = [_api(shape, f"/down-{shape}", "http://127.0.0.1:1") for shape in SHAPES]
    shared_plane.publish(replace(found, apis=(*found.apis, *working, *down)))
    yield shared_plane
    shared_plane.publish(found)


def _api(shape: Dialect, base: str, url: str) -> API:
    return API.model_validate({"name": base.strip("/"), "base_path": base, "backend": url, "errors": shape, "routes": ROUTES})


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("code", "path", "headers", "values"), ROWS)
def test_a_refusal_in_the_shape_of_spine(
    code: str, path: str, headers: list[tuple[str, str]], values: dict[str, str], shape: Dialect, spine_plane: Any, send: Any
) -> None:
    """Status, type and the whole outcome, whose id is the message's; what the caller sent stays inside its text."""
    base = f"/down-{shape}" if path == "/down" else f"/{shape}"
    answer = send.kept("https").send("GET", base + path, headers)
    found = json.loads(answer.body)
    assert (answer.status, answer.reason, answer.headers["content-type"]) == (reason(code).status, code, "application/fhir+json")
    assert 1 <= len(found["id"]) <= 64
    assert found == body(shape, reason(code), Refusal(reason(code), values=values).fill, found["id"])
