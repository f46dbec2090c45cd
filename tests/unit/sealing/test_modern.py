"""The modern suite: what comes out, what it says of itself, who else can read it, and recipients that change."""

import json
import os
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwcrypto import jwe, jwk, jws
from jwcrypto.common import JWSEHeaderParameter

from jose_seals import CONTENT, CONTEXT, STATEMENT, TRANSPORT, XML, Exchange, code_of, edited
from message_world import DAY, NOW, RSA_KEY
from time_stamping import Authority
from wardgate.jose.base64url import decode
from wardgate.sealing import modern
from wardgate.sealing.inspect import inspect
from wardgate.sealing.keys import State, Use
from wardgate.sealing.model import Context, Limits, Purpose, Statement, Suite

EXCHANGE = Exchange()
WORLD = EXCHANGE.world
PRIVATE: dict[str, Any] = {
    "ES256": EXCHANGE.signer.private, "ES384": ec.generate_private_key(ec.SECP384R1()), "PS256": RSA_KEY, "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
SIGNERS = {alg: WORLD.add("X26", Use.SIGNING, private=key, algorithm=alg) for alg, key in PRIVATE.items()}
RECIPIENTS = {
    "p-256": EXCHANGE.recipient, "x25519": WORLD.add("RY6", Use.ENCRYPTION, private=x25519.X25519PrivateKey.generate()), "rsa": WORLD.add("RY6", Use.ENCRYPTION, private=RSA_KEY),
}
MEMBERS = ("sigT", "purpose", "ctxh", "role", "obo")
KNOWN = {member: JWSEHeaderParameter(member, True, True, None) for member in MEMBERS}


class ProfileJWS(jwt.PyJWS):
    """pyjwt, told which critical members the profile has."""

    _supported_crit = set(MEMBERS)  # noqa: RUF012 - pyjwt's own


NEWER = WORLD.add("RY6", Use.ENCRYPTION)


def test_what_is_sealed_is_opened_unchanged() -> None:
    """The octets, who signed what and when, and the key that opened it."""
    opened = EXCHANGE.open(EXCHANGE.seal().body)
    assert (opened.content, opened.media_type, opened.context) == (CONTENT, XML, CONTEXT)
    assert (opened.suite, opened.encrypted, opened.opened_with) == (Suite.MODERN, True, EXCHANGE.recipient.kid)
    (signed,) = opened.signatures
    assert (signed.kid, signed.organisation, signed.algorithm, signed.statement) == (EXCHANGE.signer.kid, "X26", "ES256", STATEMENT)
    assert signed.digest == sha256(CONTENT).hexdigest()
    assert signed.covers == f"all {len(CONTENT)} octets of the content (application/fhir+xml), and the context"
    assert (signed.time_stamped_at, signed.counter_signed_by) == (None, ())


@pytest.mark.parametrize("alg", SIGNERS)
def test_every_algorithm_of_the_list_signs(alg: str) -> None:
    """ES256, ES384, PS256, EdDSA."""
    opened = EXCHANGE.open(EXCHANGE.seal(signer=SIGNERS[alg]).body)
    assert (opened.content, opened.signatures[0].algorithm) == (CONTENT, alg)


@pytest.mark.parametrize("name", RECIPIENTS)
def test_every_kind_of_recipient_opens_alone(name: str) -> None:
    """One of several, and a third party cannot."""
    body = EXCHANGE.seal(recipients=[EXCHANGE.key(held) for held in RECIPIENTS.values()]).body
    alone = Exchange(WORLD).world
    held = RECIPIENTS[name]
    keys = type("One", (), {"decryption_key": lambda _self, kid: held if kid == held.kid else None, "decryption_key_of": lambda _self, _digest: None})()
    assert EXCHANGE.open(body, held=keys).opened_with == held.kid
    nobody = type("None_", (), {"decryption_key": lambda _self, _kid: None, "decryption_key_of": lambda _self, _digest: None})()
    assert EXCHANGE.refusal(body, held=nobody) == "seal-not-for-us"
    assert alone is WORLD


def test_the_wire_form() -> None:
    """Headers, types and the context are as the profile has them; the content's hash is nowhere in clear."""
    body = EXCHANGE.seal().body
    message = json.loads(body)
    assert json.loads(decode(message["protected"].encode())) == {"typ": "itk3-seal+jwe", "cty": "JOSE", "enc": "A256GCM"}
    assert decode(message["aad"].encode()) == (
        b'{"document_id":"5d0b7a52-0000","event":"ITK007C","from":"X26OT001","from_ods":"X26","message_id":"5d0b7a52-1c7e","to":["RY6OT002"],"v":1,"workflow":"GPCONNECT_SEND_DOCUMENT"}'
    )
    (recipient,) = message["recipients"]
    assert recipient["header"].keys() == {"alg", "kid", "x5t#S256", "epk"}
    token = jwe.JWE()
    token.deserialize(body.decode(), jwk.JWK.from_pyca(EXCHANGE.recipient.private))
    header = json.loads(decode(token.payload.split(b".")[0]))
    assert header.keys() == {"alg", "kid", "x5t#S256", "typ", "cty", "crit", "sigT", "purpose", "ctxh", "role", "obo"}
    assert set(header["crit"]) == {"sigT", "purpose", "ctxh", "role", "obo"}
    assert (header["typ"], header["cty"], header["sigT"], header["purpose"]) == ("itk3-seal+jws", XML, "2026-03-01T12:00:00Z", "1.2.840.10065.1.12.1.1")
    assert decode(header["ctxh"].encode()) == sha256(decode(message["aad"].encode())).digest()


@pytest.mark.parametrize("alg", SIGNERS)
@pytest.mark.parametrize("name", RECIPIENTS)
def test_jwcrypto_opens_and_verifies(alg: str, name: str) -> None:
    """Another implementation, told which critical members it knows, reads the same octets."""
    body = EXCHANGE.seal(signer=SIGNERS[alg], recipients=[EXCHANGE.key(RECIPIENTS[name])]).body
    token = jwe.JWE()
    token.deserialize(body.decode(), jwk.JWK.from_pyca(RECIPIENTS[name].private))
    signature = jws.JWS(header_registry=KNOWN)
    signature.deserialize(token.payload.decode(), jwk.JWK.from_pyca(SIGNERS[alg].certificate.public_key()))
    assert signature.payload == CONTENT
    assert ProfileJWS().decode(token.payload, SIGNERS[alg].certificate.public_key(), algorithms=[alg]) == CONTENT


def test_who_does_not_know_the_profile_refuses() -> None:
    """The private members are critical: another implementation that was told nothing does not pass over them."""
    compact = EXCHANGE.signed(EXCHANGE.header())
    with pytest.raises(jwt.InvalidTokenError):
        jwt.PyJWS().decode(compact, EXCHANGE.signer.certificate.public_key(), algorithms=["ES256"])
    with pytest.raises(jws.InvalidJWSSignature):
        jws.JWS().deserialize(compact.decode(), jwk.JWK.from_pyca(EXCHANGE.signer.certificate.public_key()))


@pytest.mark.parametrize("name", RECIPIENTS)
def test_a_seal_made_by_jwcrypto_is_opened(name: str) -> None:
    """Whoever follows the profile is understood."""
    signature = jws.JWS(CONTENT, header_registry=KNOWN)
    signature.add_signature(jwk.JWK.from_pyca(EXCHANGE.signer.private), "ES256", json.dumps(EXCHANGE.header()))
    token = jwe.JWE(signature.serialize(compact=True).encode(), json.dumps({"enc": "A256GCM", "typ": "itk3-seal+jwe", "cty": "JOSE"}), aad=decode(json.loads(EXCHANGE.seal().body)["aad"].encode()).decode())
    alg = "RSA-OAEP-256" if name == "rsa" else "ECDH-ES+A256KW"
    token.add_recipient(jwk.JWK.from_pyca(RECIPIENTS[name].private), json.dumps({"alg": alg, "kid": RECIPIENTS[name].kid}))
    assert EXCHANGE.open(token.serialize().encode()).content == CONTENT


def test_gzip_before_signing() -> None:
    """XML is folded, and the content comes out as it was; JSON is left as it is."""
    large = b"<Bundle>" + b"<entry/>" * 20_000 + b"</Bundle>"
    body = EXCHANGE.seal(large, compress=True).body
    opened = EXCHANGE.open(body)
    assert (opened.content, opened.media_type) == (large, XML)
    assert len(body) < len(large) / 10
    assert "application/fhir+xml+gzip" in opened.signatures[0].covers
    assert EXCHANGE.open(EXCHANGE.seal(b"{}", media_type="application/fhir+json", compress=True).body).content == b"{}"


def test_a_time_stamp_is_over_the_signature() -> None:
    """It travels beside it, and an expired certificate is then believed."""
    exchange = Exchange()
    authority = Authority(exchange.world).trusted()
    expiring = exchange.world.add("X26", Use.SIGNING, end=NOW + DAY)
    body = exchange.seal(signer=expiring, stamper=authority).body
    assert json.loads(decode(json.loads(body)["protected"].encode()))["cty"] == "JOSE+JSON"
    opened = exchange.open(body, now=NOW)
    assert opened.signatures[0].time_stamped_at == NOW
    later = NOW + 2 * DAY
    exchange.world.trusts["X26"] = exchange.world.time = exchange.world.believed(
        exchange.world.root.revocations(at=later, end=later + DAY), exchange.world.issuing.revocations(at=later, end=later + DAY)
    )
    assert exchange.open(body, now=later).content == CONTENT
    unstamped = exchange.seal(signer=expiring, directory=exchange.world).body
    assert exchange.refusal(unstamped, now=later) == "signer-expired"


def test_an_authority_that_does_not_answer() -> None:
    """No seal is made without the time-stamp that was asked for."""
    def stamp(_digest: bytes) -> bytes:
        raise OSError("timed out")

    silent = type("Silent", (), {"stamp": staticmethod(stamp)})()
    assert code_of(EXCHANGE.seal, stamper=silent) == "time-stamp-missing"


def test_counter_signatures_travel_with_the_signature() -> None:
    """Each with its own signer, organisation and purpose; they cover the signature."""
    witness = WORLD.add("RJ1", Use.SIGNING)
    second = Statement(NOW + timedelta(minutes=1), Purpose.WITNESS, "R0260")
    opened = EXCHANGE.open(EXCHANGE.seal(counter_signers=[(witness, second), (SIGNERS["EdDSA"], Statement(NOW, Purpose.REVIEW))]).body)
    first, other = opened.signatures[0].counter_signed_by
    assert (first.organisation, first.statement, first.covers) == ("RJ1", second, "the signature, which covers what it covers")
    assert (other.algorithm, other.statement.purpose) == ("EdDSA", Purpose.REVIEW)


def test_files_have_no_transport() -> None:
    """Nothing is compared with it, all else is."""
    assert EXCHANGE.open(EXCHANGE.seal().body, transport=None).content == CONTENT


def test_one_of_several_mailboxes() -> None:
    """The transport brings it to any that it is sealed for."""
    context = replace(CONTEXT, recipients=("RJ1OT001", "RY6OT002"), document_id=None)
    assert EXCHANGE.open(EXCHANGE.seal(context=context).body).context == context


def test_entries_are_found_by_certificate_alone() -> None:
    """For senders that know no key ids."""
    assert EXCHANGE.open(EXCHANGE.crafted(EXCHANGE.signed(EXCHANGE.header()), recipient={"kid": None})).content == CONTENT
    wrong = EXCHANGE.crafted(EXCHANGE.signed(EXCHANGE.header()), recipient={"x5t#S256": "AAAA"})
    assert EXCHANGE.refusal(wrong) == "seal-not-for-us"


@pytest.mark.parametrize("replacing", [False, True])
def test_rekeyed_to_further_recipients(replacing: bool) -> None:
    """The content is not touched; who is taken out finds no entry any more."""
    body = EXCHANGE.seal().body
    new = modern.rekey(body, [EXCHANGE.key(NEWER)], held=WORLD, directory=WORLD, now=NOW, replace=replacing)
    before, after = json.loads(body), json.loads(new)
    assert {name: before[name] for name in before if name != "recipients"} == {name: after[name] for name in after if name != "recipients"}
    assert len(after["recipients"]) == (1 if replacing else 2)
    assert EXCHANGE.open(new).opened_with == (NEWER.kid if replacing else EXCHANGE.recipient.kid)


def test_only_who_can_open_can_rekey() -> None:
    """Others have no content key, and a changed message is not passed on."""
    body = EXCHANGE.seal().body
    stranger = Exchange()
    arguments: dict[str, Any] = {"directory": WORLD, "now": NOW}
    assert code_of(modern.rekey, body, [EXCHANGE.key(NEWER)], held=stranger.world, **arguments) in {"seal-not-for-us", "seal-undecryptable"}
    assert code_of(modern.rekey, edited(body, tag="A" * 22), [EXCHANGE.key(NEWER)], held=WORLD, **arguments) == "seal-undecryptable"
    assert code_of(modern.rekey, body, [EXCHANGE.key(NEWER)], held=WORLD, limits=Limits(max_recipients=1), **arguments) == "seal-too-large"
    assert code_of(modern.rekey, body, [], held=WORLD, **arguments) == "recipient-key-unknown"


def test_retired_keys_open_what_was_sealed_before() -> None:
    """A key is held for as long as messages to it may arrive, and nothing new is sealed to it."""
    exchange = Exchange()
    body = exchange.seal().body
    exchange.world.keys[exchange.recipient.kid] = replace(exchange.key(exchange.recipient), state=State.RETIRED)
    assert exchange.open(body).content == CONTENT
    assert code_of(exchange.seal) == "recipient-key-unusable"


SEALING = [
    ({"recipients": []}, "recipient-key-unknown"),
    ({"recipients": [EXCHANGE.key(EXCHANGE.recipient)] * 2}, "recipient-key-unusable"),
    ({"recipients": [EXCHANGE.key(EXCHANGE.signer)]}, "recipient-key-unusable"),
    ({"recipients": [EXCHANGE.key(WORLD.add("RY6", Use.ENCRYPTION, end=NOW - DAY))]}, "recipient-key-unusable"),
    ({"recipients": [EXCHANGE.key(WORLD.add("RY6", Use.ENCRYPTION, private=ec.generate_private_key(ec.SECP384R1())))]}, "recipient-key-unusable"),
    ({"content": b""}, "seal-too-large"),
    ({"limits": Limits(max_content_bytes=10)}, "seal-too-large"),
    ({"media_type": "text/plain"}, "seal-algorithm-refused"),
    ({"context": replace(CONTEXT, sender_ods="RY6")}, "signing-key-unavailable"),
    ({"signer": WORLD.add("X26", Use.SIGNING, end=NOW - DAY)}, "signing-key-unavailable"),
    ({"signer": WORLD.add("X26", Use.SIGNING, state=State.RETIRED)}, "signing-key-unavailable"),
    ({"statement": Statement(NOW + 1_000 * DAY)}, "signing-key-unavailable"),
    ({"context": replace(CONTEXT, recipients=())}, "seal-malformed"),
    ({"context": replace(CONTEXT, workflow="")}, "seal-malformed"),
    ({"context": replace(CONTEXT, message_id="a\nb")}, "seal-malformed"),
    ({"signer": replace(SIGNERS["ES384"], algorithm="ES256")}, "seal-algorithm-refused"),
    ({"signer": replace(SIGNERS["ES256"], algorithm="HS256")}, "seal-algorithm-refused"),
]


@pytest.mark.parametrize(("changes", "code"), SEALING, ids=lambda value: value if isinstance(value, str) else "+".join(value))
def test_what_is_not_sealed(changes: dict[str, Any], code: str) -> None:
    """What no receiver would accept is refused before it leaves."""
    assert code_of(EXCHANGE.seal, **changes) == code


def test_inspection_shows_and_does_not_trust() -> None:
    """Even of a message that is for somebody else, or broken."""
    body = edited(EXCHANGE.seal().body, tag="A" * 22)
    seen = inspect(body)
    assert (seen.suite, seen.context, seen.header["typ"]) == (Suite.MODERN, CONTEXT, "itk3-seal+jwe")
    assert [one["kid"] for one in seen.recipients] == [EXCHANGE.recipient.kid]
    assert seen.encrypted_bytes > len(CONTENT)
    assert inspect(edited(body, aad="e30")).context is None
    assert code_of(inspect, b"nothing") == "seal-malformed"


TEXT = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=20)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(min_size=1, max_size=3_000), st.builds(Context, TEXT, st.just("X26"), st.lists(TEXT, min_size=1, max_size=4, unique=True).map(tuple), TEXT, TEXT, TEXT, st.none() | TEXT), st.booleans(), st.sampled_from(sorted(SIGNERS)))
def test_round_trip(content: bytes, context: Context, compress: bool, alg: str) -> None:
    """Any octets and any context."""
    opened = EXCHANGE.open(EXCHANGE.seal(content, context=context, compress=compress, signer=SIGNERS[alg]).body, transport=None)
    assert (opened.content, opened.context) == (content, context)


def test_randomness_is_the_callers() -> None:
    """Content key and IV come from the source that was given."""
    asked: list[int] = []

    def random(count: int) -> bytes:
        asked.append(count)
        return os.urandom(count)

    EXCHANGE.seal(random=random)
    assert asked == [32, 12]
    assert TRANSPORT.workflow == CONTEXT.workflow
