"""The authorization request: order, texts and percent-encoding (user-restricted 4.1), PKCE (RFC 7636)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.oauth import OAuthRefused
from wardgate.oauth.authorization_request import check_redirect_uri, check_request, with_parameters
from wardgate.oauth.pkce import IGNORED, challenge_of, check_verifier, read_challenge
from wardgate.oauth.profiles import SIGN_IN_PROFILES
from wardgate.oauth.requests import parse_query
from wardgate.oauth.users import ProviderKind
from wardgate.refusals import CATALOGUE

NHS, STRICT = SIGN_IN_PROFILES["nhs"], SIGN_IN_PROFILES["strict"]
CALLBACK = "https://example.org/callback"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
GOOD = {"state": "s", "response_type": "code", "code_challenge": CHALLENGE, "code_challenge_method": "S256"}


def refused(query: dict[str, str | None], profile: str = "nhs") -> str:
    """Return the code of the refusal."""
    with pytest.raises(OAuthRefused) as caught:
        check_request({name: value for name, value in query.items() if value is not None}, CALLBACK, SIGN_IN_PROFILES[profile])
    return caught.value.code


def test_the_platforms_order_and_statuses() -> None:
    """State, then response_type: these leave as redirects, so does PKCE."""
    nothing: dict[str, str | None] = {}
    assert refused(nothing) == "state-missing"
    assert refused({"state": "s"}) == "response-type-missing"
    assert refused({"state": "s", "response_type": "token"}) == "response-type-invalid"
    assert refused(GOOD | {"code_challenge": None}, "strict") == "code-challenge-missing"
    assert refused(GOOD | {"code_challenge_method": "plain"}, "strict") == "code-challenge-invalid"
    assert refused(GOOD | {"code_challenge_method": None}, "strict") == "code-challenge-invalid"
    for profile in ("nhs", "strict"):
        assert refused(GOOD | {"code_challenge": "short"}, profile) == "code-challenge-invalid"
    for code in ("state-missing", "response-type-missing", "response-type-invalid", "code-challenge-missing", "code-challenge-invalid"):
        assert CATALOGUE[code].status == 302


def test_a_good_request_is_read() -> None:
    """`nhs-login` chooses the patients' provider, everything else the workers'; acr_values have the platform's default."""
    found = check_request(GOOD, CALLBACK, STRICT)
    assert (found.kind, found.acr_values, found.challenge) == (ProviderKind.CIS2, "AAL3_ANY", CHALLENGE)
    for scope, kind in (("nhs-login", ProviderKind.NHS_LOGIN), ("nhs-cis2", ProviderKind.CIS2), ("xnhs-login", ProviderKind.CIS2)):
        assert check_request(GOOD | {"scope": scope}, CALLBACK, NHS).kind is kind
    assert check_request(GOOD | {"acr_values": "AAL2_OR_AAL3_ANY"}, CALLBACK, NHS).acr_values == "AAL2_OR_AAL3_ANY"


@pytest.mark.parametrize("asked", [
    CALLBACK + "/", CALLBACK.upper(), CALLBACK + "?x=1", "https://example.org.evil.example/callback", "https://example.org@evil.example/callback",
    "https://example.org/callback/../evil", "//example.org/callback", "https://example.org/callback#", "javascript:alert(1)",
])
def test_only_the_registered_text_is_a_callback(asked: str) -> None:
    """No open redirect: what is nearly the registered URL is another URL."""
    with pytest.raises(OAuthRefused) as caught:
        check_redirect_uri(asked, [CALLBACK], NHS)
    assert caught.value.code == "redirect-uri-invalid"
    with pytest.raises(OAuthRefused):
        check_redirect_uri(CALLBACK, [], NHS)


def test_plain_http_callbacks_are_for_nhs_or_this_machine() -> None:
    """RFC 9700 section 2.6, RFC 8252 section 7.3."""
    assert check_redirect_uri("http://example.org/", ["http://example.org/"], NHS)
    for loopback in ("http://127.0.0.1:9/", "http://[::1]/", "http://localhost/"):
        assert check_redirect_uri(loopback, [loopback], STRICT)
    with pytest.raises(OAuthRefused):
        check_redirect_uri("http://localhost.example.org/", ["http://localhost.example.org/"], STRICT)


def test_what_is_put_into_a_url_is_encoded() -> None:
    """The platform writes blanks as they are; clients decode both alike."""
    assert with_parameters(CALLBACK, {"error_description": "state is missing", "state": "a&b=\r\nX: y"}) == (
        CALLBACK + "?error_description=state%20is%20missing&state=a%26b%3D%0D%0AX%3A%20y")
    assert with_parameters(CALLBACK + "?keep=1", {"code": "c", "state": None}) == CALLBACK + "?keep=1&code=c"
    assert with_parameters(CALLBACK, {}) == CALLBACK


@given(st.text(max_size=60))
def test_any_state_comes_back_as_it_was(state: str) -> None:
    """Printing and reading a URL are inverses, for every text that UTF-8 can write."""
    try:
        location = with_parameters(CALLBACK, {"state": state})
    except UnicodeEncodeError:
        return
    assert location.isascii()
    if state and "\0" not in state:
        assert parse_query(location.partition("?")[2].encode()) == {"state": state}


def test_a_query_has_limits() -> None:
    """Too large, too long, repeated and unreadable queries have their own words."""
    for query, code in ((b"a=" + b"x" * 20_000, "query-too-large"), (b"state=" + b"x" * 5_000, "query-too-large"), (b"&".join([b"a"] * 40), "query-too-large"),
                        (b"a=%zz", "query-malformed"), (b"state=%ff", "query-malformed"), (b"state=1&state=2", "grant-type-repeated")):
        with pytest.raises(OAuthRefused) as caught:
            parse_query(query)
        assert caught.value.code == code


def test_pkce_of_the_standard() -> None:
    """RFC 7636 appendix B; a wrong, missing or superfluous verifier is refused."""
    assert challenge_of(VERIFIER) == CHALLENGE
    check_verifier(CHALLENGE, VERIFIER)
    check_verifier(None, None)
    for challenge, verifier in ((CHALLENGE, None), (CHALLENGE, VERIFIER + "x"), (CHALLENGE, "short"), (None, VERIFIER), (CHALLENGE, "\u00e9" * 43)):
        with pytest.raises(OAuthRefused) as caught:
            check_verifier(challenge, verifier)
        assert caught.value.code == "code-verifier-invalid"


def test_plain_pkce_is_as_on_the_platform() -> None:
    """It looks at no challenge, so one by `plain` neither helps nor hurts there (user-restricted 4.6)."""
    assert read_challenge("x", "plain", required=False) == IGNORED
    check_verifier(IGNORED, "x")
    check_verifier(IGNORED, None)
