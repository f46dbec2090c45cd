"""Acting for a patient, and handing a signed-in person over to another client (user-restricted 14 and 12.7)."""

from datetime import timedelta
from typing import Any

import pytest

from flows.standins.cast import LOGIN, MOCK_LOGIN, ORIGIN, returned
from wardgate.demo.keys import private_pem
from wardgate.jose import SigningJWK, UnverifiedJWT, sign
from wardgate.keystores.rsa import signing_key
from wardgate.standins.surfaces import Endpoint

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
MOMENT = 1_772_442_000
_DEMO = signing_key(private_pem("demo-1"), "RS512")
KEY = SigningJWK("demo-1", _DEMO.algorithm, _DEMO.key)


def _exchange(browser: Any, token: str, **changes: str | None) -> Any:
    form = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ID_TOKEN, "requested_subject": "9912003074",
            "client_id": "test-client-nhs-login", "client_secret": "test-client-nhs-login-not-a-secret"} | changes
    return browser.post(MOCK_LOGIN.url(ORIGIN, Endpoint.TOKEN), data={name: value for name, value in form.items() if value is not None})


def test_a_composite_token(browser: Any, world: Any) -> None:
    """The patient's claims, and in `act.sub` the ID token of who acts."""
    actor = browser.tokens(MOCK_LOGIN, "9912003071", scope="openid profile delegation")["id_token"]
    body = _exchange(browser, actor).json()
    assert body == {"access_token": body["id_token"], "issued_token_type": ID_TOKEN, "token_type": "N_A", "expires_in": 3600, "id_token": body["id_token"]}
    token = world.verified(MOCK_LOGIN, body["id_token"])
    assert dict(token.header) == {"alg": "RS512", "typ": "JWT", "kid": token.kid}
    assert token.claims == {
        "iss": ORIGIN + MOCK_LOGIN.base, "sub": "49f470a1-0000-4000-8000-5a1cb6a0b1c4", "aud": "test-client-nhs-login", "iat": MOMENT,
        "exp": MOMENT + 3600, "auth_time": MOMENT, "jti": token.claims["jti"], "vot": "P9.Cp.Cd",
        "vtm": ORIGIN + MOCK_LOGIN.base + "/trustmark/gateway.example.nhs.uk", "nhs_number": "9912003074", "family_name": "EXAMPLE",
        "surname": "EXAMPLE", "birthdate": "2015-03-09", "identity_proofing_level": "P9", "id_status": "verified", "token_use": "id",
        "act": {"sub": actor}}
    assert UnverifiedJWT.parse(token.claims["act"]["sub"]).claims["nhs_number"] == "9912003071"


@pytest.mark.parametrize(("changes", "error"), [
    ({"requested_subject": "9912003072"}, "access_denied"), ({"requested_subject": None}, "access_denied"),
    ({"subject_token_type": None}, "invalid_request"), ({"subject_token": None}, "invalid_request"), ({"subject_token": "x.y.z"}, "invalid_grant")])
def test_an_exchange_that_is_refused(browser: Any, changes: dict[str, str | None], error: str) -> None:
    """Only for whom the person may act, with a token of this provider."""
    actor = browser.tokens(MOCK_LOGIN, "9912003071")["id_token"]
    answer = _exchange(browser, actor, **changes)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_whose_token_it_must_be(browser: Any, world: Any) -> None:
    """A current ID token of this client, not a composite one, not an access token, not of somebody who acts for nobody."""
    found = browser.tokens(MOCK_LOGIN, "9912003071")
    composite = _exchange(browser, found["id_token"]).json()["id_token"]
    nobody = browser.tokens(MOCK_LOGIN, "9912003072", prompt="login")["id_token"]
    errors = [_exchange(browser, token).json()["error"] for token in (composite, found["access_token"], nobody)]
    assert errors == ["invalid_grant", "invalid_grant", "access_denied"]
    world.now += timedelta(hours=1)
    assert _exchange(browser, found["id_token"]).json()["error"] == "invalid_grant"


# --- asserted_login_identity

CLIENT = "test-client-signed-nhs-login"


def _signed_in(browser: Any) -> str:
    """Sign in with a client that has a key; return the `jti` of its ID token."""
    page = browser.authorize(LOGIN, client_id=CLIENT)
    back = browser.submit(page, -1, username="9912003071", consent="given")
    assertion = sign({"iss": CLIENT, "sub": CLIENT, "aud": LOGIN.url(ORIGIN, Endpoint.TOKEN), "exp": MOMENT + 60}, KEY)
    answer = browser.token(LOGIN, returned(back)["code"], client_id=None, client_secret=None, client_assertion=assertion,
                           client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
    return str(UnverifiedJWT.parse(answer.json()["id_token"]).claims["jti"])


def _assertion(code: str, key: SigningJWK = KEY, /, **changes: Any) -> str:
    claims = {"code": code, "iss": CLIENT, "jti": "hand-over-1", "iat": MOMENT, "exp": MOMENT + 60} | changes
    return sign({name: value for name, value in claims.items() if value is not None}, key)


def test_a_hand_over_without_cookies(browser: Any, world: Any) -> None:
    """The second client's browser is signed in as the same person; consent is asked for the second client; once."""
    assertion = _assertion(_signed_in(browser))
    with world.client() as other:
        page = other.authorize(LOGIN, asserted_login_identity=assertion)
        assert "Share your details with Example patient application?" in page.text
        assert returned(other.submit(page, choice="agree"))["code"]
    with world.client() as third:
        assert "kc-form-login" in third.authorize(LOGIN, asserted_login_identity=assertion).text


@pytest.mark.parametrize("changes", [
    {"exp": MOMENT + 61}, {"exp": MOMENT - 1}, {"iat": MOMENT + 60, "exp": MOMENT + 100}, {"iss": "nobody"}, {"iss": "test-client-nhs-login"},
    {"code": "unknown"}, {"code": None}, {"jti": None}, {"iat": None}, {"exp": "soon"}])
def test_an_assertion_that_proves_nothing(browser: Any, world: Any, changes: dict[str, Any]) -> None:
    """`sso_login_required` with `prompt=none`, else a sign-in."""
    assertion = _assertion(_signed_in(browser), **changes)
    with world.client() as other:
        assert returned(other.authorize(LOGIN, asserted_login_identity=assertion, prompt="none"))["error"] == "sso_login_required"
        assert "kc-form-login" in other.authorize(LOGIN, asserted_login_identity=assertion).text


def test_an_assertion_by_another_key(browser: Any, world: Any) -> None:
    """Nothing."""
    other_key = signing_key(private_pem("unpublished"), "RS512")
    assertion = _assertion(_signed_in(browser), SigningJWK("demo-1", other_key.algorithm, other_key.key))
    with world.client() as other:
        assert returned(other.authorize(LOGIN, asserted_login_identity=assertion, prompt="none"))["error"] == "sso_login_required"
