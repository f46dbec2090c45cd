"""ITK2's payloads: opened behind a switch, believed only with chain, name and revocation, and refused with one word."""

import gzip
from base64 import b64encode
from collections.abc import Callable
from os import urandom
from typing import Any

import pytest
import xmlsec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree

from itk2_payloads import IV, PAYLOAD_ID, Reader, encrypted, java_name, packed, signed
from message_world import DAY, NOW, RSA_KEY, Held, World, common_name
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.itk2 import ClosedPayload, initial_vector, open_payload
from wardgate.sealing.itk2_names import parse_name, subject_of
from wardgate.sealing.keys import State, Use
from wardgate.sealing.model import Context, Limits, Opened, Suite

DOCUMENT = '<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Überweisung &amp; Brief</title></ClinicalDocument>'.encode()
CONTEXT = Context("urn:nhs-uk:addressing:ods:X26", "X26", ("urn:nhs-uk:addressing:ods:RY6",), "urn:nhs-itk:services:201005:SendCDADocument-v2-0", "2D37D9CA", "")
SIGNING_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Scene:
    """X26 signs with RSA; RY6 has a certificate for dataEncipherment."""

    def __init__(self, signer: dict[str, Any] | None = None, reader: dict[str, Any] | None = None) -> None:
        self.world = World()
        self.signer: Held = self.world.add(**({"organisation": "X26", "use": Use.SIGNING, "private": SIGNING_KEY} | (signer or {})))
        usages = {"usages": ("data_encipherment",), "subject": common_name("ry6.example", "Messaging, and more", "RY6")}
        self.reader: Held = self.world.add("RY6", Use.ENCRYPTION, private=RSA_KEY, **(usages | (reader or {})))

    def body(self, clear: bytes, *, name: str | None = None, **changes: Any) -> bytes:
        """The text, encrypted."""
        return encrypted(clear, [Reader("CN=somebody else", self.reader.certificate), Reader(name or java_name_of(self.reader), self.reader.certificate)], **changes)

    def signed(self, content: bytes, **changes: Any) -> bytes:
        """The content, signed."""
        return signed(content, SIGNING_KEY, self.signer.certificate, **changes)

    def opened(self, body: bytes, *, base64: bool = False, compressed: bool = False, payload_id: str = PAYLOAD_ID, **changes: Any) -> Opened:
        """What is inside."""
        payload = ClosedPayload(payload_id, "text/xml", base64, compressed, body)
        options = {"held": self.world, "directory": self.world, "now": NOW, "random": urandom, "suites": (Suite.ITK2_LEGACY,)}
        return open_payload(payload, CONTEXT, **(options | changes))

    def refusal(self, body: bytes, **changes: Any) -> SealRefused:
        """Why it is not opened."""
        with pytest.raises(SealRefused) as caught:
            self.opened(body, **changes)
        return caught.value


def java_name_of(held: Held) -> str:
    """The subject as Java quotes it."""
    return java_name(held.certificate).replace("OU=Messaging, and more", 'OU="Messaging, and more"')


@pytest.fixture(scope="module")
def scene() -> Scene:
    """Everybody as they should be."""
    return Scene()


PACKINGS: dict[str, dict[str, bool]] = {"as it is": {}, "base64": {"base64": True}, "gzip": {"compressed": True}, "both": {"base64": True, "compressed": True}}


@pytest.mark.parametrize("packing", PACKINGS.values(), ids=PACKINGS)
def test_each_packing_opens(scene: Scene, packing: dict[str, bool]) -> None:
    """Signed as XML where it is, as a text where it is not."""
    content = packed(DOCUMENT, **packing)
    found = scene.opened(scene.body(scene.signed(content, transformed=not packing)), **packing)
    (signature,) = found.signatures
    assert (found.content, found.suite, found.opened_with, found.context) == (DOCUMENT, Suite.ITK2_LEGACY, scene.reader.kid, CONTEXT)
    assert (signature.kid, signature.algorithm, signature.organisation) == (scene.signer.kid, "RS1", "X26")
    assert signature.covers.startswith("the one Object of the payload")


def test_the_judge_verifies_such_a_signature(scene: Scene) -> None:
    """So the input that these tests make is what others make."""
    for transformed in (True, False):
        root = etree.fromstring(scene.signed(DOCUMENT, transformed=transformed))
        xmlsec.tree.add_ids(root, ["Id"])
        judge = xmlsec.SignatureContext()
        judge.key = xmlsec.Key.from_memory(pem(SIGNING_KEY), xmlsec.KeyFormat.PEM)
        judge.verify(root)


def pem(key: Any) -> bytes:
    """As the judge reads it."""
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def test_the_switch_is_off_by_default(scene: Scene) -> None:
    """Nothing is opened unless somebody said so."""
    body = scene.body(scene.signed(DOCUMENT, transformed=True))
    assert scene.refusal(body, suites=()).code == "seal-suite-refused"
    assert scene.refusal(body, suites=(Suite.XML,)).code == "seal-suite-refused"


def test_an_unsigned_payload_opens_only_where_that_is_enough(scene: Scene) -> None:
    """Required unless said otherwise."""
    body = scene.body(DOCUMENT)
    assert scene.refusal(body).code == "seal-undecryptable"
    found = scene.opened(body, require_signature=False)
    assert (found.content, found.signatures) == (DOCUMENT, ())


def test_the_vector_is_sixteen_characters_after_the_four_letters() -> None:
    """The underscore counts; what is shorter is refused."""
    assert initial_vector(PAYLOAD_ID) == IV
    for bad in ("uuid_7B6F2C1E-0A4D-", "", "uuid_ÜB6F2C1E-0A4D-4C55"):
        with pytest.raises(SealRefused) as caught:
            initial_vector(bad)
        assert caught.value.code == "seal-malformed"


NAME_FORMS: dict[str, Callable[[str], str]] = {
    "no spaces": lambda name: name.replace(", OU", ",OU"),
    "semicolons": lambda name: name.replace(", OU", "; OU"),
    "other case": lambda name: name.replace("CN=", "cn=").replace("ry6", "RY6"),
    "escapes": lambda name: name.replace('"Messaging, and more"', "Messaging\\, and  more"),
    "escapes in hexadecimal": lambda name: name.replace('"Messaging, and more"', "Messaging\\2C and more"),
    "dotted types": lambda name: name.replace("OU=RY6", "OID.2.5.4.11=RY6"),
}


@pytest.mark.parametrize("form", NAME_FORMS.values(), ids=NAME_FORMS)
def test_names_are_compared_by_what_they_say(scene: Scene, form: Callable[[str], str]) -> None:
    """Not as texts."""
    name = form(java_name_of(scene.reader))
    assert parse_name(name) == subject_of(scene.reader.certificate)
    assert scene.opened(scene.body(scene.signed(DOCUMENT, transformed=True), name=name)).content == DOCUMENT


@pytest.mark.parametrize("name", ["", "CN", "CN=a,", "CN=a,,OU=b", "XX=a", 'CN="a', "CN=a\\", "=a", "CN=" + "a" * 2000, "CN=a+"])
def test_what_is_no_name_is_nobodys(name: str) -> None:
    """And takes no time."""
    assert parse_name(name) is None


READERS: dict[str, dict[str, Any]] = {
    "not for dataEncipherment": {"usages": ("key_encipherment",)},
    "over": {"end": NOW - DAY},
    "another name": {"subject": common_name("ry6.example", "RY6")},
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_certificate_of_ours_that_is_not_for_it_opens_nothing(scene: Scene, reader: dict[str, Any]) -> None:
    """In date, for dataEncipherment, and the one that is named."""
    other = Scene(reader=reader)
    body = other.body(other.signed(DOCUMENT, transformed=True), name=java_name_of(scene.reader))
    assert other.refusal(body).code == "seal-not-for-us"


SIGNERS: dict[str, tuple[dict[str, Any], str]] = {
    "another organisation's": ({"organisation": "RJ1"}, "signer-organisation"),
    "over": ({"end": NOW - DAY}, "signer-expired"),
    "revoked": ({"state": State.REVOKED}, "signer-revoked"),
    "not for signatures": ({"usages": ("data_encipherment",)}, "signer-key-usage"),
}


@pytest.mark.parametrize(("signer", "why"), SIGNERS.values(), ids=SIGNERS)
def test_a_signer_who_is_not_believed_is_refused_without_saying_so(signer: dict[str, Any], why: str) -> None:
    """The published code believes the embedded certificate; here chain, name, use and revocation are asked for. The record says which it was."""
    scene = Scene(signer)
    refused = scene.refusal(scene.body(scene.signed(DOCUMENT, transformed=True)))
    assert refused.code == "seal-undecryptable"
    assert str(refused.refusal.received).startswith(why)


def test_a_signer_whose_chain_leads_nowhere_is_refused(scene: Scene) -> None:
    """The certificate is in the directory, its authority is nobody's."""
    apart = Scene()
    apart.world.trusts["X26"] = World().believed()
    refused = apart.refusal(apart.body(apart.signed(DOCUMENT, transformed=True)))
    assert str(refused.refusal.received).startswith("signer-untrusted")
    stranger = scene.refusal(scene.body(apart.signed(DOCUMENT, transformed=True)))
    assert str(stranger.refusal.received).startswith("signer-unknown")


def wrong_key(scene: Scene) -> bytes:
    """Wrapped octets that no key unwraps."""
    return scene.body(DOCUMENT, wrapped=urandom(256))


def twice(scene: Scene) -> bytes:
    """A signature in a signature's Object."""
    return scene.body(scene.signed(scene.signed(DOCUMENT, transformed=True), transformed=True))


FAILURES: dict[str, Callable[[Scene], bytes]] = {
    "a key that does not unwrap": wrong_key,
    "a key of 16 octets": lambda scene: scene.body(DOCUMENT, wrapped=scene.reader.certificate.public_key().encrypt(urandom(16), PKCS1v15())),  # type: ignore[union-attr,call-arg]
    "a changed cipher text": lambda scene: scene.body(b"", changed=urandom(64)),
    "another vector": lambda scene: scene.body(scene.signed(DOCUMENT, transformed=True), iv=bytes(16)),
    "text that is not UTF-8": lambda scene: scene.body(b"\xff\xfe"),
    "XML that is none": lambda scene: scene.body(b"<a>"),
    "a wrong digest": lambda scene: scene.body(scene.signed(DOCUMENT, transformed=True, digest=bytes(20))),
    "a wrong signature": lambda scene: scene.body(scene.signed(DOCUMENT, transformed=True).replace(b"<title>", b"<title>x")),
    "a signature in a signature": twice,
    "base64 that is none": lambda scene: scene.body(scene.signed(b"!!!")),
    "gzip that is none": lambda scene: scene.body(scene.signed(b64encode(b"not gzip"))),
    "gzip cut short": lambda scene: scene.body(scene.signed(b64encode(gzip.compress(DOCUMENT)[:-9]))),
    "gzip of more than is taken": lambda scene: scene.body(scene.signed(b64encode(gzip.compress(bytes(2_000_000))))),
}


@pytest.mark.parametrize("make", FAILURES.values(), ids=FAILURES)
def test_whatever_fails_after_the_key_was_used_is_one_refusal(scene: Scene, make: Callable[[Scene], bytes]) -> None:
    """The public text and the code are the same, so nobody can ask about padding."""
    refused = scene.refusal(make(scene), compressed=True, limits=Limits(max_content_bytes=1_000_000))
    assert (refused.code, str(refused)) == ("seal-undecryptable", "Unreadable message received")


FORMS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "AES-GCM": (lambda body: body.replace(b"2001/04/xmlenc#aes256-cbc", b"2009/xmlenc11#aes256-gcm"), "seal-algorithm-refused"),
    "RSA-OAEP": (lambda body: body.replace(b"#rsa-1_5", b"#rsa-oaep-mgf1p"), "seal-algorithm-refused"),
    "a cipher text elsewhere": (lambda body: body.replace(b"CipherValue>", b"CipherReference>"), "seal-malformed"),
    "no recipients": (lambda body: body[: body.index(b"<xenc:EncryptedKey>")] + body[body.rindex(b"</xenc:EncryptedKey>") + 20 :], "seal-too-large"),
    "half a block": (lambda body: body[: body.rindex(b"<xenc:CipherValue>")] + b"<xenc:CipherValue>AAAA</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>", "seal-malformed"),
    "a document type": (lambda body: b"<!DOCTYPE a>" + body, "seal-malformed"),
}


@pytest.mark.parametrize(("change", "code"), FORMS.values(), ids=FORMS)
def test_other_forms_are_refused_before_a_key_is_used(scene: Scene, change: Callable[[bytes], bytes], code: str) -> None:
    """Only what ITK2 says."""
    assert scene.refusal(change(scene.body(scene.signed(DOCUMENT, transformed=True)))).code == code
