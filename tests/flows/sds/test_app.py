"""The directory's FHIR API, called as the gateway calls it: every row of spine 7.5 with its whole answer."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from unit.directory.samples import (
    APPOINTMENTS,
    CONTENT,
    DIRECTORY,
    ENDPOINT,
    NATIONAL,
    PROVIDER,
    READ,
    SLOTS,
    SYSTEM,
    live,
)
from wardgate.directory import Directory
from wardgate.directory.index import DirectoryIndex
from wardgate.sds import SDSSettings, create_app
from wardgate.stores.errors import StoreError

BASE = "/spine-directory/FHIR/R4"
URL = "https://gateway.example"
ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
INTERACTION = "https://fhir.nhs.uk/Id/nhsServiceInteractionId"
PARTY_KEY = "https://fhir.nhs.uk/Id/nhsMhsPartyKey"
CORRELATION = "0f7a3c2e-9b41-4d0e-8f1a-2b6c1d5e7a90"
OUR_TRACE = {"X-Correlation-ID": CORRELATION}
SPINE_CODES = "https://fhir.nhs.uk/STU3/ValueSet/Spine-ErrorOrWarningCode-1"
UUID_RULE = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio."""
    return "asyncio"


def _client(directory: Directory = DIRECTORY, **settings: Any) -> httpx2.AsyncClient:
    async def index() -> DirectoryIndex:
        return DirectoryIndex(directory)

    return _client_of(index, **settings)


def _client_of(index: Callable[[], Any], **settings: Any) -> httpx2.AsyncClient:
    numbers = count(1)
    app = create_app(index, SDSSettings(public_url=URL, **settings), lambda: f"00000000-0000-4000-8000-{next(numbers):012}")
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1:9001")


def _asked(*pairs: tuple[str, str]) -> str:
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)


def _id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


ORGANISATION = ("organization", f"{ODS}|Z9X01")
SENDS = ("identifier", f"{INTERACTION}|{READ}")
HAS_KEY = ("identifier", f"{PARTY_KEY}|Z9X01-850001")
OF_SUPPLIER = ("manufacturing-organization", f"{ODS}|Z9S99")


def _about(name: str, system: str, value: str) -> dict[str, Any]:
    return {"url": f"https://fhir.nhs.uk/StructureDefinition/Extension-SDS-{name}", "valueReference": {"identifier": {"system": system, "value": value}}}


def _device(number: int) -> dict[str, Any]:
    return {
        "resourceType": "Device", "id": _id(number),
        "extension": [
            _about("ManufacturingOrganisation", ODS, "Z9S99"), _about("NhsServiceInteractionId", INTERACTION, READ),
            _about("NhsServiceInteractionId", INTERACTION, SLOTS),
        ],
        "identifier": [{"system": "https://fhir.nhs.uk/Id/nhsSpineASID", "value": "200000100001"}, {"system": PARTY_KEY, "value": "Z9X01-850001"}],
        "owner": {"identifier": {"system": ODS, "value": "Z9X01"}},
    }  # fmt: skip


def _endpoint(number: int, address: str = "https://nrl-Z9X02.example.thirdparty.nhs.uk/Z9X02") -> dict[str, Any]:
    return {
        "resourceType": "Endpoint", "id": _id(number),
        "extension": [
            {"url": "https://fhir.nhs.uk/StructureDefinition/Extension-SDS-ReliabilityConfiguration", "extension": [
                {"url": "nhsMHSSyncReplyMode", "valueString": "MSHSignalsOnly"}, {"url": "nhsMHSRetryInterval", "valueString": "PT1M"},
                {"url": "nhsMHSRetries", "valueInteger": 2}, {"url": "nhsMHSPersistDuration", "valueString": "PT5M"},
                {"url": "nhsMHSDuplicateElimination", "valueString": "never"}, {"url": "nhsMHSAckRequested", "valueString": "always"},
                {"url": "nhsMHSActor", "valueString": "urn:oasis:names:tc:ebxml-msg:actor:toPartyMSH"},
            ]},
            _about("NhsServiceInteractionId", INTERACTION, CONTENT),
        ],
        "identifier": [
            {"system": "https://fhir.nhs.uk/Id/nhsMhsFQDN", "value": "nrl-Z9X02.example.thirdparty.nhs.uk"}, {"system": PARTY_KEY, "value": "Z9X02-850002"},
            {"system": "https://fhir.nhs.uk/Id/nhsMhsCPAId", "value": "S918999000001"}, {"system": "https://fhir.nhs.uk/Id/nhsMHSId", "value": "S918999000001"},
        ],
        "status": "active",
        "connectionType": {"system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type", "code": "hl7-fhir-msg", "display": "HL7 FHIR Messaging"},
        "managingOrganization": {"identifier": {"system": ODS, "value": "Z9X02"}},
        "payloadType": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/endpoint-payload-type", "code": "any", "display": "Any"}]}],
        "address": address,
    }  # fmt: skip


def _bundle(kind: str, query: str, number: int, *resources: dict[str, Any]) -> dict[str, Any]:
    entries = [{"fullUrl": f"{URL}{BASE}/{kind}/{found['id']}", "resource": found, "search": {"mode": "match"}} for found in resources]
    whole = {
        "resourceType": "Bundle", "id": _id(number), "type": "searchset", "total": len(entries),
        "link": [{"relation": "self", "url": f"{URL}{BASE}/{kind}?{query}"}],
    }  # fmt: skip
    return whole | {"entry": entries} if entries else whole


def _outcome(issue: str, code: str, display: str, diagnostics: str, identifier: str = CORRELATION) -> dict[str, Any]:
    details = {"coding": [{"system": SPINE_CODES, "code": code, "display": display}]}
    return {"resourceType": "OperationOutcome", "id": identifier, "issue": [{"severity": "error", "code": issue, "details": details, "diagnostics": diagnostics}]}


FOUND_DEVICES = [
    (ORGANISATION, SENDS), (SENDS, ORGANISATION), (ORGANISATION, SENDS, HAS_KEY), (ORGANISATION, SENDS, OF_SUPPLIER), (ORGANISATION, SENDS, HAS_KEY, OF_SUPPLIER),
    (ORGANISATION, ("identifier", f"{INTERACTION}|other"), SENDS), (("organization", f"{ODS}|Z9X02"), ORGANISATION, SENDS),
    (ORGANISATION, SENDS, ("identifier", f"{INTERACTION}| ")), (ORGANISATION, SENDS, ("identifier", f"{PARTY_KEY}|")), (ORGANISATION, SENDS, ("manufacturing-organization", f"{ODS}|")),
    (ORGANISATION, SENDS, ("identifier", f"{PARTY_KEY}|z9x01-850001")),
]  # fmt: skip


@pytest.mark.anyio
@pytest.mark.parametrize("pairs", FOUND_DEVICES)
async def test_a_device_is_found(pairs: tuple[tuple[str, str], ...]) -> None:
    """By organisation and interaction, narrowed by party key and supplier; of several values in one system the last one counts."""
    async with _client() as client:
        answer = await client.get(f"{BASE}/Device?{_asked(*pairs)}", headers=OUR_TRACE)
    assert answer.status_code == 200
    assert answer.json() == _bundle("Device", _asked(*pairs), 2, _device(1))
    assert dict(answer.headers) == {
        "content-type": "application/fhir+json", "content-length": str(len(answer.content)), "x-correlation-id": CORRELATION,
        "cache-control": "private, max-age=1800", "vary": "Accept, apikey", "x-content-type-options": "nosniff",
        "strict-transport-security": "max-age=31536000; includeSubDomains",
    }  # fmt: skip


@pytest.mark.anyio
@pytest.mark.parametrize("pairs", [
    (("organization", f"{ODS}|z9x01"), SENDS), (ORGANISATION, ("identifier", f"{INTERACTION}|{CONTENT}")), (ORGANISATION, ("identifier", f"{INTERACTION}|{READ.lower()}")),
    (ORGANISATION, SENDS, ("identifier", f"{PARTY_KEY}|Z9X01-850009")), (ORGANISATION, SENDS, ("manufacturing-organization", f"{ODS}|Z9S98")),
    (("organization", f"{ODS}|*"), SENDS), (("organization", f"{ODS}|Z9X01)(objectClass=*"), SENDS),
])  # fmt: skip
async def test_no_device_is_an_empty_bundle(pairs: tuple[tuple[str, str], ...]) -> None:
    """What matches nothing is no fault: total is 0. ODS codes and interactions are compared with their case, and nothing is a wildcard."""
    async with _client() as client:
        answer = await client.get(f"{BASE}/Device?{_asked(*pairs)}", headers=OUR_TRACE)
    assert (answer.status_code, answer.json()) == (200, _bundle("Device", _asked(*pairs), 1))


PROVIDED = ("organization", f"{ODS}|Z9X02")
SERVES = ("identifier", f"{INTERACTION}|{CONTENT}")
OF_KEY = ("identifier", f"{PARTY_KEY}|Z9X02-850002")


@pytest.mark.anyio
@pytest.mark.parametrize("pairs", [(PROVIDED, SERVES, OF_KEY), (PROVIDED, SERVES), (SERVES, OF_KEY), (OF_KEY, SERVES)])
async def test_an_endpoint_is_found(pairs: tuple[tuple[str, str], ...]) -> None:
    """By any two or three of organisation, interaction and party key."""
    async with _client() as client:
        answer = await client.get(f"{BASE}/Endpoint?{_asked(*pairs)}", headers=OUR_TRACE)
    assert (answer.status_code, answer.json()) == (200, _bundle("Endpoint", _asked(*pairs), 2, _endpoint(1)))


@pytest.mark.anyio
async def test_each_address_is_a_resource() -> None:
    """An endpoint with two addresses is two resources; organisation and party key find all that it serves."""
    second = "https://nrl-Z9X02.example.thirdparty.nhs.uk/other"
    directory = replace(DIRECTORY, endpoints=(replace(ENDPOINT, urls=(*ENDPOINT.urls, second)), APPOINTMENTS))
    async with _client(directory) as client:
        answer = await client.get(f"{BASE}/Endpoint?{_asked(PROVIDED, SERVES)}", headers=OUR_TRACE)
        every = await client.get(f"{BASE}/Endpoint?{_asked(PROVIDED, OF_KEY)}")
    assert answer.json() == _bundle("Endpoint", _asked(PROVIDED, SERVES), 3, _endpoint(1), _endpoint(2, second))
    assert [entry["resource"]["address"] for entry in every.json()["entry"]] == [APPOINTMENTS.urls[0], ENDPOINT.urls[0], second]


@pytest.mark.anyio
async def test_what_an_entry_lacks_is_left_out() -> None:
    """No empty extensions: a system without supplier, an endpoint without terms; its owner is then the organisation."""
    bare = replace(ENDPOINT, sync_reply_mode=None, retry_interval=None, retries=None, persist_duration=None, duplicate_elimination=None, ack_requested=None, actors=())
    systems = (replace(SYSTEM, manufacturer=None, clients=()), PROVIDER)
    async with _client(replace(DIRECTORY, systems=systems, endpoints=(bare,))) as client:
        device = (await client.get(f"{BASE}/Device?{_asked(ORGANISATION, SENDS)}")).json()["entry"][0]["resource"]
        endpoint = (await client.get(f"{BASE}/Endpoint?{_asked(PROVIDED, SERVES)}")).json()["entry"][0]["resource"]
    assert device["extension"] == _device(1)["extension"][1:]
    assert device["owner"] == {"identifier": {"system": ODS, "value": "Z9X01"}}
    assert endpoint["extension"] == _endpoint(1)["extension"][1:]


@pytest.mark.anyio
@pytest.mark.parametrize(("clients", "owner"), [(("Z9A01",), "Z9A01"), (("Z9A01", "Z9A02"), "Z9X01")])
async def test_the_owner(clients: tuple[str, ...], owner: str) -> None:
    """The organisation that a system acts for; where there are several, the one that runs it."""
    async with _client(replace(DIRECTORY, systems=(replace(SYSTEM, clients=clients), PROVIDER))) as client:
        found = (await client.get(f"{BASE}/Device?{_asked(ORGANISATION, SENDS)}")).json()["entry"][0]["resource"]
    assert found["owner"] == {"identifier": {"system": ODS, "value": owner}}


def _bad(text: str) -> dict[str, Any]:
    return _outcome("required", "BAD_REQUEST", "Bad request", f"HTTP 400: Bad Request ({text})")


NO_ORGANISATION = f"Missing or invalid 'organization' query parameter. Should be 'organization={ODS}|value'"
NO_INTERACTION = f"Missing or invalid 'identifier' query parameter. Should be 'identifier={INTERACTION}|value'"
NO_SUPPLIER = f"Missing or invalid 'manufacturing-organization' query parameter. Should be 'manufacturing-organization={ODS}|value'"
NEITHER = (
    "Missing or invalid 'identifier' query parameter. Should be one or both of: ["
    f"'identifier={INTERACTION}|value', 'identifier={PARTY_KEY}|value'"
)
TOO_FEW = (
    "Missing or invalid query parameters. Should one of following combinations: ["
    f"'organization={ODS}|value&identifier={INTERACTION}|value&identifier={PARTY_KEY}|value'"
    f"'organization={ODS}|value&identifier={INTERACTION}|value'"
    f"'organization={ODS}|value&identifier={PARTY_KEY}|value'"
    f"'identifier={INTERACTION}|value&identifier={PARTY_KEY}|value']"
)
BAD_QUERIES = [
    ("Device", _asked(), NO_ORGANISATION),
    ("Device", _asked(SENDS), NO_ORGANISATION),
    ("Device", _asked(("organization", f"{ODS}|"), SENDS), NO_ORGANISATION),
    ("Device", _asked(("organization", "Z9X01"), SENDS), NO_ORGANISATION),
    ("Device", _asked(("organization", f"{ODS.upper()}|Z9X01"), SENDS), NO_ORGANISATION),
    ("Device", _asked(("organization", ODS), SENDS), NO_ORGANISATION),
    ("Device", _asked(("organization", ""), ORGANISATION, SENDS), NO_ORGANISATION),
    ("Device", _asked(ORGANISATION), NO_INTERACTION),
    ("Device", _asked(ORGANISATION, HAS_KEY), NO_INTERACTION),
    ("Device", _asked(ORGANISATION, ("identifier", f"{INTERACTION}|")), NO_INTERACTION),
    ("Device", _asked(ORGANISATION, ("identifier", READ)), NEITHER),
    ("Device", _asked(ORGANISATION, SENDS, ("identifier", "https://fhir.nhs.uk/Id/nhsMHSPartyKey|Z9X01-850001")), NEITHER),
    ("Device", _asked(ORGANISATION, SENDS, ("manufacturing-organization", "Z9S99")), NO_SUPPLIER),
    ("Device", _asked(ORGANISATION, SENDS, ("_count", "10")), "Illegal query parameter '_count'"),
    ("Device", _asked(("Organization", "x"), SENDS), "Illegal query parameter 'Organization'"),
    ("Device", "%00%22=1", "Illegal query parameter '\N{REPLACEMENT CHARACTER}\"'"),
    ("Device", "x" * 200 + "=1", f"Illegal query parameter '{'x' * 100}'"),
    ("Device", _asked(("x", "1"), ("identifier", "bad")), "Illegal query parameter 'x'"),
    ("Device", _asked(("identifier", "bad"), ("x", "1")), NEITHER),
    ("Endpoint", _asked(), TOO_FEW),
    ("Endpoint", _asked(PROVIDED), TOO_FEW),
    ("Endpoint", _asked(SERVES), TOO_FEW),
    ("Endpoint", _asked(OF_KEY), TOO_FEW),
    ("Endpoint", _asked(SERVES, SERVES), TOO_FEW),
    ("Endpoint", _asked(PROVIDED, ("identifier", f"{INTERACTION}|")), TOO_FEW),
    ("Endpoint", _asked(("organization", "Z9X02"), SERVES), NO_ORGANISATION),
    ("Endpoint", _asked(PROVIDED, ("identifier", "bad")), NEITHER),
    ("Endpoint", _asked(PROVIDED, SERVES, OF_SUPPLIER), "Illegal query parameter 'manufacturing-organization'"),
    ("Device", "a" * 5_000, "The query has at most 4096 bytes and 20 parameters"),
    ("Endpoint", "&" * 20, "The query has at most 4096 bytes and 20 parameters"),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("kind", "query", "text"), BAD_QUERIES, ids=[f"{kind} {query[:60]}" for kind, query, _ in BAD_QUERIES])
async def test_bad_queries(kind: str, query: str, text: str) -> None:
    """Each fault of the query is a 400 with the platform's words, wrapped as it wraps them; the answer is not kept."""
    async with _client() as client:
        answer = await client.get(f"{BASE}/{kind}?{query}", headers=OUR_TRACE)
    assert (answer.status_code, answer.json()) == (400, _bad(text))
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-correlation-id"] == CORRELATION
    assert answer.headers["x-wardgate-reason"].startswith("directory-")


GOOD = f"{BASE}/Device?{_asked(ORGANISATION, SENDS)}"
NOT_FOUND = _outcome("not-found", "NO_RECORD_FOUND", "No record found", "HTTP endpoint not found")
NOT_SUPPORTED = _outcome("not-supported", "NOT_IMPLEMENTED", "Not implemented", "HTTP operation not supported")
NOT_ACCEPTED = _outcome("not-supported", "MISSING_OR_INVALID_HEADER", "There is a required header missing or invalid", "Accept type not supported")


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/", BASE, f"{BASE}/", f"{BASE}/Device/", f"{BASE}/Device/1", f"{BASE}/device", f"{BASE}/Patient", f"{BASE}//Device", "/FHIR/R4/Device"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_other_paths(path: str, method: str) -> None:
    """There are two paths; another slash is another path, whatever the method."""
    async with _client() as client:
        answer = await client.request(method, path, headers=OUR_TRACE)
    assert (answer.status_code, answer.json(), answer.headers["x-wardgate-reason"]) == (404, NOT_FOUND, "directory-path")


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["Device", "Endpoint"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PROPFIND"])
async def test_other_methods(method: str, kind: str) -> None:
    """There is one method, and the answer says which."""
    async with _client() as client:
        answer = await client.request(method, f"{BASE}/{kind}?x", headers=OUR_TRACE)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.content == b"" if method == "HEAD" else json.loads(answer.content) == NOT_SUPPORTED


@pytest.mark.anyio
@pytest.mark.parametrize(("accept", "content_type"), [
    (None, "application/fhir+json"), ("*/*", "application/fhir+json"), ("application/fhir+json", "application/fhir+json"), ("application/json", "application/json"),
    ("Application/FHIR+JSON", "application/fhir+json"), ("", "application/fhir+json"),
])  # fmt: skip
async def test_accepted_types(accept: str | None, content_type: str) -> None:
    """The type of the answer is the one that was asked for."""
    async with _client() as client:
        client.headers.pop("accept")
        answer = await client.get(GOOD, headers={} if accept is None else {"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)


@pytest.mark.anyio
@pytest.mark.parametrize("accept", ["application/fhir+xml", "text/html", "application/json, */*", "application/fhir+json;q=0.5", "application/*"])
async def test_other_types(accept: str) -> None:
    """Another type is a 406, and so is a list of types; a fault of the query is told of before."""
    async with _client() as client:
        answer = await client.get(GOOD, headers=OUR_TRACE | {"Accept": accept})
        before = await client.get(f"{BASE}/Device?x=1", headers=OUR_TRACE | {"Accept": accept})
    assert (answer.status_code, answer.json()) == (406, NOT_ACCEPTED)
    assert (before.status_code, before.json()) == (400, _bad("Illegal query parameter 'x'"))


@pytest.mark.anyio
@pytest.mark.parametrize("value", ["x", CORRELATION[:-1], CORRELATION + "0", f"{{{CORRELATION}}}", f"{CORRELATION}, {CORRELATION}", CORRELATION.replace("-", ""), " "])
async def test_correlation_ids_that_are_none(value: str) -> None:
    """What is no UUID is refused before anything else is looked at, and never comes back: the answer has an id of its own."""
    async with _client() as client:
        answer = await client.get(f"{BASE}/Device?x=1", headers={"X-Correlation-ID": value})
    text = f"HTTP 400: Invalid X-Correlation-ID header. Should be an UUIDv4 matching regex '{UUID_RULE}'"
    assert (answer.status_code, answer.json()) == (400, _outcome("required", "BAD_REQUEST", "Bad request", text, _id(1)))
    assert answer.headers["x-correlation-id"] == _id(1)


@pytest.mark.anyio
async def test_two_correlation_ids() -> None:
    """The header twice is no UUID; without it the answer has a fresh one."""
    async with _client() as client:
        twice = await client.get(GOOD, headers=[("X-Correlation-ID", CORRELATION), ("X-Correlation-ID", CORRELATION)])
        none = await client.get(GOOD)
    assert (twice.status_code, twice.headers["x-wardgate-reason"]) == (400, "directory-correlation-id")
    assert (none.status_code, none.headers["x-correlation-id"]) == (200, _id(2))


@pytest.mark.anyio
@pytest.mark.parametrize(("fault", "status", "body"), [
    (StoreError("down"), 502, _outcome("exception", "INTERNAL_SERVER_ERROR", "Unexpected internal server error", "Invalid LDAP response received")),
    (ZeroDivisionError("secret"), 500, _outcome("exception", "INTERNAL_SERVER_ERROR", "Unexpected internal server error", "Unexpected internal server error")),
])  # fmt: skip
async def test_a_directory_that_cannot_be_had(fault: Exception, status: int, body: dict[str, Any]) -> None:
    """The caller learns that it is not the caller's fault, and nothing of what it was."""
    async def index() -> DirectoryIndex:
        raise fault

    async with _client_of(index) as client:
        answer = await client.get(GOOD, headers=OUR_TRACE)
    assert (answer.status_code, answer.json()) == (status, body)


@pytest.mark.anyio
async def test_a_directory_that_is_too_slow() -> None:
    """A look-up has a time limit."""
    async def index() -> DirectoryIndex:
        await asyncio.sleep(60)
        raise AssertionError

    async with _client_of(index, look_up_timeout_seconds=0.01) as client:
        answer = await client.get(GOOD, headers=OUR_TRACE)
    assert (answer.status_code, answer.json()) == (504, _outcome("timeout", "INTERNAL_SERVER_ERROR", "Unexpected internal server error", "LDAP request timed out"))


@pytest.mark.anyio
async def test_too_many_for_one_answer() -> None:
    """There are no pages; an answer that would be too large is none. Each address counts."""
    second = replace(SYSTEM, asid="200000100009")
    directory = replace(DIRECTORY, systems=(SYSTEM, second), enrolments=(live(SYSTEM.asid), live(second.asid)), endpoints=(NATIONAL, replace(NATIONAL, identifier="S1", cpa_id="S1", interaction=CONTENT)))
    body = _outcome("exception", "INTERNAL_SERVER_ERROR", "Unexpected internal server error", "More than 1 resources match")
    async with _client(directory, max_resources=1) as client:
        for path in (GOOD, f"{BASE}/Endpoint?{_asked(('organization', f'{ODS}|YES'), ('identifier', f'{PARTY_KEY}|YES-0000806'))}"):
            answer = await client.get(path, headers=OUR_TRACE)
            assert (answer.status_code, answer.json()) == (500, body)


@pytest.mark.anyio
async def test_answers_that_may_not_be_kept() -> None:
    """A time of 0 says so."""
    async with _client(cache_seconds=0) as client:
        answer = await client.get(GOOD)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.anyio
async def test_addresses_are_ours() -> None:
    """What a request says of its host, and bytes that no address has, do not reach the answer."""
    async with _client() as client:
        answer = await client.get(GOOD, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
        odd = await client.get(f"{BASE}/Device?{_asked(ORGANISATION, SENDS)}&identifier={quote(PARTY_KEY, safe='')}|%22<>")
    assert "evil" not in answer.text
    assert odd.json()["link"][0]["url"].endswith("|%22%3C%3E")


@pytest.mark.parametrize("settings", [
    {"cache_seconds": -1}, {"look_up_timeout_seconds": 0}, {"max_resources": 0}, {"max_query_bytes": 0}, {"max_parameters": 0}, {"public_url": "https://a/"},
    {"base_path": "a"}, {"base_path": "/a/"},
])  # fmt: skip
def test_settings_that_nothing_fits(settings: dict[str, Any]) -> None:
    """A limit of nothing, and addresses that could not be joined, stop the program."""
    with pytest.raises(ValueError, match="expected"):
        SDSSettings(**settings)
