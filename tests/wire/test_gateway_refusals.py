"""Every refusal at the gateway, on the wire: status, the whole body in each dialect, and every header that belongs to it.

The rows are the catalogue's: a reason that no row produces fails the last test.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from wire_caller import Answer, Caller, Connection, caller_of
from wire_cast import CHANGES, GOOD_ID, LEVEL_3, Cast, key_of
from wire_role_rows import ROLE_ROWS

from wardgate.catalogue import API
from wardgate.quotas import RateLimits
from wardgate.refusals import CATALOGUE, Area, Refusal, reason
from wardgate.refusals.dialects import CONTENT_TYPES, Dialect, body
from wardgate.security_patterns.snapshot import Snapshot

HSTS = "max-age=31536000; includeSubDomains"
SHAPES = {Dialect.FAULT: "/hello-world", Dialect.FHIR: "/fhir/R4", Dialect.PROBLEM: "/problem"}
TO_KEY = {Dialect.FAULT: "/hello-world/key", Dialect.FHIR: "/fhir/R4/Patient/1/key", Dialect.PROBLEM: "/problem/key"}
TO_TOKEN = {Dialect.FAULT: "/hello-world/jwt", Dialect.FHIR: "/fhir/R4/Patient/1", Dialect.PROBLEM: "/problem/jwt"}
TO_KIND = {dialect: base + "/kind" for dialect, base in SHAPES.items()}
TO_CERTIFICATE = {Dialect.FAULT: "/hello-world/mtls", Dialect.FHIR: "/fhir/R4/Patient/1/mtls", Dialect.PROBLEM: "/problem/mtls"}
TO_STRICT = {Dialect.FAULT: "/hello-world/strict", Dialect.FHIR: "/fhir/R4/files/1", Dialect.PROBLEM: "/problem/strict"}
TO_WORKER = {Dialect.FAULT: "/users/aal2", Dialect.FHIR: "/fhir/R4/worker", Dialect.PROBLEM: "/problem/worker"}
TO_USER_KIND = {Dialect.FAULT: "/users/kind", Dialect.FHIR: "/fhir/R4/user-kind", Dialect.PROBLEM: "/problem/user-kind"}
NOWHERE = {dialect: base + "/nowhere" for dialect, base in SHAPES.items()}
ONLY_SOME = {Dialect.FAULT: "/hello-world/jwt/1", Dialect.FHIR: "/fhir/R4/only-post", Dialect.PROBLEM: "/problem/only-post"}
ALLOWED = {Dialect.FAULT: "GET, PUT", Dialect.FHIR: "POST", Dialect.PROBLEM: "POST"}


@dataclass(frozen=True)
class Row:
    """One way to be refused. `token` and `key` name the cast's; `values` fill the reason's text."""

    reason: str
    paths: dict[Dialect, str]
    name: str = ""
    key: str | None = None
    token: str | None = None
    authorization: str | None = None
    who: str | None = None
    listener: str = "https"
    request_id: str | None = GOOD_ID
    changes: tuple[str, ...] = ()
    values: dict[str, str] = field(default_factory=dict)

    def headers(self, cast: Cast) -> list[tuple[str, str]]:
        """Return the request's headers."""
        found = [("X-Correlation-ID", "corr-1")]
        if self.request_id is not None:
            found.append(("X-Request-ID", self.request_id))
        if self.key is not None:
            found.append(("apikey", self.key))
        if self.token is not None:
            found.append(("Authorization", f"Bearer {cast.tokens[self.token]}"))
        if self.authorization is not None:
            found.append(("Authorization", self.authorization))
        return found


ROWS = (
    Row("api-key-missing", TO_KEY),
    Row("api-key-missing", TO_KEY, "an empty key", key=""),
    Row("api-key-unknown", TO_KEY, key="another"),
    Row("api-key-revoked", TO_KEY, key=key_of("revoked")),
    Row("api-key-expired", TO_KEY, key=key_of("expired")),
    Row("application-not-approved", TO_KEY, key=key_of("pending")),
    Row("application-not-approved", TO_KEY, "by the overlay", key=key_of("alpha"), changes=("alpha suspended",)),
    Row("api-key-wrong-product", TO_KEY, key=key_of("outsider")),
    Row("application-no-products", TO_KEY, key=key_of("without")),
    Row("developer-inactive", TO_KEY, key=key_of("idle")),
    Row("company-inactive", TO_KEY, key=key_of("closed")),
    Row("authorization-missing", TO_TOKEN),
    Row("authorization-empty", TO_TOKEN, authorization=""),
    Row("access-token-missing", TO_TOKEN, authorization="Bearer"),
    Row("access-token-missing", TO_TOKEN, "one word", authorization="token"),
    Row("token-type-invalid", TO_TOKEN, "a known scheme", authorization="Basic dXNlcjpwYXNzd29yZA==", values={"scheme": "Basic"}),
    Row("token-type-invalid", TO_TOKEN, "the scheme in another case", authorization="bearer x.y.z", values={"scheme": "bearer"}),
    Row("token-type-invalid", TO_TOKEN, "an unknown scheme is not repeated", authorization="hunter2 x", values={"scheme": "unknown"}),
    Row("access-token-unknown", TO_TOKEN, token="word"),
    Row("access-token-unknown", TO_TOKEN, "a forged one", token="forged"),
    Row("access-token-unknown", TO_TOKEN, "of another issuer", token="stranger-issuer"),
    Row("access-token-expired", TO_TOKEN, token="expired"),
    Row("access-token-revoked", TO_TOKEN, "its own id", token="jti-2", changes=("a token revoked",)),
    Row("access-token-revoked", TO_TOKEN, "its credential", token="credential-2", changes=("a credential revoked",)),
    Row("access-token-revoked", TO_TOKEN, "its application", token="pending"),
    Row("access-token-wrong-product", TO_TOKEN, token="outsider"),
    Row("access-token-not-bound", TO_TOKEN, token="bound"),
    Row("access-token-not-bound", TO_TOKEN, "another certificate", token="bound", who="beta", listener="mtls"),
    Row("scope-insufficient", TO_TOKEN, token="no-scope"),
    Row("access-token-wrong-kind", TO_KIND, token="no-scope"),
    Row("authorization-missing", TO_WORKER, "on a user's route"),
    Row("token-type-invalid", TO_WORKER, "on a user's route", authorization="Basic dXNlcjpwYXNzd29yZA==", values={"scheme": "Basic"}),
    Row("access-token-unknown", TO_WORKER, "a forged one of a user", token="worker-forged"),
    Row("access-token-expired", TO_WORKER, "of a user", token="worker-expired"),
    Row("access-token-revoked", TO_WORKER, "its user's sign-in", token="worker-ended", changes=("a sign-in ended",)),
    Row("access-token-revoked", TO_WORKER, "its own id, of a user", token="worker-jti-2", changes=("a token revoked",)),
    Row("access-token-revoked", TO_WORKER, "its credential, of a user", token="worker-credential-2", changes=("a credential revoked",)),
    Row("access-token-revoked", TO_WORKER, "its application, of a user", token="worker-pending"),
    Row("access-token-wrong-product", TO_WORKER, "of a user", token="worker-outsider"),
    Row("access-token-not-bound", TO_WORKER, "of a user", token="worker-bound"),
    Row("scope-insufficient", TO_WORKER, "an application by itself", token="good"),
    Row("scope-insufficient", TO_WORKER, "an application that says it is a user", token="user-scope"),
    Row("scope-insufficient", TO_WORKER, "a worker at too low a level", token="worker-aal1"),
    Row("scope-insufficient", TO_WORKER, "a patient", token="patient-P9"),
    Row("scope-insufficient", TO_WORKER, "a user without scopes", token="worker-no-scope"),
    Row("scope-insufficient", TO_TOKEN, "a user on an application's route", token="worker-application-scope"),
    Row("access-token-wrong-kind", TO_USER_KIND, "an application by itself", token="good"),
    Row("access-token-wrong-kind", TO_USER_KIND, "a user at too low a level", token="worker-aal1"),
    Row("access-token-wrong-kind", TO_USER_KIND, "a patient at too low a level", token="patient-P5"),
    Row("request-id-missing", TO_STRICT, key=key_of("alpha"), request_id=None),
    Row("request-id-missing", TO_STRICT, "an empty one", key=key_of("alpha"), request_id=""),
    Row("request-id-invalid", TO_STRICT, key=key_of("alpha"), request_id='<b>"no"', values={"value": '<b>"no"'}),
    Row("request-id-invalid", TO_STRICT, "a long one is cut", key=key_of("alpha"), request_id="x" * 100, values={"value": "x" * 64}),
    Row("route-not-found", NOWHERE),
    Row("method-not-allowed", ONLY_SOME),
    Row("certificate-missing", TO_CERTIFICATE),
    Row("certificate-not-registered", TO_CERTIFICATE, who="stray", listener="mtls"),
    Row("certificate-not-registered", TO_CERTIFICATE, "its application is pending", who="pending", listener="mtls"),
    Row("certificate-wrong-product", TO_CERTIFICATE, who="outsider", listener="mtls"),
    Row("certificate-revoked", TO_CERTIFICATE, who="beta", listener="mtls", changes=("beta's certificate revoked",)),
)
"""Refusals that need nothing but a request; `decide` gives each of them too."""

ELSEWHERE = {
    "certificate-invalid": "test_tls_ma: needs the profile that answers bad certificates",
    "certificate-expired": "test_tls_ma: a handshake line, which telemetry reads",
    "certificate-untrusted": "test_tls_ma: a handshake line, which telemetry reads",
    "api-status-key-invalid": "the server's `_status` answers, not Envoy",
}
NOT_MADE_HERE = frozenset({"content-length", "date", "connection", "server"})


def expected_body(code: str, dialect: Dialect, values: dict[str, str], message_id: str) -> Any:
    """Return the body the catalogue says."""
    return body(dialect, reason(code), Refusal(reason(code), values=values).fill, message_id)


def assert_refused(answer: Answer, code: str, dialect: Dialect, values: dict[str, str], *, request_id: str | None = GOOD_ID,
                   allow: str | None = None, correlation_id: str | None = "corr-1") -> None:
    """Hold status, every header and the whole body against the catalogue."""
    expected = reason(code)
    headers = {name: value for name, value in answer.headers.items() if name not in NOT_MADE_HERE}
    given = headers.pop("x-request-id", None)
    if request_id is not None:
        assert given == request_id
    elif given is not None:
        assert len(given) == 36
    filled = {name.lower(): value.replace("{error}", expected.error).replace("{text}", expected.text) for name, value in expected.headers}
    assert headers == {
        "x-wardgate-reason": code, "strict-transport-security": HSTS, "cache-control": "no-store", "content-type": CONTENT_TYPES[dialect],
        **({"x-correlation-id": correlation_id} if correlation_id else {}), **({"allow": allow} if allow else {}), **filled,
    }
    assert answer.status == expected.status
    found = json.loads(answer.body)
    message_id = found.get("instance", "").removeprefix("urn:wardgate:message:")
    assert found == expected_body(code, dialect, values, message_id)
    assert dialect is not Dialect.PROBLEM or len(message_id) == 36


def _rows() -> Iterator[Any]:
    for row in ROWS:
        for dialect in row.paths:
            yield pytest.param(row, dialect, id=f"{row.reason}{', ' + row.name if row.name else ''}, {dialect}")


def changed(cast: Cast, snapshot: Snapshot, changes: tuple[str, ...]) -> Snapshot:
    """Return the world after these changes."""
    for name in changes:
        snapshot = CHANGES[name](snapshot, cast)
    return snapshot


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
    answer = send.kept("https").send("GET", "/nowhere", [("X-Request-ID", GOOD_ID), ("X-Correlation-ID", "corr-1")])
    assert_refused(answer, "route-not-found", Dialect.FAULT, {})


@pytest.mark.parametrize("path", ["/fhir/R4", "/fhir/R4/", "/fhir/R4?x", "/fhir/R4/nowhere?x"])
def test_a_refusal_below_a_base_path_has_its_shape(path: str, send: Caller, plane: Any) -> None:
    """The base path alone belongs to the API, with and without a slash or a query."""
    answer = send.kept("https").send("GET", path, [("X-Request-ID", GOOD_ID), ("X-Correlation-ID", "corr-1")])
    assert_refused(answer, "route-not-found", Dialect.FHIR, {})


def test_a_refusal_to_a_grpc_caller_is_in_grpc(send: Caller, plane: Any) -> None:
    """Envoy answers `application/grpc` in that protocol's way: HTTP 200 with a status of its own. It is refused all the same."""
    answer = send.kept("https").send("POST", "/hello-world/key", [("content-type", "application/grpc")])
    assert (answer.status, answer.reason, answer.headers["grpc-status"], answer.body) == (200, "api-key-missing", "16", b"")


LIMITED: dict[str, dict[str, Any]] = {
    "application-quota-exceeded": {"application": {"quota": {"limit": 1}}, "scope": "application", "policy": "quota", "limit": 1, "wait": 60},
    "application-spike": {"application": {"quota": {"limit": 1000}, "spike_arrest": {"rate": "2pm"}}, "scope": "application",
                          "policy": "spikearrest", "limit": 2, "wait": 30},
    "api-quota-exceeded": {"api": {"quota": {"limit": 1}}, "scope": "proxy", "policy": "quota", "limit": 1, "wait": 60},
    "api-spike": {"api": {"spike_arrest": {"rate": "3pm"}}, "scope": "proxy", "policy": "spikearrest", "limit": 3, "wait": 20},
}


def limited(cast: Cast, snapshot: Snapshot, code: str) -> Snapshot:
    """Return the world with one limit so low that the second request exceeds it."""
    row = LIMITED[code]
    if "api" in row:
        return replace(snapshot, apis=tuple(api.model_copy(update={"limits": RateLimits.model_validate(row["api"])}) for api in snapshot.apis))
    limits = {api.name: RateLimits.model_validate(row["application"]) for api in snapshot.apis}
    return replace(snapshot, clients=dict(snapshot.clients) | {"alpha": replace(snapshot.clients["alpha"], limits=limits)})


@pytest.mark.parametrize("dialect", list(SHAPES))
@pytest.mark.parametrize("code", list(LIMITED))
def test_an_exceeded_limit_is_explained(code: str, dialect: Dialect, cast: Cast, shared_plane: Any, send: Caller) -> None:
    """The platform's eight members with the limit of this application, Retry-After, and RateLimit headers; FHIR in its shape."""
    shared_plane.publish(limited(cast, cast.snapshot(shared_plane.backend_url), code))
    headers = [("apikey", key_of("alpha")), ("X-Request-ID", GOOD_ID), ("X-Correlation-ID", "corr-1")]
    first = send.kept("https").send("GET", TO_KEY[dialect], headers)
    assert first.status == 200
    before = time.time()
    answer = send.kept("https").send("POST", TO_KEY[dialect], headers, b"a body")
    assert_limited(answer, code, dialect, before)
    head = send.kept("https").send("HEAD", TO_KEY[dialect], headers)
    assert (head.status, head.reason) == (429, code)
    assert send.kept("https").send("GET", "/hello-world/open").status in {200, 429}, "a HEAD leaves the connection in step"


def assert_limited(answer: Answer, code: str, dialect: Dialect, before: float) -> None:
    """Hold an explained 429 against application-restricted 9."""
    row, expected = LIMITED[code], reason(code)
    wait = str(row["wait"])
    headers = {name: value for name, value in answer.headers.items() if name not in NOT_MADE_HERE}
    assert headers == {
        "x-wardgate-reason": code, "strict-transport-security": HSTS, "cache-control": "no-store", "content-type": CONTENT_TYPES[dialect],
        "x-correlation-id": "corr-1", "x-request-id": GOOD_ID, "retry-after": wait,
        "ratelimit-limit": str(row["limit"]), "ratelimit-remaining": "0", "ratelimit-reset": wait,
    }
    values = {"application": "alpha", "limit": str(row["limit"]), "interval": "1", "timeunit": "minute"}
    found = json.loads(answer.body)
    assert answer.status == 429
    if dialect is Dialect.FAULT:
        expiry = found.pop("ratelimiting_expiry_time_ms") / 1000
        assert -0.01 < expiry - before - row["wait"] < 10  # whole milliseconds
        assert len(found.pop("message_id")) == 36
        assert found == {"message": Refusal(expected, values=values).fill(expected.text), "scope": row["scope"], "policy": row["policy"],
                         "limit": row["limit"], "interval": 1, "timeunit": "minute"}
    else:
        message_id = found.get("instance", "").removeprefix("urn:wardgate:message:")
        assert found == expected_body(code, dialect, values, message_id)


@pytest.mark.parametrize(("change", "code"), [
    ("alpha's quota at hello spent", "application-quota-exceeded"), ("the quota of hello spent", "api-quota-exceeded"),
])
def test_a_long_quota_says_when_it_ends(change: str, code: str, cast: Cast, shared_plane: Any, send: Caller) -> None:
    """Windows longer than a minute are counted in the store; the answer waits until their end."""
    shared_plane.publish(changed(cast, cast.snapshot(shared_plane.backend_url), (change,)))
    answer = send.kept("https").send("GET", "/hello-world/key", [("apikey", key_of("alpha"))])
    assert (answer.status, answer.reason) == (429, code)
    assert 7100 < int(answer.headers["retry-after"]) <= 7200


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


TRACE = [("X-Request-ID", GOOD_ID), ("X-Correlation-ID", "corr-1")]


@pytest.fixture(scope="module")
def platform_plane(cast: Cast, new_plane: Callable[..., AbstractContextManager[Any]]) -> Iterator[Any]:
    """An Envoy with backends that are down or slow, and a connection that began to send its headers and went quiet."""
    with new_plane(make=platform(cast)) as plane:
        caller = caller_of(plane, cast.roots)
        slow = caller.connect("http")
        slow.stream.sendall(b"GET /p-fault/open HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        plane.caller, plane.slow = caller, slow
        yield plane
        slow.close()
        caller.close()


PLATFORM = (
    ("backend-unavailable", "GET", "/down-{}/open", b""),
    ("backend-timeout", "GET", "/p-{}/slow", b""),
    ("request-too-large", "POST", "/p-{}/small", b"x" * 11),
)


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


GOOD_START = b"GET /p-fhir/open HTTP/1.1\r\nHost: a\r\nX-Correlation-ID: corr-1\r\n"
EARLY = (
    ("no host", "request-malformed", b"GET / HTTP/1.1\r\nX-Correlation-ID: corr-1\r\n\r\n"),
    ("not HTTP", "request-malformed", b"garbage\r\n\r\n"),
    ("HTTP/1.0", "request-malformed", b"GET / HTTP/1.0\r\nHost: a\r\n\r\n"),
    ("a header name with an underscore", "request-malformed", GOOD_START + b"a_b: 1\r\n\r\n"),
    ("two lengths", "request-malformed", GOOD_START + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("a host with a space", "request-malformed", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    ("an escaped slash", "request-malformed", b"GET /p-fhir/a%2Fb HTTP/1.1\r\nHost: a\r\nX-Correlation-ID: corr-1\r\n\r\n"),
    ("an escaped backslash", "request-malformed", b"GET /p-fhir/a%5Cb HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("an escaped NUL", "request-malformed", b"GET /p-fhir/a%00b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a fragment", "request-malformed", b"GET /p-fhir/a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("OPTIONS *", "request-malformed", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("CONNECT", "request-malformed", b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"),
    ("an upgrade", "request-malformed", b"GET /p-fault/open HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"),
    ("headers of more than 60 KiB", "headers-too-large", GOOD_START + b"a: " + b"x" * 62_000 + b"\r\n\r\n"),
    ("more than 100 headers", "headers-too-large", GOOD_START + b"".join(b"a%d: x\r\n" % number for number in range(101)) + b"\r\n"),
)


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
    deadline = time.monotonic() + 5
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


def test_headers_that_come_too_slowly(platform_plane: Any) -> None:
    """Fifteen seconds for the headers, then 408; the connection was opened when the module's Envoy started."""
    answer = platform_plane.slow.read()
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


def test_every_reason_of_the_catalogue_is_produced() -> None:
    """A reason without a test is a reason nobody has seen. The authorisation server's are produced in tests/flows/authserver."""
    produced = {row.reason for row in ROWS} | set(LIMITED) | {row[0] for row in PLATFORM} | {row[1] for row in EARLY}
    produced |= {"decision-unavailable", "rules-not-loaded", "request-timeout"}
    produced |= {row.reason for row in ROLE_ROWS} | {row.as_header for row in ROLE_ROWS}
    here = {code for code, found in CATALOGUE.items() if found.area in {Area.GATEWAY, Area.CERTIFICATES, Area.LIMITS, Area.PLATFORM}}
    assert here - produced == set(ELSEWHERE)
    assert produced <= here
