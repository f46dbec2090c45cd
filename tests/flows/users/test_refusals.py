"""Every way a token of a user is refused: the 37 rows of token exchange, the code and refresh grants, each answered and recorded."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from users_checking import check

from wardgate.refusals import CATALOGUE, Area

KEY = "DemoKeyDemoKeyDemoKeyDemoKey0001"
SECRET = "SecretOfDemoApp1"
CALLBACK = "https://example.org/callback"
Case = Callable[[Any], Any]


def _with(world: Any, **client: Any) -> Any:
    world.client(**client)
    return world


def _id(**how: Any) -> Case:
    header = how.pop("header", None)
    return lambda w: w.exchange(subject_token=w.cis2.id_token(header, **how))


def _act(make: Callable[[Any], Any]) -> Case:
    return lambda w: w.exchange(subject_token=w.nhs_login.id_token(act={"sub": make(w.nhs_login)}))


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
]
# fmt: on


@pytest.mark.parametrize(("name", "code", "case"), CASES, ids=[name for name, _, _ in CASES])
def test_each_refusal_is_answered_and_recorded(world: Any, name: str, code: str, case: Case) -> None:
    """The row's status and words leave, as JSON or with the browser; one event has the reason, and nothing secret is in either."""
    check(world, name, code, case(world))


def test_every_reason_of_the_area_is_produced() -> None:
    """No row of the catalogue is left that this server never gives."""
    assert {row.code for row in CATALOGUE.values() if row.area is Area.USER_TOKENS} <= {code for _, code, _ in CASES}


def test_rows_of_the_exchange_are_in_order() -> None:
    """user-restricted 3.3: 37 rows, none left out, none out of its place."""
    rows = [int(name.split()[0]) for name, _, _ in CASES if name.split()[0].isdigit()]
    assert rows == sorted(rows)
    assert set(rows) == set(range(1, 38))


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
