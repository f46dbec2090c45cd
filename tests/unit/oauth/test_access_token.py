"""What our tokens say, and reading them back."""

from dataclasses import replace

import pytest

from wardgate.jose import VerifiedJWT
from wardgate.oauth import OAuthRefused
from wardgate.oauth.access_token import AccessToken, read
from wardgate.oauth.scopes import granted_scopes

TOKEN = AccessToken("https://a/oauth2", "wardgate", "demo-app", "c-1", "Z9X01", "s1 s2", "j", 100, 700, "200000000115", "q" * 42 + "o")
HEADER = {"typ": "at+jwt", "alg": "ES256", "kid": "k"}


@pytest.mark.parametrize("token", [TOKEN, replace(TOKEN, asid=None, certificate_sha256=None), replace(TOKEN, not_before=100)])
def test_a_token_reads_back_as_written(token: AccessToken) -> None:
    """Claims make the round trip."""
    assert read(VerifiedJWT(HEADER, token.claims(), "k", "ES256"), ("https://a/oauth2",), "wardgate") == token


@pytest.mark.parametrize(("claim", "value"), [
    ("iss", "https://b/oauth2"), ("aud", "other"), ("aud", ["wardgate"]), ("client_id", "x"), ("sub", 7), ("exp", "700"), ("exp", True),
    ("iat", None), ("jti", None), ("scope", ["s1"]), ("cred", None), ("org", 1),
    ("nbf", "100"), ("nbf", True), ("nbf", 1.5),
])
def test_a_token_of_another_shape_is_not_ours(claim: str, value: object) -> None:
    """Even with a good signature: another issuer, audience, or type of value."""
    claims = TOKEN.claims() | {claim: value}
    assert read(VerifiedJWT(HEADER, claims, "k", "ES256"), ("https://a/oauth2",), "wardgate") is None


def test_a_token_of_another_typ_is_not_ours() -> None:
    """RFC 9068 section 4: an ID token by the same key is no access token."""
    assert read(VerifiedJWT(HEADER | {"typ": "JWT"}, TOKEN.claims(), "k", "ES256"), ("https://a/oauth2",), "wardgate") is None


def test_only_level_three_scopes_are_granted() -> None:
    """application-restricted 6.8."""
    level3 = "urn:nhsd:apim:app:level3:eps:prescribing"
    assert granted_scopes((level3, "urn:nhsd:apim:user-nhs-cis2:aal3:eps", "urn:nhsd:apim:app:level0:eps")) == (level3,)
    for scopes in ((), ("urn:nhsd:apim:user-nhs-id:aal3:eps",)):
        with pytest.raises(OAuthRefused) as caught:
            granted_scopes(scopes)
        assert caught.value.code == "scope-none-granted"
