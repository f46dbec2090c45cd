"""Every refusal that needs nothing but a request, on the wire: status, the whole body in each dialect, and every header that belongs to it.

The rows are the catalogue's: a reason that no row produces, here or beside this file, fails the last test.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from wardgate.refusals import CATALOGUE, Area
from wardgate.refusals.dialects import Dialect
from wire.caller import Caller, caller_of
from wire.cast import GOOD_ID, LEVEL_3, Cast
from wire.refusal_rows import ALLOWED, EARLY, ELSEWHERE, LIMITED, ONLY_SOME, PLATFORM, ROWS, TO_WORKER, Row
from wire.refused import TRACE, assert_refused, changed
from wire.role_rows import ROLE_ROWS


def _rows() -> Iterator[Any]:
    for row in ROWS:
        for dialect in row.paths:
            yield pytest.param(row, dialect, id=f"{row.reason}{', ' + row.name if row.name else ''}, {dialect}")


def wanted_scopes(paths: dict[Dialect, str], dialect: Dialect) -> str:
    """Return what the routes of a row ask for, as a refusal lists it (spec README rule 1)."""
    base = paths[dialect].split("/")[1]
    api = {"hello-world": "hello"}.get(base, base)
    if paths is not TO_WORKER:
        return LEVEL_3 + api
    return " ".join(f"urn:nhsd:apim:{family}:{level}:{api}" for level in ("aal2", "aal3") for family in ("user-nhs-cis2", "user-nhs-id"))


@pytest.mark.parametrize(("row", "dialect"), list(_rows()))
def test_a_refusal_by_envoy(row: Row, dialect: Dialect, cast: Cast, shared_plane: Any, send: Caller) -> None:
    """Envoy's own filters refuse with the catalogue's words, in the shape of the API."""
    shared_plane.publish(changed(cast, cast.snapshot(shared_plane.backend_url), row.changes))
    person = cast.people[row.who] if row.who else None
    method = "DELETE" if row.paths is ONLY_SOME else "GET"
    answer, _ = send.send("open", row.listener, method, row.paths[dialect], row.headers(cast), identity=person.identity if person else None)
    values = dict(row.values)
    if row.reason == "scope-insufficient":
        values["scopes"] = wanted_scopes(row.paths, dialect)
    kept = row.request_id if row.request_id == GOOD_ID else None
    assert_refused(answer, row.reason, dialect, values, request_id=kept, allow=ALLOWED[dialect] if row.paths is ONLY_SOME else None)
    assert (row.authorization or "").rpartition(" ")[2] not in answer.body.decode() or len(row.authorization or "") < 12


@pytest.fixture(scope="module")
def asked_plane(new_plane: Callable[..., AbstractContextManager[Any]]) -> Iterator[Any]:
    """An Envoy whose every route is judged by the decision service."""
    with new_plane(asked=True) as plane:
        yield plane


@pytest.mark.parametrize(("row", "dialect"), list(_rows()))
def test_a_refusal_by_the_decision_service(row: Row, dialect: Dialect, cast: Cast, asked_plane: Any) -> None:
    """The same refusal, byte for byte but for white space, when the decision service judges the route."""
    asked_plane.publish(changed(cast, cast.snapshot(asked_plane.backend_url, asked=True), row.changes))
    caller = caller_of(asked_plane, cast.roots)
    person = cast.people[row.who] if row.who else None
    method = "DELETE" if row.paths is ONLY_SOME else "GET"
    answer, _ = caller.send("new", row.listener, method, row.paths[dialect], row.headers(cast), identity=person.identity if person else None)
    values = dict(row.values)
    if row.reason == "scope-insufficient":
        values["scopes"] = wanted_scopes(row.paths, dialect)
    kept = row.request_id if row.request_id == GOOD_ID else None
    assert_refused(answer, row.reason, dialect, values, request_id=kept, allow=ALLOWED[dialect] if row.paths is ONLY_SOME else None)


def test_a_refusal_of_no_api_has_the_plain_shape(send: Caller, plane: Any) -> None:
    """A path of no API is refused as a fault."""
    answer = send.kept("https").send("GET", "/nowhere", TRACE)
    assert_refused(answer, "route-not-found", Dialect.FAULT, {})


@pytest.mark.parametrize("path", ["/fhir/R4", "/fhir/R4/", "/fhir/R4?x", "/fhir/R4/nowhere?x"])
def test_a_refusal_below_a_base_path_has_its_shape(path: str, send: Caller, plane: Any) -> None:
    """The base path alone belongs to the API, with and without a slash or a query."""
    answer = send.kept("https").send("GET", path, TRACE)
    assert_refused(answer, "route-not-found", Dialect.FHIR, {})


def test_a_refusal_to_a_grpc_caller_is_in_grpc(send: Caller, plane: Any) -> None:
    """Envoy answers `application/grpc` in that protocol's way: HTTP 200 with a status of its own. It is refused all the same."""
    answer = send.kept("https").send("POST", "/hello-world/key", [("content-type", "application/grpc")])
    assert (answer.status, answer.reason, answer.headers["grpc-status"], answer.body) == (200, "api-key-missing", "16", b"")


def test_every_reason_of_the_catalogue_is_produced() -> None:
    """A reason without a test is a reason nobody has seen. The authorisation server's are produced in tests/flows/authserver."""
    produced = {row.reason for row in ROWS} | set(LIMITED) | {row[0] for row in PLATFORM} | {row[1] for row in EARLY}
    produced |= {"decision-unavailable", "rules-not-loaded", "request-timeout"}
    produced |= {row.reason for row in ROLE_ROWS} | {row.as_header for row in ROLE_ROWS}
    here = {code for code, found in CATALOGUE.items() if found.area in {Area.GATEWAY, Area.CERTIFICATES, Area.LIMITS, Area.PLATFORM}}
    assert here - produced == set(ELSEWHERE)
    assert produced <= here
