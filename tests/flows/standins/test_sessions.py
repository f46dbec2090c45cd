"""Single sign-on at a stand-in: how long, for whom, and when it is not enough (user-restricted 11.8)."""

from datetime import timedelta
from typing import Any

import pytest

from flows.standins.cast import CIS2, MOCK_CIS2, MOCK_LOGIN, ORIGIN, returned
from wardgate.standins.surfaces import surface_of

MINUTE = timedelta(minutes=1)


def _is_asked(answer: Any) -> bool:
    return bool(answer.status_code == 200 and "kc-form-login" in answer.text)


def test_a_signed_in_browser_is_sent_back_at_once(browser: Any, world: Any) -> None:
    """Another client of the same provider too, with the same sign-in; another realm or another browser asks."""
    first = returned(browser.sign_in(MOCK_CIS2, "656005750104"))
    second = returned(browser.authorize(MOCK_CIS2, client_id="test-client-signed-cis2"))
    assert second["session_state"] == first["session_state"]
    assert second["code"] != first["code"]
    assert _is_asked(browser.authorize(surface_of(MOCK_CIS2.kind, "ref")))
    with world.client() as other:
        assert _is_asked(other.authorize(MOCK_CIS2))


@pytest.mark.parametrize("prompt", ["login", "select_account"])
def test_prompt_login_asks_again(browser: Any, world: Any, prompt: str) -> None:
    """The same person's sign-in goes on, with a new time; `auth_time` says so."""
    first = browser.tokens(CIS2, "656005750104")
    world.now += 5 * MINUTE
    again = browser.tokens(CIS2, "656005750104", prompt=prompt)
    old, new = (world.verified(CIS2, found["id_token"]).claims for found in (first, again))
    assert new["auth_time"] - old["auth_time"] == 300
    assert new["sid"] == old["sid"]


def test_max_age(browser: Any, world: Any) -> None:
    """Whoever signed in longer ago signs in again (OpenID Connect Core section 3.1.2.1)."""
    browser.sign_in(CIS2, "656005750104")
    world.now += 5 * MINUTE
    assert returned(browser.authorize(CIS2, max_age="300"))["code"]
    assert _is_asked(browser.authorize(CIS2, max_age="299"))
    assert _is_asked(browser.authorize(CIS2, max_age="0"))
    assert returned(browser.authorize(CIS2, max_age="299", prompt="none"))["error"] == "login_required"


def test_a_stronger_sign_in_is_asked_for(browser: Any, world: Any) -> None:
    """Step-up: a session at AAL2 is not enough for AAL3, and is enough for AAL2 (user-restricted 11.3)."""
    page = browser.authorize(CIS2)
    first = browser.submit(page, -1, username="656005750105", authenticator="TOTP")
    assert returned(first)["code"]
    assert returned(browser.authorize(CIS2, acr_values="AAL2_OR_AAL3_ANY"))["code"]
    assert _is_asked(browser.authorize(CIS2, acr_values="AAL3_ANY"))
    stronger = browser.tokens(CIS2, "656005750105", acr_values="AAL3_ANY")
    assert world.verified(CIS2, stronger["id_token"]).claims["authentication_assurance_level"] == "3"


def test_a_session_ends_without_use(browser: Any, world: Any) -> None:
    """After 30 minutes; each use counts."""
    browser.sign_in(MOCK_CIS2, "656005750104")
    for _ in range(3):
        world.now += 29 * MINUTE
        assert returned(browser.authorize(MOCK_CIS2))["code"]
    world.now += 30 * MINUTE
    assert _is_asked(browser.authorize(MOCK_CIS2))


def test_a_session_ends_after_twelve_hours(browser: Any, world: Any) -> None:
    """However much it is used."""
    browser.sign_in(MOCK_CIS2, "656005750104")
    for _ in range(28):
        world.now += 25 * MINUTE
        assert returned(browser.authorize(MOCK_CIS2))["code"]
    world.now += 20 * MINUTE
    assert _is_asked(browser.authorize(MOCK_CIS2))


def test_a_cookie_planted_before_is_worth_nothing_after(browser: Any, world: Any) -> None:
    """Session fixation: a sign-in makes a new cookie."""
    browser.http.cookies.set("wardgate-session", "planted-by-somebody", domain="gateway.example.nhs.uk", path=MOCK_CIS2.base)
    back = browser.sign_in(MOCK_CIS2, "656005750104")
    assert "planted" not in back.headers["set-cookie"]
    with world.client() as other:
        other.http.cookies.set("wardgate-session", "planted-by-somebody", domain="gateway.example.nhs.uk", path=MOCK_CIS2.base)
        assert _is_asked(other.authorize(MOCK_CIS2))


def test_whoever_planted_a_session_gains_nothing_by_its_persons_next_sign_in(browser: Any, world: Any) -> None:
    """Session fixation with a session that is real: signing in again makes a new cookie, and the one before stays as weak as it was."""
    weak = browser.submit(browser.authorize(CIS2), -1, username="656005750105", authenticator="TOTP")
    planted = browser.http.cookies.get("wardgate-session", path=CIS2.base)
    with world.client() as lured:
        lured.http.cookies.set("wardgate-session", planted, domain="gateway.example.nhs.uk", path=CIS2.base)
        strong = lured.submit(lured.authorize(CIS2, acr_values="AAL3_ANY"), username="656005750105")
        assert f"wardgate-session={planted}" not in strong.headers["set-cookie"]
        assert returned(lured.authorize(CIS2, acr_values="AAL3_ANY"))["code"]
        tokens = lured.token(CIS2, returned(strong)["code"]).json()
    assert _is_asked(browser.authorize(CIS2, acr_values="AAL3_ANY")), "the planted cookie is worth AAL3"
    assert returned(browser.authorize(CIS2, acr_values="AAL2_OR_AAL3_ANY"))["code"]
    first = browser.token(CIS2, returned(weak)["code"]).json()
    assert world.verified(CIS2, tokens["id_token"]).claims["sid"] == world.verified(CIS2, first["id_token"]).claims["sid"]


def test_another_person_ends_the_session_before(browser: Any, world: Any) -> None:
    """The first person's codes and tokens are over, and so is their session."""
    first = browser.tokens(MOCK_CIS2, "656005750104")
    browser.tokens(MOCK_CIS2, "656005750105", prompt="login")
    answer = browser.get(ORIGIN + MOCK_CIS2.base + "/protocol/openid-connect/userinfo", headers={"authorization": f"Bearer {first['access_token']}"})
    assert answer.status_code == 401


def test_a_session_holds_on_every_node(make_world: Any) -> None:
    """Sign in on one node, be recognised and redeem the code on another."""
    one, other = make_world(), make_world()
    with one.client() as browser, other.client() as same:
        page = browser.authorize(MOCK_LOGIN)
        same.http.cookies = browser.http.cookies
        back = same.submit(page, username="9912003071")
        browser.http.cookies = same.http.cookies
        assert browser.token(MOCK_LOGIN, returned(back)["code"]).status_code == 200
        assert returned(browser.authorize(MOCK_LOGIN))["code"]


def test_a_person_who_is_no_longer_known(browser: Any, world: Any) -> None:
    """The manifest changed: the session is worth nothing, nor is a code."""
    code = returned(browser.sign_in(MOCK_CIS2, "656005750104"))["code"]
    world.identities = type(world.identities)(world.identities.providers, world.identities.relying_parties, {})
    assert returned(browser.authorize(MOCK_CIS2))["error"] == "access_denied"
    assert browser.token(MOCK_CIS2, code).json()["error"] == "invalid_grant"
