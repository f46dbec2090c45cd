"""Signed tokens: what verifies, and what never may."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from wardgate.jose import (
    BadSignature,
    InvalidJWK,
    KeyRules,
    MalformedJWT,
    SigningJWK,
    UnsuitableKey,
    UnverifiedJWT,
    base64url,
    parse_jwk_set,
    sign,
    thumbprint,
    verify,
)
from wardgate.jose.jwk import parse_jwk


def test_each_algorithm_verifies_what_it_signed(developer: Any) -> None:
    """RS512, PS256, ES256 and EdDSA make the round trip."""
    keys = parse_jwk_set(developer.JWKS, KeyRules())
    for alg, signer in developer.SIGNERS.items():
        proof = verify(UnverifiedJWT.parse(sign({"a": 1}, signer)), keys.keys[signer.kid])
        assert (proof.alg, proof.kid, proof.claims) == (alg, signer.kid, {"a": 1})


def test_rs256_is_spoken_for_identity_providers(developer: Any) -> None:
    """RS256 verifies, though no assertion may use it."""
    signer = SigningJWK.of("r", "RS256", developer.RSA)
    keys = parse_jwk_set({"keys": [signer.public_jwk()]}, KeyRules())
    assert verify(UnverifiedJWT.parse(sign({}, signer)), keys.keys["r"]).alg == "RS256"


def test_published_ed25519_vector_verifies() -> None:
    """RFC 8037 appendix A.4."""
    key = parse_jwk({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}, KeyRules())
    signed = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    signature = base64url.decode(
        b"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )
    assert verify(UnverifiedJWT({"alg": "EdDSA"}, {}, signed, signature), key).alg == "EdDSA"


def test_published_es256_vector_verifies() -> None:
    """RFC 7515 appendix A.3."""
    key = parse_jwk({"kty": "EC", "crv": "P-256", "kid": "k", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                     "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}, KeyRules())
    text = ("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")
    assert verify(UnverifiedJWT.parse(text), key).claims["iss"] == "joe"


def test_thumbprint_is_the_published_one() -> None:
    """RFC 7638 section 3.1."""
    n = ("0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
         "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn"
         "1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw")
    key = parse_jwk({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}, KeyRules())
    assert thumbprint(key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_a_key_verifies_only_by_its_own_algorithm(developer: Any) -> None:
    """RFC 8725 section 3.1: neither the type nor `alg` of a key may be talked round by a header."""
    keys = parse_jwk_set(developer.JWKS, KeyRules()).keys
    token = UnverifiedJWT.parse(sign({}, developer.SIGNERS["RS512"]))
    for kid in ("ps-1", "es-1", "ed-1"):
        with pytest.raises(UnsuitableKey):
            verify(token, keys[kid])
    for alg in ("none", "HS256", None, 7):
        with pytest.raises(UnsuitableKey):
            verify(UnverifiedJWT({"alg": alg}, {}, token.signed, b""), keys["test-1"])


@given(st.integers(min_value=0, max_value=10_000), st.integers(min_value=1, max_value=255))
def test_no_changed_octet_verifies(developer: Any, position: int, change: int) -> None:
    """Any change of the signed text or the signature is seen."""
    key = parse_jwk_set(developer.JWKS, KeyRules()).keys["es-1"]
    token = UnverifiedJWT.parse(sign({"sub": "a"}, developer.SIGNERS["ES256"]))
    both = bytearray(token.signed + token.signature)
    both[position % len(both)] ^= change
    changed = UnverifiedJWT(token.header, token.claims, bytes(both[: len(token.signed)]), bytes(both[len(token.signed):]))
    with pytest.raises(BadSignature):
        verify(changed, key)


@given(st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_-]{0,20}\.[A-Za-z0-9_-]{0,20}\.[A-Za-z0-9_-]{0,20}", fullmatch=True))
def test_any_text_parses_or_is_malformed(text: str) -> None:
    """Nothing but `MalformedJWT` leaves the parser."""
    try:
        token = UnverifiedJWT.parse(text)
    except MalformedJWT:
        return
    assert isinstance(token.claims, dict)


def test_a_header_is_never_shared_for_writing(developer: Any) -> None:
    """Headers are decoded once for all requests, so nobody may change one."""
    token = UnverifiedJWT.parse(sign({}, developer.SIGNERS["ES256"]))
    with pytest.raises(TypeError):
        token.header["alg"] = "none"  # type: ignore[index]


def test_nothing_secret_is_shown(developer: Any) -> None:
    """The representation of a token or key has neither signature nor key."""
    token = UnverifiedJWT.parse(sign({"a": 1}, developer.SIGNERS["ES256"]))
    assert base64url.encode(token.signature) not in repr(token)
    assert repr(token.signature) not in repr(token)
    assert "EllipticCurve" not in repr(developer.SIGNERS["ES256"])


def test_a_private_key_is_paired_with_its_own_algorithm(developer: Any) -> None:
    """A key of another type, curve or an unknown algorithm is refused when it is loaded."""
    for alg, key in (("ES256", developer.RSA), ("RS512", developer.EC), ("HS256", developer.RSA), ("ES256", ec.generate_private_key(ec.SECP384R1()))):
        with pytest.raises(UnsuitableKey):
            SigningJWK.of("k", alg, key)


def test_the_smallest_rsa_size_is_a_setting(developer: Any) -> None:
    """application-restricted 6.1: `jwks.min_rsa_bits`."""
    jwk = json.loads(json.dumps(developer.WEAK_JWK))
    assert parse_jwk(jwk, KeyRules(min_rsa_bits=1024)).kid == "weak-1"
    with pytest.raises(InvalidJWK, match="1024 bits"):
        parse_jwk(jwk, KeyRules())
