"""Signing in with a password, and the one-time code after it: what is proved, what is told, and what is not."""

import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from standins_cast import CIS2, LOGIN, MOCK_CIS2, MOCK_LOGIN, forms, returned

from wardgate.audit import EventType
from wardgate.audit.model import Personal
from wardgate.identities.one_time_code import code_of, key_of, step_at
from wardgate.keystores.client_secrets import USERS, stated_secret
from wardgate.standins.surfaces import Surface

PASSWORD = "not a real password"  # noqa: S105 - of everybody who has one in the demo
WORKER, DOCTOR, PLAIN = "656005750109", "656005750105", "656005750110"
PATIENT, PLAIN_PATIENT = "9912003071", "9912003073"
WRONG = "The user name or the password is wrong."


def code(world: Any, username: str, ahead: int = 0) -> str:
    """The code that somebody's app shows now, or so many steps later."""
    secret = stated_secret(world.stores.values, USERS, username)
    assert secret is not None
    return code_of(key_of(secret), step_at(world.now) + ahead)


def begin(browser: Any, surface: Surface, **changes: str | None) -> httpx2.Response:
    """Follow the link of the first page to the page for a password."""
    page = browser.authorize(surface, **changes)
    link = re.search(r'href="([^"]*method=password)"', page.text)
    assert link is not None, page.text
    answer: httpx2.Response = browser.get(link[1].replace("&amp;", "&"))
    assert answer.status_code == 200
    return answer


def give(browser: Any, page: httpx2.Response, username: str, password: str = PASSWORD) -> httpx2.Response:
    """Send user name and password."""
    answer: httpx2.Response = browser.submit(page, username=username, password=password)
    return answer


def claims_of(world: Any, browser: Any, surface: Surface, back: httpx2.Response) -> Any:
    """The claims of the ID token that the code of a redirect gives."""
    return world.verified(surface, browser.token(surface, returned(back)["code"]).json()["id_token"]).claims


def test_password_and_code_are_aal2(browser: Any, world: Any) -> None:
    """Two pages without a script; `amr`, `acr` and the level follow from what was proved (user-restricted 11.3)."""
    page = give(browser, begin(browser, CIS2), WORKER)
    assert page.status_code == 200
    assert "Enter your one-time code" in page.text
    assert "<script" not in page.text
    world.now += timedelta(seconds=7)
    back = browser.submit(page, code=code(world, WORKER))
    claims = claims_of(world, browser, CIS2, back)
    assert (claims["sub"], claims["amr"], claims["acr"]) == (WORKER, ["TOTP"], "AAL2_TOTP")
    assert (claims["authentication_assurance_level"], claims["auth_time"]) == ("2", int(world.now.timestamp()))
