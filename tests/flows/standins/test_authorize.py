"""Every way an authorization request is refused: to the person when no address is proved, else to the client."""

from typing import Any

import pytest

from flows.standins.cast import CALLBACK, CIS2, LOGIN, MOCK_CIS2, MOCK_LOGIN, ORIGIN, returned
from wardgate.audit import EventType
from wardgate.standins.authorization_request import CHECKS
from wardgate.standins.surfaces import Endpoint

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

PAGES = [
    ({"client_id": None}, 400, "The request has no client_id."),
    ({"client_id": "nobody"}, 401, "No client of this provider has this client_id."),
    ({"client_id": "test-client-nhs-login"}, 401, "No client of this provider has this client_id."),
    ({"redirect_uri": None}, 400, "The request has no redirect_uri."),
    ({"redirect_uri": "https://evil.example.org/"}, 400, "The redirect_uri is not one that the client has registered, to the letter."),
    ({"redirect_uri": CALLBACK + "/"}, 400, "The redirect_uri is not one that the client has registered, to the letter."),
    ({"redirect_uri": CALLBACK.upper()}, 400, "The redirect_uri is not one that the client has registered, to the letter."),
    ({"redirect_uri": CALLBACK + "?a=b"}, 400, "The redirect_uri is not one that the client has registered, to the letter."),
    ({"redirect_uri": "javascript:alert(1)"}, 400, "The redirect_uri is not one that the client has registered, to the letter."),
]


@pytest.mark.parametrize(("changes", "status", "text"), PAGES)
@pytest.mark.parametrize("surface", [MOCK_CIS2, CIS2])
def test_nobody_is_redirected_to_what_is_not_registered(
    browser: Any, world: Any, surface: Any, changes: dict[str, str | None], status: int, text: str
) -> None:
    """A page says why; nothing of the request is on it (RFC 6749 section 3.1.2.4)."""
    answer = browser.authorize(surface, **changes)
    assert answer.status_code == status
    assert "location" not in answer.headers
    assert text in answer.text
    assert "evil.example.org" not in answer.text
    assert "javascript" not in answer.text
    assert [event.type for event in world.events] == [EventType.STAND_IN_REFUSED]


def _query(surface: Any, raw: str) -> str:
    return f"{surface.url(ORIGIN, Endpoint.AUTHORIZE)}?{raw}"


@pytest.mark.parametrize(("raw", "text"), [
    ("client_id=a&client_id=b", "none of them twice"), ("client_id=%zz", "URL-encoded UTF-8"), ("client_id=%ff", "URL-encoded UTF-8"),
    ("&".join(f"p{number}=x" for number in range(40)), "at most 32"), ("state=" + "x" * 4_001, "more than 4000 characters"),
    ("state=" + "x" * 16_400, "more than 16384 bytes")])
def test_parameters_that_cannot_be_read(browser: Any, raw: str, text: str) -> None:
    """Repeated, malformed, too many, too long: a page, because no address is proved."""
    answer = browser.get(_query(MOCK_CIS2, raw))
    assert answer.status_code == 400
    assert text in answer.text


BOTH = [
    ({"request": "eyJ"}, "request_not_supported", "The parameter request is not supported"),
    ({"request_uri": "https://example.org/r"}, "request_uri_not_supported", "The parameter request_uri is not supported"),
    ({"registration": "{}"}, "registration_not_supported", "The parameter registration is not supported"),
    ({"response_type": None}, "invalid_request", "response_type is missing"),
    ({"response_type": "token"}, "unsupported_response_type", "response_type must be code"),
    ({"response_type": "code id_token"}, "unsupported_response_type", "response_type must be code"),
    ({"response_mode": "form_post"}, "invalid_request", "response_mode must be query"),
    ({"state": "x" * 2_001}, "invalid_request", "state and nonce have at most 2000 characters"),
    ({"nonce": "x" * 2_001}, "invalid_request", "state and nonce have at most 2000 characters"),
    ({"scope": None}, "invalid_scope", "scope must contain openid"),
    ({"scope": "profile"}, "invalid_scope", "scope must contain openid"),
    ({"prompt": "none login"}, "invalid_request", "prompt none stands alone"),
    ({"prompt": "create"}, "invalid_request", "prompt has an unknown value"),
    ({"prompt": "none"}, "login_required", "Nobody is signed in who satisfies the request"),
    ({"display": "hologram"}, "invalid_request", "display has an unknown value"),
    ({"code_challenge": CHALLENGE}, "invalid_request", "code_challenge must be base64url of SHA-256, with code_challenge_method S256"),
    ({"code_challenge": CHALLENGE, "code_challenge_method": "plain"}, "invalid_request",
     "code_challenge must be base64url of SHA-256, with code_challenge_method S256"),
    ({"code_challenge": "short", "code_challenge_method": "S256"}, "invalid_request",
     "code_challenge must be base64url of SHA-256, with code_challenge_method S256"),
    ({"code_challenge_method": "S256"}, "invalid_request", "code_challenge_method without code_challenge"),
]
OWN = [
    (CIS2, {"state": None}, "invalid_request", "state is missing"),
    (LOGIN, {"state": None}, "invalid_request", "state is missing"),
    (LOGIN, {"nonce": None}, "invalid_request", "nonce is missing"),
    (CIS2, {"max_age": "-1"}, "invalid_request", "max_age must be a number of seconds"),
    (MOCK_CIS2, {"max_age": "soon"}, "invalid_request", "max_age must be a number of seconds"),
    (LOGIN, {"prompt": "select_account"}, "invalid_request", "prompt has an unknown value"),
    (LOGIN, {"scope": "openid profile basic_demographics"}, "invalid_scope", "profile and basic_demographics exclude each other"),
    (LOGIN, {"scope": "openid gp_integration_credentials"}, "invalid_scope", "A scope is not registered for this client"),
    (LOGIN, {"vtr": "P9"}, "invalid_request", "vtr must be a JSON array of vectors of trust"),
    (LOGIN, {"vtr": '["P9.Cx"]'}, "invalid_request", "vtr must be a JSON array of vectors of trust"),
    (LOGIN, {"vtr": "[]"}, "invalid_request", "vtr must be a JSON array of vectors of trust"),
    (LOGIN, {"asserted_login_identity": "x.y.z", "prompt": "none"}, "sso_login_required", "Nobody is signed in who satisfies the request"),
]


@pytest.mark.parametrize(("surface", "changes", "error", "description"),
                         [(surface, *row) for row in BOTH for surface in (MOCK_CIS2, LOGIN)] + OWN)
def test_the_client_is_told(browser: Any, world: Any, surface: Any, changes: dict[str, str | None], error: str, description: str) -> None:
    """A redirect with error, description and the client's state (user-restricted 11.2, 12.2), recorded."""
    answer = browser.authorize(surface, **changes)
    expected = {"error": error, "error_description": description}
    state = ({"state": "state-1"} | changes)["state"]
    if state is not None:
        expected["state"] = state
    if surface is CIS2:
        expected["iss"] = ORIGIN + CIS2.base
    assert returned(answer) == expected
    assert answer.headers["location"].startswith(CALLBACK + "?")
    assert answer.headers["cache-control"] == "no-store"
    (event,) = world.events
    assert (event.type, event.details["error"]) == (EventType.STAND_IN_REFUSED, error)


def test_the_table_of_checks_is_whole() -> None:
    """An empty table would accept everything."""
    assert len(CHECKS) == 8


@pytest.mark.parametrize(("surface", "changes"), [
    (MOCK_CIS2, {"state": None, "nonce": None}), (MOCK_LOGIN, {"state": None, "nonce": None, "vtr": None}), (CIS2, {"nonce": None}),
    (LOGIN, {"max_age": "never", "acr_values": "x", "ui_locales": "cy", "id_token_hint": "x"}), (LOGIN, {"vtr": '["P5", "P9.Cm"]'}),
    (LOGIN, {"scope": "openid profile unknown_word"}), (CIS2, {"acr_values": "AAL2_OR_AAL3_ANY", "max_age": "300"}),
    (CIS2, {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}), (LOGIN, {"display": "touch", "allow_registration": "false"})])
def test_what_is_well_asked(browser: Any, surface: Any, changes: dict[str, str | None]) -> None:
    """The sign-in page. Mock realms need neither state nor nonce; unsupported parameters are ignored."""
    answer = browser.authorize(surface, **changes)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_a_scope_that_the_client_has_not_registered(browser: Any, world: Any) -> None:
    """`invalid_scope` (user-restricted 12.2); what is registered, and unknown words, pass."""
    party = world.identities.relying_parties["test-client-nhs-login"]
    world.identities.relying_parties["test-client-nhs-login"] = party.model_copy(update={"scopes": ("openid", "email"), "vtr": ("P5.Cp.Cd",)})
    assert returned(browser.authorize(LOGIN, scope="openid profile"))["error"] == "invalid_scope"
    assert browser.authorize(LOGIN, scope="openid email strange").status_code == 200
    assert returned(browser.authorize(LOGIN, scope="openid", vtr='["P9.Cp.Cd"]'))["error_description"] == (
        "vtr has a vector that is not registered for this client")
    assert browser.authorize(LOGIN, scope="openid", vtr='["P5.Cp.Cd"]').status_code == 200


def test_the_platform_is_a_client(browser: Any) -> None:
    """Its callback is on our own addresses; it sends no nonce (user-restricted 4.2)."""
    for surface, base in ((MOCK_LOGIN, "/oauth2-mock"), (LOGIN, "/oauth2"), (MOCK_CIS2, "/oauth2-mock"), (CIS2, "/oauth2")):
        page = browser.authorize(surface, client_id="wardgate", redirect_uri=f"{ORIGIN}{base}/callback", nonce=None)
        assert page.status_code == 200
    assert browser.authorize(MOCK_LOGIN, client_id="wardgate", redirect_uri=f"{ORIGIN}/oauth2/callback").status_code == 400


def test_a_request_by_form(browser: Any) -> None:
    """OpenID Connect Core section 3.1.2.1: POST is as good as GET."""
    form = {"response_type": "code", "client_id": "test-client-nhs-login", "redirect_uri": CALLBACK, "scope": "openid", "state": "s", "nonce": "n"}
    assert browser.post(LOGIN.url(ORIGIN, Endpoint.AUTHORIZE), data=form).status_code == 200
    answer = browser.post(LOGIN.url(ORIGIN, Endpoint.AUTHORIZE), content=b"{}", headers={"content-type": "application/json"})
    assert answer.status_code == 400
