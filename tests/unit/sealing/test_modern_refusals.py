"""What a modern seal is refused for: each step of opening, in its order, by seals that a sender could really make."""

import json
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from jose_seals import CONTENT, CONTEXT, STATEMENT, TRANSPORT, XML, Exchange, edited, flipped
from message_world import DAY, NOW
from wardgate.jose import jws_octets
from wardgate.jose.base64url import decode, encode
from wardgate.jose.canonical import canonical
from wardgate.sealing.beside_signature import counter_sign
from wardgate.sealing.context import canonical_context, check_message
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import State, Use
from wardgate.sealing.model import Limits, Purpose, Statement, Suite
from wardgate.sealing.signature import certificate_digest

EXCHANGE = Exchange()
WORLD = EXCHANGE.world
SEALED = EXCHANGE.seal().body
STRANGER = Exchange()
MINUTE = timedelta(minutes=1)


def sealed(**changes: Any) -> bytes:
    """A seal whose signature has another header, properly signed and encrypted."""
    return EXCHANGE.crafted(EXCHANGE.signed(EXCHANGE.header(**changes)))


def inside(unprotected: Any, compact: bytes | None = None) -> bytes:
    """A seal with something beside its signature."""
    return EXCHANGE.crafted(jws_octets.flatten(compact or EXCHANGE.signed(EXCHANGE.header()), unprotected))


REGIONS: list[tuple[tuple[Any, ...], set[str]]] = [
    (("protected",), {"seal-malformed", "seal-algorithm-refused"}),
    (("aad",), {"seal-malformed"}),
    (("iv",), {"seal-undecryptable"}),
    (("ciphertext",), {"seal-undecryptable"}),
    (("tag",), {"seal-undecryptable"}),
    (("recipients", 0, "encrypted_key"), {"seal-undecryptable"}),
    (("recipients", 0, "header", "epk", "x"), {"seal-malformed", "seal-undecryptable"}),
    (("recipients", 0, "header", "epk", "y"), {"seal-malformed"}),
    (("recipients", 0, "header", "x5t#S256"), {"seal-not-for-us"}),
]


@pytest.mark.parametrize(("path", "codes"), REGIONS, ids=lambda value: "/".join(map(str, value)) if isinstance(value, tuple) else None)
def test_every_region_of_the_wire_form_counts(path: tuple[Any, ...], codes: set[str]) -> None:
    """One bit, anywhere."""
    assert EXCHANGE.refusal(flipped(SEALED, *path)) in codes


@pytest.mark.parametrize("part", [0, 1, 2], ids=["header", "payload", "signature"])
def test_every_region_of_the_signature_counts(part: int) -> None:
    """A recipient who changes what is inside and encrypts it again does not pass for the sender."""
    parts = EXCHANGE.signed(EXCHANGE.header()).split(b".")
    octets = bytearray(decode(parts[part]))
    octets[-2] ^= 1
    parts[part] = encode(bytes(octets)).encode()
    assert EXCHANGE.refusal(EXCHANGE.crafted(b".".join(parts))) in ({"signature-invalid", "seal-malformed"} if part == 0 else {"signature-invalid"})


CONTEXTS = {
    "another recipient": replace(CONTEXT, recipients=("RJ1OT001",)),
    "one recipient more": replace(CONTEXT, recipients=("RY6OT002", "RJ1OT001")),
    "another workflow": replace(CONTEXT, workflow="TOC_FHIR_IP_DISCH"),
    "another message": replace(CONTEXT, message_id="other"),
    "another event": replace(CONTEXT, event="ITK008M"),
    "another document": replace(CONTEXT, document_id="other"),
    "no document": replace(CONTEXT, document_id=None),
    "another sender": replace(CONTEXT, sender="X26OT009"),
}


@pytest.mark.parametrize("name", CONTEXTS)
def test_surreptitious_forwarding_is_refused(name: str) -> None:
    """A signature taken out and encrypted again under another context is not of that context."""
    body = EXCHANGE.crafted(EXCHANGE.signed(EXCHANGE.header()), context=canonical_context(CONTEXTS[name]))
    assert EXCHANGE.refusal(body, transport=None) == "seal-context"


def test_a_context_of_another_organisation() -> None:
    """Whose key signed is whose message it is."""
    body = EXCHANGE.crafted(EXCHANGE.signed(EXCHANGE.header()), context=canonical_context(replace(CONTEXT, sender_ods="RY6")))
    assert EXCHANGE.refusal(body, transport=None) == "signer-organisation"


TRANSPORTS = [replace(TRANSPORT, sender="RJ1OT001"), replace(TRANSPORT, recipient="RJ1OT001"), replace(TRANSPORT, workflow="OTHER"), replace(TRANSPORT, recipient="ry6ot002")]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_another_route_is_refused(transport: Any) -> None:
    """What the transport says is what was signed."""
    assert EXCHANGE.refusal(SEALED, transport=transport) == "seal-context"


MESSAGES: list[dict[str, Any]] = [{"endpoint": "X26OT009"}, {"message_id": "other"}, {"event": "ITK008M"}, {"document_id": "other"}, {"document_id": None}]


@pytest.mark.parametrize("changes", MESSAGES, ids=repr)
def test_another_message_inside_is_refused(changes: dict[str, Any]) -> None:
    """What the message's own header says is what was signed."""
    said = {"endpoint": "X26OT001", "message_id": CONTEXT.message_id, "event": "ITK007C", "document_id": CONTEXT.document_id}
    check_message(CONTEXT, **said)
    with pytest.raises(SealRefused, match="ITK header validation failure") as refused:
        check_message(CONTEXT, **(said | changes))
    assert refused.value.code == "seal-context"


AGES = [(NOW - 35 * DAY, None), (NOW - 35 * DAY - MINUTE, "seal-stale"), (NOW + 5 * MINUTE, None), (NOW + 6 * MINUTE, "seal-stale")]


@pytest.mark.parametrize(("signed_at", "code"), AGES)
def test_freshness(signed_at: Any, code: str | None) -> None:
    """35 days back and 5 minutes ahead, to the edge; both are parameters."""
    body = EXCHANGE.seal(statement=Statement(signed_at)).body
    assert EXCHANGE.refusal(body) == code
    assert EXCHANGE.refusal(body, limits=Limits(max_age=60 * DAY, max_ahead=60 * MINUTE)) is None


HEADERS: list[tuple[str, dict[str, Any], str]] = [
    ("alg none", {"alg": "none"}, "seal-algorithm-refused"),
    ("HMAC with a public key", {"alg": "HS256"}, "seal-algorithm-refused"),
    ("RS256", {"alg": "RS256"}, "seal-algorithm-refused"),
    ("an algorithm of another key", {"alg": "PS256"}, "seal-algorithm-refused"),
    ("an algorithm of another curve", {"alg": "ES384"}, "seal-algorithm-refused"),
    ("another typ", {"typ": "JWT"}, "seal-algorithm-refused"),
    ("the typ of a counter-signature", {"typ": "itk3-seal-counter+jws"}, "seal-algorithm-refused"),
    ("jku", {"jku": "https://x.example/k"}, "seal-algorithm-refused"),
    ("jwk", {"jwk": {"kty": "EC"}}, "seal-algorithm-refused"),
    ("x5u", {"x5u": "https://x.example/c"}, "seal-algorithm-refused"),
    ("an unknown member", {"x": 1}, "seal-algorithm-refused"),
    ("an unknown critical member", {"x": 1, "crit": ["sigT", "purpose", "ctxh", "role", "obo", "x"]}, "seal-algorithm-refused"),
    ("private members that are not critical", {"crit": ["sigT"]}, "seal-algorithm-refused"),
    ("b64", {"b64": True, "crit": ["b64", "sigT", "purpose", "ctxh", "role", "obo"]}, "seal-algorithm-refused"),
    ("no context", {"ctxh": None}, "seal-algorithm-refused"),
    ("another context", {"ctxh": "AAAA"}, "seal-context"),
    ("no signing time", {"sigT": None}, "seal-malformed"),
    ("a signing time with an offset", {"sigT": "2026-03-01T12:00:00+00:00"}, "seal-malformed"),
    ("a signing time of one digit", {"sigT": "2026-3-1T12:00:00Z"}, "seal-malformed"),
    ("a signing time that is a number", {"sigT": 1772366400}, "seal-malformed"),
    ("no purpose", {"purpose": None}, "signature-purpose"),
    ("a purpose of another system", {"purpose": "author"}, "signature-purpose"),
    ("a role that is a list", {"role": ["R8000"]}, "seal-malformed"),
    ("a role with a line break", {"role": "R8000\nadmin"}, "seal-malformed"),
    ("a person that is text", {"obo": "x"}, "seal-malformed"),
    ("no kid", {"kid": None}, "seal-malformed"),
    ("a kid that is a path", {"kid": "../../etc/passwd"}, "signer-unknown"),
    ("a kid that is SQL", {"kid": "' OR 1=1 --"}, "signer-unknown"),
    ("a kid of the directory, another certificate", {"x5t#S256": "AAAA"}, "signer-unknown"),
    ("no certificate digest", {"x5t#S256": None}, "seal-malformed"),
    ("another content type", {"cty": "text/html"}, "seal-algorithm-refused"),
    ("no content type", {"cty": None}, "seal-algorithm-refused"),
    ("gzip that is none", {"cty": "application/fhir+xml+gzip"}, "seal-malformed"),
]


@pytest.mark.parametrize(("changes", "code"), [row[1:] for row in HEADERS], ids=[row[0] for row in HEADERS])
def test_the_signatures_header(changes: dict[str, Any], code: str) -> None:
    """Each member is on a list, and says what it must."""
    assert EXCHANGE.refusal(sealed(**changes)) == code


def test_a_certificate_that_comes_along_is_no_trust() -> None:
    """x5c is a hint: a stranger's key under its own certificate is not in the directory, and a good kid is not its."""
    theirs = b64encode(STRANGER.signer.certificate.public_bytes(Encoding.DER)).decode()
    header = EXCHANGE.header(x5c=[theirs])
    forged = jws_octets.sign_compact(header, CONTENT, STRANGER.signer.sign)
    assert EXCHANGE.refusal(EXCHANGE.crafted(forged)) == "signature-invalid"
    assert EXCHANGE.refusal(sealed(x5c=[theirs])) is None
    unknown = jws_octets.sign_compact(EXCHANGE.header(x5c=[theirs], kid="stranger"), CONTENT, STRANGER.signer.sign)
    assert EXCHANGE.refusal(EXCHANGE.crafted(unknown)) == "signer-unknown"


SIGNERS: list[tuple[str, str, dict[str, Any], str]] = [
    ("of another organisation", "RY6", {}, "signer-organisation"),
    ("certified for another organisation", "X26", {"names": []}, "signer-organisation"),
    ("expired", "X26", {"end": NOW - DAY}, "signer-expired"),
    ("not yet valid", "X26", {"start": NOW + DAY}, "signer-expired"),
    ("revoked", "X26", {"state": State.REVOKED, "revoked_at": NOW - DAY}, "signer-revoked"),
    ("not for signatures", "X26", {"usages": ("key_agreement",)}, "signer-key-usage"),
    ("of an authority nobody trusts", "X26", {"by": STRANGER.world.issuing}, "signer-untrusted"),
]


@pytest.mark.parametrize(("organisation", "changes", "code"), [row[1:] for row in SIGNERS], ids=[row[0] for row in SIGNERS])
def test_a_signer_that_is_not_believed(organisation: str, changes: dict[str, Any], code: str) -> None:
    """Whatever the signature says, the directory and the trust of the sender's organisation decide."""
    held = WORLD.add(organisation, Use.SIGNING, **changes)
    header = EXCHANGE.header(kid=held.kid, **{"x5t#S256": certificate_digest(held.certificate)})
    assert EXCHANGE.refusal(EXCHANGE.crafted(jws_octets.sign_compact(header, CONTENT, held.sign))) == code


def test_an_encryption_key_signs_nothing() -> None:
    """One key has one use."""
    held = WORLD.add("X26", Use.ENCRYPTION, usages=("digital_signature", "key_agreement"))
    header = EXCHANGE.header(kid=held.kid, **{"x5t#S256": certificate_digest(held.certificate)})
    assert EXCHANGE.refusal(EXCHANGE.crafted(jws_octets.sign_compact(header, CONTENT, held.sign))) == "signer-key-usage"


STRUCTURES: list[tuple[str, bytes, str]] = [
    ("nothing", b"", "seal-malformed"),
    ("a signature alone", EXCHANGE.signed(EXCHANGE.header()), "seal-encryption-missing"),
    ("a flattened signature alone", jws_octets.flatten(EXCHANGE.signed(EXCHANGE.header()), {"etsiU": []}), "seal-encryption-missing"),
    ("the content alone", CONTENT, "seal-malformed"),
    ("a content nobody signed", EXCHANGE.crafted(CONTENT, protected={"cty": XML}), "seal-signature-missing"),
    ("a content that says it is a signature", EXCHANGE.crafted(CONTENT), "seal-malformed"),
    ("a detached signature inside", EXCHANGE.crafted(jws_octets.sign_detached(EXCHANGE.header(), CONTENT, EXCHANGE.signer.sign)), "seal-signature-missing"),
    ("flattened where compact is said", EXCHANGE.crafted(jws_octets.flatten(EXCHANGE.signed(EXCHANGE.header()), {"etsiU": []}), protected={"cty": "JOSE"}), "seal-malformed"),
    ("compact where flattened is said", EXCHANGE.crafted(EXCHANGE.signed(EXCHANGE.header()), protected={"cty": "JOSE+JSON"}), "seal-malformed"),
    ("another type of encryption", EXCHANGE.crafted(EXCHANGE.signed(EXCHANGE.header()), protected={"typ": "JWE"}), "seal-algorithm-refused"),
    ("compression", EXCHANGE.crafted(EXCHANGE.signed(EXCHANGE.header()), protected={"zip": "DEF"}), "seal-algorithm-refused"),
    ("RSA1_5 for any recipient", edited(SEALED, recipients=[*json.loads(SEALED)["recipients"], {"header": {"alg": "RSA1_5", "kid": "x"}, "encrypted_key": "AAAA"}]), "seal-algorithm-refused"),
    ("dir", edited(SEALED, recipients=[{"header": {"alg": "dir", "kid": EXCHANGE.recipient.kid}, "encrypted_key": ""}]), "seal-algorithm-refused"),
    ("PBES2", edited(SEALED, recipients=[{"header": {"alg": "PBES2-HS256+A128KW", "p2c": 10**9, "p2s": "AAAA"}, "encrypted_key": "AAAA"}]), "seal-algorithm-refused"),
    ("a truncated tag", edited(SEALED, tag=json.loads(SEALED)["tag"][:16]), "seal-malformed"),
    ("no context", edited(SEALED, aad=None), "seal-context"),
    ("an unprotected header nobody knows", inside({"x": 1}), "seal-algorithm-refused"),
    ("an unprotected header with an algorithm", inside({"jwk": {}}), "seal-algorithm-refused"),
    ("beside the signature: no list", inside({"etsiU": {}}), "seal-malformed"),
    ("beside the signature: unknown", inside({"etsiU": [{"xVals": []}]}), "seal-malformed"),
    ("beside the signature: two in one", inside({"etsiU": [{"cSig": "x", "sigTst": {}}]}), "seal-malformed"),
    ("a time-stamp of another shape", inside({"etsiU": [{"sigTst": {"tstTokens": []}}]}), "time-stamp-invalid"),
    ("a time-stamp that is no base64", inside({"etsiU": [{"sigTst": {"tstTokens": [{"val": "*"}]}}]}), "time-stamp-invalid"),
    ("a time-stamp that is none", inside({"etsiU": [{"sigTst": {"tstTokens": [{"val": "AAAA"}]}}]}), "time-stamp-invalid"),
    ("two time-stamps", inside({"etsiU": [{"sigTst": {"tstTokens": [{"val": "AAAA"}]}}] * 2}), "time-stamp-invalid"),
    ("a counter-signature that is a number", inside({"etsiU": [{"cSig": 1}]}), "seal-malformed"),
    ("nine counter-signatures", inside({"etsiU": [{"cSig": "x"}] * 9}), "seal-malformed"),
    ("a counter-signature that is the signature", inside({"etsiU": [{"cSig": EXCHANGE.signed(EXCHANGE.header()).decode()}]}), "seal-algorithm-refused"),
]


@pytest.mark.parametrize(("body", "code"), [row[1:] for row in STRUCTURES], ids=[row[0] for row in STRUCTURES])
def test_what_is_no_seal(body: bytes, code: str) -> None:
    """Each with its code."""
    assert EXCHANGE.refusal(body) == code


COUNTERED: list[tuple[str, Statement, bytes, Any, str]] = [
    ("of another signature", Statement(NOW), b"AAAA", EXCHANGE.signer, "signature-invalid"),
    ("from the future", Statement(NOW + 6 * MINUTE), b"", EXCHANGE.signer, "seal-stale"),
    ("by a key nobody knows", Statement(NOW), b"", replace(STRANGER.signer, kid="stranger"), "signer-unknown"),
    ("by a key under another's name", Statement(NOW), b"", replace(STRANGER.signer, kid=EXCHANGE.signer.kid, certificate=EXCHANGE.signer.certificate), "signature-invalid"),
    ("by an expired key", Statement(NOW), b"", WORLD.add("RJ1", Use.SIGNING, end=NOW - DAY), "signer-expired"),
]


@pytest.mark.parametrize(("statement", "over", "signer", "code"), [row[1:] for row in COUNTERED], ids=[row[0] for row in COUNTERED])
def test_a_counter_signature_that_is_not_believed(statement: Statement, over: bytes, signer: Any, code: str) -> None:
    """One bad counter-signature refuses the message: nobody is shown what is not proved."""
    compact = EXCHANGE.signed(EXCHANGE.header())
    counter = counter_sign(over or compact.rpartition(b".")[2], signer, statement)
    assert EXCHANGE.refusal(inside({"etsiU": [{"cSig": counter.decode()}]}, compact)) == code


CONTEXT_OCTETS: list[tuple[str, bytes]] = [
    ("white space", canonical_context(CONTEXT).replace(b",", b", ")),
    ("another order", json.dumps(CONTEXT.members(), separators=(",", ":")).encode()),
    ("a member twice", canonical_context(CONTEXT)[:-1] + b',"workflow":"x"}'),
    ("an unknown member", canonical(CONTEXT.members() | {"x": 1})),
    ("a member missing", canonical({name: value for name, value in CONTEXT.members().items() if name != "to"})),
    ("another version", canonical(CONTEXT.members() | {"v": 2})),
    ("a version that is true", canonical(CONTEXT.members() | {"v": True})),
    ("no recipient", canonical(CONTEXT.members() | {"to": []})),
    ("a recipient twice", canonical(CONTEXT.members() | {"to": ["A", "A"]})),
    ("recipients as text", canonical(CONTEXT.members() | {"to": "RY6OT002"})),
    ("65 recipients", canonical(CONTEXT.members() | {"to": [str(number) for number in range(65)]})),
    ("a number", canonical(CONTEXT.members() | {"workflow": 1})),
    ("a line break", canonical(CONTEXT.members() | {"message_id": "a\r\nb"})),
    ("a document id that is nothing", canonical(CONTEXT.members() | {"document_id": None})),
    ("a long text", canonical(CONTEXT.members() | {"event": "x" * 301})),
    ("no JSON", b"x26"),
    ("nothing", b"{}"),
]


@pytest.mark.parametrize("octets", [row[1] for row in CONTEXT_OCTETS], ids=[row[0] for row in CONTEXT_OCTETS])
def test_a_context_that_is_none(octets: bytes) -> None:
    """One form, known members, within limits; before any key is used."""
    keys = type("Never", (), {})()  # asking it anything would raise
    assert EXCHANGE.refusal(EXCHANGE.crafted(EXCHANGE.signed(EXCHANGE.header()), context=octets), held=keys) == "seal-malformed"


def test_sizes() -> None:
    """Before it is parsed, and of what it unfolds to."""
    assert EXCHANGE.refusal(SEALED, limits=Limits(max_sealed_bytes=len(SEALED) - 1)) == "seal-too-large"
    assert EXCHANGE.refusal(SEALED, limits=Limits(max_content_bytes=len(CONTENT) - 1)) == "seal-too-large"
    assert EXCHANGE.refusal(SEALED, limits=Limits(max_sealed_bytes=len(SEALED), max_content_bytes=len(CONTENT))) is None


def test_a_bomb_is_not_unfolded() -> None:
    """Gigabytes of nothing, folded small, cost no more than the limit."""
    bomb = EXCHANGE.seal(b"<" + bytes(20_000_000), compress=True, limits=Limits(max_content_bytes=30_000_000)).body
    assert len(bomb) < 60_000
    assert EXCHANGE.refusal(bomb) == "seal-too-large"


def test_another_suite_is_refused_by_policy() -> None:
    """Before anything is read."""
    assert EXCHANGE.refusal(SEALED, suites=(Suite.CMS, Suite.XML)) == "seal-suite-refused"
    assert EXCHANGE.refusal(SEALED, suites=()) == "seal-suite-refused"


def test_an_undecryptable_seal_says_nothing() -> None:
    """Not to the caller, not to the record: there is one text, and neither expectation nor finding."""
    faults = [flipped(SEALED, "tag"), flipped(SEALED, "ciphertext"), flipped(SEALED, "recipients", 0, "encrypted_key")]
    seen = set()
    for body in faults:
        with pytest.raises(SealRefused) as refused:
            EXCHANGE.open(body)
        seen.add((str(refused.value), refused.value.refusal.expected, refused.value.refusal.received, refused.value.response_code, refused.value.__cause__))
    assert seen == {("Unreadable message received", None, None, "10009", None)}


def test_a_role_and_purpose_are_what_was_signed() -> None:
    """They are reported as stated; changing them breaks the signature."""
    statement = Statement(NOW, Purpose.VERIFICATION, "R0260")
    assert EXCHANGE.open(EXCHANGE.seal(statement=statement).body).signatures[0].statement == statement
    assert STATEMENT.role == "R8000"
