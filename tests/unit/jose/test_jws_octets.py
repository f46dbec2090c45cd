"""JWS over any octets: two other implementations agree both ways, and every part that is changed is noticed."""

import json
from contextlib import suppress
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwcrypto import jwk, jws

from wardgate.jose import jws_octets
from wardgate.jose.base64url import encode
from wardgate.jose.errors import AlgorithmRefused, BadSignature, JOSEError, MalformedJWS, UnsuitableKey
from wardgate.jose.jws_octets import check_members, encode_header, flatten, parse, sign_compact, sign_detached
from wardgate.jose.signature_algorithms import (
    SEAL_ALGORITHMS,
    SIGNATURE_ALGORITHMS,
    algorithm_for,
    algorithm_of_key,
    check_signature,
)

KEYS: dict[str, Any] = {
    "ES256": ec.generate_private_key(ec.SECP256R1()), "ES384": ec.generate_private_key(ec.SECP384R1()),
    "PS256": rsa.generate_private_key(65537, 2048), "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
LIMIT = 100_000
CONTENT = b"<Bundle xmlns='http://hl7.org/fhir'>\xc3\xa4</Bundle>"


def signer(alg: str) -> Any:
    """A function that signs."""
    return lambda data: SIGNATURE_ALGORITHMS[alg].sign(KEYS[alg], data)


def verified(data: bytes, alg: str, detached: bytes | None = None) -> bytes:
    """The payload, after its signature was found good."""
    found = parse(data, LIMIT)
    key = KEYS[alg].public_key()
    check_signature(algorithm_for(found.header.get("alg"), key, SEAL_ALGORITHMS), key, found.signature, found.signed_octets(detached))
    return found.payload() if detached is None else detached


def other(alg: str) -> jwk.JWK:
    """The key, in jwcrypto."""
    return jwk.JWK.from_pyca(KEYS[alg])


@pytest.mark.parametrize("alg", sorted(SEAL_ALGORITHMS))
def test_others_verify_ours(alg: str) -> None:
    """Compact, detached and flattened: jwcrypto; compact and unencoded: pyjwt."""
    compact = sign_compact({"alg": alg, "kid": "k"}, CONTENT, signer(alg))
    token = jws.JWS()
    token.deserialize(compact.decode(), other(alg))
    assert token.payload == CONTENT
    assert jwt.PyJWS().decode(compact, KEYS[alg].public_key(), algorithms=[alg]) == CONTENT
    token = jws.JWS()
    token.deserialize(flatten(compact, {"etsiU": []}).decode(), other(alg))
    assert token.payload == CONTENT
    unencoded = sign_detached({"alg": alg, "b64": False, "crit": ["b64"]}, CONTENT, signer(alg))
    assert jwt.PyJWS().decode(unencoded, KEYS[alg].public_key(), algorithms=[alg], detached_payload=CONTENT) == CONTENT
    token = jws.JWS()
    token.deserialize(sign_detached({"alg": alg}, CONTENT, signer(alg)).decode())
    token.verify(other(alg), alg, detached_payload=CONTENT)
    assert token.is_valid


@pytest.mark.parametrize("alg", sorted(SEAL_ALGORITHMS))
def test_we_verify_theirs(alg: str) -> None:
    """Jwcrypto compact and flattened; pyjwt compact, and unencoded and detached."""
    token = jws.JWS(CONTENT)
    token.add_signature(other(alg), alg, json.dumps({"alg": alg}), json.dumps({"kid": "k"}))
    assert verified(token.serialize().encode(), alg) == CONTENT
    token = jws.JWS(CONTENT)
    token.add_signature(other(alg), alg, json.dumps({"alg": alg}))
    assert verified(token.serialize(compact=True).encode(), alg) == CONTENT
    assert verified(jwt.PyJWS().encode(CONTENT, KEYS[alg], algorithm=alg).encode(), alg) == CONTENT
    unencoded = jwt.PyJWS().encode(CONTENT, KEYS[alg], algorithm=alg, headers={"b64": False, "crit": ["b64"]}, is_payload_detached=True)
    assert verified(unencoded.encode(), alg, CONTENT) == CONTENT


@pytest.mark.parametrize("alg", sorted(SEAL_ALGORITHMS))
def test_every_octet_counts(alg: str) -> None:
    """One character changed anywhere: refused."""
    compact = sign_compact({"alg": alg}, b"content", signer(alg))
    for at in range(0, len(compact), 3):
        changed = compact[:at] + (b"A" if compact[at : at + 1] != b"A" else b"B") + compact[at + 1 :]
        with pytest.raises(JOSEError):
            verified(changed, alg)


@pytest.mark.parametrize("alg", sorted(SEAL_ALGORITHMS))
def test_detached_octets_count(alg: str) -> None:
    """Signed as they are, or encoded."""
    for header in ({"alg": alg}, {"alg": alg, "b64": False, "crit": ["b64"]}):
        signature = sign_detached(header, CONTENT, signer(alg))
        verified(signature, alg, CONTENT)
        with pytest.raises(BadSignature):
            verified(signature, alg, CONTENT + b" ")


def test_a_payload_is_inside_or_beside() -> None:
    """Never both, never neither, so that nobody verifies one and reads the other."""
    with pytest.raises(MalformedJWS):
        verified(sign_compact({"alg": "ES256"}, CONTENT, signer("ES256")), "ES256", CONTENT)
    with pytest.raises(MalformedJWS):
        parse(sign_detached({"alg": "ES256"}, CONTENT, signer("ES256")), LIMIT).signed_octets()


def raw(header: str | bytes, signature: bytes = b"AAAA") -> bytes:
    """A compact JWS with a header as it is given."""
    return b".".join((encode(header.encode() if isinstance(header, str) else header).encode(), b"AAAA", signature))


MALFORMED = {
    "two parts": b"e30.AAAA",
    "four parts": b"e30.AAAA.AAAA.AAAA",
    "nothing": b"",
    "no signature": raw("{}", b""),
    "a header twice the name": raw('{"alg":"ES256","alg":"none"}'),
    "a header that is no object": raw("[]"),
    "a header that is no UTF-8": raw(b'{"a":"\xff"}'),
    "a header with padding": b"e30=.AAAA.AAAA",
    "a header in plain base64": b"e+/9.AAAA.AAAA",
    "crit empty": raw('{"alg":"ES256","crit":[]}'),
    "crit null": raw('{"alg":"ES256","crit":null}'),
    "crit text": raw('{"alg":"ES256","crit":"exp"}'),
    "crit of numbers": raw('{"alg":"ES256","crit":[1]}'),
    "crit names a member twice": raw('{"alg":"ES256","x":1,"crit":["x","x"]}'),
    "crit names what is not there": raw('{"alg":"ES256","crit":["x"]}'),
    "crit names a registered member": raw('{"alg":"ES256","crit":["alg"]}'),
    "b64 outside crit": raw('{"alg":"ES256","b64":false}'),
    "b64 text": raw('{"alg":"ES256","b64":"false","crit":["b64"]}'),
    "b64 false with the payload inside": raw('{"alg":"ES256","b64":false,"crit":["b64"]}'),
    "JSON with another member": b'{"payload":"AAAA","protected":"e30","signature":"AAAA","x":1}',
    "JSON with a member twice": b'{"payload":"AAAA","protected":"e30","signature":"AAAA","signature":"BBBB"}',
    "JSON of several signatures": b'{"payload":"AAAA","signatures":[{"protected":"e30","signature":"AAAA"}]}',
    "JSON without a protected header": b'{"payload":"AAAA","header":{"alg":"ES256"},"signature":"AAAA"}',
    "a member protected and not": b'{"payload":"AAAA","protected":"%b","header":{"alg":"none"},"signature":"AAAA"}' % encode(b'{"alg":"ES256"}').encode(),
    "an unprotected header that is a list": b'{"payload":"AAAA","protected":"e30","header":[],"signature":"AAAA"}',
    "a payload that is a number": b'{"payload":1,"protected":"e30","signature":"AAAA"}',
    "too large": b"e30." + b"A" * LIMIT + b".AAAA",
    "a header too large": raw('{"a":"' + "a" * 40_000 + '"}'),
    "a signature too large": raw("{}", b"A" * 4_000),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_refused(name: str) -> None:
    """Before any key is looked for."""
    with pytest.raises(MalformedJWS):
        parse(MALFORMED[name], LIMIT)


MEMBERS = {
    "a member nobody knows": '{"alg":"ES256","x":1}',
    "jku": '{"alg":"ES256","jku":"https://x.example/keys"}',
    "jwk": '{"alg":"ES256","jwk":{}}',
    "x5u": '{"alg":"ES256","x5u":"https://x.example/pem"}',
    "an extension nobody knows": '{"alg":"ES256","x":1,"crit":["x"]}',
    "ours not marked critical": '{"alg":"ES256","sigT":"now"}',
    "ours marked, and not there": '{"alg":"ES256"}',
    "b64 where the profile has none": '{"alg":"ES256","sigT":"now","b64":true,"crit":["sigT","b64"]}',
}


@pytest.mark.parametrize("name", MEMBERS)
def test_header_members_are_a_list(name: str) -> None:
    """Known, and critical where they are ours. An absent one of ours is looked for by whoever reads it."""
    header = parse(raw(MEMBERS[name]), LIMIT).header
    if name == "ours marked, and not there":
        check_members(header, {"alg", "crit", "sigT"}, {"sigT"})
        return
    with pytest.raises(AlgorithmRefused):
        check_members(header, {"alg", "crit", "sigT"}, {"sigT"})


CONFUSED = [
    ("none", "ES256"), ("HS256", "ES256"), ("HS256", "PS256"), ("RS256", "PS256"), ("ES512", "ES384"), ("ES384", "ES256"), ("ES256", "ES384"),
    ("PS256", "ES256"), ("ES256", "EdDSA"), ("EdDSA", "ES256"), ("PS384", "PS256"), (None, "ES256"), (["ES256"], "ES256"), ("es256", "ES256"),
]


@pytest.mark.parametrize(("alg", "kind"), CONFUSED)
def test_the_algorithm_is_of_the_list_and_of_the_key(alg: Any, kind: str) -> None:
    """Key type and algorithm belong together; none and HMAC with a public key are on no list."""
    with pytest.raises(UnsuitableKey):
        algorithm_for(alg, KEYS[kind].public_key(), SEAL_ALGORITHMS)


def test_an_empty_list_refuses() -> None:
    """Nothing is allowed by forgetting."""
    with pytest.raises(UnsuitableKey):
        algorithm_for("ES256", KEYS["ES256"].public_key(), ())
    assert SIGNATURE_ALGORITHMS.keys() > SEAL_ALGORITHMS


@pytest.mark.parametrize("alg", sorted(SEAL_ALGORITHMS))
def test_a_key_signs_by_one_algorithm(alg: str) -> None:
    """Which its kind says."""
    assert algorithm_of_key(KEYS[alg].public_key()) == alg


def test_keys_that_sign_by_none() -> None:
    """Too small, or of another curve."""
    for key in (rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP521R1()), ec.generate_private_key(ec.SECP256K1())):  # noqa: S505 - weak on purpose
        with pytest.raises(UnsuitableKey):
            algorithm_of_key(key.public_key())


ORDER = {
    "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ES384": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
}


@pytest.mark.parametrize("alg", sorted(ORDER))
def test_ecdsa_numbers_are_in_range(alg: str) -> None:
    """R and s are raw, of their length, neither 0 nor n or more; DER is refused."""
    key, octets = KEYS[alg].public_key(), 32 if alg == "ES256" else 48
    algorithm, good = SIGNATURE_ALGORITHMS[alg], SIGNATURE_ALGORITHMS[alg].sign(KEYS[alg], b"x")
    r, s, order = good[:octets], good[octets:], ORDER[alg]
    check_signature(algorithm, key, good, b"x")
    zero, n = bytes(octets), order.to_bytes(octets)
    wrong = [zero + zero, zero + s, r + zero, n + s, r + n, s + r, good[:-1], good + b"\0", b"\0" + good, b"", KEYS[alg].sign(b"x", ec.ECDSA(ec.hashes.SHA256()))]
    if int.from_bytes(s) + order < 1 << (8 * octets):
        wrong.append(r + (int.from_bytes(s) + order).to_bytes(octets))
    for signature in wrong:
        with pytest.raises(BadSignature):
            check_signature(algorithm, key, signature, b"x")


@given(st.binary(max_size=400), st.dictionaries(st.sampled_from(["kid", "typ", "cty"]), st.text(max_size=9).filter(str.isprintable)))
def test_round_trip(content: bytes, header: dict[str, str]) -> None:
    """Whatever was signed comes out, in every form; nothing at all is no payload."""
    compact = sign_compact({"alg": "EdDSA", **header}, content, signer("EdDSA"))
    if content:
        assert verified(compact, "EdDSA") == verified(flatten(compact, {"x": 1}), "EdDSA") == content
        assert parse(compact, LIMIT).header == {"alg": "EdDSA", **header}
    verified(sign_detached({"alg": "EdDSA", **header}, content, signer("EdDSA")), "EdDSA", content)
    assert encode_header({"alg": "EdDSA"}) == b"eyJhbGciOiJFZERTQSJ9"


@given(st.binary(max_size=60))
def test_no_octets_break_the_parser(octets: bytes) -> None:
    """It parses, or it is refused."""
    for data in (octets, b"{" + octets, b"e30." + octets + b".AAAA"):
        with suppress(MalformedJWS):
            jws_octets.parse(data, LIMIT)
