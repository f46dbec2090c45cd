"""Users' sign-ins on PostgreSQL: every pattern, what outlives a kill, and that nothing is used twice."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from system.signing_in import PATIENT, WORKER, Person, claims, refused

pytestmark = pytest.mark.postgres
BUSY_SECONDS = 30
"""A busy machine may take so long from the sign-in to its first token."""


@pytest.fixture(scope="module")
def own(new_wardgate: Callable[..., Any], database_url: str) -> Iterator[Any]:
    """A Wardgate on PostgreSQL."""
    with new_wardgate(environ={"WARDGATE_DATABASE_URL": database_url}) as one:
        yield one


@pytest.mark.parametrize(("base", "username", "scope", "route", "lasts"), [
    ("/oauth2-mock", WORKER, "nhs-cis2", "/user-demo/echo/role", "43199"), ("/oauth2", WORKER, "nhs-cis2", "/user-demo/echo/worker", "43199"),
    ("/oauth2-mock", PATIENT, "nhs-login", "/user-demo/echo/patient", "3599")])
def test_the_combined_patterns(own: Any, base: str, username: str, scope: str, route: str, lasts: str) -> None:
    """Code, tokens, a call, refresh; a code and a refresh token are used once."""
    with Person.at(own, username, scope) as person:
        code = person.code(own, base)
        first = person.redeem(own, code, base).json()
        assert first["refresh_count"] == "0"
        assert 0 <= int(lasts) - int(first["refresh_token_expires_in"]) <= BUSY_SECONDS
        assert refused(person.redeem(own, code, base)) == (400, "authorization_code is invalid")
        headers = {"NHSD-Session-URID": "656014452101"} if route.endswith("role") else {}
        call = person.http.get(own.url + route, headers=headers | {"authorization": f"Bearer {first['access_token']}"})
        assert call.status_code == 200
        second = person.refresh(own, first["refresh_token"], base)
        assert second.json()["refresh_count"] == "1"
        assert refused(person.refresh(own, first["refresh_token"], base)) == (401, "refresh_token is invalid")
        if scope == "nhs-cis2":
            details = person.http.get(f"{own.url}{base}/userinfo", headers={"authorization": f"Bearer {second.json()['access_token']}"})
            assert details.json()["sub"] == WORKER


def test_the_separate_pattern(own: Any) -> None:
    """An ID token of the stand-in is exchanged, and the sign-in refreshed."""
    with Person.at(own) as person:
        found = person.exchange(own, person.id_token(own)).json()
        assert found["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
        assert person.call(own, found["access_token"]).status_code == 200
        assert person.refresh(own, found["refresh_token"]).json()["refresh_count"] == "1"


def test_a_sign_out(own: Any, until: Callable[..., Any]) -> None:
    """It reaches the gateway and the token endpoint."""
    with Person.at(own) as person:
        found = person.tokens(own)
        assert person.call(own, found["access_token"]).status_code == 200
        person.sign_out(own)
        until(lambda: person.call(own, found["access_token"]).status_code == 401, what="the end of the access token")
        assert refused(person.refresh(own, found["refresh_token"])) == (401, "refresh_token is invalid")


def test_what_outlives_a_kill(own: Any, until: Callable[..., Any]) -> None:
    """A session at the provider, a code, a refresh token, an ended sign-in: all are as they were; the record is whole."""
    with Person.at(own) as ended:
        gone = ended.tokens(own)
        ended.sign_out(own)
        until(lambda: ended.call(own, gone["access_token"]).status_code == 401, what="the end of the access token")
        with Person.at(own) as person:
            waiting, found = person.code(own), person.tokens(own)
            own.kill()
            own.start()
            assert person.call(own, found["access_token"]).status_code == 200
            assert ended.call(own, gone["access_token"]).status_code == 401
            assert refused(ended.refresh(own, gone["refresh_token"])) == (401, "refresh_token is invalid")
            assert person.refresh(own, found["refresh_token"]).json()["refresh_count"] == "1"
            redeemed = person.redeem(own, waiting).json()
            assert claims(redeemed["access_token"])["jti"] != claims(found["access_token"])["jti"]
            answer = person.http.get(f"{own.url}/oauth2-mock/authorize", params={
                "client_id": "demo-app-key-not-a-secret", "redirect_uri": person.callback, "response_type": "code", "state": "1"})
            back = person.http.get(answer.headers["location"])
            assert back.is_redirect, "the person is still signed in at the provider"
    assert own.done("audit", "verify")["intact"]
