"""Signing in with one click in Chromium: from an application, through the pages, and back, until a protected route answers."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from browser.browsing import agrees, signs_in_as

ECHO = {"cis2": "/user-demo/echo/worker", "login": "/user-demo/echo/patient"}
WORKER, PATIENT = "Amara Osei", "Nia EXAMPLE"
IDENTITY = {"cis2": ("nhsd-identity-uuid", "656005750104"), "login": ("nhsd-nhslogin-user", "P9:9912003071")}


@pytest.mark.parametrize("flow", ["cis2-combined", "cis2-combined-mock", "cis2-separate", "login-combined", "login-separate"])
@pytest.mark.parametrize("scripts", [True, False], ids=["", "without-scripts"])
def test_somebody_signs_in(application: Any, open_page: Callable[..., Page], flow: str, scripts: bool) -> None:
    """Each pattern with each provider, with scripts and without: the backend learns who it is."""
    page, kind = open_page(java_script_enabled=scripts), flow.partition("-")[0]
    page.goto(application.address(flow))
    expect(page).to_have_title(f"Sign in - Wardgate stand-in for {'NHS CIS2' if kind == 'cis2' else 'NHS login'}")
    signs_in_as(page, WORKER if kind == "cis2" else PATIENT)
    if flow == "cis2-separate":
        page.get_by_label("Clinical Practitioner Access Role, Example Pathology Service").check()
        page.get_by_role("button", name="Continue").click()
    if kind == "login":
        agrees(page)
    expect(page).to_have_title("You are signed in")
    answer = application.call(application.visit(page.url), ECHO[kind])
    assert answer.status_code == 200, answer.text
    header, value = IDENTITY[kind]
    assert answer.json()["headers"][header] == value


def test_the_role_that_is_chosen_reaches_the_backend(application: Any, page: Page) -> None:
    """Seven roles and a search: found, chosen, told in the ID token, exchanged, and acted in."""
    page.goto(application.address("cis2-separate"))
    signs_in_as(page, "Chiara Lindqvist")
    expect(page).to_have_title("Choose a role - Wardgate stand-in for NHS CIS2")
    expect(page.get_by_role("radio")).to_have_count(7)
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_title("Error: Choose a role - Wardgate stand-in for NHS CIS2")
    expect(page.locator(".nhsuk-error-summary")).to_be_focused()
    page.get_by_role("link", name="Choose a role").click()
    expect(page.get_by_role("radio").first).to_be_focused()
    page.get_by_label("Find a role").fill("receptionist z9x02")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("radio")).to_have_count(1)
    page.get_by_label("Receptionist, Example Pathology Service").check()
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_title("You are signed in")
    visit = application.visit(page.url)
    assert application.call(visit, "/user-demo/echo/role").json()["headers"]["nhsd-session-urid"] == "555254243005"


def test_a_person_turns_back_and_somebody_else_signs_in(application: Any, page: Page) -> None:
    """From the list of roles a link leads back; the second person is the one who arrives."""
    page.goto(application.address("cis2-separate"))
    signs_in_as(page, WORKER)
    page.get_by_role("link", name="Sign in as somebody else").click()
    page.get_by_label("Find a person").fill("petrov")
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.get_by_text("1 person is found.")).to_be_visible()
    signs_in_as(page, "Kirra Petrov")
    expect(page).to_have_title("You are signed in")
    visit = application.visit(page.url)
    assert application.call(visit, ECHO["cis2"]).json()["headers"]["nhsd-identity-uuid"] == "656005750111"


def test_the_browser_stays_signed_in(application: Any, page: Page) -> None:
    """The second sign-in asks nothing; `prompt=login` asks again."""
    for asks, added in ((True, {}), (False, {}), (True, {"prompt": "login"})):
        page.goto(application.address("cis2-separate", scope="openid", **added))
        if asks:
            signs_in_as(page, WORKER)
        expect(page).to_have_title("You are signed in")


@pytest.mark.parametrize("flow", ["login-combined", "login-separate"])
def test_consent_refused(application: Any, page: Page, flow: str) -> None:
    """What is shared is listed in words; refused, the application is told why, and gets nothing."""
    page.goto(application.address(flow))
    signs_in_as(page, PATIENT)
    expect(page.get_by_role("heading", level=1)).to_have_text(
        f"Share your details with {'Wardgate' if flow == 'login-combined' else 'Browser test application'}?")
    listed = page.get_by_role("main").get_by_role("listitem").all_inner_texts()
    assert listed[:4] == ["a number that stands for you at this provider", "your NHS number", "your date of birth", "your last name"]
    assert ("your e-mail address" in listed) == (flow == "login-separate")
    page.get_by_role("button", name="I do not agree").click()
    expect(page).to_have_title("You are not signed in")
    visit = application.visit(page.url)
    assert visit.error == ("access_denied", "ConsentNotGiven")
    assert visit.tokens == {}


@pytest.mark.parametrize(("button", "level"), [("The check is passed", "P9"), ("The check fails", None)])
def test_an_identity_check(application: Any, page: Page, button: str, level: str | None) -> None:
    """Somebody proved to P5 is asked for more; passed, the token is one of P9; failed, the application is told."""
    page.goto(application.address("login-combined"))
    signs_in_as(page, "Oskar EXAMPLE")
    expect(page.get_by_text("needs an identity proved to level P9")).to_be_visible()
    page.get_by_role("button", name=button).click()
    if level is None:
        expect(page).to_have_title("You are not signed in")
        assert application.visit(page.url).error == ("access_denied", "The identity check was not passed")
        return
    agrees(page)
    expect(page).to_have_title("You are signed in")
    answer = application.call(application.visit(page.url), "/user-demo/test-auth/nhs-login/P9")
    assert answer.status_code == 200


def test_a_name_of_nobody(application: Any, page: Page) -> None:
    """The problem is said in the title, in a summary that has the focus, and at the field the summary leads to."""
    page.goto(application.address("cis2-combined"))
    page.get_by_label("User name", exact=True).fill("nobody")
    page.get_by_label("User name", exact=True).press("Enter")
    expect(page).to_have_title("Error: Sign in - Wardgate stand-in for NHS CIS2")
    expect(page.locator(".nhsuk-error-summary")).to_be_focused()
    page.get_by_role("link", name="There is nobody of this user name here").click()
    field = page.get_by_label("User name", exact=True)
    expect(field).to_be_focused()
    expect(field).to_have_value("nobody")
    expect(field).to_have_accessible_description("The 12-digit identifier of a healthcare worker on the list below "
                                                 "Error: There is nobody of this user name here. Choose one of the people listed below.")
    field.fill("656005750104")
    field.press("Enter")
    expect(page).to_have_title("You are signed in")


def test_what_a_tester_pretends(application: Any, page: Page) -> None:
    """An authenticator is chosen, and the level of the token follows; a wrong name keeps what was chosen."""
    page.goto(application.address("cis2-combined-mock"))
    page.get_by_text("Pretend another level").click()
    page.get_by_label("User name of the person").fill("nobody")
    page.get_by_label("Authenticator").select_option("TOTP")
    page.get_by_role("button", name="Sign in this way").click()
    page.get_by_role("link", name="There is nobody of this user name here").click()
    expect(page.get_by_label("User name of the person")).to_be_focused()
    expect(page.get_by_label("Authenticator")).to_have_value("TOTP")
    page.get_by_label("User name of the person").fill("656005750104")
    page.get_by_role("button", name="Sign in this way").click()
    expect(page).to_have_title("You are signed in")
    visit = application.visit(page.url)
    assert application.call(visit, "/user-demo/test-auth/nhs-cis2/aal2").status_code == 200
    assert application.call(visit, "/user-demo/test-auth/nhs-cis2/aal3").status_code == 403
