"""The virtual clock at the stand-in providers: sessions and tokens go by it, the record does not, and nothing comes back from ahead."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from flows.standins.cast import CIS2, ORIGIN, returned
from wardgate.standins import StandInsApp
from wardgate.standins.surfaces import Endpoint


@pytest.fixture
def turn(world: Any) -> Callable[..., None]:
    """Return how to turn the clock ahead, or with nothing back."""
    real, ahead = world.now, [timedelta(0)]
    world.deps = replace(world.deps, clock_shift=lambda: ahead[0])
    world.app = StandInsApp(world.deps)

    def turned(**time: float) -> None:
        ahead[0] = timedelta(**time)
        world.now = real + ahead[0]

    return turned


def _is_signed_in(browser: Any) -> bool:
    return "code" in returned(browser.authorize(CIS2, prompt="none"))


def test_a_session_is_idle_and_over_by_the_virtual_clock(world: Any, turn: Callable[..., None]) -> None:
    """Half an hour without use (user-restricted 11.8); the look ahead ends nothing."""
    with world.client() as browser:
        browser.sign_in(CIS2, "656005750105")
        turn(minutes=31)
        assert not _is_signed_in(browser)
        turn()
        assert _is_signed_in(browser)


def test_nothing_comes_back_from_ahead(world: Any, turn: Callable[..., None]) -> None:
    """Sessions, codes, access tokens and refresh tokens that began ahead are unknown at the real time."""
    with world.client() as browser:
        turn(hours=12)
        tokens = browser.tokens(CIS2, "656005750105", scope="openid offline_access")
        code = returned(browser.authorize(CIS2))["code"]
        turn()
        assert not _is_signed_in(browser)
        assert browser.token(CIS2, code).json()["error"] == "invalid_grant"
        assert browser.token(CIS2, "", grant_type="refresh_token", code=None, refresh_token=tokens["refresh_token"]).json()["error"] == "invalid_grant"
        userinfo = browser.get(CIS2.url(ORIGIN, Endpoint.USERINFO), headers={"authorization": f"Bearer {tokens['access_token']}"})
        assert userinfo.status_code == 401


def test_a_sign_in_under_way_does_not_come_back_from_ahead(world: Any, turn: Callable[..., None]) -> None:
    """Its pages would be good for as long as the clock was ahead; one of the real time goes on."""
    with world.client() as browser:
        before = browser.authorize(CIS2)
        turn(hours=12)
        ahead = browser.authorize(CIS2)
        turn()
        assert browser.submit(ahead, username="656005750105").status_code == 400
        assert returned(browser.submit(before, username="656005750105"))["code"]


def test_tokens_are_of_the_virtual_time_and_the_record_is_not(world: Any, turn: Callable[..., None]) -> None:
    """An ID token's times are those of the virtual clock; events say how far it was ahead."""
    real = world.now
    turn(days=40)
    with world.client() as browser:
        token = world.verified(CIS2, browser.tokens(CIS2, "656005750105")["id_token"])
    assert token.claims["iat"] == token.claims["auth_time"] == int(world.now.timestamp())
    assert {event.at for event in world.events} == {real}
    assert {event.details["clock_shift_seconds"] for event in world.events} == {40 * 86_400}


def test_a_lock_out_is_not_sat_out_by_turning_the_clock(world: Any, turn: Callable[..., None]) -> None:
    """It goes by the real time, as do one-time codes, which people's devices make."""
    deps = world.deps
    assert deps.real_now() == world.now
    turn(hours=1)
    assert deps.real_now() == world.now - timedelta(hours=1)
