"""Key sets: every vector is usable or refused as it says, by the server's parser and by the doctor alike."""

import json
from pathlib import Path
from typing import Any

import pytest

from wardgate.jose import InvalidJWKSet, KeyRules, parse_jwk_set
from wardgate.oauth import PROFILES, explain_jwks
from wardgate.refusals import CATALOGUE

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "jwks.json").read_text())["vectors"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_key_set_vectors(developer: Any, vector: Any) -> None:
    """Each stored key set is usable or refused as its vector says."""
    data = developer.key_set(vector)
    if vector["expect"] == "usable":
        assert parse_jwk_set(data, KeyRules()).keys
        return
    with pytest.raises(InvalidJWKSet) as caught:
        parse_jwk_set(data, KeyRules())
    assert caught.value.expected
    assert caught.value.received
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_the_doctor_agrees_with_the_server(developer: Any, vector: Any) -> None:
    """`explain_jwks` ends in the same verdict; a refusal names a row of the catalogue, expected and received."""
    results = explain_jwks(developer.key_set(vector), KeyRules(), PROFILES["nhs"])
    assert all(result.code in CATALOGUE for result in results)
    if vector["expect"] == "refused":
        assert not results[-1].holds
        assert results[-1].expected
        assert results[-1].received
    elif any(key.get("base") == "rsa" for key in vector["keys"]):
        assert results[-1].holds


def test_a_weak_key_is_set_aside_with_its_reason(developer: Any) -> None:
    """The doctor's answer to "no matching public key" needs to know why."""
    keys = parse_jwk_set(developer.JWKS, KeyRules())
    assert "weak-1" not in keys.keys
    assert keys.set_aside["weak-1"].received == "1024 bits"


def test_private_members_are_never_repeated(developer: Any) -> None:
    """The refusal of a published private key names the members, not their values."""
    jwk = developer.SIGNERS["RS512"].public_jwk() | {"d": "c2VjcmV0LXZhbHVl"}
    with pytest.raises(InvalidJWKSet) as caught:
        parse_jwk_set({"keys": [jwk]}, KeyRules())
    assert "c2VjcmV0" not in str(caught.value)


def test_a_set_of_the_manifest_is_parsed_like_one_from_a_url(developer: Any) -> None:
    """Inline sets are objects already."""
    assert set(parse_jwk_set(developer.JWKS, KeyRules()).keys) == {"test-1", "ps-1", "es-1", "ed-1"}
    with pytest.raises(InvalidJWKSet):
        parse_jwk_set({"keys": "no"}, KeyRules())
