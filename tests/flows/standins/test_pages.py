"""What pages say: what is shared, in words; problems; and nothing about another site's visitor."""

import re
from typing import Any

import pytest

from flows.standins.cast import CIS2, LOGIN, MOCK_CIS2, ORIGIN, returned
from wardgate.oidc.scopes import NHS_LOGIN_SCOPES
from wardgate.standins.pages import TEMPLATES
from wardgate.standins.shared_details import PARTS, WORDS
from wardgate.standins.steps import NOT_CHOSEN
from wardgate.standins.surfaces import Endpoint

EVERYTHING = "openid profile profile_extended email phone landline gp_registration_details client_metadata delegation"


def _listed(text: str) -> list[str]:
    return re.findall(r"<li>([^<]+)</li>", text)


def test_every_claim_has_words() -> None:
    """A claim that a scope gives is on the consent page, or only says more about one that is."""
    given = {claim for claims, _ in NHS_LOGIN_SCOPES.values() for claim in claims}
    assert given == set(WORDS) | PARTS
    assert not set(WORDS) & PARTS


def test_every_step_says_what_was_not_chosen() -> None:
    """Each page with a choice has its own words for none."""
    assert set(NOT_CHOSEN) == set(TEMPLATES)


@pytest.mark.parametrize(("username", "vtr", "listed"), [
    ("9912003071", None, ["a number that stands for you at this provider", "your NHS number", "your date of birth", "your first name",
                          "your last name", "how well your identity is proved", "your e-mail address", "your mobile phone number",
                          "your landline phone number", "the GP practice you are registered with",
                          "what it has noted about you here before", "the people you may act for"]),
    ("9912003073", '["P0.Cp.Cd"]', ["a number that stands for you at this provider", "how well your identity is proved", "your e-mail address",
                                    "your mobile phone number", "your landline phone number", "what it has noted about you here before",
                                    "the people you may act for"]),
])
def test_what_is_shared_is_what_is_told(browser: Any, username: str, vtr: str | None, listed: list[str]) -> None:
    """By the scopes and by the level of this sign-in, as userinfo tells it (user-restricted 12.6)."""
    assert _listed(browser.sign_in(LOGIN, username, scope=EVERYTHING, vtr=vtr).text) == listed


@pytest.mark.parametrize(("surface", "username", "more", "title"), [
    (LOGIN, "9912003071", {}, "Share your details"), (LOGIN, "9912003072", {}, "Prove who you are"),
    (CIS2, "656005750104", {"scope": "openid selectedrole"}, "Choose a role"),
])
def test_a_choice_that_was_not_offered(browser: Any, surface: Any, username: str, more: dict[str, str], title: str) -> None:
    """400: the same page, its title and a summary say so, and the right choice still goes on."""
    page = browser.sign_in(surface, username, **more)
    again = browser.submit(page, choice="another")
    assert again.status_code == 400
    assert f"<title>Error: {title} - Wardgate stand-in for {surface.label}</title>" in again.text
    assert re.search(r'<div class="nhsuk-error-summary" data-module="nhsuk-error-summary"[^>]* tabindex="-1" autofocus>', again.text)
    target = re.search(r'<a href="#([^"]+)">\s*Choose', again.text)
    assert target is not None
    assert f'id="{target[1]}"' in again.text


def test_a_search_is_kept_when_nothing_is_chosen(browser: Any) -> None:
    """The form of what was found posts to an address with the search in it."""
    page = browser.sign_in(CIS2, "656005750106", scope="openid selectedrole")
    code = re.search(r"session_code=([^\"&]+)", page.text)
    assert code is not None
    found = browser.get(f"{ORIGIN}{CIS2.base}/login-actions/role", params={"session_code": code[1], "q": "nurse & access"})
    assert 'value="nurse &amp; access"' in found.text
    found = browser.get(f"{ORIGIN}{CIS2.base}/login-actions/role", params={"session_code": code[1], "q": "nurse"})
    again = browser.submit(found, -1)
    assert again.status_code == 400
    assert again.text.count('name="choice" type="radio"') == 1


def test_a_sign_out_that_comes_without_the_cookie_takes_none_away(browser: Any, world: Any) -> None:
    """Another site's form is sent without it; only with it the browser is told to forget it."""
    returned(browser.sign_in(MOCK_CIS2, "656005750104"))
    logout = MOCK_CIS2.url(ORIGIN, Endpoint.LOGOUT)
    with world.client() as elsewhere:
        assert "set-cookie" not in elsewhere.post(logout, data={"choice": "sign-out"}).headers
    page = browser.get(logout)
    assert "You are signed in as Amara Osei." in page.text
    assert browser.submit(page, choice="sign-out").headers["set-cookie"].startswith('wardgate-session=""')
