"""The checks of token exchange, told one by one: the same as the server's, and in its order."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from wardgate.jose import JWKSet, KeyRules, SigningJWK, parse_jwk_set, sign
from wardgate.oauth import OAuthRefused
from wardgate.oauth.explain_exchange import NUMBERED, ROW_OF, explain_exchange
from wardgate.oauth.providers import Provider
from wardgate.oauth.subject_token import ACTOR, SUBJECT
from wardgate.oauth.users import ProviderKind
from wardgate.refusals import CATALOGUE

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ISSUER = "https://auth.example.nhs.uk"
KEY = SigningJWK.of("kid-1", "RS512", rsa.generate_private_key(65537, 2048))
OTHER = SigningJWK.of("kid-1", "RS512", rsa.generate_private_key(65537, 2048))
KEYS = parse_jwk_set({"keys": [KEY.public_jwk()]}, KeyRules())
CLAIMS: dict[str, Any] = {"iss": ISSUER, "sub": "s", "aud": "a-client", "exp": int(NOW.timestamp()) + 60, "nhs_number": "9912003071",
                          "identity_proofing_level": "P9"}
SCOPES = ("urn:nhsd:apim:user-nhs-login:P9:x", "urn:nhsd:apim:user-nhs-login:P5:x")


def find(issuer: Any) -> Provider | None:
    """Return the one provider that is believed."""
    return Provider("nhs-login", ProviderKind.NHS_LOGIN, ISSUER, "wardgate") if issuer == ISSUER else None


def token(key: SigningJWK = KEY, typ: str = "JWT", **changes: Any) -> str:
    """Return a signed ID token; claims given as None are left out."""
    return sign({name: value for name, value in (CLAIMS | changes).items() if value is not None}, key, typ)


def unavailable(_provider: Provider) -> JWKSet:
    """The provider's keys cannot be had."""
    raise OAuthRefused("provider-keys-unavailable", "an answer", "none")


def acting(**changes: Any) -> dict[str, Any]:
    """Return the claim of a token whose actor's token has these changes."""
    return {"sub": token(**changes)}


def test_a_good_token_passes_every_check() -> None:
    """In the table's order; with an actor the checks of `act.sub` stand at their place."""
    plain = explain_exchange(token(), NOW, find, lambda _: KEYS, SCOPES)
    assert plain.refused is None
    assert plain.scopes == ("urn:nhsd:apim:user-nhs-login:P9:x",)
    assert [ROW_OF[code] for code in plain.held] == [row for row in range(22, 38) if row != 32]
    composite = explain_exchange(token(act=acting()), NOW, find, lambda _: KEYS, SCOPES)
    assert composite.refused is None
    assert composite.who is not None
    assert composite.who.actor == "9912003071"
    assert {"actor-token-malformed", "actor-token-signature"} <= set(composite.held)


def test_without_an_application_the_last_check_is_not_asked() -> None:
    """Scopes are an application's."""
    explained = explain_exchange(token(), NOW, find, lambda _: KEYS, None)
    assert (explained.refused, explained.held[-1]) == (None, "subject-token-signature")


@pytest.mark.parametrize(("text", "code"), [
    ("", "subject-token-missing"), ("a.b", "subject-token-malformed"), ("opaque", "subject-token-malformed"), (token(typ="at+jwt"), "subject-token-typ"),
    (token(exp=None), "subject-token-exp-missing"), (token(exp="soon"), "subject-token-exp-type"), (token(exp=1), "subject-token-expired"),
    (token(iss=None), "subject-token-iss-missing"), (token(aud=None), "subject-token-aud-missing"),
    (token(act={"sub": 1}), "actor-token-malformed"), (token(act=acting(exp=None)), "actor-token-exp-missing"),
    (token(act=acting(nhs_number=None)), "actor-token-nhs-number-missing"), (token(iss="https://evil.example"), "subject-token-iss"),
    (token(OTHER), "subject-token-signature"), (token(act={"sub": token(OTHER)}), "actor-token-signature"), (token(act=acting(exp=1)), "actor-token-expired"),
    (token(act=acting(iss="https://evil.example")), "actor-token-iss"), (token(identity_proofing_level="P0"), "scope-none-for-user"),
    (token(identity_proofing_level=None), "scope-none-for-user"),
], ids=lambda value: value if len(value) < 40 else "")
def test_the_first_check_that_fails_is_the_servers(text: str, code: str) -> None:
    """What held before it is everything before it in the order; nobody is named before the proof."""
    explained = explain_exchange(text, NOW, find, lambda _: KEYS, SCOPES)
    assert explained.refused is not None
    assert explained.refused.code == code
    assert code not in explained.held
    rows = [ROW_OF[held] for held in explained.held if held not in {"actor-token-signature", "actor-token-expired", "actor-token-iss"}]
    assert rows == sorted(rows)
    assert code.startswith("actor-token-") or rows == [] or rows[-1] <= ROW_OF[code]
    assert (explained.who is not None) == (code == "scope-none-for-user")


def test_keys_that_cannot_be_had_are_row_34() -> None:
    """What the server answers with 500."""
    explained = explain_exchange(token(), NOW, find, unavailable, SCOPES)
    assert explained.refused is not None
    assert ROW_OF[explained.refused.code] == 34
    assert explained.held[-1] == "subject-token-iss"


def test_an_unknown_kid_is_row_35() -> None:
    """The set has another key."""
    explained = explain_exchange(token(), NOW, find, lambda _: JWKSet({}, {}), SCOPES)
    assert explained.refused is not None
    assert ROW_OF[explained.refused.code] == 35


def test_the_rows_are_thirty_seven_and_each_is_in_the_catalogue() -> None:
    """Every code has words, every check of the tables has a row, and none has two."""
    assert len(NUMBERED) == 37
    codes = [code for row in NUMBERED for code in row]
    assert len(codes) == len(set(codes))
    assert set(codes) <= set(CATALOGUE)
    assert {row.code for row in (*SUBJECT, *ACTOR)} <= set(codes)


def test_the_audience_is_compared_when_the_application_states_names() -> None:
    """After the signature and before the scopes; without names it is no check."""
    good = explain_exchange(token(), NOW, find, lambda _: KEYS, SCOPES, ("a-client", "b-client"))
    assert (good.refused, good.held[-2:]) == (None, ("subject-token-aud", "scope-none-for-user"))
    bad = explain_exchange(token(), NOW, find, lambda _: KEYS, SCOPES, ("b-client",))
    assert bad.refused is not None
    assert (bad.refused.code, bad.held[-1]) == ("subject-token-aud", "subject-token-signature")
    forged = explain_exchange(token(OTHER), NOW, find, lambda _: KEYS, SCOPES, ("b-client",))
    assert forged.refused is not None
    assert forged.refused.code == "subject-token-signature"
