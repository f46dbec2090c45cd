"""The secure proxy on the wire: what an endpoint gets, whom it gets it from, and what never leaves (spine 8.3, 10)."""

import contextlib
import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from unit.security_patterns.systems import (
    DIRECTORY,
    GP_ROOT,
    NAME,
    PROVIDER_NAME,
    PROXY_HEADERS,
    SNAPSHOT,
)
from wardgate.catalogue import API
from wardgate.dataplane.resources import relay
from wardgate.directory.index import DirectoryIndex
from wardgate.refusals import Refusal, reason
from wardgate.refusals.dialects import Dialect, body, xml_body
from wire.authority import new_key, written
from wire.caller import Answer, caller_of
from wire.endpoint import ANSWER, Endpoint

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
    endpoint.answer, endpoint.delay_seconds = ANSWER, 0.0


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


def test_an_encoded_target_keeps_its_query(world: Any) -> None:
    """What was judged and recorded is what is asked. A bare question mark behind the target would take its query away: it is refused, as it is behind any."""
    assert send(world, f"{ENCODED}%3F_count%3D1").status == 200
    [(head, _)] = world.endpoint.requests
    assert head.startswith(b"GET /Z9X02/STU3/1/gpconnect/Slot?_count=1 HTTP/1.1\r\n")
    for target in (f"{ENCODED}%3F_count%3D1?", f"{ENCODED}?", f"{SLOT}?"):
        for method in ("GET", "TRACE"):
            refused(send(world, target, method=method), "request-malformed", {})
    assert len(world.endpoint.requests) == 1


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
        assert len(message_id) == 36
        assert found == xml_body(Dialect.SECURE_PROXY, reason(code), Refusal(reason(code), values=values).fill, message_id).decode()
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


VECTORS = tuple(
    f"{vector['target']}?{vector['query']}" if vector["query"] else vector["target"]
    for vector in json.loads((Path(__file__).parents[1] / "vectors" / "secure_proxy_targets.json").read_text())["vectors"]
)


@pytest.mark.parametrize("target", [*REFUSED_TARGETS, *VECTORS])
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


@contextlib.contextmanager
def changed(world: Any, **more: Any) -> Iterator[None]:
    """Put another world in force for a while."""
    world.plane.publish(replace(world.snapshot, **more))
    try:
        yield
    finally:
        world.plane.publish(world.snapshot)


def proxy(**more: Any) -> tuple[API, ...]:
    """Return the proxy's API with other settings; those of a route under `route`."""
    found = next(api for api in SNAPSHOT.apis if api.name == "ssp-plain").model_dump(mode="json", exclude_none=True)
    found["routes"] = [found["routes"][0] | more.pop("route", {})]
    return (API.model_validate(found | more),)


@pytest.mark.parametrize("accept", ["application/fhir+json", "application/fhir+xml"])
def test_an_endpoint_that_is_not_there(accept: str, world: Any) -> None:
    """502, as when it hangs up."""
    with changed(world, connect_to={ENDPOINT_ID: "127.0.0.1:1"}):
        refused(send(world, SLOT, [*HEADERS, ("Accept", accept)]), "ssp-endpoint-unreachable", {"url": f"https://{PROVIDER_NAME}"})


@pytest.mark.parametrize("wrong", ["another name", "another authority", "revoked"])
def test_an_endpoint_that_is_another(wrong: str, world: Any, tmp_path: Path) -> None:
    """A certificate of another name, of a stranger's authority or on the list: 502, and it is told nothing."""
    cast, key = world.cast, new_key()
    authority = cast.stranger if wrong == "another authority" else cast.authority
    certificate = authority.client("other.example.nhs.uk" if wrong == "another name" else PROVIDER_NAME, key)
    impostor = Endpoint(*written(tmp_path, "impostor", authority.chain(certificate), key), cast.roots)
    lists = list(cast.authority.revoked)
    if wrong == "revoked":
        cast.authority.revoke(certificate)
    world.plane.tls = cast.tls()
    try:
        with changed(world, connect_to={ENDPOINT_ID: f"127.0.0.1:{impostor.port}"}):
            refused(send(world, SLOT), "ssp-endpoint-unreachable", {"url": f"https://{PROVIDER_NAME}"})
    finally:
        cast.authority.revoked = lists
        world.plane.tls = cast.tls()
        impostor.close()
    assert impostor.accepted
    assert not impostor.requests


def test_an_endpoint_of_another_authority_that_is_trusted(world: Any, tmp_path: Path) -> None:
    """An environment may trust authorities of others for its endpoints; it does not let their systems call for that."""
    cast, key = world.cast, new_key()
    foreign = Endpoint(*written(tmp_path, "foreign", cast.stranger.chain(cast.stranger.client(PROVIDER_NAME, key)), key), cast.roots)
    world.plane.tls = replace(cast.tls(), relay_trust_pem=cast.stranger.bundle() + cast.stranger.crls())
    try:
        with changed(world, connect_to={ENDPOINT_ID: f"127.0.0.1:{foreign.port}"}):
            assert send(world, SLOT).status == 200
            stranger = cast.person("stranger", cast.stranger.client(NAME, key), key, NAME).identity
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                world.caller.send("new", "relay", "GET", f"/ssp-plain/{SLOT}", HEADERS, identity=stranger)
        world.plane.tls = replace(cast.tls(), relay_trust_pem=cast.stranger.bundle())
        with changed(world, connect_to={ENDPOINT_ID: f"127.0.0.1:{foreign.port}"}):
            assert send(world, SLOT).reason == "ssp-endpoint-unreachable", "an authority without its list is trusted in nothing"
    finally:
        world.plane.tls = cast.tls()
        world.plane.publish(world.snapshot)
        foreign.close()


def test_a_new_certificate_is_shown_at_once(world: Any) -> None:
    """The proxy's own certificate is renewed without a restart: every connection that begins shows the new one."""
    world.endpoint.answer = ANSWER.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert send(world, SLOT).status == 200
    world.plane.tls = replace(world.cast.tls(), **dict(zip(("relay_chain_pem", "relay_key_pem"), world.cast.authority.relay("proxy-2.example.nhs.uk"), strict=True)))
    world.plane.publish(world.snapshot)
    try:
        deadline = time.monotonic() + 60
        while world.endpoint.peers[-1]["subject"] != ((("commonName", "proxy-2.example.nhs.uk"),),):
            assert time.monotonic() < deadline
            assert send(world, SLOT).status == 200
            time.sleep(0.1)
    finally:
        world.plane.tls = world.cast.tls()
        world.plane.publish(world.snapshot)


def test_an_endpoint_that_takes_too_long(world: Any) -> None:
    """504 after the route's time."""
    world.endpoint.delay_seconds = 2.0
    with changed(world, apis=proxy(route={"timeout_seconds": 0.5})):
        refused(send(world, SLOT), "ssp-endpoint-timeout", {})


def test_a_body_that_is_too_big(world: Any) -> None:
    """413 before anything is relayed."""
    with changed(world, apis=proxy(route={"max_body_bytes": 100_000})):
        refused(send(world, SLOT, method="POST", data=b"x" * 100_001), "request-too-large", {})
        connection = world.caller.connect("relay", world.consumer)
        head = "".join(f"{name}: {value}\r\n" for name, value in [*HEADERS, ("Transfer-Encoding", "chunked")])
        chunks = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
        refused(connection.raw(f"GET /ssp-plain/{SLOT} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode() + chunks * 40 + b"0\r\n\r\n"), "request-too-large", {})
        connection.close()
    assert not world.endpoint.requests


def test_the_proxys_limit(world: Any) -> None:
    """429 in the proxy's shape, with its own headers."""
    with changed(world, apis=proxy(limits={"quota": {"limit": 2, "interval": 1, "timeunit": "minute"}})):
        answers = [send(world, SLOT) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    refused(answers[2], "ssp-throttled", {})
    assert answers[2].headers["x-rate-limit-remaining"] == "0"
    assert answers[2].headers["retry-after"] == answers[2].headers["x-rate-limit-reset"]


@pytest.mark.parametrize("accept", ["application/fhir+json", "application/fhir+xml"])
def test_a_caller_without_a_certificate(accept: str, world: Any) -> None:
    """A TLS alert; with the profile `answer` 496, in the proxy's shape."""
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        world.caller.send("new", "relay", "GET", f"/ssp-plain/{SLOT}", HEADERS)
    with changed(world, environment=world.snapshot.environment.model_copy(update={"tls_ma_profile": "answer"})):
        answer, _ = world.caller.send("new", "relay", "GET", f"/ssp-plain/{SLOT}", [*HEADERS, ("Accept", accept)])
        assert answer.headers["content-type"] == accept
        refused(answer, "certificate-missing", {})
    assert not world.endpoint.requests


def test_a_rule_that_ends_closes_the_way(world: Any) -> None:
    """Without a data-sharing rule there is no cluster for the endpoint either."""
    bare = DirectoryIndex(replace(DIRECTORY, sharing_rules=()))
    assert relay.targets(world.snapshot)
    assert not relay.targets(replace(world.snapshot, directory=bare))
    with changed(world, directory=bare):
        assert send(world, SLOT).reason == "ssp-no-sharing-rule"
    assert not world.endpoint.requests


def test_http2_is_relayed_as_well(world: Any) -> None:
    """The path is as raw there."""
    done = subprocess.run(
        ["curl", "-s", "--http2", "--path-as-is", "--cacert", str(world.cast.roots), "--cert", str(world.consumer.certificate), "--key", str(world.consumer.key),
         *(part for name, value in HEADERS for part in ("-H", f"{name}: {value}")), "-w", "%{http_code} %{http_version}",
         f"https://localhost:{world.plane.layout.relay_port}/ssp-plain/{SLOT}?a=1", "--resolve", f"localhost:{world.plane.layout.relay_port}:127.0.0.1"],
        capture_output=True, timeout=30, check=False)
    assert done.stdout.decode().endswith("200 2")
    assert world.endpoint.requests[-1][0].startswith(b"GET /Z9X02/STU3/1/gpconnect/Slot?a=1 HTTP/1.1\r\n")


def test_nobody_to_ask(world: Any) -> None:
    """503 while the decision service is gone, in either form, and nothing is relayed; when it is back, so is the way."""
    plane = world.plane
    plane.run(plane.decisions.stop())
    plane.layout.decision_socket.unlink(missing_ok=True)
    try:
        for accept in ("application/fhir+json", "application/fhir+xml"):
            answer = send(world, SLOT, [*HEADERS, ("Accept", accept)])
            assert answer.headers["content-type"] == accept
            refused(answer, "ssp-unavailable", {})
    finally:
        plane.decisions = plane.decide()
    assert not world.endpoint.requests
    deadline = time.monotonic() + 60
    while send(world, SLOT).status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
