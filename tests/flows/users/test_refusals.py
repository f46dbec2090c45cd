"""Refusals that need more than a spoilt request: a store or a provider that is away, an environment without providers, the table's edges."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from user_rows.checking import check
from user_rows.exchange_rows import EXCHANGE_ROWS
from user_rows.tables import CODES
from wardgate.refusals import CATALOGUE, Area
from wardgate.security_patterns.snapshot import Revocations

KEY = "DemoKeyDemoKeyDemoKeyDemoKey0001"
SECRET = "SecretOfDemoApp1"
Case = Callable[[Any], Any]


def _id(**how: Any) -> Case:
    header = how.pop("header", None)
    return lambda w: w.exchange(subject_token=w.cis2.id_token(header, **how))


def _after(change: Case, case: Case) -> Case:
    """The case, once something was changed."""
    def run(world: Any) -> Any:
        change(world)
        return case(world)
    return run


def _other_discovery(world: Any) -> None:
    world.cis2.answers["/.well-known/openid-configuration"] = (200, "application/json", b'{"issuer":"https://x"}')


def _no_provider(world: Any) -> None:
    world.trusted = ()


def _keys_away(world: Any) -> Any:
    away = world.authorize()
    world.cis2.answers["/connect/jwk_uri"] = (404, "application/json", b"")
    return world.come_back(away)


def _used_request(world: Any) -> Any:
    name = world.push(standing="strict").json["request_uri"]
    return [world.authorize(standing="strict", request_uri=name, redirect_uri=None, state=None, response_type=None) for _ in range(2)][-1]


# fmt: off
CASES: list[tuple[str, str, Case]] = [
    ("37 AAL3 only, AAL2 user", "scope-none-for-user", lambda w: w.exchange(
        client_assertion=w.assertion(standing="strongest only"), subject_token=w.cis2.id_token(authentication_assurance_level=2))),
    ("37 no level", "scope-none-for-user", _id(authentication_assurance_level=None)),
    ("37 a level that is none", "scope-none-for-user", _id(authentication_assurance_level="4")),
    ("37 true is no level", "scope-none-for-user", _id(authentication_assurance_level=True)),
    ("37 nobody", "scope-none-for-user", _id(sub=None)),
    ("34 the provider stopped", "provider-keys-unavailable", _after(lambda w: w.cis2.stop(), _id(header={"kid": "x"}))),
    ("33 the twin's provider", "subject-token-iss", _after(lambda w: w.provider("nhs-cis2", base_path="/oauth2-mock"), lambda w: w.exchange())),
    ("no provider", "provider-not-configured", _after(_no_provider, lambda w: w.authorize())),
    ("the provider's discovery is down", "provider-unavailable", _after(lambda w: w.cis2.stop(), lambda w: w.authorize())),
    ("the discovery of another issuer", "provider-unavailable", _after(_other_discovery, lambda w: w.authorize())),
    ("the keys are not to be had", "provider-keys-unavailable", _keys_away),
    ("strict: pushed and used", "request-uri-invalid", _used_request),
    ("strict: a plain http callback", "redirect-uri-invalid", lambda w: w.push(standing="strict over http", redirect_uri="http://example.org/")),
    ("strict: a pushed request as a state", "callback-state", lambda w: w.get("/callback?code=x&state=" + w.push(standing="strict").json["request_uri"])),
]
# fmt: on


@pytest.mark.parametrize(("name", "code", "case"), CASES, ids=[name for name, _, _ in CASES])
def test_each_refusal_is_answered_and_recorded(world: Any, name: str, code: str, case: Case) -> None:
    """The row's status and words leave, as JSON or with the browser; one event has the reason, and nothing secret is in either."""
    check(world, name, code, case(world))


def test_every_reason_of_the_areas_is_produced() -> None:
    """No row of the catalogue is left that this server never gives."""
    wanted = {row.code for row in CATALOGUE.values() if row.area in {Area.USER_TOKENS, Area.SIGN_IN}}
    assert wanted <= CODES | {code for _, code, _ in CASES}


def test_rows_of_the_exchange_are_in_order() -> None:
    """user-restricted 3.3: 37 rows, none left out, none out of its place."""
    rows = [int(row.name.split()[0]) for row in EXCHANGE_ROWS]
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


def test_a_revoked_key_stops_a_sign_in_on_its_way(world: Any) -> None:
    """The key that began it was taken back before the user came back."""
    away = world.authorize()
    world.snapshot = replace(world.snapshot, revocations=Revocations(credentials=frozenset({world.credential})))
    assert world.come_back(away).code == "client-not-approved-or-revoked"


def test_a_logout_from_an_allowed_network(world: Any) -> None:
    """The last address of X-Forwarded-For is the one Envoy saw; those before it are what the caller says."""
    world.limit_logout("10.1.0.0/16")
    world.tokens()
    assert world.logout(world.cis2.logout_token(), x_forwarded_for="10.1.0.1, 192.0.2.1").code == "logout-source"
    assert world.logout(world.cis2.logout_token(), x_forwarded_for="192.0.2.1, 10.1.2.3").status == 200


def test_the_limit_of_sign_ins_is_not_that_of_tokens(world: Any) -> None:
    """Anybody can begin a sign-in, so that is counted by itself; 429 is the platform's (application-restricted 9)."""
    world.settings = replace(world.settings, requests_per_minute=1, sign_ins_per_minute=2)
    world.build()
    assert [world.authorize().status for _ in range(3)] == [302, 302, 429]
    assert world.exchange().status == 200
    refused = world.redeem("x", client_secret="wrong")
    assert (refused.status, refused.code, refused.json["limit"]) == (429, "token-rate-limited", 1)
    assert refused.headers["retry-after"]
