"""Signing in at a stand-in: the helpers' form, the list, chosen levels, roles, consent, identity checks."""

import re
from datetime import timedelta
from typing import Any

import pytest

from flows.standins.cast import CALLBACK, CIS2, LOGIN, MOCK_CIS2, MOCK_LOGIN, ORIGIN, forms, returned
from wardgate.audit import EventType
from wardgate.audit.model import Personal
from wardgate.standins.methods import METHODS
from wardgate.standins.next_step import QUESTIONS
from wardgate.standins.published import asset_address
from wardgate.standins.surfaces import Endpoint

ROLES = "openid selectedrole"


def test_the_first_form_is_the_one_that_test_helpers_look_for(browser: Any) -> None:
    """One form `kc-form-login` with an absolute action and a `username`, every input with a name and a value (13)."""
    page = browser.authorize(MOCK_CIS2, state=None)
    first = re.search(r"<form\b.*?</form>", page.text, re.DOTALL)
    assert first is not None
    assert 'id="kc-form-login"' in first[0]
    inputs = re.findall(r"<input\b[^>]*>", first[0])
    assert [re.search(r' name="([^"]*)"', one)[1] for one in inputs] == ["username"]  # type: ignore[index]
    assert all(re.search(r' value="', one) for one in inputs)
    assert "password" not in first[0]
    assert forms(page)[0][0].startswith(f"{ORIGIN}{MOCK_CIS2.base}/login-actions/authenticate?session_code=")


def test_one_button_is_enough_at_a_mock_realm(browser: Any, world: Any) -> None:
    """The redirect has code and `session_state`, and the state if there was one (user-restricted 15.1)."""
    back = browser.sign_in(MOCK_CIS2, "656005750104", state=None, nonce=None)
    assert sorted(returned(back)) == ["code", "session_state"]
    assert back.headers["location"].startswith(CALLBACK + "?code=")
    (event,) = world.events
    assert event.type is EventType.STAND_IN_SIGNED_IN
    assert event.details == {"provider": "nhs-cis2", "realm": "/Cis2-mock-internal-dev", "client": "test-client-cis2",
                             "user": Personal("656005750104"), "method": "persona", "sid": returned(back)["session_state"]}


def test_what_each_provider_adds_to_its_response(browser: Any) -> None:
    """CIS2: `iss` and `client_id` (4.3); NHS login: nothing."""
    assert sorted(returned(browser.sign_in(CIS2, "656005750104"))) == ["client_id", "code", "iss", "state"]
    page = browser.sign_in(LOGIN, "9912003071")
    assert sorted(returned(browser.submit(page, choice="agree"))) == ["code", "state"]


@pytest.mark.parametrize("username", ["", "nobody", "9912003071", "656005750104 OR 1=1", "<script>alert(1)</script>", "x" * 300])
def test_a_name_of_nobody_here(browser: Any, username: str) -> None:
    """The page again, with the problem said and what was typed escaped; a patient is nobody at CIS2."""
    answer = browser.sign_in(MOCK_CIS2, username)
    assert answer.status_code == 400
    assert "There is nobody of this user name here." in answer.text
    assert "<title>Error: Sign in" in answer.text
    assert "<script" not in answer.text
    assert returned(browser.submit(answer, username="656005750104"))["code"]


def test_every_page_has_a_strict_policy_and_says_what_it_is(browser: Any) -> None:
    """No script, nothing of another host, never cached, not framed."""
    page = browser.authorize(CIS2)
    assert page.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action https: http:; base-uri 'none'; frame-ancestors 'none'")
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    for text in (page.text, browser.authorize(CIS2, client_id="nobody").text, browser.sign_in(CIS2, "656005750106", scope=ROLES).text):
        assert "This is not NHS CIS2. It is a test provider" in text
        assert "<script" not in text
        assert " style=" not in text
        assert " onclick" not in text
        addresses = {found for found in re.findall(r'(?:href|src)="([^"#]+)', text) if not found.startswith(f"{ORIGIN}{CIS2.base}/")}
        assert addresses == {asset_address(name) for name in ("nhsuk-frontend-10.6.1.min.css", "stand-in.css", "images/stand-in.svg")}


def test_cookies_are_bound_to_the_provider(browser: Any, world: Any) -> None:
    """HttpOnly, SameSite, Secure over TLS, for the provider's path only."""
    page = browser.authorize(MOCK_CIS2)
    back = browser.submit(page, username="656005750104")
    for answer, name in ((page, "wardgate-browser"), (back, "wardgate-session")):
        assert re.fullmatch(rf"{name}=\S+; HttpOnly; Path={MOCK_CIS2.base}; SameSite=lax; Secure", answer.headers["set-cookie"])
    with world.client("http://localhost:8080") as plain:
        assert "Secure" not in plain.authorize(MOCK_CIS2).headers["set-cookie"]


# --- whose sign-in it is

def test_another_browser_cannot_go_on_with_it(browser: Any, world: Any) -> None:
    """A sign-in begun elsewhere is refused: nobody can be made to sign in as somebody else's person (login CSRF)."""
    page = browser.authorize(MOCK_CIS2)
    with world.client() as other:
        other.authorize(MOCK_CIS2)
        answer = other.submit(page, username="656005750104")
        assert answer.status_code == 400
        assert "was begun in another browser" in answer.text
    assert returned(browser.submit(page, username="656005750104"))["code"]


def test_a_sign_in_is_good_once_and_for_a_while(browser: Any, world: Any) -> None:
    """Of two submissions of the last form one goes on; after 15 minutes none."""
    page = browser.authorize(MOCK_CIS2)
    assert returned(browser.submit(page, username="656005750104"))["code"]
    assert browser.submit(page, username="656005750104").status_code == 400
    late = browser.authorize(MOCK_CIS2, prompt="login")
    world.now += timedelta(minutes=15)
    assert browser.submit(late, username="656005750104").status_code == 400


@pytest.mark.parametrize("code", ["", "session_code=", "session_code=unknown", "session_code=" + "x" * 300])
def test_pages_without_a_sign_in(browser: Any, code: str) -> None:
    """Every step's page needs one."""
    for endpoint in (Endpoint.SIGN_IN, Endpoint.ROLE, Endpoint.CONSENT, Endpoint.IDENTITY_CHECK):
        assert browser.get(f"{MOCK_CIS2.url(ORIGIN, endpoint)}?{code}").status_code == 400


def test_a_sign_in_belongs_to_its_provider(browser: Any) -> None:
    """The same code at another realm is nothing."""
    page = browser.authorize(MOCK_CIS2)
    action = forms(page)[0][0].replace("internal-dev/", "ref/", 1)
    assert browser.post(action, data={"username": "656005750104"}).status_code == 400


@pytest.mark.parametrize("csrf", [None, "", "forged"])
def test_every_other_form_needs_its_token(browser: Any, csrf: str | None) -> None:
    """A form with more than the helpers send, a role, a consent: refused without the token that was shown."""
    token = {} if csrf is None else {"csrf": csrf}
    chosen = browser.post(forms(browser.authorize(MOCK_CIS2))[0][0], data={"username": "656005750104", "authenticator": "TOTP", **token})
    role = browser.post(forms(browser.sign_in(MOCK_CIS2, "656005750104", scope=ROLES))[0][0], data={"choice": "656014452101", **token})
    for answer in (chosen, role):
        assert answer.status_code == 403
        assert "not the one that was shown" in answer.text


def test_somebody_of_the_list(browser: Any) -> None:
    """The second form is the list: a button with the user name, and the token."""
    page = browser.authorize(MOCK_CIS2)
    assert 'name="username" value="656005750112"' in page.text
    assert "Lowri Takahashi" in page.text
    assert returned(browser.submit(page, -2, username="656005750112"))["code"]


def test_a_long_list_is_searched(browser: Any, world: Any) -> None:
    """Fifty at a time, found by name, user name or note, without a script."""
    worker = world.identities.users["656005750108"]
    many = {f"70000000{number:04}": worker.model_copy(update={"username": f"70000000{number:04}", "note": f"number {number}"}) for number in range(120)}
    world.identities = type(world.identities)(world.identities.providers, world.identities.relying_parties, many)
    page = browser.authorize(MOCK_CIS2)
    assert page.text.count('name="username" value="7000') == 50
    assert "70 more: use the search." in page.text
    action, hidden = forms(page)[1]
    found = browser.get(action, params=hidden | {"q": "number 119"})
    assert found.text.count('name="username" value="7000') == 1
    assert "Nobody is found." in browser.get(action, params=hidden | {"q": "<nobody>"}).text
    assert returned(browser.submit(found, 2, username="700000000119"))["code"]


# --- how strongly

@pytest.mark.parametrize(("authenticator", "acr", "level"), [
    ("N3_SMARTCARD", "AAL3_N3_SMARTCARD", "3"), ("CIS2_SMARTCARD", "AAL3_CIS2_SMARTCARD", "3"), ("IOS", "AAL3_IOS", "3"),
    ("FIDO2", "AAL3_FIDO2", "3"), ("TOTP", "AAL2_TOTP", "2"), ("NHSMAIL", "AAL2_NHSMAIL", "2"), ("USERPASS", "AAL1_USERPASS", "1")])
def test_a_tester_chooses_the_authenticator(browser: Any, world: Any, authenticator: str, acr: str, level: str) -> None:
    """`amr`, `acr` and the level follow from it (user-restricted 11.3, 15.2)."""
    back = browser.submit(browser.authorize(CIS2), -1, username="656005750104", authenticator=authenticator, identity_assurance_level="2")
    claims = world.verified(CIS2, browser.token(CIS2, returned(back)["code"]).json()["id_token"]).claims
    assert (claims["amr"], claims["acr"], claims["authentication_assurance_level"], claims["id_assurance_level"]) == ([authenticator], acr, level, "2")


@pytest.mark.parametrize(("acr_values", "username", "acr", "amr"), [
    ("AAL2_OR_AAL3_ANY", "656005750109", "AAL2_ANY", "TOTP"), ("AAL2_OR_AAL3_ANY", "656005750104", "AAL3_ANY", "N3_SMARTCARD"),
    ("AAL3_ANY", "656005750105", "AAL3_ANY", "FIDO2"), ("AAL2_ANY", "656005750105", "AAL2_ANY", "TOTP"),
    ("AAL1_USERPASS AAL3_ANY", "656005750105", "AAL1_USERPASS", "USERPASS"), ("unknown", "656005750105", "AAL3_FIDO2", "FIDO2")])
def test_acr_values_choose_among_what_the_person_has(
    browser: Any, world: Any, acr_values: str, username: str, acr: str, amr: str
) -> None:
    """The first preference that the person can meet; the answer names the level used (user-restricted 18, line 20)."""
    claims = world.verified(CIS2, browser.tokens(CIS2, username, acr_values=acr_values)["id_token"]).claims
    assert (claims["acr"], claims["amr"]) == (acr, [amr])


def test_acr_values_that_cannot_be_met(browser: Any) -> None:
    """`access_denied` (15.2), of what the person has or of what the tester chose; a mock realm does not care."""
    expected = {"error": "access_denied", "state": "state-1", "iss": ORIGIN + CIS2.base}
    answer = returned(browser.sign_in(CIS2, "656005750110", acr_values="AAL3_ANY"))
    assert answer == expected | {"error_description": "The user cannot sign in as strongly as acr_values asks for"}
    page = browser.authorize(CIS2, acr_values="AAL3_ANY")
    answer = returned(browser.submit(page, -1, username="656005750104", authenticator="TOTP"))
    assert answer == expected | {"error_description": "The sign-in is not as strong as acr_values asks for"}
    assert "code" in returned(browser.sign_in(MOCK_CIS2, "656005750110", acr_values="AAL3_ANY"))


@pytest.mark.parametrize("field", [{"authenticator": "RETINA"}, {"identity_assurance_level": "9"}, {"method": "magic"}])
def test_what_is_not_offered(browser: Any, field: dict[str, str]) -> None:
    """Refused on the page."""
    assert browser.submit(browser.authorize(CIS2), -1, username="656005750104", **field).status_code == 400


# --- roles (user-restricted 11.7)

def test_the_tables_are_not_empty() -> None:
    """The one-click persona is the first way to sign in; four questions follow it."""
    assert next(iter(METHODS)) == "persona"
    assert len(QUESTIONS) == 4


@pytest.mark.parametrize(("username", "role"), [("Aal3", None), ("656005750108", "555254242106"), ("656005750107", "555254242105")])
def test_no_role_one_role_and_a_role_chosen_at_the_pin_entry(browser: Any, world: Any, username: str, role: str | None) -> None:
    """No claim; chosen by itself; told. Nobody is asked."""
    claims = world.verified(CIS2, browser.tokens(CIS2, username, scope=ROLES)["id_token"]).claims
    assert claims.get("selected_roleid") == role


def test_a_few_roles_are_a_list(browser: Any, world: Any) -> None:
    """Two roles, no search; the one chosen is told, and is not asked again in the session, but after prompt=login."""
    page = browser.sign_in(CIS2, "656005750104", scope=ROLES)
    assert page.status_code == 200
    assert re.findall(r'name="choice" type="radio" value="(\d+)"', page.text) == ["656014452101", "656014452102"]
    assert 'role="search"' not in page.text
    back = browser.submit(page, choice="656014452102")
    code = returned(back)["code"]
    assert world.verified(CIS2, browser.token(CIS2, code).json()["id_token"]).claims["selected_roleid"] == "656014452102"
    again = returned(browser.authorize(CIS2, scope=ROLES))["code"]
    assert world.verified(CIS2, browser.token(CIS2, again).json()["id_token"]).claims["selected_roleid"] == "656014452102"
    assert "Choose a role" in browser.authorize(CIS2, scope="openid changedrole").text
    assert "Choose a role" in browser.sign_in(CIS2, "656005750104", scope=ROLES, prompt="login").text


def test_many_roles_have_a_search(browser: Any) -> None:
    """More than five: a search that works without a script."""
    page = browser.sign_in(CIS2, "656005750106", scope=ROLES)
    assert page.text.count('name="choice"') == 7
    action, hidden = forms(page)[0]
    assert 'role="search"' in page.text
    found = browser.get(action, params=hidden | {"q": "receptionist pathology"})
    assert re.findall(r'name="choice" type="radio" value="(\d+)"', found.text) == ["555254243005"]
    assert "No role is found." in browser.get(action, params=hidden | {"q": "astronaut"}).text
    assert returned(browser.submit(found, 1, choice="555254243005"))["code"]


@pytest.mark.parametrize("fields", [{}, {"choice": ""}, {"choice": "656014452199"}, {"choice": "555254242106"}])
def test_a_role_of_somebody_else(browser: Any, fields: dict[str, str]) -> None:
    """Only one of the list; the page says so."""
    answer = browser.submit(browser.sign_in(CIS2, "656005750104", scope=ROLES), **fields)
    assert answer.status_code == 400
    assert "<title>Error: Choose a role" in answer.text


def test_a_mock_realm_tells_the_role_chosen_at_the_pin_entry_unasked(browser: Any, world: Any) -> None:
    """As the platform's mock user 656005750107 (15.1); the provider's own paths only when a scope asks."""
    assert world.verified(MOCK_CIS2, browser.tokens(MOCK_CIS2, "656005750107")["id_token"]).claims["selected_roleid"] == "555254242105"
    assert "selected_roleid" not in world.verified(CIS2, browser.tokens(CIS2, "656005750107")["id_token"]).claims
    assert "selected_roleid" not in world.verified(MOCK_CIS2, browser.tokens(MOCK_CIS2, "656005750104", prompt="login")["id_token"]).claims


# --- NHS login: consent and identity checks (user-restricted 12.2, 12.3)

def test_consent_is_asked_once_in_a_session(browser: Any) -> None:
    """By client; refused: `access_denied` with `ConsentNotGiven`."""
    page = browser.sign_in(LOGIN, "9912003071")
    assert "Share your details with Example patient application?" in page.text
    refused = returned(browser.submit(page, choice="refuse"))
    assert refused == {"error": "access_denied", "error_description": "ConsentNotGiven", "state": "state-1"}
    assert browser.submit(page, choice="agree").status_code == 400
    page = browser.authorize(LOGIN)
    assert returned(browser.submit(page, choice="agree"))["code"]
    assert returned(browser.authorize(LOGIN))["code"]
    assert "Share your details" in browser.authorize(LOGIN, client_id="test-client-signed-nhs-login").text


def test_consent_decided_beforehand(browser: Any) -> None:
    """By the form that chooses how somebody signs in, at a mock realm too."""
    page = browser.authorize(LOGIN)
    assert returned(browser.submit(page, -1, username="9912003071", consent="given"))["code"]
    page = browser.authorize(MOCK_LOGIN)
    assert returned(browser.submit(page, -1, username="9912003071", consent="refused"))["error_description"] == "ConsentNotGiven"


@pytest.mark.parametrize(("username", "vtr", "proved", "needed"), [
    ("9912003072", None, "P5", "P9"), ("9912003073", None, "P0", "P9"), ("9912003073", '["P5.Cp.Cd","P9.Cm"]', "P0", "P5")])
def test_a_level_that_is_not_reached(browser: Any, world: Any, username: str, vtr: str | None, proved: str, needed: str) -> None:
    """The identity-proving journey: passed gives the level, failed is `access_denied`."""
    page = browser.sign_in(LOGIN, username, vtr=vtr)
    assert f"needs an identity proved to level {needed}." in page.text
    assert f"is proved to level {proved}." in page.text
    assert returned(browser.submit(page, choice="failed")) == {
        "error": "access_denied", "error_description": "The identity check was not passed", "state": "state-1"}
    page = browser.submit(browser.authorize(LOGIN, vtr=vtr, prompt="login"), username=username)
    page = browser.submit(page, choice="passed")
    code = returned(browser.submit(page, choice="agree"))["code"]
    claims = world.verified(LOGIN, browser.token(LOGIN, code).json()["id_token"]).claims
    assert (claims["vot"], claims["identity_proofing_level"]) == (f"{needed}.Cp.Cd", needed)


@pytest.mark.parametrize(("username", "vtr", "vot", "proofing"), [
    ("9912003071", None, "P9.Cp.Cd", "P9"), ("9912003071", '["P5.Cp.Cd"]', "P5.Cp.Cd", "P9"), ("9912003071", '["P0.Cp"]', "P0.Cp.Cd", "P9"),
    ("9912003071", '["Cm"]', "P9.Cm", "P9"), ("9912003072", '["P5.Cp.Cd","P9.Cp.Cd"]', "P5.Cp.Cd", "P5"),
    ("9912003073", '["P0.Cp.Cd"]', "P0.Cp.Cd", "P0")])
def test_vot_is_the_level_of_this_sign_in(browser: Any, world: Any, username: str, vtr: str | None, vot: str, proofing: str) -> None:
    """`identity_proofing_level` is the highest ever reached; a P9 person may sign in to a P5 service (12.3)."""
    page = browser.submit(browser.authorize(LOGIN, vtr=vtr), -1, username=username, consent="given")
    claims = world.verified(LOGIN, browser.token(LOGIN, returned(page)["code"]).json()["id_token"]).claims
    assert (claims["vot"], claims["identity_proofing_level"]) == (vot, proofing)


def test_a_credential_that_vtr_does_not_ask_for(browser: Any) -> None:
    """`access_denied`: the same person with the same credential would fail again."""
    page = browser.authorize(LOGIN, vtr='["P9.Cm"]')
    answer = returned(browser.submit(page, -1, username="9912003071", credential="Cp.Cd"))
    assert answer["error_description"] == "The sign-in is not one of those that vtr asks for"


def test_mock_realms_take_everybody_as_they_are(browser: Any, world: Any) -> None:
    """P5 and P0 without a check, and the NHS number of the P0 user (15.1)."""
    for username, level in (("9912003072", "P5"), ("9912003073", "P0")):
        claims = world.verified(MOCK_LOGIN, browser.tokens(MOCK_LOGIN, username, scope="openid", prompt="login")["id_token"]).claims
        assert (claims["identity_proofing_level"], claims["vot"], claims["nhs_number"]) == (level, f"{level}.Cp.Cd", username)


def test_prompt_none_never_asks(browser: Any) -> None:
    """`login_required`, `consent_required`, `interaction_required`: by what would have been asked."""
    assert returned(browser.authorize(LOGIN, prompt="none"))["error"] == "login_required"
    browser.sign_in(LOGIN, "9912003072", vtr='["P5.Cp.Cd"]')
    assert returned(browser.authorize(LOGIN, prompt="none", vtr='["P5.Cp.Cd"]'))["error"] == "consent_required"
    assert returned(browser.authorize(LOGIN, prompt="none"))["error"] == "interaction_required"
    browser.sign_in(CIS2, "656005750104")
    assert returned(browser.authorize(CIS2, prompt="none", scope=ROLES))["error"] == "interaction_required"
    assert returned(browser.authorize(CIS2, prompt="none"))["code"]
