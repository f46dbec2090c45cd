"""Changes while traffic flows: the new rule holds within a second, on open connections too, and nothing else is lost."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from wardgate.demo import source

LIMIT_SECONDS = 5.0
"""The promise is one second; a loaded machine gets five before a test fails, and the figure is printed."""
HELLO = "/hello-world/hello/application"
OPEN = "/hello-world/hello/world"
ONE_PRODUCT = '{name: hello-world, apis: [hello-world], scopes: ["urn:nhsd:apim:app:level3:hello-world"]}'
GENEROUS = ONE_PRODUCT[:-1] + ", limits: {quota: {limit: 1000000, timeunit: minute}}}"
"""The demo's main product, with a limit that a test does not reach."""


@pytest.fixture(scope="module")
def own(new_wardgate: Callable[..., Any]) -> Iterator[Any]:
    """A Wardgate of this file, which changes it for good."""
    with new_wardgate(environ={"WARDGATE_TOKEN_REQUESTS_PER_MINUTE": "100000"}) as one:
        yield one


class Traffic:
    """Callers on kept-alive connections, until stopped; `bad` holds every answer that was not the expected one."""

    def __init__(self, wardgate: Any, headers: dict[str, str], path: str, workers: int = 3) -> None:
        self.bad: list[str] = []
        self.answered = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(wardgate, headers, path)) for _ in range(workers)]

    def _call(self, wardgate: Any, headers: dict[str, str], path: str) -> None:
        with wardgate.client() as client:
            while not self._stop.is_set():
                try:
                    answer = client.get(path, headers=headers)
                except httpx2.HTTPError as error:
                    self.bad.append(repr(error))
                    continue
                self.answered += 1
                if answer.status_code != 200:
                    self.bad.append(f"{answer.status_code} {answer.text}")
                time.sleep(0.002)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"authorization": f"Bearer {token}"}


def key(application: str) -> dict[str, str]:
    """Return the header that carries a demo API key."""
    return {"apikey": f"{application}-key-not-a-secret"}


def seconds_until(reason: str | None, ask: Callable[[], httpx2.Response]) -> float:
    """Return how long it takes until the answer has this reason (None: is not a refusal). Only the old answer may come before."""
    began = time.monotonic()
    while True:
        answer = ask()
        took = time.monotonic() - began
        if answer.headers.get("x-wardgate-reason") == reason:
            return took
        assert took < LIMIT_SECONDS, f"{answer.status_code} {answer.headers.get('x-wardgate-reason')} {answer.text}"
        time.sleep(0.01)


def in_background(work: Callable[[], Any]) -> contextlib.AbstractContextManager[Any]:
    """Run a command beside the test, so that the test can watch for its effect; its failure is the test's."""
    @contextlib.contextmanager
    def both() -> Iterator[None]:
        failed: list[BaseException] = []

        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - raised in the test below
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            thread.join()
        if failed:
            raise failed[0]

    return both()


def test_a_new_manifest_while_traffic_flows(own: Any, tmp_path: Path) -> None:
    """A route that was open wants a key; every other caller notices nothing; and back again."""
    text = source(f"http://127.0.0.1:{own.demo_port}").content.decode().replace(ONE_PRODUCT, GENEROUS)
    assert GENEROUS in text
    before, after = tmp_path / "before.yaml", tmp_path / "after.yaml"
    before.write_text(text)
    changed = text.replace("{path: /hello/world, pattern: open-access}", "{path: /hello/world, pattern: api-key}")
    assert changed != text
    after.write_text(changed)
    own.done("manifest", "apply", before, "--yes")
    with own.client() as client:
        token = own.token(client)
        with Traffic(own, bearer(token), HELLO) as traffic, Traffic(own, key("demo-app"), HELLO) as keyed:
            assert client.get(OPEN).status_code == 200
            applied = own.done("manifest", "apply", after, "--yes")
            assert applied["confirmed_by"] == ["local"]
            answer = client.get(OPEN)
            assert (answer.status_code, answer.headers["x-wardgate-reason"]) == (401, "api-key-missing"), "confirmed, but not in force"
            assert client.get(OPEN, headers=key("demo-app")).status_code == 200
            with in_background(lambda: own.done("manifest", "apply", before, "--yes")):
                took = seconds_until(None, lambda: client.get(OPEN))
            with in_background(lambda: own.done("manifest", "apply", after, "--yes")):
                took_again = seconds_until("api-key-missing", lambda: client.get(OPEN))
            own.done("manifest", "apply", before, "--yes")
    print(f"\napply, command included, until it holds: {took:.2f} s, {took_again:.2f} s; "
          f"{traffic.answered + keyed.answered} other calls meanwhile, none lost")
    assert traffic.answered > 100
    assert not traffic.bad
    assert not keyed.bad


def test_an_unchanged_manifest_is_said_to_be(own: Any, tmp_path: Path) -> None:
    """Applying what the store holds changes nothing and says so."""
    same = tmp_path / "same.yaml"
    same.write_text(own.cli("manifest", "export").out)
    generation = own.done("manifest", "apply", same, "--yes")["generation"]
    again = own.cli("manifest", "apply", same, "--yes")
    assert (again.code, f"the store holds this manifest already (generation {generation})" in again.out) == (0, True)


# Each: the command that takes it away, what refuses then, and the command that gives it back, if there is one.
TAKEN = {
    "app revoke": (("app", "revoke", "demo-app"), "application-not-approved", ("app", "approve", "demo-app")),
    "app revoke --product": (("app", "revoke", "demo-app", "--product", "hello-world"), "api-key-wrong-product",
                             ("app", "approve", "demo-app", "--product", "hello-world")),
}


@pytest.mark.parametrize("name", TAKEN)
def test_an_application_is_refused_on_its_open_connection(own: Any, name: str) -> None:
    """By key and by token; the command returns when every Envoy enforces it; and approving gives it back."""
    take, reason, give = TAKEN[name]
    if "--product" in take:  # the product by which users come to the same API is taken away before
        own.done("app", "revoke", "demo-app", "--product", "hello-world-user")
    token_reason = reason.replace("api-key", "access-token").replace("application-not-approved", "access-token-revoked")
    with own.client() as client:
        token = own.token(client)
        assert client.get(HELLO, headers=key("demo-app")).status_code == 200
        assert client.get(HELLO, headers=bearer(token)).status_code == 200
        with in_background(lambda: own.done(*take)):
            took = seconds_until(reason, lambda: client.get(HELLO, headers=key("demo-app")))
        refused = client.get(HELLO, headers=bearer(token)).headers["x-wardgate-reason"]
        assert refused == token_reason
        own.done(*give)
        if "--product" in give:
            own.done("app", "approve", "demo-app", "--product", "hello-world-user")
        assert client.get(HELLO, headers=key("demo-app")).status_code == 200
        assert client.get(HELLO, headers=bearer(token)).status_code == 200
    print(f"\n{name}, command included, until it holds: {took:.2f} s")


def test_keys_rotate_without_interruption_and_go_at_once(own: Any) -> None:
    """A new key works beside the old; `revoke-key` refuses the old one and the tokens got with it, not the new."""
    with own.client() as client:
        old_token = own.token(client, "strict-app", sign_with="strict-es256")
        made = own.done("app", "rotate-key", "strict-app")
        new = {"apikey": made["api_key"]}
        for headers in (new, key("strict-app")):
            assert client.get(HELLO, headers=headers).status_code == 200
        new_token = own.token(client, "strict-app", sign_with="strict-es256", iss=made["api_key"], sub=made["api_key"])
        keys = own.done("app", "show", "strict-app")["api_keys"]
        old_id = next(entry["id"] for entry in keys if entry["ends_with"] == "cret" and entry["status"] == "approved")
        own.done("app", "revoke-key", "strict-app", "--id", old_id)
        assert client.get(HELLO, headers=key("strict-app")).headers["x-wardgate-reason"] == "api-key-revoked"
        assert client.get(HELLO, headers=bearer(old_token)).headers["x-wardgate-reason"] == "access-token-revoked"
        assert client.get(HELLO, headers=new).status_code == 200
        assert client.get(HELLO, headers=bearer(new_token)).status_code == 200
        text = own.assertion("strict-app", sign_with="strict-es256")
        answer = client.post("/oauth2/token", data=own.form(client_assertion=text))
        assert (answer.status_code, answer.headers["x-wardgate-reason"]) == (401, "client-not-approved")


def test_a_token_is_revoked_by_its_client(own: Any) -> None:
    """RFC 7009 through the public endpoint; the other token of the same client lives on; the operator may as well."""
    def asked(path: str, token: str) -> httpx2.Response:
        text = own.assertion("writer-app")
        return client.post(path, data=own.form("writer-app", client_assertion=text) | {"token": token})

    patient = {"x-request-id": "11111111-1111-4111-8111-111111111111"}
    url = "/fhir-demo/FHIR/R4/Patient/9000000009"
    with own.client() as client:
        first, second = own.token(client, "writer-app"), own.token(client, "writer-app")
        introspected = asked("/oauth2/introspect", first).json()
        assert (introspected["active"], introspected["client_id"]) == (True, "writer-app")
        assert client.get(url, headers=bearer(first) | patient).status_code == 200
        assert asked("/oauth2/revoke", first).status_code == 200
        took = seconds_until("access-token-revoked", lambda: client.get(url, headers=bearer(first) | patient))
        assert asked("/oauth2/introspect", first).json() == {"active": False}
        assert asked("/oauth2/revoke", first).status_code == 200, "revoking twice is no error (RFC 7009 section 2.2)"
        assert client.get(url, headers=bearer(second) | patient).status_code == 200
        own.done("token", "revoke", "-", stdin=second)
        refused = client.get(url, headers=bearer(second) | patient)
        assert (refused.status_code, refused.headers["x-wardgate-reason"]) == (401, "access-token-revoked")
        assert refused.json()["resourceType"] == "OperationOutcome"
    print(f"\nrevoked at the public endpoint until it holds: {took:.2f} s")
    assert took < LIMIT_SECONDS


def test_a_certificate_is_refused_on_its_open_connection(own: Any, new_certificate: Callable[..., Any]) -> None:
    """A revocation list does not touch open connections; the fingerprint map does. New connections get a TLS alert."""
    pair = new_certificate(own, "tls-app")
    kept = new_certificate(own, "tls-app")
    with own.client(mutual_tls=pair) as client, own.client(mutual_tls=kept) as other:
        for caller in (client, other):
            assert caller.get("/tls-demo/hello").json() == {"message": "Hello TLS-MA!"}
        fingerprint = _fingerprint(pair[0])
        with in_background(lambda: own.done("cert", "revoke", "--fingerprint", fingerprint, "--reason", "keyCompromise")):
            took = seconds_until("certificate-revoked", lambda: client.get("/tls-demo/hello"))
        assert client.get("/tls-demo/hello").status_code == 495
        assert other.get("/tls-demo/hello").status_code == 200
    with own.client(mutual_tls=pair) as fresh, pytest.raises(httpx2.TransportError):
        fresh.get("/tls-demo/hello")
    handshake = _event(own, lambda event: event["type"] == "HandshakeRefused" and event.get("reason") == "certificate-revoked")
    assert handshake["details"]["fingerprint"] == fingerprint
    print(f"\ncert revoke, command included, until it holds on the open connection: {took:.2f} s")


def test_long_quotas_refuse_and_are_remembered(own: Any) -> None:
    """Five an hour, counted in the store: the sixth is refused in the documented words, after a restart too."""
    left = 3600 - time.time() % 3600
    if left < 30:
        time.sleep(left + 1)  # the window must not end within this test
    with own.client() as client:
        answers = [client.get("/limits/hour", headers=key("demo-app")) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 5
        took = seconds_until("application-quota-exceeded", lambda: client.get("/limits/hour", headers=key("demo-app")))
        _check_quota_body(client.get("/limits/hour", headers=key("demo-app")))
        assert client.get(HELLO, headers=key("limited-app")).status_code == 200, "another application has its own count"
    own.stop()
    print(f"\nlong quota noticed after {took:.2f} s; second start to ready: {own.start():.2f} s")
    with own.client() as client:
        answer = client.get("/limits/hour", headers=key("demo-app"))
        _check_quota_body(answer)
        (event,) = own.done("explain", answer.json()["message_id"])["events"]
        assert (event["reason"], event["application"]) == ("application-quota-exceeded", "demo-app")
    assert own.done("audit", "verify")["intact"]


def _check_quota_body(answer: httpx2.Response) -> None:
    """application-restricted 9: eight members, and Retry-After until the window's end."""
    assert answer.status_code == 429
    body = answer.json()
    ends = datetime.fromtimestamp(body["ratelimiting_expiry_time_ms"] / 1000, UTC)
    assert abs((ends - datetime.now(UTC)).total_seconds() - int(answer.headers["retry-after"])) <= 2
    assert abs((ends.minute * 60 + ends.second + 1800) % 3600 - 1800) <= 1, "the window ends at the hour"
    assert body == {
        "message": "Your application, demo-app, has exceeded its quota of 5 requests every 1 hour(s) and is being rate limited.",
        "scope": "application", "policy": "quota", "limit": 5, "interval": 1, "timeunit": "hour",
        "ratelimiting_expiry_time_ms": body["ratelimiting_expiry_time_ms"], "message_id": body["message_id"],
    }


def _fingerprint(chain: Path) -> str:
    return x509.load_pem_x509_certificate(chain.read_bytes()).fingerprint(hashes.SHA256()).hex()


def _event(wardgate: Any, wanted: Callable[[Any], bool]) -> Any:
    """Return the newest event that is wanted, once it has been recorded."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        lines = wardgate.cli("audit", "tail", "--lines", 200, "--output", "json").out.splitlines()
        found = [event for event in map(json.loads, lines) if wanted(event)]
        if found:
            return found[-1]
        time.sleep(0.1)
    raise AssertionError("no such event was recorded")
