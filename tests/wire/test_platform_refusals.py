"""Trouble that is not the caller's standing: backends, requests that are not understood, a control plane that has gone, rules that never came."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest

from wardgate.catalogue import API
from wardgate.quotas import RateLimits
from wardgate.refusals.dialects import Dialect
from wardgate.security_patterns.snapshot import Snapshot
from wire.caller import Connection, caller_of
from wire.cast import GOOD_ID, LEVEL_3, Cast, key_of
from wire.refusal_rows import EARLY, PLATFORM, SHAPES, TO_KEY
from wire.refused import TRACE, assert_refused


def platform_apis(url: str) -> tuple[API, ...]:
    """Return three APIs, one for each shape, that meet every trouble of the platform."""
    routes = [
        {"path": "/open", "pattern": "open-access", "request_id": "generated"},
        {"path": "/slow", "pattern": "open-access", "timeout_seconds": 0.2, "request_id": "generated"},
        {"path": "/small", "pattern": "open-access", "max_body_bytes": 10, "request_id": "generated"},
        {"path": "/asked", "pattern": "open-access", "enforcement": "decision", "request_id": "generated"},
        {"path": "/recorded", "pattern": "open-access", "audit": "before", "request_id": "generated"},
        {"path": "/key", "pattern": "api-key", "request_id": "generated"},
        {"path": "/jwt", "pattern": "signed-jwt", "request_id": "generated"},
    ]
    working = [API.model_validate({"name": f"p-{shape}", "base_path": f"/p-{shape}", "backend": url, "errors": shape, "routes": routes}) for shape in SHAPES]
    down = [API.model_validate({"name": f"down-{shape}", "base_path": f"/down-{shape}", "backend": "http://127.0.0.1:1", "errors": shape,
                                "routes": routes[:1]}) for shape in SHAPES]
    return (*working, *down)


def platform(cast: Cast) -> Callable[[str], Snapshot]:
    """Return the maker of the platform's world."""
    def make(url: str) -> Snapshot:
        apis = platform_apis(url)
        found = replace(cast.snapshot(url), apis=apis)
        limits = {"p-fault": RateLimits.model_validate({"quota": {"limit": 1}})}
        alpha = replace(found.clients["alpha"], apis=frozenset(api.name for api in apis), limits=limits)
        return replace(found, clients=dict(found.clients) | {"alpha": alpha})

    return make


@pytest.fixture(scope="module")
def platform_plane(cast: Cast, new_plane: Callable[..., AbstractContextManager[Any]]) -> Iterator[Any]:
    """An Envoy with backends that are down or slow."""
    with new_plane(make=platform(cast)) as plane:
        plane.caller = caller_of(plane, cast.roots)
        yield plane
        plane.caller.close()


@pytest.mark.parametrize("dialect", list(SHAPES))
@pytest.mark.parametrize(("code", "method", "path", "content"), PLATFORM, ids=[row[0] for row in PLATFORM])
def test_a_refusal_of_the_platform(code: str, method: str, path: str, content: bytes, dialect: Dialect, platform_plane: Any) -> None:
    """A backend that is down or slow, a body that is too large: in the shape of the API."""
    answer = platform_plane.caller.kept("https").send(method, path.format(dialect), TRACE, content)
    assert_refused(answer, code, dialect, {})


def test_a_body_up_to_the_limit_arrives(platform_plane: Any) -> None:
    """The limit itself is allowed, and a body of megabytes where the route says nothing."""
    assert json.loads(platform_plane.caller.kept("https").send("POST", "/p-fault/small", (), b"x" * 10).body)["body_bytes"] == 10
    assert json.loads(platform_plane.caller.kept("https").send("POST", "/p-fault/open", (), b"x" * 5_000_000).body)["body_bytes"] == 5_000_000


@pytest.mark.parametrize(("code", "data"), [row[1:] for row in EARLY], ids=[row[0] for row in EARLY])
def test_a_request_that_is_not_understood(code: str, data: bytes, platform_plane: Any) -> None:
    """Before any route is known: a fault, with an id by which it can be explained, also in the log."""
    connection: Connection = platform_plane.caller.connect("https")
    answer = connection.raw(data)
    connection.close()
    made = answer.headers.pop("x-wardgate-message-id", None)
    assert_refused(answer, code, Dialect.FAULT, {}, request_id=None, correlation_id=answer.headers.get("x-correlation-id"))
    assert made is not None or "x-request-id" in answer.headers
    if made is not None:
        assert logged(platform_plane, "made_message_id", made)["reason"] == code


def logged(plane: Any, name: str, value: str) -> dict[str, Any]:
    """Return the line of Envoy's log with this value, which comes within a flush."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for line in plane.layout.access_log.read_text().splitlines():
            found: dict[str, Any] = json.loads(line)
            if found.get(name) == value:
                return found
        time.sleep(0.05)
    raise AssertionError(f"no line with {name} {value}")


def test_nobody_sees_the_message_id_of_another(platform_plane: Any) -> None:
    """A message id, a reason or a refusal sent by the caller is not ours."""
    spoofed = [("x-wardgate-message-id", "mine"), ("x-wardgate-reason", "mine"), ("x-wardgate-refused-reason", "application-quota-exceeded"),
               ("x-wardgate-refusal-secret", "harness-secret")]
    answer = platform_plane.caller.kept("https").send("GET", "/refusal", spoofed)
    assert (answer.status, answer.reason) == (404, "route-not-found")
    answer = platform_plane.caller.kept("https").send("GET", "/down-fault/open", spoofed)
    assert (answer.status, answer.reason) == (503, "backend-unavailable")
    answer = platform_plane.caller.kept("https").send("GET", "/down-problem/open", spoofed)
    assert "mine" not in answer.body.decode()


@pytest.mark.parametrize("dialect", list(SHAPES))
def test_no_record_no_answer(dialect: Dialect, platform_plane: Any) -> None:
    """A route that is recorded before the answer refuses when the record cannot be made (design 3.4)."""
    platform_plane.fail_recording = True
    try:
        answer = platform_plane.caller.kept("https").send("GET", f"/p-{dialect}/recorded", TRACE)
    finally:
        platform_plane.fail_recording = False
    assert_refused(answer, "decision-unavailable", dialect, {})
    platform_plane.recorded.clear()
    assert platform_plane.caller.kept("https").send("GET", f"/p-{dialect}/recorded", TRACE).status == 200
    assert [event.request_id for event in platform_plane.recorded] == [GOOD_ID]


def test_headers_that_come_too_slowly(shared_plane: Any) -> None:
    """Fifteen seconds for the headers, then 408; the connection was opened when the session's Envoy started."""
    answer = shared_plane.slow.read()
    answer.headers.pop("x-wardgate-message-id")
    assert_refused(answer, "request-timeout", Dialect.FAULT, {}, request_id=None, correlation_id=None)


@pytest.mark.parametrize("dialect", list(SHAPES))
def test_without_the_control_plane(dialect: Dialect, cast: Cast, orphan_plane: Any) -> None:
    """What Envoy judges by itself goes on; what it must ask about is refused."""
    caller = orphan_plane.caller
    assert_refused(caller.kept("https").send("GET", f"/p-{dialect}/asked", TRACE), "decision-unavailable", dialect, {})
    assert caller.kept("https").send("GET", f"/p-{dialect}/open", TRACE).status == 200
    token = [("Authorization", f"Bearer {cast.token(scope=LEVEL_3 + f'p-{dialect}')}")]
    assert caller.kept("https").send("GET", f"/p-{dialect}/jwt", token).status == 200


@pytest.fixture(scope="module")
def orphan_plane(cast: Cast, new_plane: Callable[..., AbstractContextManager[Any]]) -> Iterator[Any]:
    """An Envoy whose control plane has gone."""
    with new_plane(make=platform(cast)) as plane:
        plane.servers[0].stop()
        plane.run(plane.decisions.stop())
        plane.layout.control_socket.unlink(missing_ok=True)
        plane.layout.decision_socket.unlink(missing_ok=True)
        plane.caller = caller_of(plane, cast.roots)
        yield plane
        plane.caller.close()


def test_a_limit_without_the_control_plane(cast: Cast, orphan_plane: Any) -> None:
    """The explanation cannot be had: Envoy says the limit in its own words, without the members it does not know."""
    headers = [("apikey", key_of("alpha")), *TRACE]
    answer = [orphan_plane.caller.kept("https").send("GET", "/p-fault/key", headers) for _ in range(2)][-1]
    found = json.loads(answer.body)
    assert len(found.pop("message_id")) == 36
    assert found == {"message": "Your application, alpha, has exceeded its quota and is being rate limited.", "scope": "application", "policy": "quota"}
    assert (answer.status, answer.headers["retry-after"], answer.reason) == (429, "60", "application-quota-exceeded")


@pytest.mark.parametrize("withheld", ["extension_configs", "routes"])
def test_rules_that_never_came(withheld: str, cast: Cast, new_plane: Callable[..., AbstractContextManager[Any]]) -> None:
    """Until its rules have come Envoy refuses everything, and says that it is not the caller's fault."""
    with new_plane(withheld=(withheld,)) as plane:
        caller = caller_of(plane, cast.roots)
        for path, headers in (("/hello-world/key", [("apikey", key_of("alpha"))]), ("/fhir/R4/Patient/1", [("Authorization", f"Bearer {cast.tokens['good']}")]),
                              ("/hello-world/either", [])):
            answer, _ = caller.send("new", "https", "GET", path, headers)
            assert (answer.status, answer.reason) == (503, "rules-not-loaded"), path
        answer, _ = caller.send("new", "mtls", "GET", "/hello-world/mtls", identity=cast.people["alpha"].identity)
        assert (answer.status, answer.reason) == (503, "rules-not-loaded")
        shapes = list(SHAPES) if withheld == "extension_configs" else [Dialect.FAULT] * 3  # without routes no API is known
        for dialect, path in zip(shapes, TO_KEY.values(), strict=True):
            answer, _ = caller.send("new", "https", "GET", path, TRACE)
            assert_refused(answer, "rules-not-loaded", dialect, {})
