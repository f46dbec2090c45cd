"""The XML suite: what is sealed opens, an independent judge agrees, and everything else is refused with its reason."""

import dataclasses
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from os import urandom
from typing import Any

import pytest
import xmlsec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from lxml import etree

from message_world import DAY, NOW, RSA_KEY, Held, World
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import State, Use
from wardgate.sealing.model import Context, Limits, Opened, Purpose, Sealed, Statement, Suite, Transport
from wardgate.sealing.xml import open_seal, seal
from wardgate.sealing.xml_document import MAX_CONTENT_BYTES, NAMESPACE
from wardgate.xmlsecurity.encryption import decrypt
from wardgate.xmlsecurity.names import DS, DSIG11, XENC
from wardgate.xmlsecurity.parser import parse

CONTENT = b'<?xml version="1.0"?><!-- kept --><Bundle xmlns="http://hl7.org/fhir"><id value="a&#10;b   c"/></Bundle>\n'
CONTEXT = Context("X26OT001", "X26", ("RY6OT002", "RY6OT003"), "TOC_FHIR_IP_DISCH", "5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9e03", "ITK003D", "5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9e05")
STATEMENT = Statement(NOW, Purpose.VERIFICATION, "R8000", {"user": "555021935107", "act": {"sub": "555021935108"}})
TRANSPORT = Transport("X26OT001", "RY6OT002", "TOC_FHIR_IP_DISCH")
NAMES = {"ds": DS, "dsig11": DSIG11, "xenc": XENC, "s": NAMESPACE}


@pytest.fixture
def world() -> World:
    """X26 signs; RY6 has two encryption keys, X26 one for its archive."""
    world = World()
    world.add("X26", Use.SIGNING)
    world.add("RY6", Use.ENCRYPTION)
    world.add("RY6", Use.ENCRYPTION, private=RSA_KEY)
    return world


def sealed(world: World, *, content: bytes = CONTENT, context: Context = CONTEXT, statement: Statement = STATEMENT, encrypted: bool = True, **changes: Any) -> Sealed:
    """The content, sealed to every key of RY6."""
    signer = changes.pop("signer", None) or world.signing_key("X26")
    assert signer is not None
    recipients = world.encryption_keys("RY6") if encrypted else []
    return seal(content, "application/fhir+xml", context, statement, signer, changes.pop("recipients", recipients), directory=world, now=NOW, random=urandom, **changes)


def opened(world: World, body: bytes, **changes: Any) -> Opened:
    """What is inside."""
    return open_seal(body, **({"transport": TRANSPORT, "held": world, "directory": world, "now": NOW, "random": urandom} | changes))


def refusal(call: Callable[[], Any]) -> SealRefused:
    """The refusal that a call ends in."""
    with pytest.raises(SealRefused) as caught:
        call()
    return caught.value


def private_pem(key: Any) -> bytes:
    """A private key as the judge reads it."""
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def judged(document: bytes, signer: Held) -> None:
    """Have `xmlsec` verify a signed document."""
    root = etree.fromstring(document)
    xmlsec.tree.add_ids(root, ["Id"])
    judge = xmlsec.SignatureContext()
    judge.key = xmlsec.Key.from_memory(private_pem(signer.private), xmlsec.KeyFormat.PEM)
    judge.verify(xmlsec.tree.find_node(root, "Signature"))


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "PS256", "RS256"])
def test_what_each_kind_of_key_signs_opens_and_the_judge_agrees(world: World, algorithm: str) -> None:
    """ECDSA on two curves, RSA-PSS, and RSA with PKCS #1 padding, which partners use."""
    private = RSA_KEY if algorithm[1] == "S" and algorithm[0] != "E" else ec.generate_private_key(ec.SECP384R1() if algorithm == "ES384" else ec.SECP256R1())
    signer = world.add("X26", Use.SIGNING, private=private, algorithm=algorithm)
    body = sealed(world, encrypted=False, signer=RS256(**_fields(signer)) if algorithm == "RS256" else signer).body
    judged(body, signer)
    found = opened(world, body, require_encryption=False)
    (signature,) = found.signatures
    assert (found.content, found.encrypted, found.opened_with, signature.algorithm, signature.kid) == (CONTENT, False, None, algorithm, signer.kid)


def _fields(held: Held) -> dict[str, Any]:
    return {field.name: getattr(held, field.name) for field in dataclasses.fields(held)}


class RS256(Held):
    """A key that signs with PKCS #1 v1.5 padding."""

    def sign(self, data: bytes) -> bytes:
        """The signature."""
        return bytes(self.private.sign(data, padding.PKCS1v15(), hashes.SHA256()))


def test_what_is_sealed_opens_with_all_that_was_said(world: World) -> None:
    """Content octet by octet, context, statement, who signed, and what is covered."""
    seal_of = sealed(world)
    found = opened(world, seal_of.body)
    (signature,) = found.signatures
    assert (seal_of.suite, seal_of.media_type, seal_of.encrypted) == (Suite.XML, "application/xenc+xml", True)
    assert (found.content, found.media_type, found.context, found.encrypted) == (CONTENT, "application/fhir+xml", CONTEXT, True)
    assert (signature.statement, signature.organisation, signature.time_stamped_at) == (STATEMENT, "X26", None)
    assert signature.covers == f"the whole document: the context, and all {len(CONTENT)} octets of the content (application/fhir+xml); and the signed properties"
    assert b"555021935107" not in seal_of.body


def test_content_folded_before_signing_unfolds(world: World) -> None:
    """Within the limit, and to the octets it was."""
    assert opened(world, sealed(world, compress=True).body).content == CONTENT


def test_each_recipient_opens_and_another_does_not(world: World) -> None:
    """One key agreed, one transported; a world that holds neither is told so."""
    body = sealed(world).body
    for key in world.encryption_keys("RY6"):
        only = World()
        only.keys, only.held = {key.kid: key}, {key.kid: world.held[key.kid]}
        assert opened(world, body, held=only).opened_with == key.kid
    assert refusal(lambda: opened(world, body, held=World())).code == "seal-not-for-us"


def test_the_judge_decrypts_what_we_encrypt_to_rsa(world: World) -> None:
    """RSA-OAEP with SHA-256 for digest and mask, AES-256-GCM."""
    (key,) = [key for key in world.encryption_keys("RY6") if world.held[key.kid].private is RSA_KEY]
    keys = xmlsec.KeysManager()
    ours = xmlsec.Key.from_memory(private_pem(RSA_KEY), xmlsec.KeyFormat.PEM)
    ours.name = key.kid
    keys.add_key(ours)
    clear = xmlsec.EncryptionContext(keys).decrypt(etree.fromstring(sealed(world).body))
    assert clear.tag == f"{{{NAMESPACE}}}SealedMessage"


def test_the_judge_decrypts_what_we_encrypt_to_a_curve(world: World) -> None:
    """ECDH-ES, ConcatKDF and key wrap. The judge's binding takes the ephemeral key by name only, so it is given under one."""
    (key,) = [key for key in world.encryption_keys("RY6") if world.held[key.kid].private is not RSA_KEY]
    document = etree.fromstring(sealed(world, recipients=[key]).body)
    originator = document.find(".//xenc:OriginatorKeyInfo", NAMES)
    point = document.findtext(".//dsig11:PublicKey", None, NAMES)
    assert originator is not None
    assert point is not None
    originator.remove(originator[0])
    etree.SubElement(originator, f"{{{DS}}}KeyName").text = "ephemeral"
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b64decode(point))
    keys = xmlsec.KeysManager()
    for name, pem in ((key.kid, private_pem(world.held[key.kid].private)), ("ephemeral", public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))):
        one = xmlsec.Key.from_memory(pem, xmlsec.KeyFormat.PEM)
        one.name = name
        keys.add_key(one)
    assert xmlsec.EncryptionContext(keys).decrypt(document).tag == f"{{{NAMESPACE}}}SealedMessage"


SIGNER_ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "revoked in the directory": ({"state": State.REVOKED, "revoked_at": NOW - DAY}, "signer-revoked"),
    "another organisation's": ({"organisation": "RY6"}, "signer-organisation"),
    "over": ({"end": NOW - DAY}, "signer-expired"),
    "for agreeing keys": ({"usages": ("key_agreement",)}, "signer-key-usage"),
}


@pytest.mark.parametrize(("changes", "code"), SIGNER_ROWS.values(), ids=SIGNER_ROWS)
def test_a_signer_who_is_not_believed_is_refused(changes: dict[str, Any], code: str) -> None:
    """The rules are those of every suite (`trust`): here is that they are asked."""
    world = World()
    world.add("RY6", Use.ENCRYPTION)
    signer = world.add("X26", Use.SIGNING)
    body = sealed(world).body
    del world.keys[signer.kid]
    organisation = changes.get("organisation", "X26")
    bad = world.add(organisation, Use.SIGNING, private=signer.private, **{name: value for name, value in changes.items() if name != "organisation"})
    key = world.keys.pop(bad.kid)
    assert refusal(lambda: opened(world, body)).code == "signer-unknown"
    world.keys[signer.kid] = dataclasses.replace(key, kid=signer.kid)
    assert refusal(lambda: opened(world, body)).code == "signer-unknown"  # another certificate than the one that is embedded
    stripped = _without_certificate(world, body)
    assert refusal(lambda: opened(world, stripped, require_encryption=False)).code == code


def _without_certificate(world: World, body: bytes) -> bytes:
    """The document in clear, its key named by kid only: nothing of KeyInfo is signed."""
    clear, _ = decrypt(parse(body), world, urandom, max_bytes=1_000_000)
    root = etree.fromstring(clear)
    data = root.find(".//ds:X509Data", NAMES)
    assert data is not None
    data.getparent().remove(data)
    return etree.tostring(root)


CONTEXT_ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "brought from another mailbox": ({"transport": Transport("X26OT009", "RY6OT002", "TOC_FHIR_IP_DISCH")}, "seal-context"),
    "brought to another mailbox": ({"transport": Transport("X26OT001", "RJ1OT001", "TOC_FHIR_IP_DISCH")}, "seal-context"),
    "brought on another workflow": ({"transport": Transport("X26OT001", "RY6OT002", "GPFED_CONSULT_REPORT")}, "seal-context"),
    "36 days old": ({"now": NOW + 36 * DAY, "directory": None}, "seal-stale"),
    "six minutes ahead": ({"now": NOW - timedelta(minutes=6)}, "seal-stale"),
    "a suite that is not allowed": ({"suites": (Suite.MODERN,)}, "seal-suite-refused"),
    "larger than is taken": ({"limits": Limits(max_sealed_bytes=1000)}, "seal-too-large"),
    "more recipients than are taken": ({"limits": Limits(max_recipients=1)}, "seal-too-large"),
}


@pytest.mark.parametrize(("changes", "code"), CONTEXT_ROWS.values(), ids=CONTEXT_ROWS)
def test_a_seal_out_of_its_context_is_refused(world: World, changes: dict[str, Any], code: str) -> None:
    """Other transport, other time, other limits."""
    if "directory" in changes:
        later = World(world.root, dict(world.keys), dict(world.held))
        later.trusts["X26"] = dataclasses.replace(world.trusts["X26"], revocations=(world.root.revocations(end=NOW + 40 * DAY), world.issuing.revocations(end=NOW + 40 * DAY)))
        changes = changes | {"directory": later}
    body = sealed(world).body
    assert refusal(lambda: opened(world, body, **changes)).code == code


def test_a_document_in_clear_is_refused_where_encryption_is_required(world: World) -> None:
    """Encryption cannot be taken off on the way."""
    body = sealed(world, encrypted=False).body
    assert refusal(lambda: opened(world, body)).code == "seal-encryption-missing"


SEALING_ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "too large": ({"content": b"x" * (MAX_CONTENT_BYTES + 1)}, "seal-too-large"),
    "empty": ({"content": b""}, "seal-too-large"),
    "a role that could not be read again": ({"statement": Statement(NOW, role=" R8000")}, "seal-malformed"),
    "a role with a control character": ({"statement": Statement(NOW, role="R\x00")}, "seal-malformed"),
    "a time to the microsecond": ({"statement": Statement(NOW + timedelta(microseconds=1))}, "seal-malformed"),
    "a mailbox with a line break": ({"context": dataclasses.replace(CONTEXT, sender="X26\nOT001")}, "seal-malformed"),
    "a workflow with space around it": ({"context": dataclasses.replace(CONTEXT, workflow=" TOC ")}, "seal-malformed"),
}


@pytest.mark.parametrize(("changes", "code"), SEALING_ROWS.values(), ids=SEALING_ROWS)
def test_what_could_not_be_opened_is_not_sealed(world: World, changes: dict[str, Any], code: str) -> None:
    """Bad input is refused before it is signed."""
    assert refusal(lambda: sealed(world, **changes)).code == code


def test_keys_that_xml_has_no_place_for_are_refused(world: World) -> None:
    """Ed25519 does not sign, X25519 is not agreed with, and P-384 is not either."""
    assert refusal(lambda: sealed(world, signer=world.add("X26", Use.SIGNING, private=ed25519.Ed25519PrivateKey.generate(), algorithm="EdDSA"))).code == "seal-algorithm-refused"
    for private in (x25519.X25519PrivateKey.generate(), ec.generate_private_key(ec.SECP384R1())):
        apart = World()
        apart.add("X26", Use.SIGNING)
        apart.add("RY6", Use.ENCRYPTION, private=private)
        assert refusal(lambda apart=apart: sealed(apart)).code == "recipient-key-unusable"


def test_recipients_that_are_not_believed_are_refused(world: World) -> None:
    """A retired key, and the same one twice."""
    (first, *_) = world.encryption_keys("RY6")
    retired = dataclasses.replace(first, state=State.RETIRED)
    assert refusal(lambda: sealed(world, recipients=[retired])).code == "recipient-key-unusable"
    assert refusal(lambda: sealed(world, recipients=[first, first])).code == "recipient-key-unusable"


def test_a_full_message_of_five_megabytes_opens(world: World) -> None:
    """The limit of ITK itself fits the parser's, base64 twice included."""
    content = urandom(MAX_CONTENT_BYTES)
    assert opened(world, sealed(world, content=content).body).content == content
