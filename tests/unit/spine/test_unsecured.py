"""Unsigned tokens: strict at the edge, tolerant behind a trusted hop, and never a verified one."""

import base64
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wardgate.jose import MalformedJWT, UnverifiedJWT, VerifiedJWT
from wardgate.spine.errors import Fault, MalformedClaims
from wardgate.spine.unsecured import MAX_TOKEN_CHARS, UnsecuredClaims, compact, parse, parse_tolerantly

FILE = json.loads((Path(__file__).parents[2] / "vectors" / "spine_jwt.json").read_text())
VECTORS = FILE["vectors"]


def _text(stated: Any) -> str:
    if isinstance(stated, dict):
        return str(stated["before"]) + str(stated["repeat"]) * int(stated["times"]) + str(stated["after"])
    return str(stated)


def _section(vector: dict[str, Any], name: str, encoded: str) -> str:
    if encoded in vector:
        return str(vector[encoded])
    data = _text(vector.get(name, FILE[name])).encode()
    if vector.get("encoding") == "standard":
        return base64.b64encode(data).decode()
    padded = base64.urlsafe_b64encode(data).decode()
    return padded if vector.get("encoding") == "padded" else padded.rstrip("=")


def token_of(vector: dict[str, Any]) -> str:
    """Return the token that a vector describes."""
    if "token" in vector:
        return str(vector["token"])
    return _section(vector, "header", "header_text") + "." + _section(vector, "claims", "body_text") + str(vector.get("tail", "."))


def outcome(parser: Any, text: str) -> str:
    """Return `good`, or the rule that refuses."""
    try:
        parser(text)
    except MalformedClaims as found:
        fault = found
    else:
        return "good"
    assert fault.expected
    assert fault.received
    assert len(str(fault)) < 200
    return str(fault.fault)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["comment"])
def test_vectors(vector: dict[str, Any]) -> None:
    """Each stored token is taken apart or refused as its vector says, by either parser."""
    token = token_of(vector)
    assert (outcome(parse, token), outcome(parse_tolerantly, token)) == (vector["strict"], vector["tolerant"])


def test_every_rule_has_a_vector() -> None:
    """No rule is there in vain, and each is met at the edge."""
    assert {vector["strict"] for vector in VECTORS} == {"good", *Fault}


def test_the_published_header() -> None:
    """The header is fixed, to the letter."""
    assert compact({}) == "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30."


def test_it_is_no_verified_token() -> None:
    """Proof is a type: the two share no base, and the verifying parser's token is another type too."""
    assert not issubclass(UnsecuredClaims, VerifiedJWT | UnverifiedJWT)
    assert set(UnsecuredClaims.__mro__) & set(VerifiedJWT.__mro__) == {object}
    assert not {field.name for field in dataclasses.fields(UnsecuredClaims)} & {"kid", "alg", "signature"}


def test_claims_are_not_shown() -> None:
    """A token in a log line says nothing, and its claims cannot be changed."""
    found = parse(compact({"requesting_patient": "9990000018"}))
    assert "999" not in repr(found)
    with pytest.raises(TypeError):
        found.claims["iss"] = "x"  # type: ignore[index]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=3), max_leaves=10,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=10), VALUES, max_size=5))
def test_what_is_made_is_read_back(claims: dict[str, Any]) -> None:
    """Both parsers return what `compact` was given; only the tolerant one marks it."""
    token = compact(claims)
    if outcome(parse, token) == "good":  # generated nesting may be deeper than any honest token
        assert (dict(parse(token).claims), parse(token).trusted_hop) == (claims, False)
        assert (dict(parse_tolerantly(token).claims), parse_tolerantly(token).trusted_hop) == (claims, True)


@given(st.text(max_size=60))
@example("." * 100_000)
@example("a" * 10_000_000)
@example("eyJ" * 5_000 + "..")
def test_any_text_is_taken_apart_or_refused(text: str) -> None:
    """Nothing but `MalformedClaims` comes out, whatever goes in."""
    assert outcome(parse, text) in {"good", *Fault}
    assert outcome(parse_tolerantly, text) in {"good", *Fault}


@given(st.data())
def test_one_changed_character_never_becomes_another_token(data: st.DataObject) -> None:
    """A token has one spelling: what differs in a letter is refused, or has other claims."""
    token = compact({"iss": "https://a.example", "n": data.draw(st.integers(0, 99))})
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("ABab01-_+/=. "))
    changed = token[:place] + letter + token[place + 1:]
    if changed != token and outcome(parse, changed) == "good":
        assert parse(changed).claims != parse(token).claims or changed.split(".")[0] != token.split(".")[0]


def test_a_longer_token_is_not_looked_at() -> None:
    """The limit is a character count, taken first."""
    assert outcome(parse, "x" * (MAX_TOKEN_CHARS + 1)) == Fault.TOO_LONG


def test_a_signed_parser_never_makes_it() -> None:
    """The other room reads the text, but has no way to call it verified: there is no algorithm `none`."""
    assert UnverifiedJWT.parse(compact({"a": 1})).header["alg"] == "none"
    with pytest.raises(MalformedJWT):
        UnverifiedJWT.parse(compact({"a": 1})[:-1])
