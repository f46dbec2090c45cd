"""Translated routes on the wire: what the backend gets in place of the caller's words, and what never leaves (spine 3)."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from wardgate.catalogue import API
from wardgate.jose import base64url
from wardgate.refusals import Refusal, reason
from wardgate.refusals.dialects import Dialect, body
from wardgate.security_patterns.snapshot import CallingSystem
from wire.caller import Answer, caller_of
from wire.cast import BY_WORKER, FIRST_ROLE, GOOD_ID

ALPHA, NATIONAL = "200000000115", "200000000009"
RA = "urn:nhs:names:services:raflags:"
AUDIENCE = "https://clinicals.example.thirdparty.nhs.uk/STU3"
SEARCH = "?patient=https%3A%2F%2Fexample%2FPatient%2F9990000018&status=active&category=https%3A%2F%2Fexample%7CNRAF"
ROUTE = {**BY_WORKER, "role": "required"}
SPOOFED = [
    ("FromASID", "200000000666"), ("ToASID", "200000000666"), ("InteractionID", "urn:evil"), ("TraceID", "evil"), ("NHSD-ASID", "200000000666"),
    ("NHSD-Request-ID", "evil"), ("NHSD-Correlation-ID", "evil"), ("X-Wardgate-Set-Authorization", "Bearer evil"), ("X-Wardgate-Set-FromASID", "200000000666"),
    ("X-Wardgate-Given-Content-Length", "9"), ("X-Wardgate-System", "200000000666"),
]
"""What a caller may not say on such a route."""


@pytest.fixture(scope="module")
def plane(cast: Any, new_plane: Any) -> Iterator[Any]:
    """An Envoy with one API, whose routes are translated in the two ways there are."""
    def make(url: str) -> Any:
        found = cast.snapshot(url)
        api = API.model_validate({"name": "whole", "base_path": "/ra", "backend": url, "errors": "fhir", "spine": {"service": "reasonable-adjustments", "asid": NATIONAL}, "routes": [
            {"path": "/Flag", **ROUTE, "translate": {"audience": AUDIENCE}},
            {"path": "/Flag/*", **ROUTE, "translate": {"audience": AUDIENCE}},
            {"path": "/Consent", **ROUTE, "translate": {"audience": AUDIENCE, "headers": "reasonable-adjustments"}},
            {"path": "/plain", **ROUTE, "max_body_bytes": 100_000},
        ]})
        granted = frozenset(f"{RA}{name}:1" for name in ("Flag.read", "Flag.write", "Consent.read"))
        systems = {ALPHA: CallingSystem(ALPHA, "Z9X01", frozenset({"Z9X01"}), "Z9X01-850001", frozenset(), granted)}
        environment = found.environment.model_copy(update={"public_urls": ("https://gateway.example",)})
        return replace(found, environment=environment, apis=(api,), systems=systems, organisations=frozenset({"Z9X01"}))

    with new_plane(make=make) as started:
        started.caller = caller_of(started, cast.roots)
        yield started
        started.caller.close()


def send(plane: Any, cast: Any, path: str, more: list[tuple[str, str]] | None = None, *, method: str = "GET", data: bytes = b"") -> Answer:
    """Call as a healthcare worker of the application alpha."""
    own = [("Authorization", f"Bearer {cast.tokens['worker-sole']}"), ("X-Request-ID", GOOD_ID), ("X-Correlation-ID", "c-1"), *(more or [])]
    found: Answer = plane.caller.kept("https").send(method, f"/ra{path}", own, data)
    return found


def got(answer: Answer) -> dict[str, str]:
    """Return the headers that the backend got."""
    assert answer.status == 200, answer
    found: dict[str, str] = json.loads(answer.body)["headers"]
    return found


def claims(headers: dict[str, str]) -> Any:
    """Return the claims of the token that the backend got, which is a Spine JWT and not the caller's."""
    scheme, _, token = headers["authorization"].partition(" ")
    head, payload, signature = token.split(".")
    assert (scheme, signature, json.loads(base64url.decode(head.encode()))["alg"]) == ("Bearer", "", "none")
    return json.loads(base64url.decode(payload.encode()))


def test_a_call_becomes_one_of_the_applications_system(plane: Any, cast: Any) -> None:
    """A Spine JWT, NHSD-ASID and the trace headers, each once, and nothing of what the caller said in their place."""
    headers = got(send(plane, cast, "/Flag" + SEARCH, SPOOFED))
    told = claims(headers)
    assert told["requesting_system"].endswith(ALPHA)
    assert told["requesting_user"].endswith(FIRST_ROLE)
    assert (told["aud"], told["scope"]) == (AUDIENCE, "user/Flag.read")
    assert headers["nhsd-asid"] == ALPHA
    assert headers["nhsd-request-id"] == GOOD_ID
    request, correlation, message = headers["nhsd-correlation-id"].split(".")
    assert (request, correlation, len(message)) == (GOOD_ID, "c-1", 36)
    assert not {"fromasid", "toasid", "interactionid", "traceid", "x-request-id", "x-correlation-id", "apikey"} & headers.keys()
    assert not [name for name in headers if name.startswith("x-wardgate-")]
    assert "evil" not in json.dumps(headers)
    assert "200000000666" not in json.dumps(headers)


def test_the_older_family_of_headers(plane: Any, cast: Any) -> None:
    """FromASID, ToASID, InteractionID and TraceID are the gateway's own."""
    headers = got(send(plane, cast, "/Consent" + SEARCH, SPOOFED))
    assert claims(headers)["scope"] == "user/Consent.read"
    assert (headers["fromasid"], headers["toasid"], headers["interactionid"]) == (ALPHA, NATIONAL, f"{RA}Consent.read:1")
    assert headers["traceid"] == GOOD_ID
    assert "nhsd-asid" not in headers
    assert not [name for name in headers if name.startswith("x-wardgate-")]


def test_a_route_beside_it_is_as_ever(plane: Any, cast: Any) -> None:
    """Without `translate` the backend gets no token at all."""
    headers = got(send(plane, cast, "/plain"))
    assert "authorization" not in headers
    assert not [name for name in headers if name.startswith("x-wardgate-")]


@pytest.mark.parametrize(("code", "path", "headers", "data", "method"), [
    ("ra-payload-missing", "/Flag", [("Content-Type", "application/fhir+json")], b"", "POST"),
    ("ra-payload-missing", "/Flag", [("Content-Type", "application/fhir+json"), ("Content-Length", "0")], b"", "POST"),
    ("ra-content-type-invalid", "/Flag", [("Content-Type", "text/plain")], b"{}", "POST"),
    ("ra-if-match-invalid", "/Flag/1", [("Content-Type", "application/fhir+json")], b"{}", "PUT"),
    ("ra-query-invalid", "/Flag", [], b"", "GET"),
    ("ra-query-invalid", "/Flag?patient=1&status=&category=2", [], b"", "GET"),
])  # fmt: skip
def test_what_the_service_is_told_of_a_request(code: str, path: str, headers: list[tuple[str, str]], data: bytes, method: str, plane: Any, cast: Any) -> None:
    """Its query, its type, and whether it has a body: each of these refusals is of one of them."""
    answer = send(plane, cast, path, headers, method=method, data=data)
    assert (answer.status, answer.reason) == (reason(code).status, code)
    assert json.loads(answer.body) == body(Dialect.FHIR, reason(code), Refusal(reason(code)).fill, "")


def test_an_application_of_an_organisation_that_nobody_knows(plane: Any, cast: Any) -> None:
    """500, and whom to ask: a token needs its ODS code (spine 8.4)."""
    before = plane.snapshot
    plane.publish(replace(before, organisations=frozenset({"Z9X02"})))
    try:
        answer = send(plane, cast, "/Flag" + SEARCH)
    finally:
        plane.publish(before)
    assert (answer.status, answer.reason, answer.headers["cache-control"]) == (500, "ra-ods-not-configured", "no-store")
    assert json.loads(answer.body) == body(Dialect.FHIR, reason("ra-ods-not-configured"), Refusal(reason("ra-ods-not-configured")).fill, "")


def test_bodies_with_and_without_a_length_pass(plane: Any, cast: Any) -> None:
    """The question has a framing of its own, which that of the request does not disturb; the backend gets the whole body."""
    kind = ("Content-Type", "application/fhir+json")
    assert json.loads(send(plane, cast, "/Flag", [kind], method="POST", data=b'{"a": 1}').body)["body_bytes"] == 8
    connection = plane.caller.connect("https")
    lines = [("Authorization", f"Bearer {cast.tokens['worker-sole']}"), ("X-Request-ID", GOOD_ID), kind, ("Transfer-Encoding", "chunked")]
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    for _ in range(2):
        answer = connection.raw(f"POST /ra/Flag HTTP/1.1\r\nHost: localhost\r\n{head}\r\n4\r\nabcd\r\n3\r\nefg\r\n0\r\n\r\n".encode())
        assert answer.status == 200, answer
        assert json.loads(answer.body)["body_bytes"] == 7
    connection.close()


def test_a_body_that_is_too_big_for_a_route_that_asks(plane: Any, cast: Any) -> None:
    """413 by its length, or when it has gone too far without one: while a call is decided about, nobody else counts."""
    answer = plane.caller.connect("https").send("POST", "/ra/plain", [("Authorization", f"Bearer {cast.tokens['worker-sole']}"), ("X-Request-ID", GOOD_ID)], b"x" * 100_001)
    assert (answer.status, answer.reason) == (413, "request-too-large")
    connection = plane.caller.connect("https")
    lines = [("Authorization", f"Bearer {cast.tokens['worker-sole']}"), ("X-Request-ID", GOOD_ID), ("Transfer-Encoding", "chunked")]
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    chunks = (b"10000\r\n" + b"x" * 65_536 + b"\r\n") * 40
    answer = connection.raw(f"POST /ra/plain HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode() + chunks + b"0\r\n\r\n")
    assert (answer.status, answer.reason) == (413, "request-too-large")
    connection.close()


@pytest.mark.parametrize("size", [20_000, 50_000, 60_000, 75_000, 90_000, 99_999])
def test_a_body_without_a_length_comes_through(plane: Any, cast: Any, size: int) -> None:
    """Envoy's buffer while it waits and the route's limit must never leave a body that is small enough unread (`route_parts.body_limit`)."""
    connection = plane.caller.connect("https")
    lines = [("Authorization", f"Bearer {cast.tokens['worker-sole']}"), ("X-Request-ID", GOOD_ID), ("Transfer-Encoding", "chunked")]
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    answer = connection.raw(f"POST /ra/plain HTTP/1.1\r\nHost: localhost\r\n{head}\r\n{size:x}\r\n".encode() + b"x" * size + b"\r\n0\r\n\r\n")
    assert (answer.status, json.loads(answer.body)["body_bytes"]) == (200, size)
    connection.close()


def test_a_400_leaves_the_connection_open(plane: Any, cast: Any) -> None:
    """Of a 400 that a filter gives Envoy thinks that the request could not be read: so it is never given one (`decision.SAID_AS`)."""
    connection = plane.caller.kept("https")
    for _ in range(2):
        refused = send(plane, cast, f"/Flag{SEARCH}", [("Content-Type", "text/plain")], method="POST", data=b"{}")
        assert (refused.status, refused.reason, refused.headers.get("connection")) == (400, "ra-content-type-invalid", None)
        assert plane.caller.kept("https") is connection
