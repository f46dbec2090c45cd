"""The virtual clock of a whole Wardgate: turned on the command line, followed by Envoy, tokens, sign-ins and clients, and turned back."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import pytest

from system.signing_in import BASE, PATIENT, Person, claims, refused

WORKERS = "/user-demo/echo/worker"
LIMIT_SECONDS = 5.0
"""The promise is one second; a loaded machine gets five before a test fails, and the figure is printed."""


@pytest.fixture(scope="module")
def own(new_wardgate: Callable[..., Any]) -> Iterator[Any]:
    """A Wardgate of this file, whose clock is turned."""
    with new_wardgate(environ={"WARDGATE_TOKEN_REQUESTS_PER_MINUTE": "100000"}) as one:
        yield one


@pytest.fixture
def person(own: Any) -> Iterator[Person]:
    """Somebody who signs in; afterwards the clock is that of the real time."""
    with Person.at(own) as one:
        yield one
    own.done("clock", "reset")


def _advance(node: Any, time_ahead: str) -> float:
    """Turn the clock and return how long it took until every Envoy had followed, without the start of the command."""
    began = time.monotonic()
    node.done("clock", "advance", time_ahead)
    return time.monotonic() - began


def _fault(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["fault"]["faultstring"])


def _judged_by(node: Any, answer: httpx2.Response, until: Any) -> str:
    """Return which pattern Envoy's log names for a call: `decision` when it asked about it."""
    def recorded() -> Any:
        lines = [json.loads(line) for line in node.cli("audit", "tail", "-n", "20", "--output", "json").out.splitlines()]
        return next((line["details"]["pattern"] for line in lines if line.get("request_id") == answer.headers["x-request-id"]), None)
    return str(until(recorded, what="the record of a call"))


def test_a_token_expires_when_the_clock_is_turned(own: Any, person: Person, until: Any) -> None:
    """Valid natively; refused as expired, in the documented words, by the decision service; valid natively again when the clock is back."""
    token = person.tokens(own)["access_token"]
    native = person.call(own, token)
    assert (native.status_code, _judged_by(own, native, until)) == (200, "user-restricted")
    seconds = _advance(own, "11m")
    print(f"\nthe clock was turned, and enforced by Envoy, within {seconds:.2f} s")
    assert seconds < LIMIT_SECONDS
    expired = person.call(own, token)
    assert _fault(expired) == (401, "Access Token expired")
    assert expired.headers["x-wardgate-reason"] == "access-token-expired"
    assert _judged_by(own, expired, until) == "decision"
    own.done("clock", "reset")
    native = person.call(own, token)
    assert (native.status_code, _judged_by(own, native, until)) == (200, "user-restricted")


def test_a_token_of_the_time_ahead_is_good_there_and_nowhere_else(own: Any, person: Person, until: Any) -> None:
    """A sign-in ahead opens routes, by the decision service; when the clock is back, Envoy by itself takes neither it nor what came of it."""
    _advance(own, "12h")
    tokens = person.tokens(own)
    found = claims(tokens["access_token"])
    assert found["nbf"] == found["iat"] > time.time() + 43_000
    echoed = person.call(own, tokens["access_token"])
    assert echoed.json()["headers"]["nhsd-identity-uuid"] == person.username
    assert _judged_by(own, echoed, until) == "decision"
    own.done("clock", "reset")
    assert _fault(person.call(own, tokens["access_token"])) == (401, "Invalid Access Token")
    assert refused(person.refresh(own, tokens["refresh_token"])) == (401, "refresh_token is invalid")


@pytest.mark.parametrize(("username", "scope", "lasts", "last", "first_second_after"), [
    ("656005750104", "nhs-cis2", "43199", "11h59m", "1m"), (PATIENT, "nhs-login", "3599", "59m", "1m")])
def test_a_sign_in_ends_by_its_lifetime(own: Any, person: Person, username: str, scope: str, lasts: str, last: str, first_second_after: str) -> None:
    """Refreshed in its last minute, over a minute later: 12 h at NHS CIS2, 1 h at NHS login, from the first token on."""
    person.username, person.scope = username, scope
    tokens = person.tokens(own)
    assert 0 <= int(lasts) - int(tokens["refresh_token_expires_in"]) <= 30, "a busy machine may take seconds from the sign-in to here"
    _advance(own, last)
    tokens = person.refresh(own, tokens["refresh_token"]).json()
    assert (tokens["refresh_count"], int(tokens["refresh_token_expires_in"]) < 60) == ("1", True)
    _advance(own, first_second_after)
    assert refused(person.refresh(own, tokens["refresh_token"])) == (401, "refresh token refresh period has expired")


def test_a_session_at_the_provider_ends_by_its_lifetime(own: Any, person: Person) -> None:
    """Half an hour without use at the stand-in of NHS CIS2: who comes back then is asked who they are."""
    person.code(own)
    asked = {"client_id": "test-client-cis2", "redirect_uri": person.callback, "response_type": "code", "scope": "openid", "state": "s", "prompt": "none"}
    auth = f"{own.url}/realms/Cis2-mock-internal-dev/protocol/openid-connect/auth"
    assert "code=" in person.http.get(auth, params=asked).headers["location"]
    _advance(own, "31m")
    assert "error=login_required" in person.http.get(auth, params=asked).headers["location"]


def test_an_id_token_is_judged_by_the_clock(own: Any, person: Person) -> None:
    """One of an hour ago is over (user-restricted 3.3 row 29); one of now is exchanged by a client that goes by the Date of the answers."""
    old = person.id_token(own)
    _advance(own, "61m")
    ahead = int(time.time()) + 61 * 60
    form = own.form(client_assertion=own.assertion(aud=f"{own.url}{BASE}/token", exp=ahead + 200), subject_token=old,
                    grant_type="urn:ietf:params:oauth:grant-type:token-exchange", subject_token_type="urn:ietf:params:oauth:token-type:id_token")
    answer = person.http.post(f"{own.url}{BASE}/token", data=form)
    assert refused(answer) == (400, "Invalid 'exp' claim in subject_token JWT - JWT has expired")
    told = parsedate_to_datetime(answer.headers["date"])
    assert abs(told - datetime.now(UTC) - timedelta(minutes=61)) < timedelta(minutes=1)
    with Person.at(own) as fresh:
        form |= {"subject_token": fresh.id_token(own), "client_assertion": own.assertion(aud=f"{own.url}{BASE}/token", exp=ahead + 200)}
        assert person.http.post(f"{own.url}{BASE}/token", data=form).status_code == 200


def test_our_own_client_follows_the_clock(own: Any, person: Person) -> None:
    """`wardgate call` signs for the time it is told, and says in a line that the clock is ahead."""
    _advance(own, "7d")
    result = own.cli("call", "GET", "/hello-world/hello/application", "--app", "demo-app", "--base-url", own.url, "--ca", own.ca)
    assert (result.code, "Hello Application!" in result.out) == (0, True), result.err
    assert "note: the virtual clock is 7d ahead: wardgate clock show" in result.err


def test_the_clock_survives_a_restart(own: Any, person: Person) -> None:
    """It is in the store, with what was signed in under it."""
    _advance(own, "13h")
    tokens = person.tokens(own)
    own.stop()
    own.start()
    assert own.done("clock", "show")["ahead_seconds"] == 13 * 3600
    assert person.call(own, tokens["access_token"]).status_code == 200
    assert person.refresh(own, tokens["refresh_token"]).status_code == 200
