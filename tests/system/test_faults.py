"""Faults of a whole Wardgate, through Envoy: by header, by parameter, by a person of the manifest; and none where it is live."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from system.signing_in import APPLICATION, BASE, Person, refused
from wardgate.demo import source
from wardgate.refusals import CATALOGUE, Area

LIVE = """
environment: {name: hospital, live: true}
organisations: [{ods: Z9X01, name: Example Hospital}]
applications: [{name: first-app, organisation: Z9X01}]
"""


@pytest.fixture(scope="module")
def own(new_wardgate: Callable[..., Any]) -> Iterator[Any]:
    """A Wardgate of this file, in which one person's refreshes fail and another's provider is down."""
    with new_wardgate() as one:
        manifest = yaml.safe_load(source(f"http://127.0.0.1:{one.demo_port}").content)
        faults = {"656005750104": "refresh-token-expired", "656005750105": "idp-down", "656005750107": "slow; seconds=0.2"}
        for user in manifest["users"]:
            user.update({"fault": faults[user["username"]]} if user["username"] in faults else {})
        path = one.data.parent / "manifest.yaml"
        path.write_text(yaml.safe_dump(manifest))
        one.done("manifest", "apply", path, "--yes")
        yield one


@pytest.fixture
def person(own: Any) -> Iterator[Person]:
    """Somebody who signs in."""
    with Person.at(own) as one:
        yield one


def _met(own: Any) -> dict[str, Any]:
    return {entry["name"]: entry["met"] for entry in own.done("faults", "list", "--app", "demo-app", "--met")}


def test_a_fault_by_header(own: Any, person: Person) -> None:
    """The real answer, whole, with the fault's name in a header; the same request without the header succeeds; the application has met it."""
    code = person.code(own) if person.username != "656005750104" else _code_of(person, own, "656005750106")
    form = APPLICATION | {"grant_type": "authorization_code", "code": code, "redirect_uri": person.callback}
    answer = person.http.post(f"{own.url}{BASE}/token", data=form, headers={"Wardgate-Fault": "code-invalid"})
    assert (answer.status_code, answer.headers["wardgate-fault"], answer.headers["x-wardgate-reason"]) == (400, "code-invalid", "code-invalid")
    assert answer.json() == {"error": "invalid_grant", "error_description": "authorization_code is invalid", "message_id": answer.json()["message_id"]}
    assert person.http.post(f"{own.url}{BASE}/token", data=form).status_code == 200, "nothing was used up"
    assert _met(own)["code-invalid"]["asked_for"] == 1
    story = own.cli("explain", answer.json()["message_id"]).out
    assert "code-invalid" in story
    assert "asked for by header" in story


def _code_of(person: Person, node: Any, username: str) -> str:
    person.username = username
    return person.code(node)


def test_a_backend_does_not_see_what_is_asked_for(own: Any, person: Person) -> None:
    """The header is Wardgate's own: a call of an API goes through without it."""
    answer = person.http.get(f"{own.url}/hello-world/echo/open", headers={"Wardgate-Fault": "code-invalid"})
    assert answer.status_code == 200
    assert "wardgate-fault" not in answer.json()["headers"]


def test_a_person_whose_refreshes_fail(own: Any, person: Person) -> None:
    """They sign in and call; their refresh is refused, and the record says why."""
    tokens = person.tokens(own)
    assert person.call(own, tokens["access_token"]).status_code == 200
    assert refused(person.refresh(own, tokens["refresh_token"])) == (401, "refresh token refresh period has expired")
    assert "refresh-token-expired" in _met(own)


def test_a_person_whose_provider_is_down(own: Any, person: Person) -> None:
    """The stand-in answers 503 with Retry-After, so our callback answers as for any provider that cannot be reached."""
    person.username = "656005750105"
    asked = {"client_id": APPLICATION["client_id"], "redirect_uri": person.callback, "response_type": "code", "state": "1"}
    answer = _to_the_end(person, f"{own.url}{BASE}/authorize", asked)
    assert (answer.status_code, answer.headers["x-wardgate-reason"]) == (500, "provider-unreachable")
    assert "wardgate-fault" not in answer.headers, "for the authorisation server it is real"


def _to_the_end(person: Person, url: str, asked: dict[str, str]) -> httpx2.Response:
    """Follow the browser, which signs in when it is asked, to the first answer that is no redirect of ours and no page."""
    answer = person.http.get(url, params=asked)
    for _ in range(6):
        if answer.is_redirect and not answer.headers["location"].startswith(person.callback):
            answer = person.http.get(answer.headers["location"])
        elif answer.status_code == 200:
            action = answer.text.partition('<form id="kc-form-login" action="')[2].partition('"')[0].replace("&amp;", "&")
            answer = person.http.post(action, data={"username": person.username})
        else:
            break
    return answer


@pytest.mark.parametrize(("name", "error"), [("idp-consent-refused", "access_denied"), ("idp-temporarily-unavailable", "temporarily_unavailable"),
                                             ("provider-unavailable", "temporarily_unavailable")])
def test_a_browser_asks_by_parameter(own: Any, person: Person, name: str, error: str) -> None:
    """For a fault of ours or of the stand-in: the application gets the error with its state."""
    asked = {"client_id": APPLICATION["client_id"], "redirect_uri": person.callback, "response_type": "code", "state": "1", "wardgate_fault": name}
    answer = _to_the_end(person, f"{own.url}{BASE}/authorize", asked)
    told = httpx2.URL(answer.headers["location"]).params
    assert (told["error"], told["state"]) == (error, "1")


ASKING = {
    "fault-unknown": ("token", "code-invald", "There is no fault of this name: did you mean code-invalid"),
    "fault-elsewhere": ("token", "id-token-aud", "The fault id-token-aud cannot be met here, but at: callback"),
    "logout-gateway-timeout": ("backchannel_logout", "logout-gateway-timeout", "Gateway Timeout"),
}
"""What is said to whoever asks: the endpoint, what is asked for, and how the answer begins."""


@pytest.mark.parametrize("code", ASKING)
def test_whoever_asks_is_answered(own: Any, person: Person, code: str) -> None:
    """An unknown fault with near ones, one of another endpoint with its place, and the one that is to be had in no other way."""
    endpoint, asked, said = ASKING[code]
    answer = person.http.post(f"{own.url}{BASE}/{endpoint}", data=APPLICATION, headers={"Wardgate-Fault": asked})
    assert (answer.status_code, answer.headers["x-wardgate-reason"]) == (CATALOGUE[code].status, code)
    assert answer.json()["error_description"].startswith(said)


def test_every_reason_of_the_area_is_produced() -> None:
    """A row that is added is met here."""
    assert {code for code, row in CATALOGUE.items() if row.area is Area.FAULTS} == set(ASKING)


@pytest.fixture(scope="module")
def live(new_wardgate: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A live environment with one application."""
    path = tmp_path_factory.mktemp("live") / "manifest.yaml"
    path.write_text(LIVE)
    with new_wardgate("--manifest", str(path), start=False) as one:
        one.http_port = one.smartcard_port = None
        one.start()
        yield one


ASKED = [("POST", "/oauth2/token", "refresh-token-expired"), ("POST", "/oauth2/token", "no-such-fault"), ("POST", "/oauth2/token", "slow; seconds=20"),
         ("POST", "/oauth2/introspect", "oauth-unexpected"), ("GET", "/oauth2/authorize?client_id=x&wardgate_fault=state-missing", "state-missing"),
         ("GET", "/oauth2/callback?state=x", "id-token-aud"), ("GET", "/oauth2/userinfo", "access-token-expired"),
         ("POST", "/oauth2/backchannel_logout", "logout-failed"), ("GET", "/oauth2/_status", "oauth-unexpected"),
         ("GET", "/realms/Cis2-mock-internal-dev/protocol/openid-connect/certs", "idp-down"), ("GET", "/standins/nhs-login/authorize", "idp-server-error")]


@pytest.mark.parametrize("through", ["Envoy", "its socket"])
@pytest.mark.parametrize(("method", "target", "name"), ASKED)
def test_a_live_environment_has_no_faults(live: Any, through: str, method: str, target: str, name: str) -> None:
    """Neither through Envoy nor past it: the header changes nothing, not even the time it takes."""
    def ask(**headers: str) -> tuple[int, bytes | None, dict[str, str]]:
        body = b"grant_type=refresh_token&client_id=x"
        form = {"content-type": "application/x-www-form-urlencoded", **headers}
        answer = _past_envoy(live.data / "run" / "public.sock", method, target, form, body) if through == "its socket" else _client(live, method, target, form, body)
        return answer.status_code, answer.headers.get("x-wardgate-reason"), dict(answer.headers)

    status, reason, _ = ask()
    asked = ask(**{"Wardgate-Fault": name})
    assert asked[:2] == (status, reason)
    assert "wardgate-fault" not in asked[2]


def _client(live: Any, method: str, target: str, headers: dict[str, str], body: bytes) -> httpx2.Response:
    with live.client() as client:
        return client.request(method, target, headers=headers, content=body if method == "POST" else None)


def _past_envoy(path: Path, method: str, target: str, headers: dict[str, str], body: bytes) -> httpx2.Response:
    assert path.is_socket()
    transport = httpx2.HTTPTransport(uds=str(path))
    with httpx2.Client(transport=transport, base_url="http://localhost", timeout=10, trust_env=False) as client:
        return client.request(method, target, headers=headers, content=body if method == "POST" else None)


def test_a_live_environment_has_no_clock_to_turn(live: Any) -> None:
    """Nor people with faults, nor a way to apply some."""
    refusal = live.cli("clock", "advance", "1h")
    assert (refusal.code, refusal.err.strip()) == (1, "wardgate: a live environment has no virtual clock")
    assert live.done("clock", "show")["ahead_seconds"] == 0
