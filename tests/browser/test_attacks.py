"""What other sites and other people try, as a real browser does it: its own cookie rules, framing rules and form rules are in play."""

import http.server
import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from browser.browsing import signs_in_as
from browser.client_application import CIS2, serving

WORKER = "Amara Osei"
SIGN_IN_PAGE = "Sign in - Wardgate stand-in for NHS CIS2"
REFUSED_PAGE = "Error: The request cannot go on - Wardgate stand-in for NHS CIS2"


class EvilSite:
    """A site of somebody else, which shows what it is given."""

    def __init__(self) -> None:
        self.html = ""
        self.url = ""

    def shows(self, html: str) -> str:
        """Show this page from now on; return its address."""
        self.html = f'<!DOCTYPE html><html lang="en"><link rel="icon" href="data:,"><title>Evil</title>{html}'
        return self.url

    def posts(self, action: str, **fields: str) -> str:
        """Show a page with a form; return its address."""
        hidden = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in fields.items())
        return self.shows(f'<form method="post" action="{action}">{hidden}<button>Win a prize</button></form>')


@pytest.fixture
def evil() -> Iterator[EvilSite]:
    """The site, on 127.0.0.1: to a browser another site than localhost."""
    site = EvilSite()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = site.html.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with serving(Handler) as url:
        site.url = url
        yield site


def _signed_in(application: Any, page: Page) -> None:
    page.goto(application.address("cis2-separate", scope="openid"))
    signs_in_as(page, WORKER)
    expect(page).to_have_title("You are signed in")


def _cookie(page: Page, name: str) -> dict[str, Any] | None:
    return next((dict(one) for one in page.context.cookies() if one["name"] == name), None)


def _way_back(application: Any) -> str:
    """Sign somebody in up to the address at which the provider sends them back to the authorisation server, and stop there."""
    with application.wardgate.client() as attacker:
        shown = attacker.get(application.begin("cis2-combined", {})[0], follow_redirects=True)
        action = re.search(r'<form id="kc-form-login" action="([^"]*)"', shown.text)
        assert action is not None
        answer = attacker.post(unescape(action[1]), data={"username": "656005750104"})
        return str(answer.headers["location"])


def test_a_planted_session_cookie_is_worth_nothing(application: Any, open_page: Callable[..., Page]) -> None:
    """Fixation: after the sign-in the cookie is another one, and whoever planted the first is asked to sign in."""
    planted = {"name": "wardgate-session", "value": "planted-" + "x" * 32, "domain": "localhost", "path": CIS2, "httpOnly": True,
               "secure": True, "sameSite": "Lax"}
    victim, attacker = open_page(), open_page()
    for page in (victim, attacker):
        page.context.add_cookies([planted])  # type: ignore[list-item]
    _signed_in(application, victim)
    cookie = _cookie(victim, "wardgate-session")
    assert cookie is not None
    assert cookie["value"] != planted["value"]
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"], cookie["path"]) == (True, True, "Lax", CIS2)
    attacker.goto(application.address("cis2-separate", scope="openid"))
    expect(attacker).to_have_title(SIGN_IN_PAGE)


def test_scripts_see_no_cookie(application: Any, page: Page) -> None:
    """Not even one of the page's own."""
    page.goto(application.address("cis2-combined"))
    assert _cookie(page, "wardgate-browser") is not None
    assert page.evaluate("document.cookie") == ""


def test_a_sign_in_begun_by_somebody_else_cannot_be_finished(application: Any, open_page: Callable[..., Page]) -> None:
    """Login CSRF: neither the address of the attacker's sign-in page nor that of their way back works in another browser."""
    attacker, victim = open_page(), open_page()
    attacker.goto(application.address("cis2-combined"))
    victim.goto(attacker.locator("#kc-form-login").get_attribute("action") or "")
    expect(victim).to_have_title(REFUSED_PAGE)
    victim.goto(_way_back(application))
    expect(victim).to_have_title("This sign-in was not begun in this browser")


def test_another_site_cannot_post_a_sign_in(application: Any, open_page: Callable[..., Page], evil: EvilSite) -> None:
    """Even with the secret address of the person's own sign-in: the browser sends no cookie along."""
    page = open_page()
    page.goto(application.address("cis2-combined"))
    action = page.locator("#kc-form-login").get_attribute("action") or ""
    page.goto(evil.posts(action, username="656005750109"))
    page.get_by_role("button").click()
    expect(page).to_have_title(REFUSED_PAGE)
    expect(page.get_by_text("begun in another browser")).to_be_visible()


def test_another_site_cannot_sign_anybody_out(application: Any, page: Page, evil: EvilSite) -> None:
    """By a form, with or without a guess at the token; by a link the person is asked, and stays signed in."""
    _signed_in(application, page)
    logout = f"{application.wardgate.url}{CIS2}/connect/endSession"
    for csrf in ("", "0" * 64):
        page.goto(evil.posts(logout, choice="sign-out", csrf=csrf))
        page.get_by_role("button").click()
        expect(page).to_have_title("You are signed out - Wardgate stand-in for NHS CIS2")  # so much for whoever sent no cookie
    page.goto(evil.shows(f'<a href="{logout}?choice=sign-out">Win a prize</a>'))
    page.get_by_role("link").click()
    expect(page).to_have_title("Sign out - Wardgate stand-in for NHS CIS2")
    page.goto(application.address("cis2-separate", scope="openid"))
    expect(page).to_have_title("You are signed in")


def test_a_neighbour_on_the_same_host_needs_the_token(application: Any, page: Page, evil: EvilSite) -> None:
    """Another port is the same site, so cookies are sent along; the form's token is what it lacks."""
    here = f"http://localhost:{application.wardgate.http_port}{CIS2}"
    page.goto(f"{here}/authorize?{application.request('cis2-separate', scope='openid')}")
    signs_in_as(page, WORKER)
    expect(page).to_have_title("This sign-in was not begun in this browser")
    neighbour = evil.posts(f"{here}/connect/endSession", choice="sign-out", csrf="0" * 64).replace("127.0.0.1", "localhost")
    page.goto(neighbour)
    page.get_by_role("button").click()
    expect(page).to_have_title("Sign out - Wardgate stand-in for NHS CIS2")
    expect(page.get_by_text(f"You are signed in as {WORKER}.")).to_be_visible()


@pytest.mark.parametrize("path", ["/authorize", "/connect/endSession"])
def test_no_page_is_framed(application: Any, page: Page, evil: EvilSite, watched: Any, path: str) -> None:
    """Click-jacking: the browser refuses to show the page inside another."""
    watched.expected = ("Refused to frame", "Framing 'https://localhost", "Refused to display")
    page.goto(evil.shows(f'<iframe title="Prize" src="{application.wardgate.url}{CIS2}{path}"></iframe>'))
    frame = page.frames[1]
    frame.wait_for_load_state()
    assert "wardgate" not in frame.content().lower()
    assert watched.complaints == []


def test_another_site_cannot_read_a_page(application: Any, page: Page, evil: EvilSite, watched: Any) -> None:
    """A script elsewhere gets nothing of a page, signed in or not: no answer of the stand-ins allows another origin."""
    _signed_in(application, page)
    watched.expected = ("Access to fetch at", "Failed to load resource")
    page.goto(evil.shows("<h1>Evil</h1>"))
    told = page.evaluate(
        "url => fetch(url, {credentials: 'include'}).then(answer => answer.text(), error => error.name)",
        f"{application.wardgate.url}{CIS2}/connect/endSession")
    assert told == "TypeError"


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}", "javascript:alert(1)"])
def test_what_is_typed_is_text(application: Any, page: Page, name: str) -> None:
    """What a person enters comes back as text, in the field and on the page: nothing of it runs or is loaded."""
    page.goto(application.address("cis2-combined"))
    page.get_by_label("User name", exact=True).fill(name)
    page.get_by_label("User name", exact=True).press("Enter")
    expect(page.get_by_label("User name", exact=True)).to_have_value(name)
    page.get_by_label("Find a person").fill(name)
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.get_by_label("Find a person")).to_have_value(name)
    expect(page.locator("main script, main img")).to_have_count(0)
