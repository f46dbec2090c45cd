"""Faults of the stand-in providers: the answer of one that is asked for is the real one, by header, by parameter and by person."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from flows.standins.cast import CALLBACK, CIS2, LOGIN, MOCK_CIS2, ORIGIN, returned
from wardgate.identities import Identities
from wardgate.refusals import reason
from wardgate.refusals.faults import FAULTS, Endpoint, Fault, Moment
from wardgate.standins import StandInsApp
from wardgate.standins.faults import PLACES
from wardgate.standins.surfaces import Endpoint as At

HEADER = "Wardgate-Fault"
ASKED_AT = {Endpoint.PROVIDER_TOKEN: ("POST", At.TOKEN), Endpoint.PROVIDER_AUTHORIZE: ("GET", At.AUTHORIZE), Endpoint.PROVIDER_SIGN_IN: ("GET", At.ROLE),
            Endpoint.PROVIDER_USERINFO: ("GET", At.USERINFO), Endpoint.PROVIDER_LOGOUT: ("GET", At.LOGOUT), Endpoint.PROVIDER_KEYS: ("GET", At.JWKS)}
GOOD = {"response_type": "code", "client_id": "test-client-cis2", "redirect_uri": CALLBACK, "scope": "openid", "state": "state-1"}


def _persona(world: Any, username: str, fault: str | None) -> None:
    users = {name: user.model_copy(update={"fault": fault}) if name == username else user for name, user in world.identities.users.items()}
    world.identities = Identities(world.identities.providers, world.identities.relying_parties, users)


def _same(answer: Any) -> tuple[Any, ...]:
    headers = {name: value for name, value in answer.headers.items() if name not in {"wardgate-fault", "set-cookie"}}
    return answer.status_code, headers, answer.content


REAL: dict[str, tuple[Any, At, str, dict[str, Any], dict[str, Any]]] = {
    "idp-response-type-missing": (CIS2, At.AUTHORIZE, "GET", {"params": {**GOOD, "response_type": None}}, {"params": GOOD}),
    "idp-state-missing": (CIS2, At.AUTHORIZE, "GET", {"params": {**GOOD, "state": None}}, {"params": GOOD}),
    "idp-login-required": (CIS2, At.AUTHORIZE, "GET", {"params": {**GOOD, "prompt": "none"}}, {"params": GOOD}),
    "idp-grant-type-missing": (CIS2, At.TOKEN, "POST", {"data": {"grant_type": None}}, {"data": {}}),
    "idp-grant-invalid": (CIS2, At.TOKEN, "POST", {"data": {"code": "none"}}, {"data": {}}),
    "idp-client-authentication": (LOGIN, At.TOKEN, "POST", {"data": {"client_secret": "wrong"}}, {"data": {}}),
    "idp-token-invalid": (CIS2, At.USERINFO, "GET", {"headers": {"authorization": "Bearer none"}}, {}),
    "idp-hint-invalid": (CIS2, At.LOGOUT, "GET", {"params": {"id_token_hint": "none"}}, {}),
}
"""For real, and the same request without what is wrong with it."""


@pytest.mark.parametrize("code", REAL)
def test_what_is_asked_for_is_what_really_happens(browser: Any, world: Any, code: str) -> None:
    """Status, headers, body and redirect are the same; the record tells them apart, and names the refusal either way."""
    surface, at, method, wrong, right = REAL[code]
    client = "test-client-cis2" if surface is CIS2 else "test-client-nhs-login"
    form = {"grant_type": "authorization_code", "code": "x", "redirect_uri": CALLBACK, "client_id": client, "client_secret": world.secret(client)}

    def ask(how: dict[str, Any], **headers: str) -> Any:
        members = {name: {key: value for key, value in {**(form if name == "data" else {}), **how[name]}.items() if value is not None}
                   for name in ("params", "data") if name in how}
        return browser.request(method, surface.url(ORIGIN, at), headers={**how.get("headers", {}), **headers}, **members)

    real = ask(wrong)
    asked = ask(right, **{HEADER: code})
    assert _same(asked) == _same(real)
    assert asked.headers[HEADER] == code
    recorded = [(event.reason, event.details.get("fault"), event.details.get("fault_asked_by")) for event in world.events[-2:]]
    assert recorded == [(code, None, None), (code, code, "header")]


OF_PROVIDERS = [pytest.param(fault, endpoint, id=f"{name} at {endpoint}")
                for name, fault in FAULTS.items() if fault.is_providers and not fault.is_delay for endpoint in fault.endpoints]


@pytest.mark.parametrize(("fault", "endpoint"), OF_PROVIDERS)
def test_every_fault_can_be_had(browser: Any, fault: Fault, endpoint: Endpoint) -> None:
    """Each row at each of its endpoints: its status, its words where they are not a page's, its headers."""
    row = fault.reason
    assert row is not None
    method, at = ASKED_AT[endpoint]
    more = {"params": GOOD} if at is At.AUTHORIZE else {"data": {"a": "b"}} if method == "POST" else {}
    answer = browser.request(method, CIS2.url(ORIGIN, at), headers={HEADER: fault.name}, **more)
    assert (answer.status_code, answer.headers[HEADER]) == (row.status, fault.name)
    for name, value in row.headers:
        assert answer.headers[name] == value
    if row.status == 302:
        told = returned(answer)
        assert (told["error"], told["error_description"]) == (row.error, row.text)
    elif endpoint in {Endpoint.PROVIDER_TOKEN, Endpoint.PROVIDER_KEYS} and not row.placeholders:
        assert answer.json() == {"error": row.error, "error_description": row.text}


def test_a_provider_that_is_down_says_when_to_come_back(browser: Any) -> None:
    """503 and 429 have Retry-After at every endpoint, the key set among them."""
    for code, status in (("idp-down", 503), ("idp-busy", 429)):
        answer = browser.get(CIS2.url(ORIGIN, At.JWKS), headers={HEADER: code})
        assert (answer.status_code, answer.headers["retry-after"]) == (status, "5")


@pytest.mark.parametrize(("name", "at"), [("idp-consent-refused", At.AUTHORIZE), ("idp-sign-in-over", At.SIGN_IN), ("idp-grant-invalid", At.TOKEN),
                                          ("idp-down", At.TOKEN), ("idp-token-invalid", At.USERINFO)])
@pytest.mark.parametrize("by", ["parameter", "persona"])
def test_a_sign_in_meets_its_fault_at_its_moment(browser: Any, world: Any, name: str, at: At, by: str) -> None:
    """Asked for when it began, or the person's: what comes before goes well."""
    moments: dict[At, Callable[[Any], Any]] = {
        At.AUTHORIZE: lambda answer: answer, At.SIGN_IN: lambda answer: answer,
        At.TOKEN: lambda answer: browser.token(CIS2, returned(answer)["code"]),
        At.USERINFO: lambda answer: browser.get(CIS2.url(ORIGIN, At.USERINFO), headers={
            "authorization": f"Bearer {browser.token(CIS2, returned(answer)['code']).json()['access_token']}"}),
    }
    if by == "persona":
        _persona(world, "656005750105", name)
    begun = browser.authorize(CIS2, **({"wardgate_fault": name} if by == "parameter" else {}))
    answer = moments[at](browser.submit(begun, username="656005750105") if begun.status_code == 200 else begun)
    assert (answer.status_code, answer.headers[HEADER]) == (reason(name).status, name)
    assert world.events[-1].details["fault_asked_by"] == by
    if by == "persona":
        assert moments[at](browser.sign_in(CIS2, "656005750107", prompt="login")).headers.get(HEADER) is None


@pytest.mark.parametrize(("asked", "said"), [("idp-consent-refuse", "did you mean idp-consent-refused"), ("code-invalid", "cannot be met here, but at: token")])
def test_what_cannot_be_met_is_said(browser: Any, asked: str, said: str) -> None:
    """An unknown name, and a fault of the authorisation server: a page to people, JSON to clients."""
    page = browser.authorize(CIS2, wardgate_fault=asked)
    assert page.status_code == 400
    assert said in page.text
    answer = browser.post(CIS2.url(ORIGIN, At.TOKEN), data={"a": "b"}, headers={HEADER: asked})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert said in answer.json()["error_description"]


def test_a_slow_provider_gives_its_answer(browser: Any) -> None:
    """It is late, and otherwise what it would be; longer than 20 s is not to be had."""
    assert browser.get(MOCK_CIS2.url(ORIGIN, At.JWKS), headers={HEADER: "idp-slow; seconds=0.01"}).json()["keys"]
    assert browser.get(MOCK_CIS2.url(ORIGIN, At.JWKS), headers={HEADER: "idp-slow; seconds=21"}).status_code == 400


def test_every_endpoint_has_its_place() -> None:
    """An endpoint that is added has to say what its faults are."""
    assert set(PLACES) == set(At)
    assert {Moment.PROVIDER, Moment.PROVIDER_TOKEN, Moment.PROVIDER_USERINFO} == {
        moment for fault in FAULTS.values() if fault.is_providers for moment in fault.moments}


def test_a_provider_without_stand_ins_has_no_faults(browser: Any, world: Any) -> None:
    """Where the manifest has no stand-in, as in every live environment, their paths do not exist, whatever is asked for."""
    providers = tuple(one.model_copy(update={"stand_in": False}) for one in world.identities.providers)
    world.identities = Identities(providers, world.identities.relying_parties, world.identities.users)
    world.app = StandInsApp(replace(world.deps, identities=lambda: world.identities))
    with world.client() as other:
        answer = other.get(CIS2.url(ORIGIN, At.JWKS), headers={HEADER: "idp-down"})
    assert (answer.status_code, HEADER in answer.headers) == (404, False)
