"""ID tokens that our own code was redeemed for (user-restricted 4.3), and logout tokens (7.2), row by row."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from wardgate.jose import KeyRules, parse_jwk_set
from wardgate.oauth import OAuthRefused
from wardgate.oauth.id_token import check_external, verify_external
from wardgate.oauth.logout_token import CLAIMS, check_claims, verify_logout
from wardgate.oauth.providers import Provider, UnsoundDiscovery, read_discovery, stated_endpoints
from wardgate.oauth.users import ProviderKind
from wardgate.refusals import CATALOGUE

NOW = datetime(2026, 3, 2, 9, 0, 0, 500_000, UTC)
CIS2 = "https://am.example:443/openam"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
KNOWN = Provider("cis2", ProviderKind.CIS2, CIS2, "wardgate")
Fault = Callable[[Any], "str | None"]


@pytest.fixture
def cis2(provider: Any) -> Any:
    """The workers' provider."""
    found = provider.OpenIDProvider("nhs-cis2", CIS2)
    found.now = NOW.timestamp()
    return found


def code_of(action: Callable[[], Any]) -> str:
    """Return the code with which `action` refuses."""
    with pytest.raises(OAuthRefused) as caught:
        action()
    assert caught.value.code in CATALOGUE
    return caught.value.code


EXTERNAL: list[tuple[str, str, Fault]] = [
    ("none", "id-token-malformed", lambda _p: None),
    ("not a JWT", "id-token-malformed", lambda _p: "x"),
    ("no aud", "id-token-aud", lambda p: p.id_token(aud=None, iss="x")),
    ("another client's", "id-token-aud", lambda p: p.id_token(aud="somebody")),
    ("ours and another's", "id-token-aud", lambda p: p.id_token(aud=["wardgate", "somebody"])),
    ("another issuer", "id-token-iss", lambda p: p.id_token({"kid": "x"}, iss="https://am.example")),
    ("an unknown kid", "id-token-kid-unknown", lambda p: p.id_token({"kid": "x", "alg": "none"})),
    ("alg none", "id-token-signature", lambda p: p.id_token({"alg": "none"}, exp=1)),
    ("another signature", "id-token-signature", lambda p: p.id_token() + "AAAA"),
    ("expired", "id-token-expired", lambda p: p.id_token(exp=1, sub=None)),
    ("no exp", "id-token-expired", lambda p: p.id_token(exp=None)),
    ("exp true", "id-token-expired", lambda p: p.id_token(exp=True)),
    ("no sub", "id-token-subject", lambda p: p.id_token(sub=None)),
    ("a long sub", "id-token-subject", lambda p: p.id_token(sub="x" * 256)),
    ("no nonce", "id-token-nonce", lambda p: p.id_token()),
    ("another nonce", "id-token-nonce", lambda p: p.id_token(nonce="n-2")),
]


def external(cis2: Any, text: str | None, nonce: str | None = None) -> Any:
    """Run every check."""
    return verify_external(check_external(text, KNOWN), KNOWN, parse_jwk_set(cis2.jwks(), KeyRules()), NOW, nonce)


@pytest.mark.parametrize(("name", "code", "fault"), EXTERNAL, ids=[name for name, _, _ in EXTERNAL])
def test_each_fault_of_an_id_token_of_ours(cis2: Any, name: str, code: str, fault: Fault) -> None:
    """With two faults the earlier check answers."""
    assert code_of(lambda: external(cis2, fault(cis2), "n-1")) == code


def test_what_the_platform_lets_pass(cis2: Any) -> None:
    """A list of one audience, an issuer in other letters, no typ, no nonce where none was sent."""
    assert external(cis2, cis2.id_token({"typ": None}, aud=["wardgate"], iss=CIS2.upper(), nonce="n-9")).level == "aal3"
    assert external(cis2, cis2.id_token(nonce="n-1"), "n-1").user == "555000000101"


LOGOUT: list[tuple[str, str, Fault]] = [
    ("none", "logout-malformed", lambda _p: None),
    ("not a JWT", "logout-malformed", lambda _p: "x.y"),
    ("no aud", "logout-aud", lambda p: p.logout_token(aud=None, iss=None, sid=None)),
    ("another client first", "logout-aud", lambda p: p.logout_token(aud=["x", "wardgate"])),
    ("another issuer", "logout-iss", lambda p: p.logout_token(iss="https://x", sid=None)),
    ("no sid", "logout-sid", lambda p: p.logout_token(sid=None, events=None)),
    ("no events", "logout-events", lambda p: p.logout_token(events=None, nonce="n")),
    ("another event", "logout-events", lambda p: p.logout_token(events={"x": {}})),
    ("events as text", "logout-events", lambda p: p.logout_token(events=EVENT)),
    ("a nonce", "logout-nonce", lambda p: p.logout_token(nonce="n")),
    ("an ID token", "logout-events", lambda p: p.id_token()),
    ("an unknown kid", "logout-kid-unknown", lambda p: p.logout_token({"kid": "x"})),
    ("alg none", "logout-signature", lambda p: p.logout_token({"alg": "none"})),
    ("another signature", "logout-signature", lambda p: p.logout_token({"kid": p.signers[1].kid})),
    ("expired", "logout-signature", lambda p: p.logout_token(exp=1)),
    ("exp as text", "logout-signature", lambda p: p.logout_token(exp="soon")),
]


def logout(cis2: Any, text: str | None) -> str:
    """Run every check."""
    token, _ = check_claims(text, [KNOWN])
    return verify_logout(token, parse_jwk_set(cis2.jwks(), KeyRules()), NOW)


@pytest.mark.parametrize(("name", "code", "fault"), LOGOUT, ids=[name for name, _, _ in LOGOUT])
def test_each_fault_of_a_logout_token(cis2: Any, name: str, code: str, fault: Fault) -> None:
    """The order of user-restricted 7.2."""
    assert code_of(lambda: logout(cis2, fault(cis2))) == code


def test_a_logout_token_names_the_session(cis2: Any) -> None:
    """`exp` is not required, the first audience counts, the issuer may be in other letters."""
    assert logout(cis2, cis2.logout_token(exp=None, aud=["wardgate", "x"], iss=CIS2.upper())) == "0a1b2c3d-session"


def test_nobody_is_signed_out_without_a_provider(cis2: Any) -> None:
    """An empty table refuses."""
    assert CLAIMS
    assert code_of(lambda: check_claims(cis2.logout_token(), [])) == "logout-aud"


def test_discovery_is_of_the_issuer_that_was_asked(cis2: Any) -> None:
    """OpenID Connect Discovery section 4.3; what the manifest states wins over the document."""
    import json  # noqa: PLC0415 - only here

    found = read_discovery(json.dumps(cis2.discovery()).encode(), KNOWN)
    assert (found.token, found.jwks) == (CIS2 + "/access_token", CIS2 + "/connect/jwk_uri")
    for change in ({"issuer": CIS2 + "/"}, {"issuer": None}, {"jwks_uri": "file:///etc/passwd"}, {"token_endpoint": 7}, {"authorization_endpoint": "https://x y/"}):
        with pytest.raises(UnsoundDiscovery):
            read_discovery(json.dumps(cis2.discovery() | change).encode(), KNOWN)
    for text in (b"", b"[]", b"{"):
        with pytest.raises(UnsoundDiscovery):
            read_discovery(text, KNOWN)
    assert stated_endpoints(KNOWN) is None
