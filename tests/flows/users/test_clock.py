"""The virtual clock at the authorisation server: everything that lasts goes by it, and what it made counts for nothing once it is back."""

from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from wardgate.applications import Profile
from wardgate.jose import UnverifiedJWT
from wardgate.oauth.client_assertion import ASSERTION_TYPE

HOURS_12 = {"hours": 12}


def _turn(world: Any, **time: float) -> None:
    """Turn the clock ahead, or with nothing back to the real time; the providers are stand-ins and go with it."""
    ahead = timedelta(**time)
    world.pass_time(seconds=(ahead - world.shift).total_seconds())
    world.shift = ahead


@pytest.mark.parametrize(("scope", "before", "after"), [("nhs-cis2", {"hours": 11, "minutes": 59}, HOURS_12), ("nhs-login", {"minutes": 59}, {"hours": 1})])
def test_a_sign_in_is_over_by_the_virtual_clock(world: Any, scope: str, before: dict[str, float], after: dict[str, float]) -> None:
    """Twelve hours at NHS CIS2, one at NHS login, counted from its beginning (user-restricted 4.5)."""
    tokens = world.tokens(scope=scope)
    _turn(world, **before)
    tokens = world.refresh(tokens["refresh_token"]).json
    assert 0 <= int(tokens["refresh_token_expires_in"]) <= 60
    _turn(world, **after)
    refused = world.refresh(tokens["refresh_token"])
    assert (refused.status, refused.json["error_description"]) == (401, "refresh token refresh period has expired")


def test_a_code_and_a_state_are_over_by_the_virtual_clock(world: Any) -> None:
    """Five minutes and ten (user-restricted 4.2, 4.4)."""
    code, away = world.sign_in(), world.authorize()
    _turn(world, seconds=301)
    assert world.redeem(code).json["error_description"] == "authorization_code is invalid"
    _turn(world, seconds=601)
    assert world.come_back(away).code == "callback-state"


def test_an_assertion_is_judged_by_the_virtual_clock(world: Any) -> None:
    """One of the real time has expired; one of the virtual time is good."""
    old = world.assertion()
    _turn(world, minutes=11)
    refused = world.exchange(client_assertion=old, subject_token=world.cis2.id_token())
    assert refused.json["error_description"] == "Invalid 'exp' claim in client_assertion JWT - JWT has expired"
    assert world.exchange().status == 200


def test_tokens_of_the_time_ahead_say_from_when_they_count(world: Any) -> None:
    """`nbf` is in a token only while the clock is ahead, so that no gateway takes it when the clock is back."""
    assert "nbf" not in world.claims(world.tokens()["access_token"])
    _turn(world, **HOURS_12)
    claims = world.claims(world.tokens()["access_token"])
    assert claims["nbf"] == claims["iat"] == int(world.now.timestamp())


def test_what_was_made_ahead_counts_for_nothing_afterwards(world: Any) -> None:
    """Back at the real time: refresh tokens, codes and access tokens of the time ahead are refused with their own words."""
    _turn(world, **HOURS_12)
    tokens, code = world.tokens(), world.sign_in()
    _turn(world)
    assert world.refresh(tokens["refresh_token"]).json["error_description"] == "refresh_token is invalid"
    assert world.redeem(code).json["error_description"] == "authorization_code is invalid"
    userinfo = world.get("/userinfo", authorization=f"Bearer {tokens['access_token']}")
    assert (userinfo.status, userinfo.json["fault"]["faultstring"]) == (401, "Invalid Access Token")
    assert world.refresh(world.tokens()["refresh_token"]).status == 200


def test_a_state_of_the_time_ahead_is_unknown_afterwards(world: Any) -> None:
    """It would wait for as long as the clock was ahead."""
    _turn(world, **HOURS_12)
    away = world.authorize()
    _turn(world)
    assert world.come_back(away).code == "callback-state"


def test_a_pushed_request_of_the_time_ahead_is_unknown_afterwards(world: Any) -> None:
    """The same of PAR (RFC 9126)."""
    world.profile(Profile.STRICT)
    _turn(world, **HOURS_12)
    pushed = world.push().json["request_uri"]
    _turn(world)
    assert world.authorize(request_uri=pushed).code == "request-uri-invalid"


def test_what_was_made_before_goes_on_afterwards(world: Any) -> None:
    """A look ahead costs nothing: a sign-in that was over there is not over here."""
    tokens = world.tokens()
    _turn(world, **HOURS_12)
    assert world.refresh(tokens["refresh_token"]).status == 401
    _turn(world)
    assert world.refresh(tokens["refresh_token"]).status == 200


def test_clocks_that_differ_a_little_are_not_turned_back(world: Any) -> None:
    """Of two machines one may be a moment behind the other."""
    tokens = world.tokens()
    world.pass_time(seconds=-30)
    assert world.refresh(tokens["refresh_token"]).status == 200


def test_signing_keys_turn_over_by_the_real_time(world: Any) -> None:
    """However far the clock is ahead: the key of now signs and is published, and the next one, which has not begun, waits."""
    of_now, before = world.keys[0], world.tokens()["access_token"]
    following = replace(of_now, kid="the-next-key", sign_from=world.now + timedelta(days=1))
    world.keys = (replace(of_now, verify_until=world.now + timedelta(days=1, hours=1)), following)
    world.build()
    _turn(world, days=30)
    token = world.tokens()["access_token"]
    assert UnverifiedJWT.parse(token).header["kid"] == of_now.kid
    assert {key["kid"] for key in world.get("/jwks").json["keys"]} == {of_now.kid, following.kid}
    known = {name: world.post(path, {"token": token, "client_assertion_type": ASSERTION_TYPE, "client_assertion": world.assertion()})
             for name, path in (("introspected", "/introspect"), ("revoked", "/revoke"))}
    assert known["introspected"].json["active"] is True
    assert world.events_of(known["revoked"])[-1]["details"]["known"] is True
    _turn(world)
    assert world.claims(before)["iss"]


def test_the_record_goes_by_the_real_time(world: Any) -> None:
    """And says how far the clock was ahead; the answer's Date is that of the virtual clock, so that clients can follow it."""
    real = world.now
    _turn(world, **HOURS_12)
    answer = world.exchange()
    event = world.events()[-1]
    assert event["at"][:19] == real.isoformat()[:19]
    assert event["details"]["clock_shift_seconds"] == 43_200
    assert parsedate_to_datetime(answer.headers["date"]) == world.now.replace(microsecond=0)
    _turn(world)
    assert "date" not in world.exchange().headers
    assert "clock_shift_seconds" not in world.events()[-1]["details"]


def test_limits_go_by_the_real_time(world: Any) -> None:
    """Turning the clock gives nobody another minute."""
    world.settings = type(world.settings)(requests_per_minute=1)
    world.build()
    assert world.exchange().status == 200
    _turn(world, hours=1)
    refused = world.exchange()
    assert refused.status == 429
    assert refused.json["ratelimiting_expiry_time_ms"] / 1000 < (world.now - world.shift).timestamp() + 121
