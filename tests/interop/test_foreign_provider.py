"""npm `oidc-provider` in place of the stand-ins: an operator names its issuer and how we prove ourselves, and nothing else changes."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from interop.foreign import CIS2, NHS_LOGIN, ForeignProvider, certificate
from system.running import free_ports, until

APPLICATION = {"client_id": "demo-app-key-not-a-secret", "secret": "demo-app-client-secret"}
SECRET = "the-secret-of-wardgate-there"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
WORKER, PATIENT = "555000000101", "49f470a1-0000-4000-8000-5a1cb6a0b1c2"
LIMIT_SECONDS = 5.0
"""The promise of a sign-out is one second; a loaded machine gets five before a test fails, and the figure is printed."""


class World:
    """A Wardgate at `/oauth2`, whose workers sign in at one foreign provider and whose patients at another."""

    def __init__(self, wardgate: Any, run: Callable[..., Any], bundle: Path, workers: ForeignProvider, patients: ForeignProvider) -> None:
        self.wardgate, self._run, self._bundle, self.workers, self.patients = wardgate, run, bundle, workers, patients

    @property
    def callback(self) -> str:
        return f"http://127.0.0.1:{self.wardgate.demo_port}/callback"

    def sign_in(self, scope: str, person: str, route: str, **more: Any) -> Any:
        """Sign in through Wardgate, as a browser and openid-client do, and call a route."""
        return self._run(
            "relying_party.mjs", self._bundle, issuer=f"{self.wardgate.url}/oauth2", algorithm="oauth2", **APPLICATION, redirect_uri=self.callback,
            scope=scope, sub=person, fields={"login": person, "password": "any"}, no_userinfo=scope == "nhs-login",
            call=self.wardgate.url + route, content_type="application/x-www-form-urlencoded", **more,
        )

    def id_token(self, provider: ForeignProvider, person: str, scope: str) -> str:
        """Sign in at a provider as an application that does so itself, and return its ID token."""
        seen = self._run(
            "relying_party.mjs", self._bundle, issuer=provider.issuer, client_id="separate", secret=SECRET, id_token_alg=provider.kind["alg"],
            redirect_uri=self.callback, scope=scope, nonce=True, no_userinfo=True, fields={"login": person, "password": "any"}, show=True)
        return str(seen["id_token"])

    def exchange(self, id_token: str) -> httpx2.Response:
        """Exchange an ID token."""
        with self.wardgate.client() as client:
            return client.post("/oauth2/token", data=self.wardgate.form(
                grant_type=TOKEN_EXCHANGE, subject_token=id_token, subject_token_type="urn:ietf:params:oauth:token-type:id_token"))

    def begun(self, scope: str = "nhs-cis2") -> httpx2.Response:
        """Begin a sign-in."""
        with self.wardgate.client() as client:
            return client.get("/oauth2/authorize", params={
                "client_id": APPLICATION["client_id"], "redirect_uri": self.callback, "response_type": "code", "state": "s", "scope": scope})

    def came_back(self) -> httpx2.Response:
        """Begin a sign-in, and come back with a code that the provider would have to redeem."""
        with self.wardgate.client() as client:
            answer = self.begun()
            state = httpx2.URL(answer.headers["location"]).params["state"]
            return client.get("/oauth2/callback", params={"state": state, "code": "a-code"})

    def status(self) -> Any:
        """Return what `_status` says."""
        with self.wardgate.client() as client:
            return client.get("/oauth2/_status", headers={"apikey": "demo-status-key-not-a-secret"}).json()

    def reason(self, answer: httpx2.Response) -> tuple[int, str, str | None]:
        """Return status, error and the recorded reason of a refusal."""
        return answer.status_code, answer.json()["error"], answer.headers.get("x-wardgate-reason")


@pytest.fixture(scope="module")
def world(start: Callable[..., Any], run: Callable[..., Any], node: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The operator writes two issuers into the manifest, sets one secret, and registers one key at the other provider."""
    directory = tmp_path_factory.mktemp("foreign")
    files = certificate(directory)
    bundle = directory / "bundle.pem"
    workers, patients = (ForeignProvider(node, directory, kind, port, files, bundle) for kind, port in zip((CIS2, NHS_LOGIN), free_ports(2), strict=True))

    def change(manifest: Any) -> None:
        ours = {"base_path": "/oauth2", "client_id": "wardgate-there"}
        manifest["identity_providers"] = [one for one in manifest["identity_providers"] if one["base_path"] != "/oauth2"] + [
            {"name": "workers", "kind": "nhs-cis2", "issuer": workers.issuer, **ours},
            {"name": "patients", "kind": "nhs-login", "issuer": patients.issuer, "authentication": "private_key_jwt", **ours},
        ]

    environ = {"SSL_CERT_FILE": str(files[0]), "WARDGATE_PROVIDER_TIMEOUT_SECONDS": "3", "WARDGATE_PROVIDER_KEYS_REFETCH_SECONDS": "1",
               "WARDGATE_TOKEN_REQUESTS_PER_MINUTE": "100000"}
    with start(change, environ=environ) as one:
        bundle.write_text(files[0].read_text() + one.ca.read_text())
        one.done("provider", "set-secret", "workers", stdin=SECRET)
        client = {"client_id": "wardgate-there", "redirect_uris": [f"{one.url}/oauth2/callback"], "grant_types": ["authorization_code"]}
        workers.client = client | {
            "client_secret": SECRET, "token_endpoint_auth_method": "client_secret_post", "id_token_signed_response_alg": "RS256",
            "backchannel_logout_uri": f"{one.url}/oauth2/backchannel_logout", "backchannel_logout_session_required": True}
        patients.client = client | {
            "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "RS512", "id_token_signed_response_alg": "RS512",
            "jwks": one.done("provider", "show", "patients")["jwks"]}
        for provider in (workers, patients):
            provider.other_clients = [{
                "client_id": "separate", "client_secret": SECRET, "token_endpoint_auth_method": "client_secret_post",
                "redirect_uris": [f"http://127.0.0.1:{one.demo_port}/callback"], "application_type": "native",
                "id_token_signed_response_alg": provider.kind["alg"]}]
        found = World(one, run, bundle, workers, patients)
        try:
            yield found
        except BaseException:
            print(workers.said(), patients.said())
            raise
        finally:
            workers.stop()
            patients.stop()


@pytest.fixture
def up(world: World) -> World:
    """Both providers run."""
    for provider in (world.workers, world.patients):
        if provider.process is None:
            provider.start()
    until(lambda: world.begun().status_code == 302 and "error=" not in world.begun().headers["location"], what="the provider's discovery")
    return world


def test_a_provider_that_is_not_there_yet(world: World) -> None:
    """Nobody is sent anywhere: the application is told, and `_status` says what is wrong."""
    answer = world.begun()
    told = httpx2.URL(answer.headers["location"])
    assert (answer.status_code, str(told).partition("?")[0]) == (302, world.callback)
    assert (told.params["error"], told.params["state"]) == ("temporarily_unavailable", "s")
    assert answer.headers["x-wardgate-reason"] == "provider-unavailable"
    status = world.status()
    assert status["status"] == "fail"
    assert {name: status["checks"][name]["status"] for name in ("nhs-cis2", "nhs-login")} == {"nhs-cis2": "fail", "nhs-login": "fail"}


def test_a_worker_signs_in_there(up: World) -> None:
    """Code, tokens, userinfo as the provider tells it, refresh, and a call with the person's identity and role; we sent a secret."""
    seen = up.sign_in("nhs-cis2", WORKER, "/user-demo/echo/role")
    assert {"name", "nhsid_nrbac_roles", "sub"} <= set(seen["userinfo"])
    assert seen["is_new"]
    assert seen["call"] == 200
    assert {name: seen["echoed"].get(name) for name in ("nhsd-identity-uuid", "nhsd-identity-idp", "nhsd-session-urid")} == {
        "nhsd-identity-uuid": WORKER, "nhsd-identity-idp": up.workers.issuer, "nhsd-session-urid": "555000000201"}


def test_a_patient_signs_in_there(up: World) -> None:
    """There we prove ourselves by the key that `wardgate provider show` printed."""
    seen = up.sign_in("nhs-login", PATIENT, "/user-demo/echo/patient")
    assert seen["call"] == 200
    assert seen["echoed"]["nhsd-nhslogin-user"] == "P9:9912003071"


def test_status_asks_the_providers(up: World) -> None:
    """Each has its check, which is well."""
    checks = up.status()["checks"]
    assert {name: (checks[name]["status"], checks[name]["responseCode"]) for name in ("nhs-cis2", "nhs-login")} == {
        "nhs-cis2": ("pass", 200), "nhs-login": ("pass", 200)}


def test_its_id_token_is_exchanged(up: World) -> None:
    """With `typ`, as the platform wants it; without, as this provider writes it, it is row 25."""
    token = up.exchange(up.id_token(up.workers, WORKER, "openid nationalrbacaccess"))
    assert token.status_code == 200, token.text
    with up.wardgate.client() as client:
        call = client.get("/user-demo/echo/worker", headers={"authorization": f"Bearer {token.json()['access_token']}"})
    assert call.json()["headers"]["nhsd-identity-uuid"] == WORKER
    up.workers.typ = False
    up.workers.rotate(*up.workers.kids)
    plain = up.id_token(up.workers, WORKER, "openid nationalrbacaccess")
    up.workers.typ = True
    up.workers.rotate(*up.workers.kids)
    assert up.reason(up.exchange(plain)) == (400, "invalid_request", "subject-token-typ")


def test_its_keys_change(up: World) -> None:
    """A new key is asked for when a token names it, without a restart (user-restricted 18, line 17); one that was withdrawn counts no more."""
    up.workers.rotate("first", "second")
    old = up.id_token(up.workers, WORKER, "openid")
    assert up.exchange(old).status_code == 200
    up.workers.rotate("third", "second")
    new = up.id_token(up.workers, WORKER, "openid")
    until(lambda: up.exchange(new).status_code == 200, what="belief in the new key")
    assert up.reason(up.exchange(old)) == (401, "invalid_request", "subject-token-kid-unknown")
    assert up.sign_in("nhs-cis2", WORKER, "/user-demo/echo/worker")["call"] == 200


def test_a_sign_out_there_reaches_the_gateway(up: World) -> None:
    """The provider posts its logout token to us; within a second Envoy refuses the access token, and the refresh token is over."""
    seen = up.sign_in("nhs-cis2", WORKER, "/user-demo/echo/worker", provider_sign_out=f"{up.workers.issuer}/session/end")
    assert (seen["call"], seen["call_after"], seen["refresh_after"]) == (200, 401, "invalid_grant")
    print(f"\nsigned out at a foreign provider: refused after {seen['refused_after_ms']:.0f} ms")
    assert seen["refused_after_ms"] < 1000 * LIMIT_SECONDS


def test_one_that_is_down_or_slow(up: World) -> None:
    """A code cannot be redeemed: 500, and the browser stays here. What is known of its keys serves on, for a day."""
    known = up.id_token(up.workers, WORKER, "openid")
    until(lambda: up.exchange(known).status_code == 200, what="belief in its key")
    with up.workers.frozen():
        began = time.monotonic()
        assert up.reason(up.came_back()) == (500, "unknown_error", "provider-unreachable")
        assert time.monotonic() - began < 10
        assert up.status()["checks"]["nhs-cis2"]["timeout"] == "true"
        assert up.exchange(known).status_code == 200
    up.workers.stop()
    assert up.reason(up.came_back()) == (500, "unknown_error", "provider-unreachable")
    assert up.exchange(known).status_code == 200
    up.workers.start()
    assert up.sign_in("nhs-cis2", WORKER, "/user-demo/echo/worker")["call"] == 200


NONSENSE = {
    "a page": ((200, "text/html", b"<html>welcome</html>"), (500, "unknown_error", "provider-keys-unavailable")),
    "no object": ((200, "application/json", b"[]"), (500, "unknown_error", "provider-keys-unavailable")),
    "too much": ((200, "application/json", b"{" + b" " * 70_000 + b"}"), (500, "unknown_error", "provider-keys-unavailable")),
    "a redirect": ((302, "text/plain", b""), (500, "unknown_error", "provider-keys-unavailable")),
    # It says itself that this will pass: what was known serves on, and the new key is not among it.
    "unavailable": ((503, "text/plain", b"later"), (401, "invalid_request", "subject-token-kid-unknown")),
}


@pytest.mark.parametrize("what", NONSENSE)
def test_one_that_answers_nonsense(up: World, what: str) -> None:
    """Neither its keys nor its tokens are believed; afterwards it serves again."""
    said, expected = NONSENSE[what]
    before = up.id_token(up.workers, WORKER, "openid")
    until(lambda: up.exchange(before).status_code == 200, what="belief in its key")
    up.workers.rotate(what.replace(" ", "-"), "second")
    unknown = up.id_token(up.workers, WORKER, "openid")
    with up.workers.replaced(*said) as asked:
        assert up.reason(up.came_back()) == (500, "unknown_error", "provider-unreachable")
        until(lambda: up.reason(up.exchange(unknown)) == expected and "GET /jwks" in asked, what="that refusal")
        assert "POST /token" in asked
    until(lambda: up.exchange(unknown).status_code == 200, what="belief in its keys again")


def test_a_token_of_a_provider_that_nobody_trusts(up: World) -> None:
    """The issuer is compared to the letter (row 33): the other provider's patients are no workers, and no third issuer is believed."""
    token = up.id_token(up.patients, PATIENT, "openid profile")
    assert up.exchange(token).status_code == 200
    with up.wardgate.client() as client:
        answer = client.post("/oauth2-mock/token", data=up.wardgate.form(
            client_assertion=up.wardgate.assertion(aud=f"{up.wardgate.url}/oauth2-mock/token"), grant_type=TOKEN_EXCHANGE,
            subject_token=token, subject_token_type="urn:ietf:params:oauth:token-type:id_token"))
    assert up.reason(answer) == (400, "invalid_request", "subject-token-iss")
