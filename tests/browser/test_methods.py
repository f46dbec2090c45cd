"""Proving who somebody is, in Chromium: password and one-time code, passkey. The level of the token follows from what was proved."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from browser.browsing import agrees
from wardgate.jose import UnverifiedJWT

DEMO_PASSWORD = "not a real password"
PLATFORM_AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def _claims(visit: Any) -> dict[str, Any]:
    """Return the claims of the provider's ID token, which the authorisation server has verified at the exchange."""
    found: dict[str, Any] = dict(UnverifiedJWT.parse(visit.id_token).claims)
    return found


def _chooses(page: Page, way: str) -> None:
    page.get_by_role("link", name=f"Sign in with {way}", exact=True).click()


def _enters_password(page: Page, username: str, password: str) -> None:
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_label("Password").press("Enter")


def _code(application: Any, username: str) -> str:
    return str(application.wardgate.done("user", "totp", username)["code"])


# --- password and one-time code

@pytest.mark.parametrize("scripts", [True, False], ids=["", "without-scripts"])
def test_a_password_and_a_code(application: Any, open_page: Callable[..., Page], scripts: bool) -> None:
    """A worker at AAL2, after one mistake in each; the token opens what AAL2 opens, and nothing of AAL3."""
    username = "656005750109" if scripts else "656005750105"
    page = open_page(java_script_enabled=scripts)
    page.goto(application.address("cis2-separate", scope="openid", acr_values="AAL2_TOTP"))
    _chooses(page, "a password")
    expect(page).to_have_title("Sign in with a password - Wardgate stand-in for NHS CIS2")
    _enters_password(page, username, "a wrong password")
    expect(page).to_have_title("Error: Sign in with a password - Wardgate stand-in for NHS CIS2")
    expect(page.locator(".nhsuk-error-summary")).to_be_focused()
    expect(page.get_by_label("Password")).to_have_value("")
    _enters_password(page, username, DEMO_PASSWORD)
    expect(page).to_have_title("Enter your one-time code - Wardgate stand-in for NHS CIS2")
    field = page.get_by_label("One-time code")
    expect(field).to_have_attribute("autocomplete", "one-time-code")
    field.fill("12345")
    field.press("Enter")
    expect(page).to_have_title("Error: Enter your one-time code - Wardgate stand-in for NHS CIS2")
    field.fill(_code(application, username))
    field.press("Enter")
    expect(page).to_have_title("You are signed in")
    visit = application.visit(page.url)
    claims = _claims(visit)
    assert (claims["sub"], claims["amr"], claims["acr"]) == (username, ["TOTP"], "AAL2_TOTP")
    assert application.call(visit, "/user-demo/test-auth/nhs-cis2/aal2").status_code == 200
    assert application.call(visit, "/user-demo/test-auth/nhs-cis2/aal3").status_code == 403


def test_a_patient_with_a_password_and_a_code(application: Any, page: Page) -> None:
    """NHS login calls it `Cp.Cd`; consent is asked after it as after every way to sign in."""
    page.goto(application.address("login-separate", vtr='["P9.Cp.Cd"]'))
    _chooses(page, "a password")
    _enters_password(page, "9912003071", DEMO_PASSWORD)
    page.get_by_label("One-time code").fill(_code(application, "9912003071"))
    page.get_by_role("button", name="Sign in").click()
    agrees(page)
    expect(page).to_have_title("You are signed in")
    assert _claims(application.visit(page.url))["vot"] == "P9.Cp.Cd"


def test_a_password_field_keeps_to_itself(application: Any, page: Page) -> None:
    """It is masked, named for password managers, and what was typed is in no address."""
    page.goto(application.address("cis2-combined-mock"))
    _chooses(page, "a password")
    field = page.get_by_label("Password")
    expect(field).to_have_attribute("type", "password")
    expect(field).to_have_attribute("autocomplete", "current-password")
    expect(page.get_by_label("User name")).to_have_attribute("autocomplete", "username")
    _enters_password(page, "656005750112", "a-secret-of-mine")
    expect(page).to_have_title("Error: Sign in with a password - Wardgate stand-in for NHS CIS2")
    assert "a-secret-of-mine" not in page.url + page.content()


# --- passkey

def _with_authenticator(page: Page, **changes: Any) -> tuple[CDPSession, str]:
    """Give the browser a virtual authenticator; return what steers it."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": PLATFORM_AUTHENTICATOR | changes})
    return session, made["authenticatorId"]


def _registers(page: Page, username: str) -> None:
    page.get_by_role("link", name="Register a new passkey").click()
    page.get_by_label("User name").fill(username)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Name of the passkey").fill("Browser test")
    page.get_by_role("button", name="Register a passkey").click()
    expect(page.get_by_text("The passkey is registered.")).to_be_visible()


@pytest.mark.parametrize("transport", ["internal", "usb"])
def test_a_passkey(application: Any, page: Page, transport: str) -> None:
    """Registered, then used: AAL3 by FIDO2. The next time the browser knows whose it is, and nobody types a name."""
    session, authenticator = _with_authenticator(page, transport=transport)
    page.goto(application.address("cis2-separate", scope="openid", acr_values="AAL3_FIDO2"))
    _chooses(page, "a passkey or security key")
    expect(page).to_have_title("Sign in with a passkey - Wardgate stand-in for NHS CIS2")
    _registers(page, "656005750105")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_title("You are signed in")
    claims = _claims(application.visit(page.url))
    assert (claims["sub"], claims["amr"], claims["acr"]) == ("656005750105", ["FIDO2"], "AAL3_FIDO2")
    (credential,) = session.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})["credentials"]
    assert (credential["rpId"], credential["isResidentCredential"]) == ("localhost", True)

    page.goto(application.address("cis2-combined", prompt="login"))
    if "Sign in - " in page.title():
        _chooses(page, "a passkey or security key")
        page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_title("You are signed in")
    answer = application.call(application.visit(page.url), "/user-demo/test-auth/nhs-cis2/aal3")
    assert answer.status_code == 200, answer.text


def test_a_patient_with_a_passkey(application: Any, page: Page) -> None:
    """NHS login calls it `Cm`."""
    _with_authenticator(page)
    page.goto(application.address("login-separate", vtr='["P9.Cm"]'))
    _chooses(page, "a passkey or security key")
    _registers(page, "9912003071")
    page.get_by_role("button", name="Sign in with a passkey").click()
    agrees(page)
    expect(page).to_have_title("You are signed in")
    assert _claims(application.visit(page.url))["vot"] == "P9.Cm"


def test_no_passkey_that_fits(application: Any, page: Page) -> None:
    """What the browser cannot do is said on the page, to screen readers too, and another way is a link away."""
    session, authenticator = _with_authenticator(page)
    session.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})
    page.goto(application.address("cis2-combined"))
    _chooses(page, "a passkey or security key")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert").filter(has_text="No passkey was used")).to_be_visible()
    _chooses(page, "one click")
    expect(page).to_have_title("Sign in - Wardgate stand-in for NHS CIS2")


def test_a_passkey_without_scripts(application: Any, open_page: Callable[..., Page]) -> None:
    """The page says that it needs a script, shows no button that does nothing, and the other ways work."""
    page = open_page(java_script_enabled=False)
    page.goto(application.address("cis2-combined"))
    _chooses(page, "a passkey or security key")
    expect(page.get_by_text("This page needs JavaScript.")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)
    _chooses(page, "one click")
    page.get_by_role("button", name="Sign in as Amara Osei").click()
    expect(page).to_have_title("You are signed in")
