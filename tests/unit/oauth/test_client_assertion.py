"""The checks of a client assertion: order, vectors, and the doctor that walks the same table."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.jose import JWKSet, KeyRules, UnverifiedJWT, parse_jwk_set
from wardgate.oauth import PROFILES, OAuthRefused, check_structure, explain_assertion, verify_signature_and_audience
from wardgate.oauth.client_assertion import KEY, PROVED_CLAIMS, SIGNATURE, STRUCTURE, masked
from wardgate.refusals import CATALOGUE

NOW = datetime(2026, 3, 2, 9, 0, 0, 500_000, UTC)
VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "client_assertion.json").read_text())["vectors"]
ORDER = (
    "assertion-alg", "assertion-expired", "assertion-kid-missing", "assertion-typ", "assertion-exp-missing", "assertion-exp-type",
    "assertion-iss-sub", "assertion-jti-missing", "assertion-jti-type", "assertion-jti-replayed", "assertion-exp-too-far",
)


def _never(_sub: str, _jti: str) -> bool:
    return False


def test_the_table_is_in_the_platforms_order() -> None:
    """application-restricted 6.5 step 6, rows 8 to 18; then kid, signature, claims; every code is in the catalogue."""
    assert tuple(check.code for check in STRUCTURE) == ORDER
    assert [KEY.code, SIGNATURE.code, *(check.code for check in PROVED_CLAIMS)] == [
        "assertion-kid-unknown", "assertion-signature", "assertion-aud", "assertion-nbf", "assertion-iat"]
    for check in (*STRUCTURE, KEY, SIGNATURE, *PROVED_CLAIMS):
        assert check.code in CATALOGUE


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_the_doctor_finds_what_the_vector_says(developer: Any, vector: Any) -> None:
    """`explain_assertion` lists the checks that held, then the first that did not, with expected and received."""
    profile = PROFILES[vector["profile"]]
    audiences = {developer.TOKEN_URL} | ({developer.ISSUER} if profile.issuer_is_audience else set())
    text = developer.assertion(vector, NOW.timestamp())
    results = explain_assertion(text, NOW, profile, audiences, parse_jwk_set(developer.JWKS, KeyRules()))
    failed = [result for result in results if not result.holds]
    assert [result.code for result in failed] == ([] if vector["expect"] is None else [vector["expect"]])
    assert failed in ([], results[-1:])
    assert all(result.expected and result.received and result.code in CATALOGUE for result in results)
    assert developer.KEY not in repr(results)
    if vector["expect"] is None:
        assert len(results) == 2 + len(STRUCTURE) + 2 + len(PROVED_CLAIMS)


def test_the_proof_carries_what_the_server_needs(developer: Any) -> None:
    """The verified assertion names client, id, key and how long to remember it."""
    unverified = UnverifiedJWT.parse(developer.assertion({}, NOW.timestamp()))
    check_structure(unverified, NOW, PROFILES["nhs"], _never)
    keys = parse_jwk_set(developer.JWKS, KeyRules())
    proof = verify_signature_and_audience(unverified, keys, {developer.TOKEN_URL}, NOW, PROFILES["nhs"])
    assert (proof.client_id, proof.jti, proof.kid, proof.alg) == (developer.KEY, "jti-1", "test-1", "RS512")
    assert (proof.remember_until - proof.expires).total_seconds() == 70


def test_nobody_is_an_audience_of_an_empty_list(developer: Any) -> None:
    """An empty table refuses."""
    unverified = UnverifiedJWT.parse(developer.assertion({}, NOW.timestamp()))
    with pytest.raises(OAuthRefused) as caught:
        verify_signature_and_audience(unverified, parse_jwk_set(developer.JWKS, KeyRules()), frozenset(), NOW, PROFILES["nhs"])
    assert caught.value.code == "assertion-aud"


def test_the_early_look_stands_in_its_place(developer: Any) -> None:
    """A known jti is reported before an exp too far ahead and after a jti of a wrong type (6.5 steps 5 and 6)."""
    for claims, code in (({"exp": {"ahead": 900}}, "assertion-jti-replayed"), ({"jti": 5}, "assertion-jti-type")):
        unverified = UnverifiedJWT.parse(developer.assertion({"claims": claims}, NOW.timestamp()))
        with pytest.raises(OAuthRefused) as caught:
            check_structure(unverified, NOW, PROFILES["nhs"], lambda _sub, _jti: True)
        assert caught.value.code == code


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from(["alg", "kid", "typ"]), JSON_VALUES | st.sampled_from(["RS512", "JWT", "test-1"])),
    st.dictionaries(st.sampled_from(["iss", "sub", "aud", "exp", "jti", "nbf", "iat"]), JSON_VALUES | st.just("same") | st.just(1772442100)),
)
def test_any_header_and_claims_are_refused_in_words(header: dict[str, Any], claims: dict[str, Any]) -> None:
    """Whatever JSON arrives, the checks answer with a refusal that can be written down; they never fail otherwise."""
    unverified = UnverifiedJWT({"alg": "RS512"} | header, claims, b"x.y", b"")
    keys = parse_jwk_set({"keys": [_JWK]}, KeyRules())
    with pytest.raises(OAuthRefused) as caught:
        _check(unverified, keys)
    assert caught.value.code in CATALOGUE
    assert caught.value.expected
    assert (caught.value.received or "\xff").isascii()


def _check(unverified: UnverifiedJWT, keys: JWKSet) -> None:
    check_structure(unverified, NOW, PROFILES["nhs"], _never)
    verify_signature_and_audience(unverified, keys, {"same"}, NOW, PROFILES["nhs"])


_JWK = {"kty": "EC", "crv": "P-256", "kid": "test-1", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}


def test_client_identifiers_are_masked() -> None:
    """They are API keys: a record shows the length and the first four characters of a long one."""
    assert masked("abcdefghijklmnopqrstuvwxyz012345") == "a text of 32 characters beginning 'abcd'"
    assert masked("short") == "a text of 5 characters"
    assert masked(None) == "nothing"
    assert masked(["x"]) == "a list"


def test_without_a_key_set_the_doctor_stops_before_the_key(developer: Any) -> None:
    """A developer without the key set at hand still learns about the structure."""
    results = explain_assertion(developer.assertion({}, NOW.timestamp()), NOW, PROFILES["nhs"], frozenset(), None)
    assert results[-1].code == "assertion-exp-too-far"
    assert all(result.holds for result in results)
    (missing,) = explain_assertion("", NOW, PROFILES["nhs"], frozenset(), None)
    assert (missing.code, missing.holds) == ("assertion-missing", False)
