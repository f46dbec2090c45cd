"""XML signatures inside FHIR: made, verified, judged, and refused for each difference that matters."""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256

import pytest
import xmlsec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree

from message_world import NOW, World
from wardgate.fhir import Version
from wardgate.sealing.canonical_forms import Form
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import Use
from wardgate.sealing.model import Purpose, Statement
from wardgate.sealing.xml_canonical_fhir import covered_octets
from wardgate.sealing.xml_errors import as_reasons
from wardgate.sealing.xml_fhir import sign_bundle, sign_resource, verify_bundle, verify_resource
from wardgate.xmlsecurity.names import DS, XADES
from wardgate.xmlsecurity.parser import parse

BUNDLE = (
    b'<?xml version="1.0"?>\n<!-- said -->\n<f:Bundle xmlns:f="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml">\n <f:id value="b1"/><f:meta><f:versionId value="1"/></f:meta>'
    b'<f:type value="document"/><f:entry><f:resource><f:Basic><f:text><f:status value="generated"/><h:div>Two\n   <h:b class="x">words</h:b>\t here</h:div></f:text>'
    b'<f:extension url="urn:a"><f:valueString value="a  &#10; b"/></f:extension></f:Basic></f:resource></f:entry>\n</f:Bundle>'
)
DOCUMENT = (
    b'<Bundle xmlns="http://hl7.org/fhir"><type value="document"></type><entry><resource><Basic><text><status value="generated"></status>'
    b'<div xmlns="http://www.w3.org/1999/xhtml">Two <b class="x">words</b> here</div></text>'
    b'<extension url="urn:a"><valueString value="a b"></valueString></extension></Basic></resource></entry></Bundle>'
)
STATEMENT = Statement(NOW, Purpose.AUTHOR, "R8000")


@pytest.fixture(scope="module")
def world() -> World:
    """X26 signs."""
    world = World()
    world.add("X26", Use.SIGNING)
    return world


def signed(world: World, version: Version = Version.R4, form: Form = Form.DOCUMENT) -> bytes:
    """The bundle, signed by X26."""
    signer = world.signing_key("X26")
    assert signer is not None
    return sign_bundle(BUNDLE, STATEMENT, signer, "X26", version=version, form=form)


def code_of(call: Callable[[], object]) -> str:
    """What a call is refused for."""
    with pytest.raises(SealRefused) as caught:
        call()
    return caught.value.code


@pytest.mark.parametrize("version", Version)
def test_a_signed_bundle_verifies_in_each_version(world: World, version: Version) -> None:
    """And says which octets are proved."""
    found, octets = verify_bundle(signed(world, version), directory=world, now=NOW, version=version)
    assert (octets, found.statement, found.organisation) == (DOCUMENT, STATEMENT, "X26")
    assert found.covers == f"the whole resource without its id and meta, in {len(DOCUMENT)} canonical octets, and the signed properties"


def test_the_judge_verifies_a_detached_signature(world: World) -> None:
    """The signature over SignedInfo, in which the digests are those of the canonical octets and of the properties."""
    signer = world.signing_key("X26")
    assert signer is not None
    root = etree.fromstring(sign_resource(BUNDLE, STATEMENT, signer, "X26", form=Form.DOCUMENT))
    digests = [b64decode(node.text or "") for node in root.iterfind("ds:SignedInfo/ds:Reference/ds:DigestValue", {"ds": DS})]
    properties = root.find(f".//{{{XADES}}}SignedProperties")
    assert properties is not None
    assert digests == [sha256(DOCUMENT).digest(), sha256(etree.tostring(properties, method="c14n", exclusive=True)).digest()]
    judge = xmlsec.SignatureContext()
    judge.key = xmlsec.Key.from_memory(signer.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), xmlsec.KeyFormat.PEM)
    value = b64decode(root.findtext("ds:SignatureValue", "", {"ds": DS}))
    judge.verify_binary(etree.tostring(root[0], method="c14n", exclusive=True), xmlsec.constants.TransformEcdsaSha256, value)


FORMS: dict[Form, tuple[bytes, bytes]] = {
    Form.WHOLE: (b'<id value="b1">', b"<!--"),
    Form.DATA: (b"<meta>", b"<text>x"),
    Form.STATIC: (b'<id value="b1">', b"<meta>"),
    Form.NARRATIVE: (b'<id value="b1">', b"<meta>"),
    Form.DOCUMENT: (b"<div xmlns", b"<meta>"),
}


@pytest.mark.parametrize(("form", "parts"), FORMS.items(), ids=[form.name for form in FORMS])
def test_each_form_covers_what_it_says(form: Form, parts: tuple[bytes, bytes]) -> None:
    """One part is there, another is not."""
    octets, _ = covered_octets(parse(BUNDLE, unique_ids=False), form)
    assert parts[0] in octets
    assert parts[1] not in octets


def test_what_fhir_lets_change_changes_nothing(world: World) -> None:
    """Id and meta of the bundle, comments, white space between elements and runs of it, prefixes."""
    body = signed(world).replace(b'"b1"', b'"b2"').replace(b"said", b"else").replace(b"Two\n   ", b"Two ").replace(b"\n <f:id", b"<f:id")
    assert verify_bundle(body, directory=world, now=NOW)[1] == DOCUMENT


CHANGES: dict[str, tuple[bytes, bytes, str]] = {
    "other text": (b"words", b"swords", "signature-invalid"),
    "another value": (b"a  &#10; b", b"ab", "signature-invalid"),
    "another time beside it": (b"2026-03-01T12:00:00Z", b"2026-03-01T12:00:01Z", "signature-invalid"),
    "another purpose beside it": (b'12.1.1"', b'12.1.5"', "signature-purpose"),
    "another organisation beside it": (b'value="X26"', b'value="RJ1"', "signer-organisation"),
    "another format": (b"application/signature+xml", b"application/jose", "seal-algorithm-refused"),
    "text in an element of FHIR": (b"<f:entry>", b"<f:entry>x", "seal-malformed"),
    "an attribute that FHIR has not": (b"<f:entry>", b'<f:entry x="1">', "seal-malformed"),
    "another namespace": (b"<f:entry>", b'<a xmlns="urn:a"/><f:entry>', "seal-malformed"),
    "a document type": (b"<f:Bundle", b"<!DOCTYPE a><f:Bundle", "seal-malformed"),
    "no bundle": (b"f:Bundle", b"f:Basic", "seal-malformed"),
}


@pytest.mark.parametrize(("old", "new", "code"), CHANGES.values(), ids=CHANGES)
def test_each_change_is_refused(world: World, old: bytes, new: bytes, code: str) -> None:
    """In what is covered, and in what stands beside it."""
    body = signed(world)
    assert old in body
    assert code_of(lambda: verify_bundle(body.replace(old, new), directory=world, now=NOW)) == code


def test_signatures_in_other_places_are_refused(world: World) -> None:
    """None, two, one that is not last; one that covers less than is accepted."""
    body = signed(world)
    (one,) = re.findall(rb"<signature.*</signature>", body) or re.findall(rb"<(?:f:)?signature.*</(?:f:)?signature>", body)
    assert code_of(lambda: verify_bundle(body.replace(one, b""), directory=world, now=NOW)) == "seal-signature-missing"
    assert code_of(lambda: verify_bundle(body.replace(one, one + one), directory=world, now=NOW)) == "signature-wrapped"
    first = body.replace(one, b"").replace(b"<f:type", one + b"<f:type")
    assert code_of(lambda: verify_bundle(first, directory=world, now=NOW)) == "signature-wrapped"
    assert code_of(lambda: verify_bundle(signed(world, form=Form.NARRATIVE), directory=world, now=NOW)) == "signature-wrapped"
    assert verify_bundle(signed(world, form=Form.NARRATIVE), directory=world, now=NOW, forms={Form.NARRATIVE})[0].organisation == "X26"


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("name", ["onBehalfOf", "onBehalfOfReference", "extension", "blob", "data"])
def test_nothing_stands_beside_a_signature_that_it_does_not_say(world: World, version: Version, name: str) -> None:
    """Who reads the datatype would believe that somebody was signed for."""
    root = etree.fromstring(signed(world, version))
    etree.SubElement(root[-1], f"{{http://hl7.org/fhir}}{name}", value="Practitioner/x")
    assert code_of(lambda: verify_bundle(etree.tostring(root), directory=world, now=NOW, version=version)) in {"signature-invalid", "seal-malformed"}


def test_a_signature_of_one_resource_is_not_anothers(world: World) -> None:
    """Detached, so the resource is the caller's."""
    signer = world.signing_key("X26")
    assert signer is not None
    signature = sign_resource(BUNDLE, STATEMENT, signer, "X26", form=Form.WHOLE)
    assert verify_resource(signature, BUNDLE, directory=world, now=NOW).algorithm == "ES256"
    assert code_of(lambda: verify_resource(signature, BUNDLE.replace(b"words", b"swords"), directory=world, now=NOW)) == "signature-invalid"
    assert code_of(lambda: verify_resource(b"<a/>", BUNDLE, directory=world, now=NOW)) == "seal-signature-missing"


def test_an_xml_signature_that_is_not_ours_to_read_is_refused(world: World) -> None:
    """An unsigned property, and a second document in the signature."""
    body = signed(world)
    encoded = re.search(rb'data value="([^"]+)"', body)
    assert encoded is not None
    inner = b64decode(encoded[1])
    more = inner.replace(b"</xades:SignedProperties>", b"</xades:SignedProperties><xades:UnsignedProperties/>")
    assert code_of(lambda: verify_bundle(body.replace(encoded[1], b64encode(more)), directory=world, now=NOW)) == "seal-malformed"
    assert code_of(lambda: verify_bundle(body.replace(encoded[1], b"!"), directory=world, now=NOW)) == "seal-malformed"


def test_what_cannot_be_said_is_not_signed(world: World) -> None:
    """Nobody on whose behalf; no second signature; the document form of something else."""
    signer = world.signing_key("X26")
    assert signer is not None
    assert code_of(lambda: sign_bundle(BUNDLE, Statement(NOW, on_behalf_of={"display": "x"}), signer, "X26")) == "seal-malformed"
    assert code_of(lambda: sign_bundle(signed(world), STATEMENT, signer, "X26")) == "seal-malformed"
    with pytest.raises(SealRefused), as_reasons():
        covered_octets(parse(b'<Basic xmlns="http://hl7.org/fhir"/>'), Form.DOCUMENT)
    assert code_of(lambda: sign_resource(BUNDLE, STATEMENT, signer, "RY6", form=Form.WHOLE)) == "signing-key-unavailable"
