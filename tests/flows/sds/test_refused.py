"""What the directory's FHIR API refuses: every row of spine 7.5 with its whole answer, and what it never repeats."""

import asyncio
import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from flows.sds.calling import (
    BASE,
    CORRELATION,
    HAS_KEY,
    INTERACTION,
    ODS,
    OF_KEY,
    OF_SUPPLIER,
    ORGANISATION,
    OUR_TRACE,
    PARTY_KEY,
    PROVIDED,
    SENDS,
    SERVES,
    UUID_RULE,
    an_id,
    asked,
    client,
    client_of,
    outcome,
)
from unit.directory.samples import CONTENT, DIRECTORY, NATIONAL, READ, SYSTEM, live
from wardgate.directory.index import DirectoryIndex
from wardgate.sds import SDSSettings
from wardgate.stores.errors import StoreError


def _bad(text: str) -> dict[str, Any]:
    return outcome("required", "BAD_REQUEST", "Bad request", f"HTTP 400: Bad Request ({text})")


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
    ("Device", asked(), NO_ORGANISATION),
    ("Device", asked(SENDS), NO_ORGANISATION),
    ("Device", asked(("organization", f"{ODS}|"), SENDS), NO_ORGANISATION),
    ("Device", asked(("organization", "Z9X01"), SENDS), NO_ORGANISATION),
    ("Device", asked(("organization", f"{ODS.upper()}|Z9X01"), SENDS), NO_ORGANISATION),
    ("Device", asked(("organization", ODS), SENDS), NO_ORGANISATION),
    ("Device", asked(("organization", ""), ORGANISATION, SENDS), NO_ORGANISATION),
    ("Device", asked(ORGANISATION), NO_INTERACTION),
    ("Device", asked(ORGANISATION, HAS_KEY), NO_INTERACTION),
    ("Device", asked(ORGANISATION, ("identifier", f"{INTERACTION}|")), NO_INTERACTION),
    ("Device", asked(ORGANISATION, ("identifier", READ)), NEITHER),
    ("Device", asked(ORGANISATION, SENDS, ("identifier", "https://fhir.nhs.uk/Id/nhsMHSPartyKey|Z9X01-850001")), NEITHER),
    ("Device", asked(ORGANISATION, SENDS, ("manufacturing-organization", "Z9S99")), NO_SUPPLIER),
    ("Device", asked(ORGANISATION, SENDS, ("_count", "10")), "Illegal query parameter '_count'"),
    ("Device", asked(("Organization", "x"), SENDS), "Illegal query parameter 'Organization'"),
    ("Device", "%00%22=1", "Illegal query parameter '\N{REPLACEMENT CHARACTER}\"'"),
    ("Device", "x" * 200 + "=1", f"Illegal query parameter '{'x' * 100}'"),
    ("Device", asked(("x", "1"), ("identifier", "bad")), "Illegal query parameter 'x'"),
    ("Device", asked(("identifier", "bad"), ("x", "1")), NEITHER),
    ("Endpoint", asked(), TOO_FEW),
    ("Endpoint", asked(PROVIDED), TOO_FEW),
    ("Endpoint", asked(SERVES), TOO_FEW),
    ("Endpoint", asked(OF_KEY), TOO_FEW),
    ("Endpoint", asked(SERVES, SERVES), TOO_FEW),
    ("Endpoint", asked(PROVIDED, ("identifier", f"{INTERACTION}|")), TOO_FEW),
    ("Endpoint", asked(("organization", "Z9X02"), SERVES), NO_ORGANISATION),
    ("Endpoint", asked(PROVIDED, ("identifier", "bad")), NEITHER),
    ("Endpoint", asked(PROVIDED, SERVES, OF_SUPPLIER), "Illegal query parameter 'manufacturing-organization'"),
    ("Device", "a" * 5_000, "The query has at most 4096 bytes and 20 parameters"),
    ("Endpoint", "&" * 20, "The query has at most 4096 bytes and 20 parameters"),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("kind", "query", "text"), BAD_QUERIES, ids=[f"{kind} {query[:60]}" for kind, query, _ in BAD_QUERIES])
async def test_bad_queries(kind: str, query: str, text: str) -> None:
    """Each fault of the query is a 400 with the platform's words, wrapped as it wraps them; the answer is not kept."""
    async with client() as caller:
        answer = await caller.get(f"{BASE}/{kind}?{query}", headers=OUR_TRACE)
    assert (answer.status_code, answer.json()) == (400, _bad(text))
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-correlation-id"] == CORRELATION
    assert answer.headers["x-wardgate-reason"].startswith("directory-")


GOOD = f"{BASE}/Device?{asked(ORGANISATION, SENDS)}"
NOT_FOUND = outcome("not-found", "NO_RECORD_FOUND", "No record found", "HTTP endpoint not found")
NOT_SUPPORTED = outcome("not-supported", "NOT_IMPLEMENTED", "Not implemented", "HTTP operation not supported")
NOT_ACCEPTED = outcome("not-supported", "MISSING_OR_INVALID_HEADER", "There is a required header missing or invalid", "Accept type not supported")


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/", BASE, f"{BASE}/", f"{BASE}/Device/", f"{BASE}/Device/1", f"{BASE}/device", f"{BASE}/Patient", f"{BASE}//Device", "/FHIR/R4/Device"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_other_paths(path: str, method: str) -> None:
    """There are two paths; another slash is another path, whatever the method."""
    async with client() as caller:
        answer = await caller.request(method, path, headers=OUR_TRACE)
    assert (answer.status_code, answer.json(), answer.headers["x-wardgate-reason"]) == (404, NOT_FOUND, "directory-path")


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["Device", "Endpoint"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PROPFIND"])
async def test_other_methods(method: str, kind: str) -> None:
    """There is one method, and the answer says which."""
    async with client() as caller:
        answer = await caller.request(method, f"{BASE}/{kind}?x", headers=OUR_TRACE)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.content == b"" if method == "HEAD" else json.loads(answer.content) == NOT_SUPPORTED


@pytest.mark.anyio
@pytest.mark.parametrize(("accept", "content_type"), [
    (None, "application/fhir+json"), ("*/*", "application/fhir+json"), ("application/fhir+json", "application/fhir+json"), ("application/json", "application/json"),
    ("Application/FHIR+JSON", "application/fhir+json"), ("", "application/fhir+json"),
])  # fmt: skip
async def test_accepted_types(accept: str | None, content_type: str) -> None:
    """The type of the answer is the one that was asked for."""
    async with client() as caller:
        caller.headers.pop("accept")
        answer = await caller.get(GOOD, headers={} if accept is None else {"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)


@pytest.mark.anyio
@pytest.mark.parametrize("accept", ["application/fhir+xml", "text/html", "application/json, */*", "application/fhir+json;q=0.5", "application/*"])
async def test_other_types(accept: str) -> None:
    """Another type is a 406, and so is a list of types; a fault of the query is told of before."""
    async with client() as caller:
        answer = await caller.get(GOOD, headers=OUR_TRACE | {"Accept": accept})
        before = await caller.get(f"{BASE}/Device?x=1", headers=OUR_TRACE | {"Accept": accept})
    assert (answer.status_code, answer.json()) == (406, NOT_ACCEPTED)
    assert (before.status_code, before.json()) == (400, _bad("Illegal query parameter 'x'"))


@pytest.mark.anyio
@pytest.mark.parametrize("value", ["x", CORRELATION[:-1], CORRELATION + "0", f"{{{CORRELATION}}}", f"{CORRELATION}, {CORRELATION}", CORRELATION.replace("-", ""), " "])
async def test_correlation_ids_that_are_none(value: str) -> None:
    """What is no UUID is refused before anything else is looked at, and never comes back: the answer has an id of its own."""
    async with client() as caller:
        answer = await caller.get(f"{BASE}/Device?x=1", headers={"X-Correlation-ID": value})
    text = f"HTTP 400: Invalid X-Correlation-ID header. Should be an UUIDv4 matching regex '{UUID_RULE}'"
    assert (answer.status_code, answer.json()) == (400, outcome("required", "BAD_REQUEST", "Bad request", text, an_id(1)))
    assert answer.headers["x-correlation-id"] == an_id(1)


@pytest.mark.anyio
async def test_two_correlation_ids() -> None:
    """The header twice is no UUID; without it the answer has a fresh one."""
    async with client() as caller:
        twice = await caller.get(GOOD, headers=[("X-Correlation-ID", CORRELATION), ("X-Correlation-ID", CORRELATION)])
        none = await caller.get(GOOD)
    assert (twice.status_code, twice.headers["x-wardgate-reason"]) == (400, "directory-correlation-id")
    assert (none.status_code, none.headers["x-correlation-id"]) == (200, an_id(2))


@pytest.mark.anyio
@pytest.mark.parametrize(("fault", "status", "body"), [
    (StoreError("down"), 502, outcome("exception", "INTERNAL_SERVER_ERROR", "Unexpected internal server error", "Invalid LDAP response received")),
    (ZeroDivisionError("secret"), 500, outcome("exception", "INTERNAL_SERVER_ERROR", "Unexpected internal server error", "Unexpected internal server error")),
])  # fmt: skip
async def test_a_directory_that_cannot_be_had(fault: Exception, status: int, body: dict[str, Any]) -> None:
    """The caller learns that it is not the caller's fault, and nothing of what it was."""
    async def index() -> DirectoryIndex:
        raise fault

    async with client_of(index) as caller:
        answer = await caller.get(GOOD, headers=OUR_TRACE)
    assert (answer.status_code, answer.json()) == (status, body)


@pytest.mark.anyio
async def test_a_directory_that_is_too_slow() -> None:
    """A look-up has a time limit."""
    async def index() -> DirectoryIndex:
        await asyncio.sleep(60)
        raise AssertionError

    async with client_of(index, look_up_timeout_seconds=0.01) as caller:
        answer = await caller.get(GOOD, headers=OUR_TRACE)
    assert (answer.status_code, answer.json()) == (504, outcome("timeout", "INTERNAL_SERVER_ERROR", "Unexpected internal server error", "LDAP request timed out"))


@pytest.mark.anyio
async def test_too_many_for_one_answer() -> None:
    """There are no pages; an answer that would be too large is none. Each address counts."""
    second = replace(SYSTEM, asid="200000100009")
    directory = replace(DIRECTORY, systems=(SYSTEM, second), enrolments=(live(SYSTEM.asid), live(second.asid)), endpoints=(NATIONAL, replace(NATIONAL, identifier="S1", cpa_id="S1", interaction=CONTENT)))
    body = outcome("exception", "INTERNAL_SERVER_ERROR", "Unexpected internal server error", "More than 1 resources match")
    async with client(directory, max_resources=1) as caller:
        for path in (GOOD, f"{BASE}/Endpoint?{asked(('organization', f'{ODS}|YES'), ('identifier', f'{PARTY_KEY}|YES-0000806'))}"):
            answer = await caller.get(path, headers=OUR_TRACE)
            assert (answer.status_code, answer.json()) == (500, body)


@pytest.mark.anyio
async def test_answers_that_may_not_be_kept() -> None:
    """A time of 0 says so."""
    async with client(cache_seconds=0) as caller:
        answer = await caller.get(GOOD)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.anyio
async def test_addresses_are_ours() -> None:
    """What a request says of its host, and bytes that no address has, do not reach the answer."""
    async with client() as caller:
        answer = await caller.get(GOOD, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
        odd = await caller.get(f"{BASE}/Device?{asked(ORGANISATION, SENDS)}&identifier={quote(PARTY_KEY, safe='')}|%22<>")
        other = await caller.get(GOOD, headers={"Host": "a/Endpoint?"})
    assert "evil" not in answer.text
    assert (other.status_code, other.json()["entry"][0]["resource"]["resourceType"]) == (200, "Device")
    assert odd.json()["link"][0]["url"].endswith("|%22%3C%3E")


@pytest.mark.parametrize("settings", [
    {"cache_seconds": -1}, {"look_up_timeout_seconds": 0}, {"max_resources": 0}, {"max_query_bytes": 0}, {"max_parameters": 0},
    {"base_path": "a"}, {"base_path": "/a/"},
])  # fmt: skip
def test_settings_that_nothing_fits(settings: dict[str, Any]) -> None:
    """A limit of nothing, and addresses that could not be joined, stop the program."""
    with pytest.raises(ValueError, match="expected"):
        SDSSettings(**settings)
