"""Signatures that cover something else than what is read: the eight known forms of wrapping, and every other trick of XML signatures."""

from base64 import b64encode
from collections.abc import Callable
from copy import deepcopy
from hashlib import sha256
from os import urandom
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from message_world import NOW, World
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import Use
from wardgate.sealing.model import Context, Opened, Statement
from wardgate.sealing.xml import open_seal, seal
from wardgate.sealing.xml_document import NAMESPACE
from wardgate.xmlsecurity import names
from wardgate.xmlsecurity.canonical import exclusive
from wardgate.xmlsecurity.names import DS, DSIG11, XADES
from wardgate.xmlsecurity.sign import ToCover, sign

Node = Any
NAMES = {"ds": DS, "s": NAMESPACE, "x": XADES}
CONTEXT = Context("X26OT001", "X26", ("RY6OT002",), "TOC_FHIR_IP_DISCH", "id-1", "ITK003D")


@pytest.fixture(scope="module")
def world() -> World:
    """X26 and a stranger, who is in the directory too, for RJ1."""
    world = World()
    world.add("X26", Use.SIGNING)
    world.add("RJ1", Use.SIGNING)
    return world


@pytest.fixture(scope="module")
def honest(world: World) -> bytes:
    """A document that X26 signed."""
    signer = world.signing_key("X26")
    assert signer is not None
    return seal(b"honest", "application/fhir+json", CONTEXT, Statement(NOW, role="R8000"), signer, [], directory=world, now=NOW, random=urandom).body


def opened(world: World, body: bytes) -> Opened:
    """What is read of a signed document."""
    return open_seal(body, transport=None, held=world, directory=world, now=NOW, random=urandom, require_encryption=False)


def code_of(world: World, body: bytes) -> str:
    """What it is refused for."""
    with pytest.raises(SealRefused) as caught:
        opened(world, body)
    return caught.value.code


def the(root: Node, path: str) -> Node:
    """The element at a path, which is there."""
    found = root.find(path, NAMES)
    assert found is not None, path
    return found


def bare(root: Node) -> Node:
    """A copy without its signature."""
    copy = deepcopy(root)
    copy.remove(the(copy, "ds:Signature"))
    return copy


def evil(root: Node) -> Node:
    """A copy without its signature, and with other content."""
    copy = bare(root)
    the(copy, "s:Content").text = b64encode(b"forged").decode()
    return copy


def in_signature(root: Node, *, in_object: bool) -> Node:
    """The forged document with the honest signature, in which the honest document lies."""
    forged, signature = evil(root), deepcopy(the(root, "ds:Signature"))
    holder = etree.SubElement(signature, f"{{{DS}}}Object") if in_object else signature
    holder.append(bare(root))
    forged.append(signature)
    return forged


def xsw2(root: Node) -> Node:
    """The honest document before its signature, in the forged one."""
    forged = evil(root)
    forged.extend([bare(root), deepcopy(the(root, "ds:Signature"))])
    return forged


def beside(root: Node, *others: Node) -> Node:
    """Some documents in a row below a root that is none."""
    outer = etree.Element("Envelope")
    outer.extend(others)
    return outer


def xsw4(root: Node) -> Node:
    """The forged document around the honest one with its signature."""
    forged = evil(root)
    forged.append(deepcopy(root))
    return forged


def xsw5(root: Node) -> Node:
    """The honest signature in the forged document, the honest document after it."""
    forged = evil(root)
    forged.extend([deepcopy(the(root, "ds:Signature")), bare(root)])
    return forged


def xsw7(root: Node) -> Node:
    """The forged document within an element of extensions, before the honest one."""
    extensions = etree.Element("Extensions")
    extensions.append(evil(root))
    return beside(root, extensions, deepcopy(root))


FORMS: dict[str, tuple[Callable[[Node], Node], str]] = {
    "XSW1": (lambda root: in_signature(root, in_object=False), "seal-malformed"),
    "XSW2": (xsw2, "seal-malformed"),
    "XSW3": (lambda root: beside(root, evil(root), deepcopy(root)), "seal-malformed"),
    "XSW4": (xsw4, "signature-wrapped"),
    "XSW5": (xsw5, "signature-wrapped"),
    "XSW6": (lambda root: beside(root, in_signature(root, in_object=False)), "seal-malformed"),
    "XSW7": (xsw7, "seal-malformed"),
    "XSW8": (lambda root: in_signature(root, in_object=True), "seal-malformed"),
}


@pytest.mark.parametrize("by_id", [False, True], ids=["whole document", "by Id"])
@pytest.mark.parametrize(("wrap", "code"), FORMS.values(), ids=FORMS)
def test_each_form_of_wrapping_is_refused(world: World, honest: bytes, wrap: Callable[[Node], Node], code: str, by_id: bool) -> None:
    """Over our own document, and over one whose honest signature refers to the document by its Id, as other profiles have it."""
    root = etree.fromstring(honest)
    if by_id:
        root = signed_by_id(world, root)
    assert code_of(world, etree.tostring(wrap(root))) in ({code, "seal-malformed"} if by_id else {code})


def signed_by_id(world: World, root: Node) -> Node:
    """A document with an Id, whose signature refers to that."""
    document = bare(root)
    document.set("Id", "seal")
    signer = world.signing_key("X26")
    assert signer is not None
    document.append(sign(signer, [ToCover("#seal", exclusive(document), (names.ENVELOPED, names.EXCLUSIVE))], signature_id="signature"))
    return document


def test_properties_moved_aside_are_refused(world: World, honest: bytes) -> None:
    """The honest properties in another Object, forged ones where they were."""
    root = etree.fromstring(honest)
    signature = the(root, "ds:Signature")
    properties = the(signature, ".//x:SignedProperties")
    aside = etree.SubElement(signature, f"{{{DS}}}Object")
    aside.append(deepcopy(properties))
    the(properties, ".//x:ClaimedRole").text = "R0000"
    assert code_of(world, etree.tostring(root)) == "seal-malformed"  # an Id twice
    properties.set("Id", "others")
    assert code_of(world, etree.tostring(root)) == "seal-malformed"  # two Objects
    properties.getparent().remove(properties)
    assert code_of(world, etree.tostring(root)) == "seal-malformed"


def test_the_honest_document_opens(world: World, honest: bytes) -> None:
    """So that what is refused below is refused for what was changed."""
    assert opened(world, honest).content == b"honest"


def set_text(path: str, text: str) -> Callable[[Node], None]:
    """An edit: other text."""
    def edit(root: Node) -> None:
        the(root, path).text = text
    return edit


def set_attribute(path: str, name: str, value: str) -> Callable[[Node], None]:
    """An edit: another attribute."""
    def edit(root: Node) -> None:
        the(root, path).set(name, value)
    return edit


def add(path: str, name: str, **attributes: str) -> Callable[[Node], None]:
    """An edit: another child."""
    def edit(root: Node) -> None:
        etree.SubElement(the(root, path), name, attributes)
    return edit


def remove(*paths: str) -> Callable[[Node], None]:
    """An edit: without these."""
    def edit(root: Node) -> None:
        for path in paths:
            for found in root.findall(path, NAMES):
                found.getparent().remove(found)
    return edit


def another_key_value(root: Node) -> None:
    """Add the value of a key of one's own."""
    public = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    value = etree.SubElement(etree.SubElement(the(root, ".//ds:KeyInfo"), f"{{{DS}}}KeyValue"), f"{{{DSIG11}}}ECKeyValue")
    etree.SubElement(value, f"{{{DSIG11}}}NamedCurve", URI=names.P256)
    etree.SubElement(value, f"{{{DSIG11}}}PublicKey").text = b64encode(public).decode()


S = ".//ds:SignedInfo"
EDITS: dict[str, tuple[Callable[[Node], None], str]] = {
    "other content": (set_text("s:Content", "Zm9yZ2Vk"), "signature-invalid"),
    "another recipient": (set_text("s:Context/s:To", "RJ1OT001"), "signature-invalid"),
    "another role": (set_text(".//x:ClaimedRole", "R0000"), "signature-invalid"),
    "another media type": (set_attribute("s:Content", "mediaType", "application/fhir+xml"), "signature-invalid"),
    "another signature value": (set_text(".//ds:SignatureValue", b64encode(bytes(64)).decode()), "signature-invalid"),
    "a short signature value": (set_text(".//ds:SignatureValue", "AA=="), "signature-invalid"),
    "a signature value that is not base64": (set_text(".//ds:SignatureValue", "!"), "seal-malformed"),
    "another digest value": (set_text(f"{S}/ds:Reference/ds:DigestValue", b64encode(bytes(32)).decode()), "signature-invalid"),
    "no references": (remove(f"{S}/ds:Reference"), "seal-malformed"),
    "no reference to the properties": (remove(f"{S}/ds:Reference[2]"), "signature-wrapped"),
    "a reference to another element": (set_attribute(f"{S}/ds:Reference", "URI", "#signed-properties"), "signature-wrapped"),
    "a reference to something outside": (set_attribute(f"{S}/ds:Reference", "URI", "http://example.org/"), "signature-wrapped"),
    "a reference to a file": (set_attribute(f"{S}/ds:Reference", "URI", "file:///etc/hostname"), "signature-wrapped"),
    "a reference by XPointer": (set_attribute(f"{S}/ds:Reference", "URI", "#xpointer(/)"), "signature-wrapped"),
    "a reference of another type": (set_attribute(f"{S}/ds:Reference[2]", "Type", "http://www.w3.org/2000/09/xmldsig#Manifest"), "signature-wrapped"),
    "a third reference": (lambda root: the(root, S).append(deepcopy(the(root, f"{S}/ds:Reference[2]"))), "signature-wrapped"),
    "five references": (lambda root: the(root, S).extend([deepcopy(the(root, f"{S}/ds:Reference[2]")) for _ in range(3)]), "seal-malformed"),
    "an XSLT transform": (set_attribute(f"{S}//ds:Transform", "Algorithm", "http://www.w3.org/TR/1999/REC-xslt-19991116"), "seal-algorithm-refused"),
    "an XPath transform": (set_attribute(f"{S}//ds:Transform", "Algorithm", "http://www.w3.org/TR/1999/REC-xpath-19991116"), "seal-algorithm-refused"),
    "a transform with XPath in it": (add(f"{S}//ds:Transform", f"{{{DS}}}XPath"), "seal-algorithm-refused"),
    "a base64 transform": (set_attribute(f"{S}//ds:Transform", "Algorithm", f"{DS}base64"), "seal-algorithm-refused"),
    "inclusive canonical form": (set_attribute(f"{S}/ds:CanonicalizationMethod", "Algorithm", names.INCLUSIVE), "seal-algorithm-refused"),
    "a list of prefixes": (add(f"{S}/ds:CanonicalizationMethod", "{http://www.w3.org/2001/10/xml-exc-c14n#}InclusiveNamespaces", PrefixList="ds"), "seal-algorithm-refused"),
    "RSA with SHA-1": (set_attribute(f"{S}/ds:SignatureMethod", "Algorithm", names.RSA_SHA1), "seal-algorithm-refused"),
    "ECDSA with SHA-1": (set_attribute(f"{S}/ds:SignatureMethod", "Algorithm", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1"), "seal-algorithm-refused"),
    "a digest by SHA-1": (set_attribute(f"{S}/ds:Reference/ds:DigestMethod", "Algorithm", names.SHA1), "seal-algorithm-refused"),
    "the method of another kind of key": (set_attribute(f"{S}/ds:SignatureMethod", "Algorithm", names.RSA_SHA256), "seal-algorithm-refused"),
    "the method of another curve": (set_attribute(f"{S}/ds:SignatureMethod", "Algorithm", names.ECDSA_SHA384), "seal-algorithm-refused"),
    "a length of HMAC": (add(f"{S}/ds:SignatureMethod", f"{{{DS}}}HMACOutputLength"), "seal-algorithm-refused"),
    "a key of one's own, as a value": (another_key_value, "seal-algorithm-refused"),
    "a way to fetch a key": (add(".//ds:KeyInfo", f"{{{DS}}}RetrievalMethod", URI="http://example.org/"), "seal-algorithm-refused"),
    "a key id that nobody has": (set_text(".//ds:KeyName", "nobody"), "signer-unknown"),
    "a key id that looks like a path": (set_text(".//ds:KeyName", "../../etc/passwd"), "signer-unknown"),
    "no key named": (remove(".//ds:KeyInfo"), "signer-unknown"),
    "no signature": (remove("ds:Signature"), "seal-signature-missing"),
    "two signatures": (lambda root: root.append(deepcopy(the(root, "ds:Signature"))), "seal-malformed"),
    "the signature first": (lambda root: root.insert(0, the(root, "ds:Signature")), "signature-wrapped"),
    "an element beside": (lambda root: root.insert(1, etree.Element("Other")), "seal-malformed"),
    "an element of another namespace in the context": (add("s:Context", "{urn:other}Event"), "seal-malformed"),
    "a recipient added after the event": (add("s:Context", f"{{{NAMESPACE}}}To"), "seal-malformed"),
    "a line break within a value's edge": (set_text("s:Context/s:Workflow", "TOC_FHIR_IP_DISCH\n"), "seal-malformed"),
    "an attribute that is not known": (set_attribute("s:Context", "by", "me"), "seal-malformed"),
    "text between elements": (set_text("s:Context", "text"), "seal-malformed"),
    "another Id of the signature": (set_attribute("ds:Signature", "Id", "other"), "seal-malformed"),
    "an Id twice": (set_attribute("s:Content", "ID", "signed-properties"), "seal-malformed"),
    "an Id twice, as xml:id": (set_attribute("s:Content", "{http://www.w3.org/XML/1998/namespace}id", "signed-properties"), "seal-malformed"),
    "properties of another signature": (set_attribute(".//x:QualifyingProperties", "Target", "#other"), "seal-malformed"),
    "a purpose that is none": (set_text(".//x:Identifier", "urn:oid:1.2.3"), "signature-purpose"),
    "a signing time with another offset": (set_text(".//x:SigningTime", "2026-03-01T12:00:00+00:00"), "seal-malformed"),
    "70 levels": (lambda root: deep(the(root, "s:Content"), 70), "seal-too-large"),
    "40 attributes": (lambda root: [the(root, "s:Content").set(f"a{n}", "") for n in range(40)] and None, "seal-too-large"),
    "50,000 elements": (lambda root: the(root, "s:Context").extend([etree.Element("a") for _ in range(50_001)]), "seal-too-large"),
}


def deep(node: Node, levels: int) -> None:
    """Nest."""
    for _ in range(levels):
        node = etree.SubElement(node, "a")


@pytest.mark.parametrize(("edit", "code"), EDITS.values(), ids=EDITS)
def test_each_change_is_refused(world: World, honest: bytes, edit: Callable[[Node], None], code: str) -> None:
    """With the reason of the first check that meets it."""
    root = etree.fromstring(honest)
    edit(root)
    assert code_of(world, etree.tostring(root)) == code


TEXTS: dict[str, tuple[bytes, bytes, str]] = {
    "a document type": (b"<seal:SealedMessage", b"<!DOCTYPE a><seal:SealedMessage", "seal-malformed"),
    "an entity": (b"<seal:SealedMessage", b'<!DOCTYPE a [<!ENTITY b "c">]><seal:SealedMessage', "seal-malformed"),
    "an entity from outside": (b"<seal:SealedMessage", b'<!-- --><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><seal:SealedMessage', "seal-malformed"),
    "white space at the edge of an attribute": (b'mediaType="application/fhir+json"', b'mediaType="application/fhir+json&#10;"', "signature-invalid"),
    "another prefix of what is signed": (b"seal:", b"other:", "seal-malformed"),
    "another encoding": (b"<seal:SealedMessage", b'<?xml version="1.0" encoding="ISO-8859-1"?><seal:SealedMessage', "seal-malformed"),
    "a second root": (b"</seal:SealedMessage>", b"</seal:SealedMessage><a/>", "seal-malformed"),
}


@pytest.mark.parametrize(("old", "new", "code"), TEXTS.values(), ids=TEXTS)
def test_each_change_of_the_text_is_refused(world: World, honest: bytes, old: bytes, new: bytes, code: str) -> None:
    """What a tree does not show."""
    assert old in honest
    assert code_of(world, honest.replace(old, new)) == code


def test_a_comment_splits_no_value(world: World, honest: bytes) -> None:
    """The canonical form has no comments, so the signature holds; what is read is the whole value, as it was signed."""
    split = honest.replace(b"TOC_FHIR_IP_DISCH", b"TOC_FHIR<!-- -->_IP<?x?>_DISCH").replace(b">R8000<", b">R80<!-- -->00<")
    found = opened(world, split)
    assert (found.context, found.signatures[0].statement.role) == (CONTEXT, "R8000")


def test_namespaces_that_nothing_uses_change_nothing(world: World, honest: bytes) -> None:
    """Exclusive canonical form leaves them out: the signature holds, and nothing is read from them."""
    assert opened(world, honest.replace(b"<seal:SealedMessage", b'<seal:SealedMessage xmlns:evil="urn:evil"')).content == b"honest"


def test_another_organisations_signature_is_refused(world: World, honest: bytes) -> None:
    """A stranger in the directory signs X26's context with a key of its own."""
    stranger = world.signing_key("RJ1")
    assert stranger is not None
    body = resigned(etree.fromstring(honest), stranger)
    assert code_of(world, body) == "signer-organisation"


def test_an_embedded_certificate_is_no_key(world: World, honest: bytes) -> None:
    """Signed with an own key, the certificate embedded and X26's key named."""
    stranger = world.signing_key("RJ1")
    honest_key = world.signing_key("X26")
    assert stranger is not None
    assert honest_key is not None
    root = etree.fromstring(resigned(etree.fromstring(honest), stranger))
    the(root, ".//ds:KeyName").text = honest_key.kid
    assert code_of(world, etree.tostring(root)) == "signer-unknown"
    data = the(root, ".//ds:X509Data")
    data.getparent().remove(data)
    assert code_of(world, etree.tostring(root)) == "signature-invalid"


def resigned(root: Node, signer: Any) -> bytes:
    """The document with the same properties, signed by somebody else."""
    signature = the(root, "ds:Signature")
    holder = deepcopy(the(signature, "ds:Object"))
    properties = the(holder, ".//x:SignedProperties")
    root.remove(signature)
    root.append(sign(signer, [
        ToCover("", exclusive(root), (names.ENVELOPED, names.EXCLUSIVE), id="signed-document"),
        ToCover("#signed-properties", exclusive(properties), (names.EXCLUSIVE,), names.SIGNED_PROPERTIES),
    ], signature_id="signature", objects=[holder]))
    return etree.tostring(root)


def test_properties_that_name_another_certificate_are_refused(world: World, honest: bytes) -> None:
    """Well signed by the right key, but saying that another one signed."""
    signer = world.signing_key("X26")
    root = etree.fromstring(honest)
    the(root, ".//x:CertDigest/ds:DigestValue").text = b64encode(sha256(b"another").digest()).decode()
    assert code_of(world, resigned(root, signer)) == "signature-invalid"


def test_a_public_key_is_no_secret_of_hmac(world: World, honest: bytes) -> None:
    """A valid HMAC under the signer's public certificate."""
    signer = world.signing_key("X26")
    assert signer is not None
    root = etree.fromstring(honest)
    the(root, f"{S}/ds:SignatureMethod").set("Algorithm", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")
    mac = HMAC(signer.certificate.public_bytes(Encoding.PEM), SHA256())
    mac.update(exclusive(the(root, S)))
    the(root, ".//ds:SignatureValue").text = b64encode(mac.finalize()).decode()
    assert code_of(world, etree.tostring(root)) == "seal-algorithm-refused"
