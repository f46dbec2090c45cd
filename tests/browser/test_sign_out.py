"""Signing out in Chromium: asked on the provider's page, or begun by the application; and what ends with it."""

import time
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from browser.browsing import signs_in_as
from browser.client_application import CIS2, NAME

LOGOUT = {
    "cis2-combined": f"{CIS2}/connect/endSession",
    "cis2-combined-mock": "/realms/Cis2-mock-internal-dev/protocol/openid-connect/logout",
}
WORKER = "Amara Osei"


@pytest.mark.parametrize("flow", LOGOUT)
def test_a_person_signs_out_at_the_provider(application: Any, page: Page, until: Any, flow: str) -> None:
    """The page names the person and asks; then the gateway refuses the access token, and the refresh token is dead."""
    page.goto(application.address(flow))
    signs_in_as(page, WORKER)
    expect(page).to_have_title("You are signed in")
    visit = application.visit(page.url)
    call = lambda: application.call(visit, "/user-demo/echo/worker")  # noqa: E731 - asked twice, here only
    assert call().status_code == 200
    page.goto(application.wardgate.url + LOGOUT[flow])
    expect(page).to_have_title("Sign out - Wardgate stand-in for NHS CIS2")
    expect(page.get_by_text(f"You are signed in as {WORKER}.")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    pressed = time.monotonic()
    refused = until(lambda: answer if (answer := call()).status_code == 401 else None, what="the end of the access token")
    print(f"refused {time.monotonic() - pressed:.2f} s after the page")  # a second on a quiet machine; five on a busy one
    expect(page).to_have_title("You are signed out - Wardgate stand-in for NHS CIS2")
    assert refused.json()["fault"]["faultstring"] == "Access Token not approved"
    page.goto(application.address(flow))
    expect(page).to_have_title("Sign in - Wardgate stand-in for NHS CIS2")


def _logout(application: Any, **parameters: str) -> str:
    asked = {"client_id": f"{NAME}-cis2", "post_logout_redirect_uri": f"{application.url}/signed-out", "state": "s-1"}
    return f"{application.wardgate.url}{CIS2}/connect/endSession?{urlencode(asked | parameters)}"


def test_the_application_signs_a_person_out(application: Any, page: Page) -> None:
    """With the ID token nobody is asked, and the person is back at the application (RP-Initiated Logout section 2)."""
    page.goto(application.address("cis2-separate", scope="openid"))
    signs_in_as(page, WORKER)
    expect(page).to_have_title("You are signed in")
    page.goto(_logout(application, id_token_hint=application.visit(page.url).id_token))
    expect(page).to_have_title("You are back from signing out")
    assert page.url == f"{application.url}/signed-out?state=s-1"
    page.goto(application.address("cis2-separate", scope="openid"))
    expect(page).to_have_title("Sign in - Wardgate stand-in for NHS CIS2")


def test_without_the_id_token_the_person_is_asked(application: Any, page: Page) -> None:
    """Then the button leads back to the application, on another origin."""
    page.goto(application.address("cis2-separate", scope="openid"))
    signs_in_as(page, WORKER)
    expect(page).to_have_title("You are signed in")
    page.goto(_logout(application))
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_title("You are back from signing out")


def test_an_address_that_is_not_registered(application: Any, page: Page) -> None:
    """Nobody is sent there, signed in or not."""
    page.goto(_logout(application, post_logout_redirect_uri="http://127.0.0.1:9/elsewhere"))
    expect(page).to_have_title("Error: The request cannot go on - Wardgate stand-in for NHS CIS2")
