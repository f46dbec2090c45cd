"""Every page in every state: axe-core finds nothing (WCAG 2.2 A and AA, and best practice), and it fits a screen of 320 pixels.

A journey walks through states of pages; `look` examines one. That the journeys see every page there is is a test of its own.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

import wardgate.standins
from browser.browsing import signs_in_as
from browser.client_application import CIS2, LOGIN

TEMPLATES: Final = Path(wardgate.standins.__file__).parent / "templates"
PARTS: Final = frozenset({"layout.jinja", "other_ways.jinja", "passkey_messages.jinja"})
"""Templates that are no page."""
RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
NARROW, WIDE = {"width": 320, "height": 640}, {"width": 1000, "height": 800}
"""WCAG 1.4.10: nothing is scrolled sideways at 320 CSS pixels."""


@dataclass
class Looking:
    """One page on its way through states."""

    page: Page
    application: Any
    problems: list[str]

    def goes(self, flow: str, **parameters: str) -> None:
        """Begin to sign in."""
        self.page.goto(self.application.address(flow, **parameters))

    def look(self, template: str, *, wrong: bool = False) -> None:
        """Examine the page as it is, which must be the one that a template makes, with or without a problem."""
        title = re.search(r"{% block title %}(.*?){% endblock %}", (TEMPLATES / template).read_text())
        assert title is not None
        expect(self.page).to_have_title(re.compile(f"^{'Error: ' if wrong else ''}{re.escape(title[1])} - Wardgate stand-in for NHS "))
        self.page.wait_for_load_state("load")  # the title is there before the style sheets are
        self.page.set_viewport_size(WIDE)  # type: ignore[arg-type]
        found = Axe().run(self.page, options={"runOnly": list(RULES), "resultTypes": ["violations"]}).response
        assert len(found["passes"]) > 10
        self.problems += [f"{template}: {one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes']]}" for one in found["violations"]]
        self.page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        width = self.page.evaluate("document.documentElement.scrollWidth")
        if width > NARROW["width"]:
            self.problems.append(f"{template}: {width} pixels wide")
        self.page.set_viewport_size(WIDE)  # type: ignore[arg-type]


def worker(looking: Looking) -> None:
    """A worker's sign-in, with every mistake on the way, then signing out."""
    page = looking.page
    looking.goes("cis2-separate")
    looking.look("sign_in.jinja")
    page.get_by_label("User name", exact=True).fill("nobody")
    page.get_by_role("button", name="Sign in", exact=True).click()
    looking.look("sign_in.jinja", wrong=True)
    page.get_by_label("Find a person").fill("nobody at all")
    page.get_by_role("button", name="Find", exact=True).click()
    looking.look("sign_in.jinja")
    page.get_by_role("link", name="Show everybody").click()
    page.get_by_text("Pretend another level").click()
    page.get_by_role("button", name="Sign in this way").click()
    looking.look("sign_in.jinja", wrong=True)
    signs_in_as(page, "Chiara Lindqvist")
    looking.look("role.jinja")
    page.get_by_role("button", name="Continue").click()
    looking.look("role.jinja", wrong=True)
    page.get_by_label("Find a role").fill("astronaut")
    page.get_by_role("button", name="Find").click()
    looking.look("role.jinja")
    page.get_by_role("link", name="Sign in as somebody else").click()
    signs_in_as(page, "Amara Osei")
    page.get_by_label("Clinical Practitioner").check()
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_title("You are signed in")
    page.goto(f"{looking.application.wardgate.url}{CIS2}/connect/endSession")
    looking.look("sign_out.jinja")
    page.get_by_role("button", name="Sign out").click()
    looking.look("signed_out.jinja")


def patient(looking: Looking) -> None:
    """A patient's sign-in: the picker, an identity check, consent."""
    page = looking.page
    looking.goes("login-separate")
    looking.look("sign_in.jinja")
    page.get_by_text("Pretend another level").click()
    looking.look("sign_in.jinja")
    signs_in_as(page, "Oskar EXAMPLE")
    looking.look("identity_check.jinja")
    page.get_by_role("button", name="The check is passed").click()
    looking.look("consent.jinja")


def password(looking: Looking) -> None:
    """Password and one-time code, each once wrong."""
    page = looking.page
    looking.goes("cis2-separate", scope="openid", acr_values="AAL2_TOTP")
    page.get_by_role("link", name="Sign in with a password").click()
    looking.look("password.jinja")
    page.get_by_role("button", name="Continue").click()
    looking.look("password.jinja", wrong=True)
    page.get_by_label("User name").fill("656005750109")
    page.get_by_label("Password").fill("not a real password")
    page.get_by_role("button", name="Continue").click()
    looking.look("one_time_code.jinja")
    page.get_by_role("button", name="Sign in").click()
    looking.look("one_time_code.jinja", wrong=True)


def passkey(looking: Looking) -> None:
    """A passkey: none that fits, one of nobody, registering one for nobody and for somebody."""
    page = looking.page
    looking.goes("cis2-combined")
    page.get_by_role("link", name="Sign in with a passkey").click()
    looking.look("passkey.jinja")
    page.locator("#passkey-cancelled").evaluate("element => { element.hidden = false; }")
    looking.look("passkey.jinja")
    for name in ("nobody", "656005750105"):
        page.get_by_label("User name").fill(name)
        page.get_by_role("button", name="Continue").click()
        looking.look("passkey.jinja", wrong=name == "nobody")
    page.get_by_role("link", name="Register a new passkey").click()
    looking.look("passkey_register.jinja")
    page.get_by_role("link", name="Choose somebody else").click()
    looking.look("passkey_register.jinja")
    page.get_by_label("User name").fill("nobody")
    page.get_by_role("button", name="Continue").click()
    looking.look("passkey_register.jinja", wrong=True)


def address_without_a_name(looking: Looking) -> None:
    """A passkey at a network address: it is not offered there, and whoever asks for it nevertheless is told why."""
    page = looking.page
    page.goto(f"http://127.0.0.1:{looking.application.wardgate.http_port}{CIS2}/authorize?{looking.application.request('cis2-separate')}")
    expect(page.get_by_role("link", name="Sign in with a passkey")).to_have_count(0)
    action = page.locator("#kc-form-login").get_attribute("action")
    page.goto(f"{action}&method=passkey")
    looking.look("passkey_unavailable.jinja")


def smartcard(looking: Looking) -> None:
    """A smartcard, and none."""
    page = looking.page
    looking.goes("cis2-combined")
    page.get_by_role("link", name="Sign in with a smartcard").click()
    looking.look("smartcard.jinja")
    address = page.url
    page.get_by_text("Present your smartcard").click()
    looking.look("smartcard_refused.jinja")
    page.goto(f"{address}&proof=over")
    looking.look("smartcard.jinja", wrong=True)


def refused(looking: Looking) -> None:
    """Requests that cannot go on, at either provider and at a mock realm."""
    here = looking.application.wardgate.url
    for path in (f"{CIS2}/authorize?client_id=nobody", f"{LOGIN}/login-actions/authenticate?session_code=over",
                 "/realms/Cis2-mock-internal-dev/protocol/openid-connect/auth"):
        looking.page.goto(here + path)
        looking.look("refused.jinja")


JOURNEYS: Final[Mapping[str, tuple[Callable[[Looking], None], frozenset[str]]]] = {
    "worker": (worker, frozenset({"sign_in.jinja", "role.jinja", "sign_out.jinja", "signed_out.jinja"})),
    "patient": (patient, frozenset({"sign_in.jinja", "identity_check.jinja", "consent.jinja"})),
    "password": (password, frozenset({"password.jinja", "one_time_code.jinja"})),
    "passkey": (passkey, frozenset({"passkey.jinja", "passkey_register.jinja"})),
    "address": (address_without_a_name, frozenset({"passkey_unavailable.jinja"})),
    "smartcard": (smartcard, frozenset({"smartcard.jinja", "smartcard_refused.jinja"})),
    "refused": (refused, frozenset({"refused.jinja"})),
}
"""Each journey, and the templates of the pages it looks at."""


def test_the_journeys_see_every_page() -> None:
    """A page that nobody looks at has its name here."""
    seen = frozenset().union(*(templates for _, templates in JOURNEYS.values()))
    assert {path.name for path in TEMPLATES.glob("*.jinja")} - PARTS == seen


@pytest.mark.parametrize("name", JOURNEYS)
def test_a_journey(application: Any, page: Page, name: str) -> None:
    """Nothing is found on any page on the way, and every page that is promised is on the way."""
    journey, templates = JOURNEYS[name]
    seen: set[str] = set()

    class Noting(Looking):
        def look(self, template: str, *, wrong: bool = False) -> None:
            seen.add(template)
            super().look(template, wrong=wrong)

    looking = Noting(page, application, [])
    journey(looking)
    assert looking.problems == []
    assert seen == templates
