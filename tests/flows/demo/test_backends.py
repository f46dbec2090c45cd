"""The sample backends, called as the gateway calls them."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from wardgate.demo import manifest
from wardgate.demo.backends import HUGE_BYTES, MAX_ECHO_BYTES, backends
from wardgate.demo.fhir_resources import PEOPLE, RESOURCES
from wardgate.demo.keys import public_jwk
from wardgate.demo.samples import ADJUSTMENTS, POINTERS
from wardgate.jose import KeyRules, parse_jwk_set

FHIR = "/fhir-demo/FHIR/R4"


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio."""
    return "asyncio"


@pytest.fixture
def client() -> Iterator[httpx2.AsyncClient]:
    """Return a client of the backends, without a network."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=backends()), base_url="http://127.0.0.1:9001")


@pytest.mark.anyio
@pytest.mark.parametrize(("path", "body"), [
    ("/hello-world/hello/world", {"message": "Hello World!"}),
    ("/hello/world", {"message": "Hello World!"}),
    ("/hello-world/hello/application", {"message": "Hello Application!"}),
    ("/tls-demo/hello", {"message": "Hello TLS-MA!"}),
    ("/limits/minute", {"message": "You are within the limits"}),
    ("/limits/spike/", {"message": "You are within the limits"}),
    ("/_status", {"status": "pass"}),
])
async def test_fixed_answers(client: httpx2.AsyncClient, path: str, body: dict[str, Any]) -> None:
    """Each sample route answers what the reference says."""
    answer = await client.get(path)
    assert (answer.status_code, answer.json()) == (200, body)


@pytest.mark.anyio
async def test_every_route_of_the_manifest_has_a_backend(client: httpx2.AsyncClient) -> None:
    """No route of the demo leads nowhere; samples that keep something are tried by their own tests, and the secure proxy has no backend."""
    for api in manifest().apis:
        if api.relays or api.base_path in {POINTERS, *ADJUSTMENTS}:
            continue
        for route in api.routes:
            path = api.base_path + ("" if route.path == "/" else route.path)
            for method in route.methods or ("GET",):
                answer = await client.request(method, path.replace("{id}", _an_id(route.path.split("/")[1])))
                assert answer.status_code in {200, 400}, path
                assert answer.status_code == 200 or api.name == "fhir-demo"


def _an_id(kind: str) -> str:
    return next(iter(RESOURCES.get(kind, {"": {}})))


@pytest.mark.anyio
async def test_echo_shows_what_arrived(client: httpx2.AsyncClient) -> None:
    """Method, path, query, headers (repeated ones joined) and the size of the body."""
    answer = await client.post("/hello-world/echo/application?a=b%20c", content=b"12345",
                               headers=[("NHSD-ASID", "200000000115"), ("x-twice", "1"), ("x-twice", "2")])
    body = answer.json()
    assert {name: body[name] for name in ("method", "path", "query", "body_bytes")} == {
        "method": "POST", "path": "/hello-world/echo/application", "query": "a=b%20c", "body_bytes": 5}
    assert body["headers"]["nhsd-asid"] == "200000000115"
    assert body["headers"]["x-twice"] == "1, 2"


@pytest.mark.anyio
async def test_echo_bounds_the_body(client: httpx2.AsyncClient) -> None:
    """A body over the limit is refused while it arrives."""
    answer = await client.post("/echo", content=b"x" * (MAX_ECHO_BYTES + 1))
    assert answer.status_code == 413


@pytest.mark.anyio
async def test_key_sets(client: httpx2.AsyncClient) -> None:
    """The published set parses as the token endpoint parses it; the wrong ones are wrong."""
    keys = parse_jwk_set((await client.get("/jwks.json")).content, KeyRules())
    assert keys.get("demo-1") is not None
    assert keys.get("demo-2") is not None
    assert keys.get("unpublished") is None
    assert (await client.get("/jwks/rotated.json")).json() == {"keys": [public_jwk("demo-2")]}
    assert (await client.get("/jwks/missing.json")).status_code == 404
    assert (await client.get("/jwks/broken.json")).json() == {"keys": "not a list"}
    assert len((await client.get("/jwks/huge.json")).content) > HUGE_BYTES


@pytest.mark.anyio
async def test_reading_a_patient(client: httpx2.AsyncClient) -> None:
    """A read answers the resource in FHIR's content type."""
    answer = await client.get(FHIR + "/Patient/9000000009")
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.json() == RESOURCES["Patient"]["9000000009"]


@pytest.mark.anyio
@pytest.mark.parametrize(("query", "expected"), [
    ("/Patient?family=sample", ["9000000009", "9000000017"]),
    ("/Patient?family=Sample&gender=male", ["9000000017"]),
    ("/Patient?birthdate=eq1987-07-14", ["9000000025"]),
    ("/Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|9000000033", ["9000000033"]),
    ("/Patient?given=nobody", []),
    ("/Flag?patient=9000000009", ["flag-1"]),
    ("/Consent?patient=Patient/9000000025&status=active", ["consent-2"]),
    ("/DocumentReference?subject=9000000009", ["document-1", "document-2"]),
])
async def test_searching(client: httpx2.AsyncClient, query: str, expected: list[str]) -> None:
    """A search answers a Bundle of what all parameters match."""
    bundle = (await client.get(FHIR + query)).json()
    assert (bundle["resourceType"], bundle["type"], bundle["total"]) == ("Bundle", "searchset", len(expected))
    assert [entry["resource"]["id"] for entry in bundle["entry"]] == expected


@pytest.mark.anyio
@pytest.mark.parametrize(("path", "status", "code"), [
    ("/Patient/9000000010", 400, "INVALID_RESOURCE_ID"),
    ("/Patient/9990000018", 404, "RESOURCE_NOT_FOUND"),
    ("/Flag/flag-9", 404, "RESOURCE_NOT_FOUND"),
    ("/Observation/1", 404, "RESOURCE_NOT_FOUND"),
    ("/Observation?patient=9000000009", 404, "RESOURCE_NOT_FOUND"),
    ("/Patient", 400, "INVALID_SEARCH_DATA"),
    ("/Patient?phone=1", 400, "INVALID_SEARCH_DATA"),
    ("/Patient?" + "&".join(["family=Sample"] * 11), 400, "INVALID_SEARCH_DATA"),
])
async def test_fhir_refusals(client: httpx2.AsyncClient, path: str, status: int, code: str) -> None:
    """What cannot be answered is an OperationOutcome."""
    answer = await client.get(FHIR + path)
    assert answer.status_code == status
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == code


@pytest.mark.anyio
async def test_creating_a_consent(client: httpx2.AsyncClient) -> None:
    """A Consent about a person is answered with 201; anything else is refused."""
    consent = RESOURCES["Consent"]["consent-1"]
    answer = await client.post(FHIR + "/Consent", json=consent)
    assert (answer.status_code, answer.json()["id"]) == (201, "consent-created")
    wrong = {"not json": b"{", "not a Consent": b"{}", "nobody": b'{"resourceType": "Consent", "patient": {"reference": 1}}',
             "deep": b"[" * 90_000}
    for content in wrong.values():
        refused = await client.post(FHIR + "/Consent", content=content)
        assert (refused.status_code, refused.json()["resourceType"]) == (400, "OperationOutcome")
    assert (await client.post(FHIR + "/Consent", content=b"x" * 100_001)).status_code == 413


def test_people_are_of_the_test_range() -> None:
    """Nobody's real number is used."""
    assert PEOPLE
    assert all(person.nhs_number.startswith("9") for person in PEOPLE)
