"""The authorization code flow: the address that is made, and which answers are believed."""

from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from wardgate.client import ClearTextRefused, PendingSignIn, RedirectInvalid, SignInRefused
from wardgate.client.authorization import LONGEST_REDIRECT, ask, new_secret
from wardgate.jose import base64url

ISSUER = "https://int.example.nhs.uk/oauth2"
AT = f"{ISSUER}/authorize"
HOME = "http://127.0.0.1:9003/callback"


def pending(redirect_uri: str = HOME, *, issuer_required: bool = False) -> PendingSignIn:
    """Return a sign-in whose state is `the-state`."""
    return PendingSignIn(AT, redirect_uri, ISSUER, "the-state", issuer_required=issuer_required)


def test_the_address_has_state_challenge_and_what_was_asked() -> None:
    """Every parameter once, percent-encoded; the challenge is the verifier's SHA-256 (RFC 7636 section 4.2)."""
    asked = ask("a-key", HOME, scope="nhs-cis2", more={"acr_values": "AAL2_OR_AAL3_ANY"}, nonce=True)
    made = asked.at(AT, ISSUER, issuer_required=False)
    address, query = made.url.split("?")
    found = parse_qs(query, strict_parsing=True)
    assert address == AT
    assert made.verifier is not None
    challenge = base64url.encode(sha256(made.verifier.encode()).digest())
    assert found == {
        "response_type": ["code"], "client_id": ["a-key"], "redirect_uri": [HOME], "scope": ["nhs-cis2"], "acr_values": ["AAL2_OR_AAL3_ANY"],
        "state": [made.state], "nonce": [made.nonce], "code_challenge": [challenge], "code_challenge_method": ["S256"],
    }


def test_every_sign_in_has_secrets_of_its_own() -> None:
    """State, nonce and verifier are different texts of 256 bits each, and no `repr` shows one."""
    made = [ask("a-key", HOME, nonce=True).at(AT, ISSUER, issuer_required=False) for _ in range(3)]
    secrets = [secret for one in made for secret in (one.state, one.nonce, one.verifier)]
    assert len(set(secrets)) == 9
    assert all(secret is not None and len(secret) == 43 for secret in secrets)
    assert not any(str(secret) in repr(made) for secret in secrets)
    assert len(base64url.decode(new_secret().encode())) == 32


def test_a_pushed_request_leaves_its_parameters_out_of_the_browser() -> None:
    """RFC 9126 section 4: client and name of the request alone."""
    asked = ask("a-key", HOME)
    made = asked.at(AT, ISSUER, issuer_required=True, pushed={"client_id": "a-key", "request_uri": "urn:x:1"})
    assert parse_qs(urlsplit(made.url).query) == {"client_id": ["a-key"], "request_uri": ["urn:x:1"]}
    assert made.state == asked.state


def test_what_the_sdk_makes_cannot_be_given() -> None:
    """A fixed state would make every sign-in alike."""
    with pytest.raises(ValueError, match="state"):
        ask("a-key", HOME, more={"state": "1"})


@pytest.mark.parametrize(("uri", "error"), [
    ("http://app.example.com/callback", ClearTextRefused), ("ftp://127.0.0.1/callback", ValueError), ("/callback", ValueError),
    ("https://app.example.com/callback#part", ValueError),
])
def test_a_code_comes_back_over_tls_or_to_this_machine(uri: str, error: type[Exception]) -> None:
    """RFC 9700 section 2.6."""
    with pytest.raises(error):
        ask("a-key", uri)


def test_the_code_of_a_good_answer_is_read() -> None:
    """With and without the issuer; other parameters mean nothing."""
    assert pending().code_of(f"{HOME}?code=c0de&state=the-state") == "c0de"
    assert pending().code_of(f"{HOME}?code=c0de&state=the-state&iss=https%3A%2F%2Fint.example.nhs.uk%2Foauth2&session_state=1") == "c0de"
    assert pending(issuer_required=True).code_of(f"{HOME}?state=the-state&iss=https://int.example.nhs.uk/oauth2&code=c%2F0de") == "c/0de"


def test_a_redirect_uri_may_have_a_query_of_its_own() -> None:
    """It comes back with the answer, and has to."""
    own = pending("https://app.example.com/callback?tenant=1")
    assert own.code_of("https://app.example.com/callback?tenant=1&code=c&state=the-state") == "c"
    with pytest.raises(RedirectInvalid):
        own.code_of("https://app.example.com/callback?code=c&state=the-state")


@pytest.mark.parametrize("query", [
    "code=c", "code=c&state=", "code=c&state=another", "code=c&state=the-state ", "code=c&state=THE-STATE", "error=access_denied",
    "code=c&state=%00", "code=c&state=%F0%9F%98%80", "code=c&state=the-state&state=the-state", "code=c&state=the-state&state=another",
], ids=str)
def test_an_answer_without_our_state_is_nobodys(query: str) -> None:
    """A forged answer (login CSRF, RFC 6749 section 10.12) is refused, and does not count as an answer at all."""
    assert not pending().is_answered_by(f"{HOME}?{query}".replace(" ", "%20"))
    with pytest.raises(RedirectInvalid):
        pending().code_of(f"{HOME}?{query}".replace(" ", "%20"))


@pytest.mark.parametrize("query", [
    "code=c&state=the-state&iss=https://evil.example/oauth2", "code=c&state=the-state&iss=", "code=c&state=the-state&iss=https://int.example.nhs.uk/oauth2/",
    "error=access_denied&state=the-state&iss=https://evil.example/oauth2",
])
def test_an_answer_of_another_server_is_refused(query: str) -> None:
    """Mix-up (RFC 9207): neither code nor error of a foreign issuer counts, whether an issuer is required or not."""
    for required in (False, True):
        with pytest.raises(RedirectInvalid, match="another server"):
            pending(issuer_required=required).code_of(f"{HOME}?{query}")


def test_a_server_that_always_names_itself_must() -> None:
    """In the profile `strict` an answer without `iss` was stripped of it by somebody."""
    with pytest.raises(RedirectInvalid, match="does not say"):
        pending(issuer_required=True).code_of(f"{HOME}?code=c&state=the-state")


@pytest.mark.parametrize("query", [
    "state=the-state", "state=the-state&code=", "state=the-state&code=c&error=x", "state=the-state&code=a&code=b", f"state=the-state&code={'c' * 4097}",
    "state=the-state&code=%00", "state=the-state&code=%C3%A9", "state=the-state&error=a&error=b", "state=the-state&code=%FF",
    "state=the-state&code=c&" + "&".join(f"p{n}=1" for n in range(31)),
], ids=lambda query: query[:50])
def test_an_answer_that_says_nothing_clear_is_refused(query: str) -> None:
    """Neither, both, repeated, oversized or unreadable."""
    with pytest.raises(RedirectInvalid):
        pending().code_of(f"{HOME}?{query}")


@pytest.mark.parametrize("address", [
    "http://127.0.0.1:9004/callback?code=c&state=the-state", "https://127.0.0.1:9003/callback?code=c&state=the-state",
    "http://127.0.0.1:9003/other?code=c&state=the-state", "http://localhost:9003/callback?code=c&state=the-state",
    "http://127.0.0.1:9003/callback?code=c&state=the-state#x", "http://127.0.0.1:9003@evil.example/callback?code=c&state=the-state",
    "http://127.0.0.1:port/callback?code=c&state=the-state", "//127.0.0.1:9003/callback?code=c&state=the-state", "", "code=c&state=the-state",
    "http://127.0.0.1:9003/callback?code=c\n&state=the-state", f"{HOME}?code=c&state=the-state&x={'x' * LONGEST_REDIRECT}",
    "http://[::1/callback?code=c&state=the-state",
], ids=lambda address: repr(address)[:60])
def test_an_answer_that_came_elsewhere_is_refused(address: str) -> None:
    """To the letter our own address, within limits, and no other."""
    with pytest.raises(RedirectInvalid):
        pending().code_of(address)


def test_an_error_is_told_in_the_servers_words() -> None:
    """RFC 6749 section 4.1.2.1: error and description, decoded, bounded, without control characters."""
    text = "client_id%20or%20redirect_uri%0A%1b%5B31m" + "x" * 600
    with pytest.raises(SignInRefused) as refused:
        pending().code_of(f"{HOME}?error=access_denied&error_description={text}&state=the-state")
    assert refused.value.code == "access_denied"
    assert refused.value.text.startswith("client_id or redirect_uri??[31m")
    assert len(refused.value.text) == 500


@pytest.mark.parametrize("bad", [f"{HOME}?code=very-secret&state=another", f"{HOME}?code=very-secret&state=the-state&iss=x", "http://x/?code=very-secret"])
def test_no_error_holds_the_code(bad: Any) -> None:
    """What is refused may be logged."""
    with pytest.raises(RedirectInvalid) as refused:
        pending().code_of(bad)
    assert "very-secret" not in str(refused.value)
