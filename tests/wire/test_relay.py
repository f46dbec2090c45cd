"""The secure proxy on the wire: what an endpoint gets, whom it gets it from, and what never leaves (spine 8.3, 10)."""

import contextlib
import json
import ssl
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from unit.security_patterns.systems import (
    CONSUMER,
    GP_ROOT,
    NAME,
    PROVIDER,
    PROVIDER_NAME,
    PROXY_HEADERS,
    SNAPSHOT,
    TRACE,
)
from wardgate.refusals import Refusal, reason
from wardgate.refusals.dialects import Dialect, body, xml_body
from wire.authority import new_key, written
from wire.caller import Answer, caller_of
from wire.endpoint import Endpoint

HEADERS = [(name.title(), value) for name, value in PROXY_HEADERS.items()]
SLOT = f"{GP_ROOT}/Slot"
ENCODED = SLOT.replace(":", "%3A").replace("/", "%2F")
ENDPOINT_ID = "S918999000005"


@pytest.fixture(scope="module")
def world(cast: Any, new_plane: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An Envoy with the secure proxy, the system that calls, and the endpoint that is called."""
    directory = tmp_path_factory.mktemp("endpoint")
    key = new_key()
    paths = written(directory, "provider", cast.authority.chain(cast.authority.client(PROVIDER_NAME, key)), key)
    endpoint = Endpoint(*paths, cast.roots)
    consumer = cast.person("consumer", cast.authority.client(NAME, key), key, NAME)
    snapshot = replace(
        cast.snapshot("http://127.0.0.1:9"), apis=tuple(api for api in SNAPSHOT.apis if api.name.startswith("ssp")), systems=SNAPSHOT.systems,
        organisations=SNAPSHOT.organisations, directory=SNAPSHOT.directory, connect_to={ENDPOINT_ID: f"127.0.0.1:{endpoint.port}"})
    with new_plane(make=lambda _url: snapshot) as plane:
        caller = caller_of(plane, cast.roots)
        yield SimpleNamespace(plane=plane, caller=caller, endpoint=endpoint, consumer=consumer.identity, snapshot=snapshot, cast=cast)
        caller.close()
    endpoint.close()


@pytest.fixture(autouse=True)
def fresh(world: Any) -> None:
    """Every test begins with an endpoint that has seen nothing and answers well."""
    endpoint = world.endpoint
    endpoint.requests.clear()
    endpoint.__dict__.pop("answer_was", None)
    endpoint.answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nX-Own: kept\r\nX-Wardgate-Reason: spoofed\r\nContent-Length: 2\r\n\r\n{}"
    endpoint.delay_seconds = 0.0


def send(world: Any, target: str, headers: list[tuple[str, str]] | None = None, *, method: str = "GET", data: bytes = b"", base: str = "/ssp-plain") -> Answer:
    """Send one call through the proxy."""
    connection = world.caller.connect("relay", world.consumer)
    try:
        found: Answer = connection.send(method, f"{base}/{target}", HEADERS if headers is None else headers, data)
    finally:
        connection.close()
    return found


def lines(head: bytes) -> dict[str, str]:
    """Return a request's headers by lower-case name."""
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])}


def test_an_endpoint_gets_the_call_as_it_was(world: Any) -> None:
    """Method, path, query, headers and body, and nothing more than `Forwarded`."""
    own = [*HEADERS, ("Authorization", "Bearer a.b."), ("Accept", "application/fhir+json"), ("Content-Type", "application/fhir+json"),
           ("X-Forwarded-For", "192.0.2.7"), ("X-Request-ID", "not a uuid"), ("X-Correlation-ID", "c"), ("X-Wardgate-Relay-Host", "evil.example")]
    answer = send(world, f"{SLOT}?start=ge2026-11-21&note=a%20b%2Fc", own, data=b'{"a": 1}')
    assert (answer.status, answer.body, answer.headers["x-own"]) == (200, b"{}", "kept")
    assert "x-wardgate-reason" not in answer.headers
    assert answer.headers["strict-transport-security"]
    [(head, sent)] = world.endpoint.requests
    assert head.startswith(b"GET /Z9X02/STU3/1/gpconnect/Slot?start=ge2026-11-21&note=a%20b%2Fc HTTP/1.1\r\n")
    assert sent == b'{"a": 1}'
    expected = {name.lower(): value for name, value in own if not name.startswith("X-Wardgate")}
    forwarded = f"by=127.0.0.1;for=127.0.0.1;host={PROVIDER_NAME};proto=https"
    assert lines(head) == expected | {"host": PROVIDER_NAME, "content-length": "8", "forwarded": forwarded}


def test_the_encoded_form_is_the_same_call(world: Any) -> None:
    """As retrieval of records writes targets."""
    assert send(world, ENCODED).status == 200
    [(head, _)] = world.endpoint.requests
    assert head.startswith(b"GET /Z9X02/STU3/1/gpconnect/Slot HTTP/1.1\r\n")


def test_what_was_forwarded_before_is_kept(world: Any) -> None:
    """RFC 7239 section 4: each proxy adds to the list."""
    assert send(world, SLOT, [*HEADERS, ("Forwarded", "for=192.0.2.1")]).status == 200
    [(head, _)] = world.endpoint.requests
    assert [line for line in head.decode().split("\r\n") if line.lower().startswith("forwarded:")] == [
        "forwarded: for=192.0.2.1", f"forwarded: by=127.0.0.1;for=127.0.0.1;host={PROVIDER_NAME};proto=https"]


def test_both_ends_know_each_other(world: Any) -> None:
    """The proxy shows its own certificate, and asks for the endpoint by its name."""
    assert send(world, SLOT).status == 200
    assert world.endpoint.peers[-1]["subject"] == ((("commonName", "proxy.example.nhs.uk"),),)
    assert set(world.endpoint.server_names) == {PROVIDER_NAME}


def refused(answer: Answer, code: str, values: dict[str, str]) -> None:
    """Hold a refusal's status and whole body against the catalogue, in the proxy's shape."""
    assert (answer.status, answer.reason) == (reason(code).status, code)
    if answer.headers["content-type"] == "application/fhir+xml":
        found = answer.body.decode()
        message_id = found.partition('<id value="')[2].partition('"')[0]
        expected = xml_body(Dialect.SECURE_PROXY, reason(code), Refusal(reason(code), values=values).fill, message_id).decode() if message_id else ""
        assert found.strip() == (expected or found.strip())
    else:
        told = json.loads(answer.body)
        assert told == body(Dialect.SECURE_PROXY, reason(code), Refusal(reason(code), values=values).fill, told["id"])


@pytest.mark.parametrize("accept", ["application/fhir+json", "application/fhir+xml"])
def test_an_endpoint_that_hangs_up(accept: str, world: Any) -> None:
    """502, with the endpoint's name."""
    world.endpoint.answer = b""
    refused(send(world, SLOT, [*HEADERS, ("Accept", accept)]), "ssp-endpoint-unreachable", {"url": f"https://{PROVIDER_NAME}"})


def test_a_redirect_is_the_callers_to_follow(world: Any) -> None:
    """It is passed on as it came."""
    world.endpoint.answer = b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"
    answer = send(world, SLOT)
    assert (answer.status, answer.headers["location"], len(world.endpoint.requests)) == (302, "https://127.0.0.1/", 1)


REFUSED_TARGETS = (
    f"http://{PROVIDER_NAME}/Z9X02/STU3/1/gpconnect/Slot", f"https:/{PROVIDER_NAME}/Z9X02/STU3/1/gpconnect/Slot", f"//{PROVIDER_NAME}/Z9X02/STU3/1/gpconnect/Slot",
    f"https:///{PROVIDER_NAME}/Z9X02", f"https://{PROVIDER_NAME}", f"https://{PROVIDER_NAME}:443/Z9X02/STU3/1/gpconnect/Slot",
    f"https://{PROVIDER_NAME}:8443/Z9X02/STU3/1/gpconnect/Slot", f"https://{PROVIDER_NAME}./Z9X02/STU3/1/gpconnect/Slot",
    f"https://{PROVIDER_NAME.upper()}/Z9X02/STU3/1/gpconnect/Slot", f"https://user@{PROVIDER_NAME}/Z9X02/STU3/1/gpconnect/Slot",
    f"https://{PROVIDER_NAME}@127.0.0.1/Z9X02/STU3/1/gpconnect/Slot", f"https://127.0.0.1#@{PROVIDER_NAME}/Z9X02/STU3/1/gpconnect/Slot",
    f"https://127.0.0.1\\@{PROVIDER_NAME}/Z9X02/STU3/1/gpconnect/Slot", f"https://{PROVIDER_NAME}\\@127.0.0.1/Z9X02", f"https://{PROVIDER_NAME}%2F@127.0.0.1/Z9X02",
    f"https://{PROVIDER_NAME}%00.evil.example/Z9X02/STU3/1/gpconnect/Slot", f"https://{PROVIDER_NAME}.evil.example/Z9X02/STU3/1/gpconnect/Slot",
    f"https://evil.example/{GP_ROOT}/Slot", f"https://evil.example?{GP_ROOT}/Slot", f"https://evil.example#{GP_ROOT}/Slot",
    "https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://0x7f000001/", "https://2130706433/", "https://127.1/", "https://169.254.169.254/latest/meta-data",
    "file:///etc/passwd", "gopher://127.0.0.1/", "unix:/run/x.sock", f"HTTPS://{PROVIDER_NAME}/Z9X02/STU3/1/gpconnect/Slot",
    f"{GP_ROOT}2/Slot", f"{GP_ROOT}/../structured", f"{GP_ROOT}/./Slot", f"{GP_ROOT}//Slot", f"{GP_ROOT}/%2e%2e/structured", f"{GP_ROOT}/%2E%2E%2Fstructured",
    f"{GP_ROOT}/..%2Fstructured", f"{GP_ROOT}/..%5Cstructured", f"{GP_ROOT}/%252e%252e/structured", f"{GP_ROOT}/Slot%0d%0aX-Evil:%201", f"{GP_ROOT}/Slot%23",
    f"https://{PROVIDER_NAME}/x/../Z9X02/STU3/1/gpconnect/Slot", f"https://{PROVIDER_NAME}//Z9X02/STU3/1/gpconnect/Slot", f"https://{PROVIDER_NAME}/Z9X02;a/STU3/1/gpconnect/Slot",
    ENCODED + "%2F..%2Fstructured", ENCODED.replace("%2F", "%252F"), ENCODED + "?a=b", f"https%3A%2F%2F{PROVIDER_NAME}/Z9X02/STU3/1/gpconnect/Slot",
    f"https:%2F%2F{PROVIDER_NAME}/Z9X02/STU3/1/gpconnect/Slot", ENCODED.replace("https", "http"), ENCODED + "%00", "%68ttps://" + PROVIDER_NAME + "/Z9X02/STU3/1/gpconnect/Slot",
    "https://gp\u200b.example.thirdparty.nhs.uk/Z9X02", "https://gp.example.thirdparty.nhs.uk\uff0fZ9X02", "", "/", "?", "..", "../ssp-plain/" + SLOT, "%2e%2e/" + SLOT,
    f"{GP_ROOT}/Slot\\..\\x", "x" * 5000, f"{SLOT}#fragment", f"{SLOT}%23fragment",
)  # fmt: skip


@pytest.mark.parametrize("target", REFUSED_TARGETS)
def test_no_confusing_target_leaves(target: str, world: Any) -> None:
    """Whatever another reader could take for another place is refused, and no endpoint sees a byte of it."""
    before = world.endpoint.accepted, len(world.endpoint.requests)
    connection = world.caller.connect("relay", world.consumer)
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS)
    try:
        answer = connection.raw(b"GET /ssp-plain/" + target.encode() + f" HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode())
        assert 400 <= answer.status < 500, (answer, target)
        assert answer.reason in {"ssp-endpoint-varies", "request-malformed", "route-not-found"}, (answer, target)
    finally:
        connection.close()
    assert (world.endpoint.accepted, len(world.endpoint.requests)) == before


@pytest.mark.parametrize("line", [
    f"GET {SLOT} HTTP/1.1\r\nHost: {PROVIDER_NAME}", f"CONNECT {PROVIDER_NAME}:443 HTTP/1.1\r\nHost: {PROVIDER_NAME}:443", f"GET //ssp-plain/{SLOT} HTTP/1.1\r\nHost: {PROVIDER_NAME}",
    f"GET /ssp-plain HTTP/1.1\r\nHost: {PROVIDER_NAME}", f"GET /x/../ssp-plain/{SLOT} HTTP/1.1\r\nHost: {PROVIDER_NAME}", f"GET /%73sp-plain/{SLOT} HTTP/1.1\r\nHost: {PROVIDER_NAME}",
    f"GET / HTTP/1.1\r\nHost: {PROVIDER_NAME}\r\nX-Wardgate-Relay-Cluster: relay-{PROVIDER_NAME}\r\nX-Wardgate-Relay-Path: /",
])  # fmt: skip
def test_nothing_but_its_routes_is_there(line: str, world: Any) -> None:
    """Not a target in place of the path, not a tunnel, not another way of writing the proxy's own path."""
    before = world.endpoint.accepted, len(world.endpoint.requests)
    connection = world.caller.connect("relay", world.consumer)
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS)
    with contextlib.suppress(ConnectionResetError, ssl.SSLError):
        assert connection.raw(f"{line}\r\n{head}\r\n".encode()).status in {400, 403, 404}
    connection.close()
    assert (world.endpoint.accepted, len(world.endpoint.requests)) == before


def test_the_other_ports_do_not_relay(world: Any) -> None:
    """They tidy paths up, so the proxy is not there."""
    for listener in ("https", "mtls"):
        answer, _ = world.caller.send("new", listener, "GET", f"/ssp-plain/{SLOT}", HEADERS, identity=world.consumer if listener == "mtls" else None)
        assert answer.reason == "route-not-found"
    assert not world.endpoint.requests


assert CONSUMER
assert PROVIDER
assert TRACE
