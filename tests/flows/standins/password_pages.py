"""The people who have passwords in the demo, and what a browser does on the pages that ask for them."""

import re
from typing import Any

import httpx2

from wardgate.identities.one_time_code import code_of, key_of, step_at
from wardgate.keystores.client_secrets import USERS, stated_secret
from wardgate.standins.surfaces import Surface

PASSWORD = "not a real password"
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
