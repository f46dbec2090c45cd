"""Every way a sign-in is refused: authorize, callback, userinfo and logout, each answered and recorded."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from users_checking import check

from wardgate.applications import Profile
from wardgate.refusals import CATALOGUE, Area
from wardgate.security_patterns.snapshot import Revocations

KEY = "DemoKeyDemoKeyDemoKeyDemoKey0001"
SECRET = "SecretOfDemoApp1"
CALLBACK = "https://example.org/callback"
Case = Callable[[Any], Any]


def _with(world: Any, **client: Any) -> Any:
    world.client(**client)
    return world


def _back(**changes: Any) -> Case:
    return lambda w: w.come_back(w.authorize(), **changes)


def _told(**person: Any) -> Case:
    """The provider's ID token says something else."""
    def case(world: Any) -> Any:
        away = world.authorize()
        world.cis2.person = {**world.cis2.person, **person}
        return world.come_back(away)
    return case


def _answers(path: str, status: int, body: bytes) -> Case:
    def case(world: Any) -> Any:
        away = world.authorize()
        world.cis2.answers[path] = (status, "application/json", body)
        return world.come_back(away)
    return case


def _signed_by(**header: Any) -> Case:
    def case(world: Any) -> Any:
        away = world.authorize()
        good = world.cis2.id_token
        world.cis2.id_token = lambda **claims: good(header, **claims)
        return world.come_back(away)
    return case


def _out(**changes: Any) -> Case:
    def case(world: Any) -> Any:
        world.tokens()
        header = changes.pop("header", None)
        return world.logout(world.cis2.logout_token(header, **changes))
    return case


def _later(case: Case, **time: float) -> Case:
    def late(world: Any) -> Any:
        found = case(world)
        world.pass_time(**time)
        return found
    return late


def _after(change: Case, case: Case) -> Case:
    """The case, once something was changed."""
    def run(world: Any) -> Any:
        change(world)
        return case(world)
    return run


def _down(world: Any, call: str) -> Any:
    world.sign_ins.down.add(call)
    return world


def _refused_later(world: Any, **client: Any) -> Any:
    away = world.authorize()
    world.client(**client)
    return world.come_back(away)


def _without_cookie(world: Any) -> Any:
    away = world.authorize()
    world.jar.clear()
    return world.come_back(away)


def _strict(world: Any) -> Any:
    return world.profile(Profile.STRICT)


def _wrong_cookie(world: Any) -> Any:
    away = world.authorize()
    world.jar = dict.fromkeys(world.jar, "planted")
    return world.come_back(away)


def _other_discovery(world: Any) -> None:
    world.cis2.answers["/.well-known/openid-configuration"] = (200, "application/json", b'{"issuer":"https://x"}')


def _no_provider(world: Any) -> Any:
    world.trusted = ()
    return world


def _provider_gone(world: Any) -> Any:
    away = world.authorize()
    back = world.cis2.sign_in(away.headers["location"]).partition("?")[2]
    world.trusted = world.trusted[1:]
    return world.get("/callback?" + back)


def _mismatch(world: Any) -> Any:
    token = world.tokens()["access_token"]
    world.cis2.userinfo["sub"] = "555000000999"
    return world.userinfo(token)


def _used_request(world: Any) -> Any:
    world.profile(Profile.STRICT)
    name = world.push().json["request_uri"]
    world.authorize(client_id=KEY, request_uri=name, redirect_uri=None, state=None, response_type=None)
    return world.authorize(client_id=KEY, request_uri=name, redirect_uri=None, state=None, response_type=None)


def _networks(world: Any, forwarded: str) -> Any:
    world.provider("nhs-cis2", logout_networks=("10.1.0.0/16",))
    world.tokens()
    return world.logout(world.cis2.logout_token(), x_forwarded_for=forwarded)


def _nonce(world: Any) -> Any:
    world.profile(Profile.STRICT)
    away = world.authorize()
    good = world.cis2.id_token
    world.cis2.id_token = lambda **_claims: good(nonce="another")
    return world.come_back(away)


# fmt: off
CASES: list[tuple[str, str, Case]] = [
    # --- authorize
    ("POST", "method-not-get", lambda w: w.get("/authorize", method="POST")),
    ("HEAD of the callback", "method-not-get", lambda w: w.get("/callback", method="HEAD")),
    ("PUT of userinfo", "method-not-get", lambda w: w.get("/userinfo", method="PUT")),
    ("a bad escape", "query-malformed", lambda w: w.get("/authorize?client_id=%zz")),
    ("a huge query", "query-too-large", lambda w: w.get("/authorize?client_id=" + "x" * 20_000)),
    ("a huge state", "query-too-large", lambda w: w.authorize(state="x" * 5_000)),
    ("authorize without client_id", "client-id-missing", lambda w: w.authorize(client_id=None, redirect_uri="https://evil.example/")),
    ("authorize for nobody", "authorize-client-id-invalid", lambda w: w.authorize(client_id="nobody", redirect_uri="https://evil.example/")),
    ("authorize of a revoked application", "client-not-approved-or-revoked", lambda w: _with(w, refused="application-not-approved").authorize(redirect_uri=None)),
    ("authorize without redirect_uri", "redirect-uri-missing", lambda w: w.authorize(redirect_uri=None, state=None)),
    ("authorize with another redirect_uri", "redirect-uri-invalid", lambda w: w.authorize(redirect_uri="https://evil.example/", state=None)),
    ("authorize of an application without callback URLs", "redirect-uri-invalid", lambda w: _with(w, callback_urls=()).authorize()),
    ("authorize without state", "state-missing", lambda w: w.authorize(state=None, response_type=None)),
    ("authorize without response_type", "response-type-missing", lambda w: w.authorize(response_type=None)),
    ("authorize for a token", "response-type-invalid", lambda w: w.authorize(response_type="token")),
    ("a challenge that is none", "code-challenge-invalid", lambda w: w.authorize(code_challenge="x", code_challenge_method="S256")),
    ("strict: no challenge", "code-challenge-missing", lambda w: _strict(w).authorize(code_challenge=None)),
    ("strict: plain", "code-challenge-invalid", lambda w: _strict(w).authorize(code_challenge_method="plain")),
    ("strict: not pushed", "request-not-pushed", lambda w: _strict(w).authorize(request_uri=None)),
    ("strict: pushed by nobody", "request-uri-invalid", lambda w: _strict(w).authorize(request_uri="urn:ietf:params:oauth:request_uri:x")),
    ("strict: pushed and used", "request-uri-invalid", _used_request),
    ("strict: a plain http callback", "redirect-uri-invalid", lambda w: _strict(_with(w, callback_urls=("http://example.org/",))).authorize(redirect_uri="http://example.org/")),
    ("no provider", "provider-not-configured", lambda w: _no_provider(w).authorize()),
    ("the provider's discovery is down", "provider-unavailable", _after(lambda w: w.cis2.stop(), lambda w: w.authorize())),
    ("the discovery of another issuer", "provider-unavailable", _after(_other_discovery, lambda w: w.authorize())),
    # --- callback
    ("no state", "callback-state", lambda w: w.get("/callback?code=x")),
    ("a state of nobody", "callback-state", lambda w: w.get("/callback?code=x&state=guessed")),
    ("a state twice", "callback-state", lambda w: [w.get("/callback?code=x&state=" + state) for state in [w.authorize().query["state"]] for _ in range(2)][-1]),
    ("a state after 600 s", "callback-state", lambda w: w.come_back(_later(lambda x: x.authorize(), seconds=600)(w))),
    ("a state at the twin's callback", "callback-state", lambda w: w.get("/callback?code=x&state=" + w.authorize().query["state"], base="/oauth2-mock")),
    ("a pushed request as a state", "callback-state", lambda w: w.get("/callback?code=x&state=" + _strict(w).push().json["request_uri"])),
    ("an application that went", "client-not-approved-or-revoked", lambda w: _refused_later(w, refused="application-not-approved")),
    ("a callback URL that was taken back", "redirect-uri-invalid", lambda w: _refused_later(w, callback_urls=())),
    ("a cookie that was planted", "callback-browser", _wrong_cookie),
    ("strict: another browser", "callback-browser", lambda w: _without_cookie(_strict(w))),
    ("a mixed-up issuer", "callback-issuer", _back(iss="https://evil.example")),
    ("the provider refuses", "provider-refused", _back(error="access_denied", error_description="ConsentNotGiven", code=None)),
    ("the provider refuses in signs", "provider-refused", _back(error="\r\nLocation: x", error_description='"<script>', code=None)),
    ("the provider goes from the manifest", "provider-not-configured", _provider_gone),
    ("no code", "callback-code-missing", _back(code=None)),
    ("a code the provider does not know", "provider-code-refused", _back(code="forged")),
    ("the provider's token endpoint fails", "provider-unreachable", _answers("/access_token", 503, b"")),
    ("the provider answers a page", "provider-unreachable", _answers("/access_token", 200, b"<html>")),
    ("the provider answers too much", "provider-unreachable", _answers("/access_token", 200, b'{"id_token":"' + b"x" * 70_000 + b'"}')),
    ("no ID token", "id-token-malformed", _answers("/access_token", 200, b'{"access_token":"x"}')),
    ("an ID token of another client", "id-token-aud", _told(aud="somebody")),
    ("an ID token of another issuer", "id-token-iss", _told(iss="https://elsewhere.example")),
    ("an ID token by an unknown key", "id-token-kid-unknown", _signed_by(kid="x")),
    ("an ID token without a signature", "id-token-signature", _signed_by(alg="none")),
    ("an ID token by HMAC", "id-token-signature", _signed_by(alg="HS256")),
    ("an ID token that is over", "id-token-expired", _told(exp=1)),
    ("an ID token of nobody", "id-token-subject", _told(sub=None)),
    ("strict: another nonce", "id-token-nonce", _nonce),
    ("the keys are not to be had", "provider-keys-unavailable", _answers("/connect/jwk_uri", 404, b"")),
    ("no scope of that level", "scope-none-for-user", lambda w: _with(w, scopes=("urn:nhsd:apim:user-nhs-cis2:aal2:x",)).come_back(w.authorize())),
    # --- userinfo
    ("userinfo without a token", "authorization-missing", lambda w: w.get("/userinfo")),
    ("userinfo with a word", "access-token-missing", lambda w: w.get("/userinfo", authorization="Bearer")),
    ("userinfo with a password", "token-type-invalid", lambda w: w.get("/userinfo", authorization="Basic eA==")),
    ("userinfo with an ID token", "access-token-unknown", lambda w: w.userinfo(w.cis2.id_token())),
    ("userinfo after ten minutes", "access-token-expired", lambda w: w.userinfo(_later(lambda x: x.tokens()["access_token"], minutes=11)(w))),
    ("userinfo after an exchange", "userinfo-not-combined", lambda w: w.userinfo(w.exchange().json["access_token"])),
    ("userinfo of a patient", "userinfo-not-combined", lambda w: w.userinfo(w.tokens(scope="nhs-login")["access_token"])),
    ("userinfo of somebody else", "userinfo-mismatch", _mismatch),
    # --- logout
    ("a logout from elsewhere", "logout-source", lambda w: _networks(w, "10.1.0.1, 192.0.2.1")),
    ("a logout from nowhere", "logout-source", lambda w: _networks(w, "")),
    ("no logout token", "logout-malformed", lambda w: w.logout(None)),
    ("a logout token that is no JWT", "logout-malformed", lambda w: w.logout("x")),
    ("a logout of another client", "logout-aud", _out(aud="x", iss="x")),
    ("a logout of another issuer", "logout-iss", _out(iss="x", sid=None)),
    ("a logout of no session", "logout-sid", _out(sid=None, events=None)),
    ("a logout without its event", "logout-events", _out(events={}, nonce="n")),
    ("a logout with a nonce", "logout-nonce", _out(nonce="n")),
    ("an ID token as logout token", "logout-events", lambda w: w.logout(w.cis2.id_token())),
    ("a logout while the keys are away", "logout-keys-unavailable", _after(lambda w: w.cis2.stop(), lambda w: w.logout(w.cis2.logout_token()))),
    ("a forged logout", "logout-signature", _out(header={"kid": "nhs-cis2-1"})),
    ("a logout by an unknown key", "logout-kid-unknown", _out(header={"kid": "x"})),
    ("a logout of an unknown session", "logout-sid-unknown", _out(sid="another")),
    ("a logout that the store refuses", "logout-failed", _after(lambda w: w.tokens(), lambda w: _down(w, "end").logout(w.cis2.logout_token()))),
]
# fmt: on


@pytest.mark.parametrize(("name", "code", "case"), CASES, ids=[name for name, _, _ in CASES])
def test_each_refusal_is_answered_and_recorded(world: Any, name: str, code: str, case: Case) -> None:
    """The row's status and words leave, as JSON or with the browser; one event has the reason, and nothing secret is in either."""
    check(world, name, code, case(world))


def test_every_reason_of_the_area_is_produced() -> None:
    """No row of the catalogue is left that this server never gives."""
    assert {row.code for row in CATALOGUE.values() if row.area is Area.SIGN_IN} <= {code for _, code, _ in CASES}


def test_a_revoked_key_stops_a_sign_in_on_its_way(world: Any) -> None:
    """The key that began it was taken back before the user came back."""
    away = world.authorize()
    world.snapshot = replace(world.snapshot, revocations=Revocations(credentials=frozenset({world.credential})))
    assert world.come_back(away).code == "client-not-approved-or-revoked"


def test_a_logout_from_an_allowed_network(world: Any) -> None:
    """The last address of X-Forwarded-For is the one Envoy saw; those before it are what the caller says."""
    assert _networks(world, "192.0.2.1, 10.1.2.3").status == 200


def test_the_limit_of_sign_ins_is_not_that_of_tokens(world: Any) -> None:
    """Anybody can begin a sign-in, so that is counted by itself; 429 is the platform's (application-restricted 9)."""
    world.settings = replace(world.settings, requests_per_minute=1, sign_ins_per_minute=2)
    world.build()
    assert [world.authorize().status for _ in range(3)] == [302, 302, 429]
    assert world.exchange().status == 200
    refused = world.redeem("x", client_secret="wrong")
    assert (refused.status, refused.code, refused.json["limit"]) == (429, "token-rate-limited", 1)
    assert refused.headers["retry-after"]
