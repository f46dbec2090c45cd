"""The detached suite and counter-signatures that travel by themselves."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwcrypto import jwk, jws
from jwcrypto.common import JWSEHeaderParameter

from jose_seals import CONTENT, CONTEXT, STATEMENT, TRANSPORT, XML, Exchange, code_of
from message_world import DAY, NOW
from time_stamping import Authority
from wardgate.jose import jws_octets
from wardgate.jose.base64url import encode
from wardgate.sealing.counter_signature import check_counter_signature, counter_sign
from wardgate.sealing.detached import TYPE
from wardgate.sealing.inspect import inspect
from wardgate.sealing.keys import State, Use
from wardgate.sealing.model import Limits, Purpose, Statement, Suite
from wardgate.sealing.signature import written_header

EXCHANGE = Exchange()
WORLD = EXCHANGE.world
SEALED = EXCHANGE.beside()
MEMBERS = ("sigT", "purpose", "ctx", "role", "obo")


def refusal(**changes: Any) -> str | None:
    """The code that the message and its signature are refused with."""
    return code_of(EXCHANGE.verify, SEALED, **changes)


def signed(content: bytes = CONTENT, **changes: Any) -> bytes:
    """A signature with another header; None takes a member away."""
    made = written_header(EXCHANGE.signer, STATEMENT, TYPE, {"b64": False, "ctx": CONTEXT.members()}, XML)
    header = {name: value for name, value in (made | changes).items() if value is not None}
    header["crit"] = changes.get("crit", [name for name in made["crit"] if name in header])
    return jws_octets.sign_detached(header, content, EXCHANGE.signer.sign)


def test_the_message_stays_as_it_is() -> None:
    """Its signature is beside it, and says all that a seal says."""
    assert (SEALED.body, SEALED.media_type, SEALED.encrypted, SEALED.suite) == (CONTENT, XML, False, Suite.DETACHED)
    assert SEALED.signature is not None
    assert b".." in SEALED.signature
    opened = EXCHANGE.verify(SEALED)
    assert (opened.content, opened.context, opened.encrypted, opened.opened_with, opened.evidence) == (CONTENT, CONTEXT, False, None, SEALED.signature)
    assert opened.signatures[0].statement == STATEMENT
    assert opened.signatures[0].covers == f"all {len(CONTENT)} octets of the message (application/fhir+xml), and the context"


def test_jwcrypto_verifies_it() -> None:
    """Over the octets as they are (RFC 7797)."""
    known = {name: JWSEHeaderParameter(name, True, True, None) for name in MEMBERS}
    token = jws.JWS(header_registry=known)
    protected, _, signature = (SEALED.signature or b"").decode().split(".")
    token.deserialize(json.dumps({"protected": protected, "signature": signature, "payload": CONTENT.decode()}))
    token.verify(jwk.JWK.from_pyca(EXCHANGE.signer.certificate.public_key()), "ES256")
    assert token.is_valid


OCTETS = [CONTENT + b"\n", CONTENT[:-1], CONTENT.replace(b"'", b'"'), CONTENT.replace(b" value", b"  value"), b""]


@pytest.mark.parametrize("content", OCTETS)
def test_every_octet_of_the_message_counts(content: bytes) -> None:
    """White space and quotes too: nothing is canonicalised."""
    assert refusal(content=content) == "signature-invalid"


def test_every_octet_of_the_signature_counts() -> None:
    """One character changed anywhere."""
    signature = SEALED.signature or b""
    for at in range(0, len(signature), 7):
        changed = signature[:at] + (b"A" if signature[at : at + 1] != b"A" else b"B") + signature[at + 1 :]
        assert refusal(signature=changed) is not None


ROWS: list[tuple[str, dict[str, Any], str]] = [
    ("no signature", {"signature": None}, "seal-signature-missing"),
    ("an empty signature", {"signature": b""}, "seal-signature-missing"),
    ("no JWS", {"signature": b"signature"}, "seal-malformed"),
    ("a signature with a payload of its own", {"signature": EXCHANGE.signed(EXCHANGE.header(typ=TYPE))}, "seal-algorithm-refused"),
    ("another type", {"signature": signed(typ="itk3-seal+jws")}, "seal-algorithm-refused"),
    ("an encoded message", {"signature": signed(b64=True)}, "seal-algorithm-refused"),
    ("b64 left out", {"signature": signed(b64=None)}, "seal-algorithm-refused"),
    ("no context", {"signature": signed(ctx=None)}, "seal-algorithm-refused"),
    ("a context that is text", {"signature": signed(ctx="x")}, "seal-malformed"),
    ("a context with another member", {"signature": signed(ctx=CONTEXT.members() | {"x": 1})}, "seal-malformed"),
    ("a context of another organisation", {"signature": signed(ctx=CONTEXT.members() | {"from_ods": "RY6"})}, "signer-organisation"),
    ("another kind of content", {"signature": signed(cty="text/html")}, "seal-algorithm-refused"),
    ("gzip", {"signature": signed(cty="application/fhir+xml+gzip")}, "seal-algorithm-refused"),
    ("alg none", {"signature": signed(alg="none")}, "seal-algorithm-refused"),
    ("HS256", {"signature": signed(alg="HS256")}, "seal-algorithm-refused"),
    ("sent by another", {"transport": replace(TRANSPORT, sender="RJ1OT001")}, "seal-context"),
    ("sent to another", {"transport": replace(TRANSPORT, recipient="RJ1OT001")}, "seal-context"),
    ("sent on another workflow", {"transport": replace(TRANSPORT, workflow="X")}, "seal-context"),
    ("too old", {"now": NOW + 36 * DAY}, "seal-stale"),
    ("from the future", {"now": NOW - timedelta(minutes=6)}, "seal-stale"),
    ("too large", {"limits": Limits(max_content_bytes=10)}, "seal-too-large"),
    ("another suite", {"suites": (Suite.MODERN,)}, "seal-suite-refused"),
]


@pytest.mark.parametrize(("changes", "code"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_is_refused(changes: dict[str, Any], code: str) -> None:
    """Each with its code."""
    if "now" in changes:  # the lists of this world are in date on one day
        WORLD.trusts["X26"] = WORLD.believed(WORLD.root.revocations(at=NOW - DAY, end=NOW + 40 * DAY), WORLD.issuing.revocations(at=NOW - DAY, end=NOW + 40 * DAY))
    assert refusal(**changes) == code


def test_a_revoked_signer() -> None:
    """Is not believed, unless a time-stamp shows that it signed before."""
    exchange = Exchange()
    authority = Authority(exchange.world).trusted()
    plain, stamped = exchange.beside(), exchange.beside(stamper=authority)
    exchange.world.keys[exchange.signer.kid] = replace(exchange.key(exchange.signer), state=State.REVOKED, revoked_at=NOW + timedelta(hours=1))
    assert code_of(exchange.verify, plain) == "signer-revoked"
    assert exchange.verify(stamped).signatures[0].time_stamped_at == NOW


def test_inspection_of_a_signature() -> None:
    """Its header, its context, and what lies beside it."""
    sealed = EXCHANGE.beside(stamper=Authority(WORLD), counter_signers=[(EXCHANGE.signer, Statement(NOW))])
    seen = inspect(sealed.signature or b"")
    assert (seen.suite, seen.context, seen.beside) == (Suite.DETACHED, CONTEXT, ("cSig", "sigTst"))


def test_a_counter_signature_made_afterwards() -> None:
    """By the receiver, over what it opened: it says who has seen the signature, of either suite."""
    receiver = WORLD.add("RY6", Use.SIGNING)
    for evidence in (EXCHANGE.open(EXCHANGE.seal().body).evidence, EXCHANGE.verify(SEALED).evidence):
        assert evidence is not None
        counter = counter_sign(evidence, receiver, Statement(NOW, Purpose.REVIEW))
        seen = check_counter_signature(evidence, counter, directory=WORLD, now=NOW)
        assert (seen.organisation, seen.statement.purpose) == ("RY6", Purpose.REVIEW)
        other = EXCHANGE.beside(b"another message").signature or b""
        assert code_of(check_counter_signature, other, counter, directory=WORLD, now=NOW) == "signature-invalid"
    assert code_of(counter_sign, b"", receiver, Statement(NOW)) == "seal-signature-missing"
    assert code_of(counter_sign, b"x", receiver, Statement(NOW)) == "seal-malformed"


def test_a_signature_is_no_counter_signature() -> None:
    """Their types differ, so that neither passes for the other; and one has nothing beside it."""
    evidence = SEALED.signature or b""
    plain = written_header(EXCHANGE.signer, STATEMENT, "itk3-seal-counter+jws", {})
    over = jws_octets.parse(evidence, 10_000).encoded_signature
    made = jws_octets.sign_detached(plain | {"typ": TYPE}, over, EXCHANGE.signer.sign)
    assert code_of(check_counter_signature, evidence, made, directory=WORLD, now=NOW) == "seal-algorithm-refused"
    good = jws_octets.sign_detached(plain, over, EXCHANGE.signer.sign)
    assert code_of(check_counter_signature, evidence, good, directory=WORLD, now=NOW) is None
    assert code_of(check_counter_signature, evidence, jws_octets.flatten(good, {"etsiU": []}), directory=WORLD, now=NOW) == "seal-malformed"
    protected, _, signature = good.split(b".")
    attached = b".".join((protected, encode(over).encode(), signature))
    assert code_of(check_counter_signature, evidence, attached, directory=WORLD, now=NOW) == "seal-malformed"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(min_size=1, max_size=2_000))
def test_round_trip(content: bytes) -> None:
    """Any octets: dots and line breaks too."""
    assert EXCHANGE.verify(EXCHANGE.beside(content)).content == content
