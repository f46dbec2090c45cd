"""Signing out of a stand-in, and telling the clients (user-restricted 11.8)."""

from typing import Any

import pytest

from flows.standins.cast import CIS2, LOGIN, MOCK_CIS2, ORIGIN, forms, returned
from wardgate.audit import EventType
from wardgate.standins.surfaces import Endpoint

LOGOUT = MOCK_CIS2.url(ORIGIN, Endpoint.LOGOUT)
RECEIVER = "https://app.example.nhs.uk/backchannel"
RETURN = "https://example.org/signed-out"


@pytest.fixture
def told(world: Any) -> Any:
    """The example application wants to be told."""
    party = world.identities.relying_parties["test-client-cis2"]
    world.identities.relying_parties["test-client-cis2"] = party.model_copy(update={"backchannel_logout_uri": RECEIVER})
    return world


def _is_over(browser: Any, found: dict[str, Any]) -> bool:
    headers = {"authorization": f"Bearer {found['access_token']}"}
    refresh = {"grant_type": "refresh_token", "refresh_token": found["refresh_token"], "client_id": "test-client-cis2",
               "client_secret": "test-client-cis2-not-a-secret"}
    answers = (browser.get(MOCK_CIS2.url(ORIGIN, Endpoint.USERINFO), headers=headers), browser.post(MOCK_CIS2.url(ORIGIN, Endpoint.TOKEN), data=refresh))
    return [answer.status_code for answer in answers] == [401, 400] and "kc-form-login" in browser.authorize(MOCK_CIS2).text


def test_a_client_signs_the_person_out(browser: Any, told: Any) -> None:
    """With an ID token of the session: at once, back to a registered address with the state, everything over, and told."""
    found = browser.tokens(MOCK_CIS2, "656005750104")
    sid = told.verified(MOCK_CIS2, found["id_token"]).claims["sid"]
    answer = browser.get(LOGOUT, params={"id_token_hint": found["id_token"], "post_logout_redirect_uri": RETURN, "state": "s 1"})
    assert (answer.status_code, answer.headers["location"]) == (302, RETURN + "?state=s+1")
    assert _is_over(browser, found)
    ((url, form),) = told.delivered
    assert (url, list(form)) == (RECEIVER, ["logout_token"])
    token = told.verified(MOCK_CIS2, form["logout_token"])
    assert dict(token.header) == {"alg": "RS256", "typ": "JWT", "kid": token.kid}
    assert token.claims == {
        "iss": ORIGIN + MOCK_CIS2.base, "aud": "test-client-cis2", "sub": "656005750104", "iat": 1_772_442_000, "exp": 1_772_442_120,
        "jti": token.claims["jti"], "sid": sid, "events": {"http://schemas.openid.net/event/backchannel-logout": {}}}
    assert [event.details["clients"] for event in told.events if event.type is EventType.STAND_IN_SIGNED_OUT] == [1]


def test_every_client_of_the_session_is_told(browser: Any, told: Any) -> None:
    """The authorisation server too, at its endpoint (7.2); one that has no such address is not."""
    browser.sign_in(MOCK_CIS2, "656005750104")
    returned(browser.authorize(MOCK_CIS2, client_id="test-client-signed-cis2"))
    code = returned(browser.authorize(MOCK_CIS2))["code"]
    returned(browser.authorize(MOCK_CIS2, client_id="wardgate", redirect_uri=f"{ORIGIN}/oauth2-mock/callback"))
    hint = browser.token(MOCK_CIS2, code).json()["id_token"]
    browser.get(LOGOUT, params={"id_token_hint": hint})
    assert sorted(url for url, _ in told.delivered) == [RECEIVER, f"{ORIGIN}/oauth2-mock/backchannel_logout"]


@pytest.mark.parametrize(("answers", "attempts", "recorded"), [
    ([200], 1, 0), ([204], 1, 0), ([500, 200], 2, 0), ([500, 503, 200], 3, 0), ([500, 500, 500, 200], 3, 1), ([400, 200], 1, 1), ([404, 200], 2, 0)])
def test_a_client_that_does_not_take_it(browser: Any, told: Any, answers: list[int], attempts: int, recorded: int) -> None:
    """One attempt and two more; 400 is an answer. What was not delivered is recorded. Each attempt has a fresh token."""
    found = browser.tokens(MOCK_CIS2, "656005750104")
    told.answers = answers
    browser.get(LOGOUT, params={"id_token_hint": found["id_token"]})
    assert len(told.delivered) == attempts
    assert len({form["logout_token"] for _, form in told.delivered}) == attempts
    missed = [event for event in told.events if event.details.get("error") == "logout-not-delivered"]
    assert len(missed) == recorded
    assert all(event.details["client"] == "test-client-cis2" for event in missed)


def test_without_a_token_the_person_is_asked(browser: Any, told: Any) -> None:
    """A page with a form; its token is the session's. Then a page that says so."""
    found = browser.tokens(MOCK_CIS2, "656005750104")
    page = browser.get(LOGOUT, params={"client_id": "test-client-cis2", "post_logout_redirect_uri": RETURN})
    assert "Do you want to sign out?" in page.text
    assert not told.delivered
    action, hidden = forms(page)[0]
    for wrong in ({"csrf": "forged"}, {"choice": "stay"}):
        assert "Do you want to sign out?" in browser.post(action, data=hidden | {"choice": "sign-out"} | wrong).text
    answer = browser.post(action, data=hidden | {"choice": "sign-out"})
    assert (answer.status_code, answer.headers["location"]) == (302, RETURN)
    assert _is_over(browser, found)
    assert len(told.delivered) == 1
    assert "You are signed out" in browser.get(LOGOUT).text


def test_a_token_of_another_session_does_not_sign_out(browser: Any, world: Any) -> None:
    """Nobody signs out somebody else by a link with an old or foreign ID token: the person is asked."""
    with world.client() as other:
        foreign = other.tokens(MOCK_CIS2, "656005750105")["id_token"]
    browser.sign_in(MOCK_CIS2, "656005750104")
    assert "Do you want to sign out?" in browser.get(LOGOUT, params={"id_token_hint": foreign}).text
    assert returned(browser.authorize(MOCK_CIS2))["code"]


@pytest.mark.parametrize(("parameters", "text"), [
    ({"id_token_hint": "x.y.z"}, "not an ID token of this provider"),
    ({"post_logout_redirect_uri": RETURN}, "not one that the client has registered"),
    ({"post_logout_redirect_uri": "https://evil.example.org/", "client_id": "test-client-cis2"}, "not one that the client has registered"),
    ({"post_logout_redirect_uri": RETURN, "client_id": "nobody"}, "not one that the client has registered"),
    ({"post_logout_redirect_uri": RETURN, "client_id": "test-client-nhs-login"}, "not one that the client has registered")])
def test_what_is_refused(browser: Any, parameters: dict[str, str], text: str) -> None:
    """A page; nobody is redirected to what is not registered."""
    answer = browser.get(LOGOUT, params=parameters)
    assert answer.status_code == 400
    assert text in answer.text
    assert "location" not in answer.headers


def test_a_hint_for_one_client_and_the_name_of_another(browser: Any) -> None:
    """RP-Initiated Logout section 2."""
    found = browser.tokens(MOCK_CIS2, "656005750104")
    answer = browser.get(LOGOUT, params={"id_token_hint": found["id_token"], "client_id": "test-client-signed-cis2"})
    assert "The client_id is not that of the id_token_hint." in answer.text


def test_cis2s_own_path_and_nhs_logins_absence(browser: Any) -> None:
    """`/connect/endSession` (11.8); NHS login has no logout (12.7)."""
    found = browser.tokens(CIS2, "656005750104")
    answer = browser.get(CIS2.url(ORIGIN, Endpoint.LOGOUT), params={"id_token_hint": found["id_token"]})
    assert "You are signed out" in answer.text
    assert Endpoint.LOGOUT not in LOGIN.paths
    assert browser.get(f"{ORIGIN}{LOGIN.base}/logout").status_code == 404
