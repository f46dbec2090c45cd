"""Signatures inside FHIR: published ones, ours, and every way to make one say what was not signed."""

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwcrypto import jwk, jws

from jose_seals import code_of
from message_world import DAY, NOW, RSA_KEY, World
from time_stamping import Authority
from wardgate.fhir import Version
from wardgate.jose import jws_octets
from wardgate.jose.base64url import decode_integer, encode
from wardgate.jose.canonical import canonical
from wardgate.jose.errors import BadSignature
from wardgate.jose.signature_algorithms import SIGNATURE_ALGORITHMS, algorithm_for, check_signature
from wardgate.sealing.canonical_forms import BASE, Form, covered, form_of, read_resource
from wardgate.sealing.fhir_signature import (
    CDEX,
    FHIR,
    Beside,
    Profile,
    VerifiedResource,
    read_signature,
    sign_bundle,
    verify_bundle,
)
from wardgate.sealing.keys import Use
from wardgate.sealing.model import Purpose, Statement

PUBLISHED: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors/jose/fhir_signed_bundle.json").read_text())
WORLD = World()
SIGNER = WORLD.add("X26", Use.SIGNING)
ALL_FORMS = Profile(frozenset(Form))
STATEMENT = Statement(NOW, Purpose.AUTHOR, "R8000", {"identifier": {"system": "https://fhir.nhs.uk/Id/sds-user-id", "value": "555021935107"}})
BUNDLE: dict[str, Any] = {
    "resourceType": "Bundle", "id": "b1", "meta": {"lastUpdated": "2026-03-01T12:00:00Z"}, "type": "document",
    "entry": [{"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Composition", "id": "1", "title": "Lettre d\u2019\u00e9t\u00e9 \U0001f602"}}],
}
DOCUMENT = json.dumps(BUNDLE, indent=2).encode()


def signed(**changes: Any) -> bytes:
    """The Bundle, signed."""
    return sign_bundle(changes.pop("document", DOCUMENT), changes.pop("statement", STATEMENT), changes.pop("signer", SIGNER), "X26", **changes)


def verified(document: bytes, **changes: Any) -> VerifiedResource:
    """What its signature proves."""
    return verify_bundle(document, **({"directory": WORLD, "now": NOW} | changes))


def refusal(document: bytes | dict[str, Any], **changes: Any) -> str | None:
    """The code that it is refused with."""
    return code_of(verified, document if isinstance(document, bytes) else json.dumps(document).encode(), **changes)


def test_a_published_bundle() -> None:
    """The form, the detached JWS and what is under protection are as another implementation made them."""
    key = rsa.RSAPublicNumbers(decode_integer(PUBLISHED["key"]["e"]), decode_integer(PUBLISHED["key"]["n"])).public_key()
    resource = read_resource(json.dumps(PUBLISHED["document"]).encode())
    read = read_signature(resource["signature"], resource, Version.R4, FHIR)
    algorithm = algorithm_for(read.jws.header["alg"], key, FHIR.algorithms)
    check_signature(algorithm, key, read.jws.signature, read.jws.signed_octets(read.covered.octets))
    assert read.covered.words.startswith("the whole resource, and not Bundle.signature")
    assert (read.statement.purpose, read.who) == (Purpose.AUTHOR, None)
    changed = json.dumps(PUBLISHED["document"]).replace("something2", "something9").encode()
    read = read_signature(resource["signature"], read_resource(changed), Version.R4, FHIR)
    with pytest.raises(BadSignature):
        check_signature(algorithm, key, read.jws.signature, read.jws.signed_octets(read.covered.octets))


def test_a_published_bundle_by_a_stranger() -> None:
    """Its certificate comes along, and nobody believes it for that."""
    assert refusal(PUBLISHED["document"]) == "signer-unknown"


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize("form", [Form.DOCUMENT, Form.WHOLE])
def test_what_is_signed_is_verified(version: Version, form: Form) -> None:
    """Who, what and exactly which part, in the datatype of each version."""
    document = signed(version=version, form=form)
    result = verified(document, version=version)
    assert (result.signed.organisation, result.signed.statement) == ("X26", STATEMENT)
    assert result.resource == {name: value for name, value in BUNDLE.items() if form is Form.WHOLE or name not in ("id", "meta")}
    part = covered(BUNDLE, form)
    assert result.signed.covers == part.words
    assert f"{len(part.octets)} octets" in part.words
    signature = json.loads(document)["signature"]
    if version is Version.STU3:
        assert signature.keys() == {"type", "when", "whoReference", "onBehalfOfReference", "contentType", "blob"}
    else:
        assert signature.keys() == {"type", "when", "who", "onBehalfOf", "targetFormat", "sigFormat", "data"}
        assert signature["targetFormat"] == f"application/fhir+json;canonicalization={form.url}"


def test_jwcrypto_verifies_ours() -> None:
    """Detached, over the canonical octets."""
    compact = b64decode(json.loads(signed())["signature"]["data"]).decode()
    token = jws.JWS(header_registry={})
    token.deserialize(compact)
    token.verify(jwk.JWK.from_pyca(SIGNER.certificate.public_key()), "ES256", detached_payload=covered(BUNDLE, Form.DOCUMENT).octets)
    assert token.is_valid


def test_the_text_may_be_laid_out_anew() -> None:
    """White space and the order of members are not covered; the meaning is."""
    document = json.loads(signed())
    assert refusal(json.dumps(dict(reversed(document.items())), indent=4).encode()) is None


def cdex(**header: Any) -> dict[str, Any]:
    """A Bundle signed in CDex's way: RS256, x5c, the form unnamed."""
    held = WORLD.add("X26", Use.SIGNING, private=RSA_KEY)
    certificate = b64encode(held.certificate.public_bytes(Encoding.DER)).decode()
    said = {"alg": "RS256", "kty": "RS", "x5c": [certificate], "sigT": "2026-03-01T12:00:00.000Z", "srCms": [{"commId": {"id": "urn:oid:1.2.840.10065.1.12.1.5", "desc": "Verification"}}]} | header
    compact = jws_octets.sign_detached({name: value for name, value in said.items() if value is not None}, covered(BUNDLE, Form.DOCUMENT).octets, lambda data: SIGNATURE_ALGORITHMS["RS256"].sign(RSA_KEY, data))
    datatype = {"type": [{"system": "urn:iso-astm:E1762-95:2013", "code": "1.2.840.10065.1.12.1.5"}], "when": "2026-03-01T12:00:00.000+00:00", "who": {"reference": "Organization/min"}}
    return BUNDLE | {"signature": datatype | {"data": b64encode(compact).decode()}}


def test_cdex() -> None:
    """Without signature, id and meta; the certificate that comes along is looked up; a form must be named elsewhere."""
    result = verified(json.dumps(cdex()).encode(), profile=CDEX)
    assert (result.signed.algorithm, result.signed.statement.purpose) == ("RS256", Purpose.VERIFICATION)
    assert "id" not in result.resource
    assert refusal(cdex()) == "signature-wrapped"
    assert refusal(cdex(sigT=None), profile=CDEX) == "signature-invalid"
    assert refusal(cdex(srCms=None), profile=CDEX) == "signature-purpose"
    assert refusal(cdex(sigT=None, srCms=None), profile=replace(CDEX, protected_statement=False)) is None
    assert refusal(cdex(x5c=None), profile=CDEX) == "signer-unknown"
    assert refusal(cdex(x5c=["*"]), profile=CDEX) == "signer-unknown"
    assert refusal(cdex(), profile=replace(CDEX, algorithms=frozenset({"ES256"}))) == "seal-algorithm-refused"


def changed(path: list[str | int], value: Any, document: bytes | None = None) -> dict[str, Any]:
    """A signed Bundle with something changed afterwards; None takes it away."""
    made: Any = json.loads(document or signed())
    holder = made
    for name in path[:-1]:
        holder = holder[name]
    if value is None:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return made


def data(header: dict[str, Any] | None = None, payload: bytes = b"", *, octets: bytes | None = None) -> str:
    """Signature.data with other header members, or something else altogether."""
    if octets is not None:
        return b64encode(octets).decode()
    read = jws_octets.parse(b64decode(json.loads(signed())["signature"]["data"]), 100_000)
    members = {name: value for name, value in ({**read.header} | (header or {})).items() if value is not None}
    compact = jws_octets.sign_detached(members, covered(BUNDLE, Form.DOCUMENT).octets, SIGNER.sign)
    return b64encode(compact.replace(b"..", b".%b." % encode(payload).encode()) if payload else compact).decode()


CHANGES: list[tuple[str, list[str | int], Any, str]] = [
    ("an entry", ["entry", 0, "resource", "title"], "Another", "signature-invalid"),
    ("an entry more", ["entry"], [*BUNDLE["entry"], {"resource": {"resourceType": "Patient"}}], "signature-invalid"),
    ("the type", ["type"], "collection", "signature-invalid"),
    ("a member more", ["total"], 1, "signature-invalid"),
    ("the time", ["signature", "when"], "2026-03-01T12:00:01Z", "signature-invalid"),
    ("a time without an offset", ["signature", "when"], "2026-03-01T12:00:00", "signature-invalid"),
    ("no time", ["signature", "when"], None, "signature-invalid"),
    ("the purpose", ["signature", "type", 0, "code"], "1.2.840.10065.1.12.1.5", "signature-purpose"),
    ("a second purpose", ["signature", "type"], [{"system": "urn:iso-astm:E1762-95:2013", "code": f"1.2.840.10065.1.12.1.{number}"} for number in (1, 5)], "signature-purpose"),
    ("a purpose that is text", ["signature", "type"], "author", "signature-purpose"),
    ("who", ["signature", "who", "identifier", "value"], "RY6", "signer-organisation"),
    ("on whose behalf", ["signature", "onBehalfOf", "identifier", "value"], "1", "signature-invalid"),
    ("on nobody's behalf", ["signature", "onBehalfOf"], None, "signature-invalid"),
    ("the form, less", ["signature", "targetFormat"], "application/fhir+json;canonicalization=" + Form.NARRATIVE.url, "signature-wrapped"),
    ("the form, of XML", ["signature", "targetFormat"], "application/fhir+xml;canonicalization=http://hl7.org/fhir/canonicalization/xml", "seal-algorithm-refused"),
    ("the form, unknown", ["signature", "targetFormat"], "application/fhir+json;canonicalization=urn:x", "seal-algorithm-refused"),
    ("the format", ["signature", "sigFormat"], "application/signature+xml", "seal-algorithm-refused"),
    ("a list of signatures", ["signature"], [], "seal-malformed"),
    ("no bytes", ["signature", "data"], None, "seal-malformed"),
    ("bytes that are no base64", ["signature", "data"], "*", "seal-malformed"),
    ("bytes that are no JWS", ["signature", "data"], data(octets=b"x.y"), "seal-malformed"),
    ("a header with a member twice", ["signature", "data"], data(octets=encode(b'{"alg":"ES256","alg":"none"}').encode() + b"..AAAA"), "seal-malformed"),
    ("a JWS with a payload of its own", ["signature", "data"], data(payload=b"{}"), "signature-wrapped"),
    ("alg none", ["signature", "data"], data({"alg": "none"}), "seal-algorithm-refused"),
    ("HS256 with a public key", ["signature", "data"], data({"alg": "HS256"}), "seal-algorithm-refused"),
    ("an algorithm of another key", ["signature", "data"], data({"alg": "RS256"}), "seal-algorithm-refused"),
    ("jku", ["signature", "data"], data({"jku": "https://x.example"}), "seal-algorithm-refused"),
    ("an unknown critical member", ["signature", "data"], data({"x": 1, "crit": ["x"]}), "seal-algorithm-refused"),
    ("another key", ["signature", "data"], data({"kid": "x"}), "signer-unknown"),
    ("another certificate", ["signature", "data"], data({"x5t#S256": "AAAA"}), "signer-unknown"),
    ("another signing time, signed", ["signature", "data"], data({"sigT": "2026-03-01T12:00:01Z"}), "signature-invalid"),
    ("a commitment that is text", ["signature", "data"], data({"srCms": "x"}), "signature-purpose"),
    ("a form that differs from the datatype's, signed", ["signature", "data"], data({"canon": Form.WHOLE.url}), "signature-wrapped"),
    ("no signature", ["signature"], None, "seal-signature-missing"),
    ("another resource", ["resourceType"], "Parameters", "seal-signature-missing"),
    ("a decimal that the form would change", ["entry", 0, "resource", "x"], 56.0, "seal-malformed"),
]


@pytest.mark.parametrize(("path", "value", "code"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_what_was_not_signed_is_not_proved(path: list[str | int], value: Any, code: str) -> None:
    """Nothing changed afterwards passes, in the resource, the datatype or the JWS."""
    assert refusal(changed(path, value)) == code


def test_the_parts_that_a_form_leaves_out_are_not_returned() -> None:
    """Root id and meta are not covered by #document: they may change, and the caller does not get them."""
    document = changed(["meta", "lastUpdated"], "1999-01-01T00:00:00Z")
    document["id"] = "forged"
    assert verified(json.dumps(document).encode()).resource.keys() == {"resourceType", "type", "entry"}
    assert refusal(changed(["id"], "forged", signed(form=Form.WHOLE))) == "signature-invalid"


@pytest.mark.parametrize("form", [Form.DATA, Form.STATIC, Form.NARRATIVE])
def test_lesser_forms_are_refused_unless_named(form: Form) -> None:
    """A signature over the narrative alone does not pass for one over the data."""
    document = signed(form=form)
    assert refusal(document) == "signature-wrapped"
    assert verified(document, profile=ALL_FORMS).signed.covers.startswith(covered(BUNDLE, form).words[:20])


def test_a_time_stamp_and_a_counter_signature() -> None:
    """Beside the signature, in the JSON form: it is believed after its certificate is over, and says who has seen it."""
    world = World()
    authority = Authority(world).trusted()
    expiring, witness = world.add("X26", Use.SIGNING, end=NOW + DAY), world.add("RY6", Use.SIGNING)
    beside = Beside(authority, ((witness, Statement(NOW, Purpose.WITNESS)),))
    document = signed(signer=expiring, beside=beside)
    assert json.loads(document)["signature"]["sigFormat"] == "application/jose+json"
    later = NOW + 2 * DAY
    world.trusts["X26"] = world.trusts["RY6"] = world.time = world.believed(world.root.revocations(at=later, end=later + DAY), world.issuing.revocations(at=later, end=later + DAY))
    result = verified(document, directory=world, now=later).signed
    assert result.time_stamped_at == NOW
    assert [one.organisation for one in result.counter_signed_by] == ["RY6"]
    assert refusal(signed(signer=expiring), directory=world, now=later) == "signer-expired"
    assert refusal(changed(["signature", "sigFormat"], "application/jose", document), directory=world, now=later) == "seal-malformed"


def test_wrapped_in_another_bundle() -> None:
    """A signed Bundle inside another proves nothing of that, and a signature moved outwards does not fit."""
    inner = json.loads(signed())
    outer = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": inner}]}
    assert refusal(outer) == "seal-signature-missing"
    assert refusal(outer | {"signature": inner["signature"]}) == "signature-invalid"


def test_duplicate_members_at_each_level() -> None:
    """In the Bundle, in an entry, in the Signature."""
    text = signed().decode()
    for old, new in (('"type":"document"', '"type":"document","type":"document"'), ('"id":"1"', '"id":"1","id":"1"'), ('"when":', '"when":"2026-03-01T12:00:00Z","when":'), ('{"entry"', '{"signature":{},"entry"')):
        assert text.count(old) == 1
        assert refusal(text.replace(old, new).encode()) == "seal-malformed"


def test_signers_that_are_not_believed() -> None:
    """Trust is the directory's, as for every suite."""
    expired = WORLD.add("X26", Use.SIGNING, end=NOW + timedelta(minutes=1))
    document = signed(signer=expired)
    assert refusal(document) is None
    WORLD.trusts["X26"] = WORLD.believed(WORLD.root.revocations(end=NOW + 40 * DAY), WORLD.issuing.revocations(end=NOW + 40 * DAY))
    assert refusal(document, now=NOW + DAY) == "signer-expired"
    assert refusal(signed(), now=NOW - timedelta(minutes=6)) == "seal-stale"


SIGNING: list[tuple[str, dict[str, Any], str]] = [
    ("a Bundle that has a signature", {"document": signed()}, "seal-malformed"),
    ("no Bundle", {"document": b'{"resourceType":"Patient"}'}, "seal-malformed"),
    ("no resource", {"document": b"{}"}, "seal-malformed"),
    ("a decimal that would be lost", {"document": b'{"resourceType":"Bundle","x":2.00}'}, "seal-malformed"),
    ("a member twice", {"document": b'{"resourceType":"Bundle","x":1,"x":1}'}, "seal-malformed"),
    ("an expired key", {"signer": WORLD.add("X26", Use.SIGNING, end=NOW - DAY)}, "signing-key-unavailable"),
    ("another organisation's key", {"signer": WORLD.add("RY6", Use.SIGNING)}, "signing-key-unavailable"),
    ("an algorithm of another key", {"signer": replace(SIGNER, algorithm="EdDSA")}, "seal-algorithm-refused"),
]


@pytest.mark.parametrize(("changes", "code"), [row[1:] for row in SIGNING], ids=[row[0] for row in SIGNING])
def test_what_is_not_signed(changes: dict[str, Any], code: str) -> None:
    """Text of two meanings, and keys that nobody would believe."""
    assert code_of(signed, **changes) == code


def test_forms_have_names() -> None:
    """Each has its url; #document is of Bundles."""
    assert {form_of(form.url) for form in Form} == set(Form)
    assert form_of(BASE + "#") is Form.WHOLE
    assert code_of(form_of, "http://hl7.org/fhir/canonicalization/xml") == "seal-algorithm-refused"
    assert code_of(covered, {"resourceType": "Patient"}, Form.DOCUMENT) == "seal-algorithm-refused"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["total", "language", "identifier", "x"]), st.text(max_size=20) | st.integers(-9, 9) | st.lists(st.booleans()), max_size=4))
def test_round_trip(members: dict[str, Any]) -> None:
    """Whatever is in the Bundle, what comes out is what went in."""
    bundle = {"resourceType": "Bundle"} | members
    assert verified(signed(document=canonical(bundle), form=Form.WHOLE)).resource == bundle
