"""Every way a user's sign-in or token is refused: the rows of the catalogue's two areas, each answered and recorded."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from wardgate.applications import Profile
from wardgate.refusals import CATALOGUE, Area
from wardgate.security_patterns.snapshot import Revocations

KEY = "DemoKeyDemoKeyDemoKeyDemoKey0001"
SECRET = "SecretOfDemoApp1"
CALLBACK = "https://example.org/callback"
FORM_TYPE = "application/x-www-form-urlencoded"
Case = Callable[[Any], Any]


def _with(world: Any, **client: Any) -> Any:
    world.client(**client)
    return world


def _id(**how: Any) -> Case:
    header = how.pop("header", None)
    return lambda w: w.exchange(subject_token=w.cis2.id_token(header, **how))


def _act(make: Callable[[Any], Any]) -> Case:
    return lambda w: w.exchange(subject_token=w.nhs_login.id_token(act={"sub": make(w.nhs_login)}))


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


def _code_twice(world: Any) -> Any:
    code = world.sign_in()
    world.redeem(code)
    return world.redeem(code)


def _others(world: Any, what: str) -> Any:
    """Another application shows what was given to this one."""
    found = world.sign_in() if what == "code" else world.exchange().json["refresh_token"]
    other = replace(world.snapshot.clients["demo-app"], name="other-app")
    key = replace(world.snapshot.api_keys[KEY], application="other-app")
    world.snapshot = replace(world.snapshot, clients={**world.snapshot.clients, "other-app": other}, api_keys={KEY: key})
    return world.redeem(found) if what == "code" else world.refresh(found)


def _expired_refresh(world: Any) -> Any:
    token = world.exchange(_refresh_token_expiry_ms="4").json["refresh_token"]
    world.pass_time(milliseconds=4)
    return world.refresh(token)


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
    # --- token exchange, the 37 rows in order
    ("1 no assertion type", "assertion-type-invalid", lambda w: w.exchange(client_assertion_type=None, grant_type=None)),
    ("2 no grant_type", "exchange-grant-type", lambda w: w.exchange(grant_type=None, client_assertion=None)),
    ("2 client credentials with an ID token", "exchange-grant-type", lambda w: w.exchange(grant_type="client_credentials")),
    ("3 no assertion", "assertion-missing", lambda w: w.exchange(client_assertion=None)),
    ("4 not a JWT", "assertion-malformed", lambda w: w.exchange(client_assertion="x")),
    ("5 RS256", "assertion-alg", lambda w: w.exchange(client_assertion=w.assertion(header={"alg": "RS256"}, exp={"ahead": -1}))),
    ("6 expired", "assertion-expired", lambda w: w.exchange(client_assertion=w.assertion(header={"kid": None}, exp={"ahead": -1}))),
    ("7 no kid", "assertion-kid-missing", lambda w: w.exchange(client_assertion=w.assertion(header={"kid": None, "typ": None}))),
    ("8 no typ", "assertion-typ", lambda w: w.exchange(client_assertion=w.assertion(header={"typ": None}, exp=None))),
    ("9 no exp", "assertion-exp-missing", lambda w: w.exchange(client_assertion=w.assertion(exp=None, iss="x"))),
    ("10 exp as text", "assertion-exp-type", lambda w: w.exchange(client_assertion=w.assertion(exp={"ahead_text": 60}, iss="x"))),
    ("11 iss is not sub", "assertion-iss-sub", lambda w: w.exchange(client_assertion=w.assertion(iss="x", jti=None))),
    ("12 no jti", "assertion-jti-missing", lambda w: w.exchange(client_assertion=w.assertion(jti=None))),
    ("13 jti is a number", "assertion-jti-type", lambda w: w.exchange(client_assertion=w.assertion(jti=5))),
    ("14 jti seen", "assertion-jti-replayed", lambda w: [w.exchange(client_assertion=w.assertion(jti="j")) for _ in range(2)][-1]),
    ("15 exp six minutes ahead", "assertion-exp-too-far", lambda w: w.exchange(client_assertion=w.assertion(exp={"ahead": 360}, iss="nobody", sub="nobody"))),
    ("16 an unknown client", "client-unknown", lambda w: w.exchange(client_assertion=w.assertion(iss="nobody", sub="nobody"))),
    ("16 a revoked application", "client-not-approved", lambda w: _with(w, refused="application-not-approved").exchange()),
    ("16 no product", "client-not-subscribed", lambda w: _with(w, products=frozenset()).exchange()),
    ("17 no key set", "public-key-not-registered", lambda w: _with(w, jwks=None).exchange()),
    ("18 an unreachable key set", "jwks-unreachable", lambda w: _with(w, jwks=None, jwks_url="https://127.0.0.1/jwks.json").exchange()),
    ("19 an unknown kid", "assertion-kid-unknown", lambda w: w.exchange(client_assertion=w.assertion(header={"kid": "x"}))),
    ("20 no aud", "assertion-aud", lambda w: w.exchange(client_assertion=w.assertion(aud=None), subject_token=None)),
    ("21 another signature", "assertion-signature", lambda w: w.exchange(client_assertion=w.assertion() + "AAAA", subject_token=None)),
    ("22 no subject token", "subject-token-missing", lambda w: w.exchange(subject_token=None)),
    ("23 the provider's access token", "subject-token-malformed", lambda w: w.exchange(subject_token="Zz0opaqueAtRefAAAAAAAAAAAA")),
    ("24 no kid", "subject-token-kid-missing", _id(header={"kid": None, "typ": None})),
    ("25 no typ", "subject-token-typ", _id(header={"typ": None, "alg": None})),
    ("26 no alg", "subject-token-alg-missing", _id(header={"alg": None}, exp=None)),
    ("27 no exp", "subject-token-exp-missing", _id(exp=None, iss=None)),
    ("28 exp as text", "subject-token-exp-type", _id(exp="1772442100", iss=None)),
    ("29 expired", "subject-token-expired", _id(exp=1772442000, iss=None)),
    ("30 no iss", "subject-token-iss-missing", _id(iss=None, aud=None)),
    ("31 no aud", "subject-token-aud-missing", _id(iss="https://elsewhere.example", aud=None)),
    ("32 act.sub without kid", "actor-token-kid-missing", _act(lambda p: p.id_token({"kid": None}))),
    ("32 act.sub without typ", "actor-token-typ", _act(lambda p: p.id_token({"typ": None}))),
    ("32 act.sub without alg", "actor-token-alg-missing", _act(lambda p: p.id_token({"alg": None}))),
    ("32 act.sub without exp", "actor-token-exp-missing", _act(lambda p: p.id_token(exp=None))),
    ("32 act.sub with exp as text", "actor-token-exp-type", _act(lambda p: p.id_token(exp="4000000000"))),
    ("32 act.sub without iss", "actor-token-iss-missing", _act(lambda p: p.id_token(iss=None))),
    ("32 act.sub without aud", "actor-token-aud-missing", _act(lambda p: p.id_token(aud=None))),
    ("32 act.sub without nhs_number", "actor-token-nhs-number-missing", _act(lambda p: p.id_token(nhs_number=None))),
    ("32 act.sub is no token", "actor-token-malformed", _act(lambda _p: "9912003072")),
    ("33 another issuer", "subject-token-iss", _id(iss="https://elsewhere.example", header={"kid": "x"})),
    ("33 the twin's provider", "subject-token-iss", _after(lambda w: w.provider("nhs-cis2", base_path="/oauth2-mock"), lambda w: w.exchange())),
    ("34 the provider is down", "provider-keys-unavailable", _after(lambda w: w.cis2.stop(), _id(header={"kid": "x"}))),
    ("35 an unknown kid", "subject-token-kid-unknown", _id(header={"kid": "x", "alg": "none"})),
    ("36 alg none", "subject-token-signature", _id(header={"alg": "none"})),
    ("36 another key's signature", "subject-token-signature", _id(header={"kid": "nhs-cis2-1"})),
    ("36 a forged actor", "actor-token-signature", _act(lambda p: p.id_token({"kid": "nhs-login-1"}))),
    ("36 an actor of another time", "actor-token-expired", _act(lambda p: p.id_token(exp=1))),
    ("36 an actor of another issuer", "actor-token-iss", _act(lambda p: p.id_token(iss="https://elsewhere.example"))),
    ("37 AAL3 only, AAL2 user", "scope-none-for-user", lambda w: _with(w, scopes=("urn:nhsd:apim:user-nhs-cis2:aal3:x",)).exchange(subject_token=w.cis2.id_token(authentication_assurance_level=2))),
    ("37 no level", "scope-none-for-user", _id(authentication_assurance_level=None)),
    ("37 nobody", "scope-none-for-user", _id(sub=None)),
    ("no subject_token_type", "subject-token-type-invalid", lambda w: w.exchange(subject_token_type=None)),
    ("an access token to exchange", "subject-token-type-invalid", lambda w: w.exchange(subject_token_type="urn:ietf:params:oauth:token-type:access_token")),
    # --- the code and refresh grants
    ("no client_id", "client-id-missing", lambda w: w.redeem("x", client_id=None, client_secret=None)),
    ("an unknown client_id", "client-credentials-invalid", lambda w: w.redeem("x", client_id="nobody", client_secret=None)),
    ("a revoked application", "client-not-approved-or-revoked", lambda w: _with(w, refused="application-not-approved").redeem("x", client_secret=None)),
    ("an expired key", "client-not-approved-or-revoked", _after(lambda w: w.key(expires=w.now), lambda w: w.redeem("x"))),
    ("an inactive developer", "client-developer-inactive", lambda w: _with(w, refused="developer-inactive").refresh("x")),
    ("an inactive company", "client-company-inactive", lambda w: _with(w, refused="company-inactive").refresh("x")),
    ("no product", "client-no-access", lambda w: _with(w, products=frozenset()).redeem("x")),
    ("no secret", "client-secret-missing", lambda w: w.redeem("x", client_secret=None, redirect_uri=None)),
    ("another secret", "client-credentials-invalid", lambda w: w.redeem("x", client_secret=SECRET[:-1], redirect_uri=None)),
    ("a secret in other letters", "client-credentials-invalid", lambda w: w.refresh("x", client_secret=SECRET.upper())),
    ("an assertion in place of a secret", "client-secret-missing", lambda w: w.redeem("x", client_secret=None, client_assertion=w.assertion())),
    ("a key that has no secret", "client-credentials-invalid", _after(lambda w: w.key(secret=None), lambda w: w.refresh("x", client_secret="\x01" * 16))),
    ("no redirect_uri", "redirect-uri-missing", lambda w: w.redeem(None, redirect_uri=None)),
    ("another redirect_uri", "redirect-uri-invalid", lambda w: w.redeem(None, redirect_uri=CALLBACK + "/")),
    ("no code", "code-missing", lambda w: w.redeem(None)),
    ("a code of nobody", "code-invalid", lambda w: w.redeem("frVpKg-TirVwU1APwiboHaWrto8")),
    ("a code twice", "code-invalid", _code_twice),
    ("a code after 300 s", "code-invalid", lambda w: w.redeem(_later(lambda x: x.sign_in(), seconds=300)(w))),
    ("another application's code", "code-invalid", lambda w: _others(w, "code")),
    ("a code of another callback URL", "code-invalid", lambda w: w.redeem(_with(w, callback_urls=(CALLBACK, CALLBACK + "/2")).sign_in(), redirect_uri=CALLBACK + "/2")),
    ("another verifier", "code-verifier-invalid", lambda w: w.redeem(w.sign_in(code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method="S256"), code_verifier="x" * 43)),
    ("a verifier without a challenge", "code-verifier-invalid", lambda w: w.redeem(w.sign_in(), code_verifier="x" * 43)),
    ("no refresh token", "refresh-token-missing", lambda w: w.refresh(None)),
    ("a refresh token of nobody", "refresh-token-invalid", lambda w: w.refresh("pUDyf17ZD29QjQ7tjaHZnbVItztmM9bI")),
    ("another application's refresh token", "refresh-token-invalid", lambda w: _others(w, "refresh")),
    ("a refresh token after its time", "refresh-token-expired", _expired_refresh),
    ("a refresh token after 12 hours", "refresh-token-expired", lambda w: w.refresh(_later(lambda x: x.exchange().json["refresh_token"], hours=12)(w))),
    ("a validity that is over", "refresh-token-expired", lambda w: w.refresh(_later(lambda x: x.exchange().json["refresh_token"], seconds=2)(w), _refresh_tokens_validity_ms="1000")),
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
    answer = case(world)
    row = CATALOGUE[code]
    assert answer.code == code, answer.body
    assert answer.headers["cache-control"] == "no-store"
    for header, value in row.headers:
        assert answer.headers[header.lower()].startswith(value.partition("{")[0])
    if answer.status == 302:
        _check_redirect(name, row, answer)
    elif row.status == 405:
        assert (answer.status, answer.body, answer.headers["allow"]) == (405, b"", "GET")
    elif row.area is Area.GATEWAY:
        assert (answer.status, answer.json) == (row.status, {"fault": {"faultstring": row.text, "detail": {"errorcode": row.error}}})
    else:
        assert answer.status == (400 if row.status == 302 else row.status)
        assert list(answer.json) == ["error", "error_description", "message_id"]
        assert (answer.json["error"], answer.json["error_description"]) == (row.error, row.text)
    _check_record(world, code, answer)


def _check_redirect(name: str, row: Any, answer: Any) -> None:
    assert answer.location == CALLBACK
    told = answer.query
    if row.code == "provider-refused":
        signs = name.endswith("in signs")
        assert told == {"state": "1234567890", "error": "server_error" if signs else "access_denied",
                        **({} if signs else {"error_description": "ConsentNotGiven"})}
        return
    assert row.status == 302
    state = {} if row.code == "state-missing" else {"state": "1234567890"}
    assert told == {"error": row.error, "error_description": row.text, **state}
    assert "%20" in answer.headers["location"]
    assert answer.headers["referrer-policy"] == "no-referrer"


def _check_record(world: Any, code: str, answer: Any) -> None:
    event = world.events()[-1]
    assert (event["outcome"], event["reason"]) == ("refused", code)
    if answer.body and answer.headers["content-type"] == "application/json" and b"message_id" in answer.body:
        assert event["message_id"] == answer.json["message_id"]
    written = json.dumps(world.events())
    for secret in (KEY, SECRET, world.cis2.client_secret, "9912003071", "9912003072", "555000000101", *world.cis2.access_tokens):
        assert secret not in written
        assert secret not in answer.body.decode()


def test_every_reason_of_the_areas_is_produced() -> None:
    """No row of the catalogue is left that this server never gives."""
    produced = {code for _, code, _ in CASES}
    assert {row.code for row in CATALOGUE.values() if row.area in {Area.USER_TOKENS, Area.SIGN_IN}} <= produced


def test_rows_of_the_exchange_are_in_order() -> None:
    """user-restricted 3.3: 37 rows, none left out, none out of its place."""
    rows = [int(name.split()[0]) for name, _, _ in CASES if name.split()[0].isdigit()]
    assert rows == sorted(rows)
    assert set(rows) == set(range(1, 38))


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


def test_token_exchange_can_be_off(world: Any) -> None:
    """user-restricted 2.3: the toggle."""
    world.settings = replace(world.settings, token_exchange=False)
    world.build()
    assert world.exchange().code == "grant-type-unknown"


@pytest.mark.parametrize("call", ["start", "refresh_token", "rotate", "code", "get", "redeem", "hold", "take"])
def test_a_store_that_is_away_gives_nothing(world: Any, call: str) -> None:
    """Fails closed: row 28, and no token, code or redirect leaves."""
    token, code, away = world.exchange().json["refresh_token"], world.sign_in(), world.authorize()
    world.sign_ins.down.add(call)
    does = {"start": world.exchange, "refresh_token": lambda: world.refresh(token), "rotate": lambda: world.refresh(token),
            "hold": world.authorize, "take": lambda: world.come_back(away)}
    answer = does.get(call, lambda: world.redeem(code))()
    assert (answer.status, answer.code, answer.json["error"]) == (500, "oauth-unexpected", "unknown_error")
