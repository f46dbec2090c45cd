"""The directory's FHIR API through Envoy: who may ask, and every row of spine 7.5 as it arrives at a caller, whole bodies compared."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from flows.sds.calling import (
    BASE,
    CORRELATION,
    HAS_KEY,
    ORGANISATION,
    OUR_TRACE,
    PROVIDED,
    SENDS,
    SERVES,
    UUID_RULE,
    an_id,
    asked,
    bundle,
    device,
    endpoint,
    outcome,
)
from flows.sds.test_refused import BAD_QUERIES, NEITHER, NO_ORGANISATION, TOO_FEW
from unit.directory.samples import DIRECTORY, SYSTEM, live
from wardgate.catalogue.platform import SYSTEM_DIRECTORY
from wardgate.directory.index import DirectoryIndex
from wardgate.quotas import Quota, RateLimits
from wardgate.refusals import CATALOGUE, Area
from wardgate.sds import SDSSettings, create_app
from wardgate.stores.errors import StoreError
from wire.caller import Answer, Connection, caller_of
from wire.cast import GOOD_ID, Cast, key_of

URL = "https://gateway.example"
HELD = ("apikey", key_of("alpha"))
TRACED = list(OUR_TRACE.items())


SECOND = replace(SYSTEM, asid="200000100009")
CROWDED = replace(DIRECTORY, systems=(SYSTEM, SECOND), enrolments=(live(SYSTEM.asid), live(SECOND.asid)))
"""One more of what is asked for than an answer may hold."""


class _Directory:
    """The samples, or what was told to go wrong."""

    def __init__(self) -> None:
        self.index = DirectoryIndex(DIRECTORY)
        self.numbers = 0
        self.fault: Exception | None = None

    async def __call__(self) -> DirectoryIndex:
        if isinstance(self.fault, TimeoutError):
            await asyncio.sleep(60)
        if self.fault is not None:
            raise self.fault
        return self.index

    def new_id(self) -> str:
        """Count."""
        self.numbers += 1
        return an_id(self.numbers)


@pytest.fixture(scope="module")
def directory() -> _Directory:
    """What is asked."""
    return _Directory()


@pytest.fixture(scope="module")
def caller(cast: Cast, new_plane: Callable[..., AbstractContextManager[Any]], directory: _Directory) -> Iterator[Any]:
    """A caller of an Envoy whose public socket has the directory: alpha may ask it, beta may not, gamma twice a minute."""

    def make(url: str) -> Any:
        found = cast.snapshot(url)
        limits = {SYSTEM_DIRECTORY.name: RateLimits(quota=Quota(limit=2_400))}
        few = {SYSTEM_DIRECTORY.name: RateLimits(quota=Quota(limit=1))}
        people = {
            "alpha": replace(found.clients["alpha"], apis=frozenset({SYSTEM_DIRECTORY.name}), limits=limits),
            "beta": replace(found.clients["beta"], apis=frozenset({"hello"})),
            "gamma": replace(found.clients["alpha"], name="gamma", apis=frozenset({SYSTEM_DIRECTORY.name}), limits=few, certificate_name=None),
        }
        keys = dict(found.api_keys) | {"gamma-key": replace(found.api_keys[key_of("alpha")], id="gamma-id", key="gamma-key", application="gamma")}
        return replace(found, apis=(SYSTEM_DIRECTORY,), clients=dict(found.clients) | people, api_keys=keys)

    app = create_app(directory, SDSSettings(max_resources=1, look_up_timeout_seconds=0.5), lambda: URL, directory.new_id)
    with new_plane(make=make, public=app) as plane:
        plane.caller = caller_of(plane, cast.roots)
        yield plane.caller
        plane.caller.close()


@pytest.fixture
def https(caller: Any, directory: _Directory) -> Connection:
    """A connection of it, with resources counted from 1 again."""
    directory.numbers = 0
    found: Connection = caller.kept("https")
    return found


def _told(answer: Answer) -> tuple[int, str | None, Any]:
    return answer.status, answer.headers.get("x-correlation-id"), json.loads(answer.body)


def test_what_is_found(https: Connection, directory: _Directory) -> None:
    """Bundles as the application makes them, with its type, how long they may be kept, and the caller's trace ids."""
    query = asked(ORGANISATION, SENDS, HAS_KEY)
    answer = https.send("GET", f"{BASE}/Device?{query}", [HELD, ("X-Request-ID", GOOD_ID), *TRACED])
    assert _told(answer) == (200, CORRELATION, bundle("Device", query, 2, device(1)))
    assert (answer.headers["content-type"], answer.headers["x-request-id"]) == ("application/fhir+json", GOOD_ID)
    assert (answer.headers["cache-control"], answer.headers["vary"]) == ("private, max-age=1800", "Accept, apikey")
    directory.numbers = 0
    query = asked(PROVIDED, SERVES)
    assert _told(https.send("GET", f"{BASE}/Endpoint?{query}", [HELD, *TRACED])) == (200, CORRELATION, bundle("Endpoint", query, 2, endpoint(1)))


def test_a_made_up_correlation_id(https: Connection) -> None:
    """Who sends none gets one."""
    answer = https.send("GET", f"{BASE}/Device?{asked(ORGANISATION, SENDS)}", [HELD])
    assert (answer.status, answer.headers["x-correlation-id"]) == (200, an_id(1))


@pytest.mark.parametrize(("kind", "query", "text"), BAD_QUERIES)
def test_a_bad_query(kind: str, query: str, text: str, https: Connection) -> None:
    """Every 400 of the parameters."""
    answer = https.send("GET", f"{BASE}/{kind}?{quote(query, safe='=&%')}", [HELD, *TRACED])
    assert _told(answer) == (400, CORRELATION, outcome("required", "BAD_REQUEST", "Bad request", f"HTTP 400: Bad Request ({text})"))


REFUSED = [
    ("another path", "GET", f"{BASE}/Practitioner", [], (404, "not-found", "NO_RECORD_FOUND", "No record found", "HTTP endpoint not found")),
    ("a path below", "GET", f"{BASE}/Device/1", [], (404, "not-found", "NO_RECORD_FOUND", "No record found", "HTTP endpoint not found")),
    ("POST", "POST", f"{BASE}/Device", [], (405, "not-supported", "NOT_IMPLEMENTED", "Not implemented", "HTTP operation not supported")),
    ("DELETE", "DELETE", f"{BASE}/Endpoint", [], (405, "not-supported", "NOT_IMPLEMENTED", "Not implemented", "HTTP operation not supported")),
    ("XML", "GET", f"{BASE}/Device?{asked(ORGANISATION, SENDS)}", [("Accept", "application/fhir+xml")],
     (406, "not-supported", "MISSING_OR_INVALID_HEADER", "There is a required header missing or invalid", "Accept type not supported")),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "headers", "expected"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_refusal(method: str, path: str, headers: list[tuple[str, str]], expected: tuple[int, str, str, str, str], https: Connection) -> None:
    """Path, method and Accept, in the application's words."""
    status, issue, code, display, text = expected
    answer = https.send(method, path, [HELD, *TRACED, *headers])
    assert _told(answer) == (status, CORRELATION, outcome(issue, code, display, text))
    assert answer.headers.get("allow") == ("GET" if status == 405 else None)


@pytest.mark.parametrize("given", ["not-a-uuid", f"{CORRELATION},{CORRELATION}"])
def test_a_correlation_id_that_is_none(given: str, https: Connection) -> None:
    """Refused; the outcome has an id of its own, and the text is not in it."""
    answer = https.send("GET", f"{BASE}/Device?{asked(ORGANISATION, SENDS)}", [HELD, ("X-Correlation-ID", given)])
    text = f"HTTP 400: Invalid X-Correlation-ID header. Should be an UUIDv4 matching regex '{UUID_RULE}'"
    assert (answer.status, json.loads(answer.body)) == (400, outcome("required", "BAD_REQUEST", "Bad request", text, an_id(1)))


GOOD = f"{BASE}/Device?{asked(ORGANISATION, SENDS)}"
ILL = ("exception", "INTERNAL_SERVER_ERROR", "Unexpected internal server error")
WRONG = ("required", "BAD_REQUEST", "Bad request")
EVERY: dict[str, tuple[str, str, tuple[str, str] | None, tuple[int, str, str, str, str]]] = {
    "directory-path": ("GET", f"{BASE}/Patient", None, REFUSED[0][4]),
    "directory-method": ("PUT", f"{BASE}/Device", None, REFUSED[2][4]),
    "directory-correlation-id": ("GET", GOOD, ("X-Correlation-ID", "1"), (400, *WRONG, f"HTTP 400: Invalid X-Correlation-ID header. Should be an UUIDv4 matching regex '{UUID_RULE}'")),
    "directory-query-too-long": ("GET", f"{BASE}/Device?{'a' * 5_000}", None, (400, *WRONG, "HTTP 400: Bad Request (The query has at most 4096 bytes and 20 parameters)")),
    "directory-parameter-unknown": ("GET", f"{GOOD}&_count=1", None, (400, *WRONG, "HTTP 400: Bad Request (Illegal query parameter '_count')")),
    "directory-parameter-wrong": ("GET", f"{BASE}/Device", None, (400, *WRONG, f"HTTP 400: Bad Request ({NO_ORGANISATION})")),
    "directory-identifier-wrong": ("GET", f"{GOOD}&identifier=urn%3Ax%7C1", None, (400, *WRONG, f"HTTP 400: Bad Request ({NEITHER})")),
    "directory-parameters-too-few": ("GET", f"{BASE}/Endpoint?{asked(PROVIDED)}", None, (400, *WRONG, f"HTTP 400: Bad Request ({TOO_FEW})")),
    "directory-accept": ("GET", GOOD, ("Accept", "application/fhir+xml"), REFUSED[4][4]),
    "directory-too-many": ("GET", GOOD, None, (500, *ILL, "More than 1 resources match")),
    "directory-failed": ("GET", GOOD, None, (500, *ILL, "Unexpected internal server error")),
    "directory-unavailable": ("GET", GOOD, None, (502, *ILL, "Invalid LDAP response received")),
    "directory-timeout": ("GET", GOOD, None, (504, "timeout", *ILL[1:], "LDAP request timed out")),
}
"""A request for every refusal."""
FAULTS = {"directory-failed": ZeroDivisionError("secret"), "directory-unavailable": StoreError("secret"), "directory-timeout": TimeoutError()}


@pytest.mark.parametrize("code", EVERY)
def test_every_refusal(code: str, https: Connection, directory: _Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status, every header that belongs to it and the whole body; what went wrong behind it is in neither."""
    method, path, header, (status, issue, spine_code, display, text) = EVERY[code]
    monkeypatch.setattr(directory, "fault", FAULTS.get(code))
    monkeypatch.setattr(directory, "index", DirectoryIndex(CROWDED if code == "directory-too-many" else DIRECTORY))
    answer = https.send(method, path, [HELD, *(TRACED if code != "directory-correlation-id" else []), *([header] if header else [])])
    given, identifier = (CORRELATION, CORRELATION) if code != "directory-correlation-id" else ("1", an_id(1))
    assert (answer.status, answer.reason, json.loads(answer.body)) == (status, code, outcome(issue, spine_code, display, text, identifier))
    headers = {name: answer.headers.get(name) for name in ("content-type", "cache-control", "x-correlation-id", "allow")}
    assert headers == {"content-type": "application/fhir+json", "cache-control": "no-store", "x-correlation-id": given, "allow": "GET" if status == 405 else None}


def test_every_reason_is_met() -> None:
    """A row that is added to the catalogue fails here until a request produces it."""
    assert {row.code for row in CATALOGUE.values() if row.area is Area.DIRECTORY} == set(EVERY)


def _denied(text: str) -> dict[str, Any]:
    coding = {"system": "https://fhir.nhs.uk/R4/CodeSystem/Spine-ErrorOrWarningCode", "version": "1", "code": "ACCESS_DENIED", "display": "Access Denied - Unauthorised"}
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden", "details": {"coding": [coding]}, "diagnostics": text}]}


@pytest.mark.parametrize(("headers", "text"), [
    ([], "Failed to resolve API Key variable request.header.apikey"), ([("apikey", "unknown")], "Invalid ApiKey"),
    ([("apikey", key_of("beta"))], "Invalid ApiKey for given resource"), ([("Authorization", "Bearer x")], "Failed to resolve API Key variable request.header.apikey"),
])  # fmt: skip
def test_who_may_not_ask(headers: list[tuple[str, str]], text: str, https: Connection) -> None:
    """No key, an unknown one, one whose products do not cover the directory: the gateway's 401 (spine 7.5), before anything is looked up."""
    answer = https.send("GET", f"{BASE}/Device?{asked(ORGANISATION, SENDS)}", [*headers, *TRACED])
    assert (answer.status, json.loads(answer.body), answer.headers["content-type"]) == (401, _denied(text), "application/fhir+json")


def test_a_quota_that_is_used_up(https: Connection) -> None:
    """429 in the gateway's words, with when to come again."""
    asking = ("GET", f"{BASE}/Device?{asked(ORGANISATION, SENDS)}", [("apikey", "gamma-key")])
    assert https.send(*asking).status == 200
    answer = https.send(*asking)
    assert (answer.status, answer.reason) == (429, "application-quota-exceeded")
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert json.loads(answer.body)["resourceType"] == "OperationOutcome"


def test_its_health(https: Connection) -> None:
    """`_ping` is everyone's, as of every API."""
    assert set(json.loads(https.send("GET", f"{BASE}/_ping").body)) == {"version", "revision", "releaseId", "commitId"}
