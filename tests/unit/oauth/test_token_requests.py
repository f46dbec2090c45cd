"""Which grant answers a token request (user-restricted 2.3), and rows 1 and 2 of token exchange."""

import pytest

from wardgate.oauth import OAuthRefused
from wardgate.oauth.client_assertion import ASSERTION_TYPE
from wardgate.oauth.token_requests import ID_TOKEN_TYPE, GrantType, check_exchange, dispatch

EXCHANGE = GrantType.TOKEN_EXCHANGE
ROWS: list[tuple[str, dict[str, str], str]] = [
    ("client credentials", {"grant_type": "client_credentials"}, "client_credentials"),
    ("client credentials with another type", {"grant_type": "client_credentials", "subject_token_type": "x"}, "client_credentials"),
    ("client credentials with an ID token", {"grant_type": "client_credentials", "subject_token_type": ID_TOKEN_TYPE}, EXCHANGE),
    ("token exchange", {"grant_type": EXCHANGE, "subject_token_type": ID_TOKEN_TYPE}, EXCHANGE),
    ("no grant with an ID token", {"subject_token_type": ID_TOKEN_TYPE}, EXCHANGE),
    ("a code with an ID token", {"grant_type": "authorization_code", "subject_token_type": ID_TOKEN_TYPE}, EXCHANGE),
    ("a code", {"grant_type": "authorization_code"}, "authorization_code"),
    ("refresh", {"grant_type": "refresh_token"}, "refresh_token"),
    ("token exchange without a type", {"grant_type": EXCHANGE}, "subject-token-type-invalid"),
    ("token exchange of an access token", {"grant_type": EXCHANGE, "subject_token_type": "urn:ietf:params:oauth:token-type:access_token"}, "subject-token-type-invalid"),
    ("password", {"grant_type": "password"}, "grant-type-unknown"),
    ("a grant in other letters", {"grant_type": "Refresh_Token"}, "grant-type-unknown"),
    ("nothing", {}, "grant-type-missing"),
]


def answer(form: dict[str, str], *, token_exchange: bool = True) -> str:
    """Return the grant, or the code of the refusal."""
    try:
        return dispatch(form, token_exchange=token_exchange)
    except OAuthRefused as refused:
        return refused.code


@pytest.mark.parametrize(("name", "form", "expected"), ROWS, ids=[name for name, _, _ in ROWS])
def test_each_request_goes_to_its_grant(name: str, form: dict[str, str], expected: str) -> None:
    """The order of 2.3: the type of an ID token outranks every grant."""
    assert answer(form) == expected


def test_token_exchange_can_be_off() -> None:
    """Then its requests are an unknown grant, or none."""
    assert answer({"grant_type": EXCHANGE, "subject_token_type": ID_TOKEN_TYPE}, token_exchange=False) == "grant-type-unknown"
    assert answer({"subject_token_type": ID_TOKEN_TYPE}, token_exchange=False) == "grant-type-missing"


def test_rows_1_and_2_in_order() -> None:
    """3.3: the type of the assertion before the grant, the grant before the assertion."""
    def code(form: dict[str, str], *, by_certificate: bool = False) -> str | None:
        try:
            check_exchange(form, by_certificate=by_certificate)
        except OAuthRefused as refused:
            return refused.code
        return None

    assert code({}) == "assertion-type-invalid"
    assert code({"grant_type": "x", "client_assertion_type": "x"}) == "assertion-type-invalid"
    assert code({"client_assertion_type": ASSERTION_TYPE}) == "exchange-grant-type"
    assert code({"grant_type": EXCHANGE, "client_assertion_type": ASSERTION_TYPE}) is None
    assert code({"grant_type": EXCHANGE}, by_certificate=True) is None
    assert code({"grant_type": "x"}, by_certificate=True) == "exchange-grant-type"
