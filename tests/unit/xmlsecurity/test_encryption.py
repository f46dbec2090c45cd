"""XML encryption: what others encrypt is decrypted, and every form but ours is refused before a key is used."""

from base64 import b64encode
from collections.abc import Callable
from copy import deepcopy
from os import urandom
from typing import Any

import pytest
import xmlsec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from message_world import RSA_KEY, Held, World
from wardgate.sealing.keys import Use
from wardgate.xmlsecurity import names
from wardgate.xmlsecurity.encryption import decrypt, encrypt
from wardgate.xmlsecurity.errors import (
    AlgorithmRefused,
    NotForUs,
    Undecryptable,
    XMLMalformed,
    XMLSecurityError,
    XMLTooLarge,
)
from wardgate.xmlsecurity.names import DS, DSIG11, XENC, XENC11, named
from wardgate.xmlsecurity.parser import parse

Node = Any
CLEAR = b'<x xmlns="urn:x">secret</x>'
NAMES = {"ds": DS, "e": XENC, "e11": XENC11, "d11": DSIG11}


@pytest.fixture(scope="module")
def world() -> World:
    """RY6 with a key on a curve and one of RSA."""
    world = World()
    world.add("RY6", Use.ENCRYPTION)
    world.add("RY6", Use.ENCRYPTION, private=RSA_KEY)
    return world


def keys_of(world: World) -> tuple[Held, Held]:
    """RSA, and the curve."""
    rsa, curve = (world.held[key.kid] for key in world.encryption_keys("RY6"))
    return rsa, curve


def opened(world: World, document: bytes, **changes: Any) -> bytes:
    """The clear octets."""
    return decrypt(parse(document), world, urandom, **({"max_bytes": 100_000} | changes))[0]


def template(kid: str, transport: str = names.RSA_OAEP_MGF1P, digest: str | None = names.SHA256, mask: str | None = None) -> tuple[Node, Node]:
    """A template for the judge to fill."""
    document = etree.fromstring(CLEAR)
    data = xmlsec.template.encrypted_data_create(document, xmlsec.constants.TransformAes256Gcm, type=xmlsec.constants.TypeEncElement, ns="xenc")
    xmlsec.template.encrypted_data_ensure_cipher_value(data)
    info = xmlsec.template.encrypted_data_ensure_key_info(data, ns="ds")
    key = xmlsec.template.add_encrypted_key(info, xmlsec.constants.TransformRsaOaep)
    xmlsec.template.encrypted_data_ensure_cipher_value(key)
    method = key.find("e:EncryptionMethod", NAMES)
    method.set("Algorithm", transport)
    if digest:
        etree.SubElement(method, named(DS, "DigestMethod"), Algorithm=digest)
    if mask:
        etree.SubElement(method, named(XENC11, "MGF"), Algorithm=mask)
    etree.SubElement(xmlsec.template.encrypted_data_ensure_key_info(key, ns="ds"), named(DS, "KeyName")).text = kid
    return document, data


TRANSPORTS: dict[str, tuple[str, str | None]] = {
    "the older identifier, whose mask is SHA-1": (names.RSA_OAEP_MGF1P, None),
    "the newer one with SHA-256": (names.RSA_OAEP, names.MGF1_SHA256),
    "the newer one with SHA-1": (names.RSA_OAEP, names.MGF1_SHA1),
    "the newer one with the default mask": (names.RSA_OAEP, None),
}


@pytest.mark.parametrize(("transport", "mask"), TRANSPORTS.values(), ids=TRANSPORTS)
def test_what_the_judge_encrypts_is_decrypted(world: World, transport: str, mask: str | None) -> None:
    """RSA-OAEP in each form that XML-Enc gives it with SHA-256."""
    ours, _ = keys_of(world)
    document, data = template(ours.kid, transport, mask=mask)
    manager = xmlsec.KeysManager()
    public = xmlsec.Key.from_memory(RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), xmlsec.KeyFormat.PEM)
    public.name = ours.kid
    manager.add_key(public)
    context = xmlsec.EncryptionContext(manager)
    context.key = xmlsec.Key.generate(xmlsec.constants.KeyDataAes, 256, xmlsec.constants.KeyDataTypeSession)
    assert opened(world, etree.tostring(context.encrypt_xml(data, document))) == CLEAR


def ours(world: World) -> Node:
    """What we encrypt to both."""
    return etree.fromstring(encrypt(CLEAR, keys_of(world), urandom, mime_type="application/xml"))


def the(root: Node, path: str) -> Node:
    """The first element at a path."""
    found = root.find(path, NAMES)
    assert found is not None, path
    return found


def attribute(path: str, name: str, value: str) -> Callable[[Node], None]:
    """An edit: another attribute."""
    def edit(root: Node) -> None:
        the(root, path).set(name, value)
    return edit


def gone(path: str) -> Callable[[Node], None]:
    """An edit: without this."""
    def edit(root: Node) -> None:
        found = the(root, path)
        found.getparent().remove(found)
    return edit


def child(path: str, name: str, **attributes: str) -> Callable[[Node], None]:
    """An edit: with another child."""
    def edit(root: Node) -> None:
        etree.SubElement(the(root, path), name, attributes)
    return edit


RSA = "ds:KeyInfo/e:EncryptedKey[1]"
CURVE = "ds:KeyInfo/e:EncryptedKey[2]"
REFUSED: dict[str, tuple[Callable[[Node], None], type[XMLSecurityError]]] = {
    "AES-CBC": (attribute("e:EncryptionMethod", "Algorithm", names.AES256_CBC), AlgorithmRefused),
    "AES-128-GCM": (attribute("e:EncryptionMethod", "Algorithm", "http://www.w3.org/2009/xmlenc11#aes128-gcm"), AlgorithmRefused),
    "a size of key": (child("e:EncryptionMethod", named(XENC, "KeySize")), AlgorithmRefused),
    "RSAES-PKCS1-v1_5": (attribute(f"{RSA}/e:EncryptionMethod", "Algorithm", names.RSA_1_5), AlgorithmRefused),
    "a digest of SHA-1": (attribute(f"{RSA}/e:EncryptionMethod/ds:DigestMethod", "Algorithm", names.SHA1), AlgorithmRefused),
    "no digest, which is SHA-1": (gone(f"{RSA}/e:EncryptionMethod/ds:DigestMethod"), AlgorithmRefused),
    "a mask of SHA-512": (attribute(f"{RSA}/e:EncryptionMethod/e11:MGF", "Algorithm", "http://www.w3.org/2009/xmlenc11#mgf1sha512"), AlgorithmRefused),
    "a mask with the older identifier": (attribute(f"{RSA}/e:EncryptionMethod", "Algorithm", names.RSA_OAEP_MGF1P), AlgorithmRefused),
    "a label": (child(f"{RSA}/e:EncryptionMethod", named(XENC, "OAEPparams")), AlgorithmRefused),
    "AES-128 key wrap": (attribute(f"{CURVE}/e:EncryptionMethod", "Algorithm", "http://www.w3.org/2001/04/xmlenc#kw-aes128"), AlgorithmRefused),
    "another agreement": (attribute(".//e:AgreementMethod", "Algorithm", "http://www.w3.org/2009/xmlenc11#dh-es"), AlgorithmRefused),
    "another derivation": (attribute(".//e11:KeyDerivationMethod", "Algorithm", "http://www.w3.org/2009/xmlenc11#pbkdf2"), AlgorithmRefused),
    "another digest of the derivation": (attribute(".//e11:ConcatKDFParams/ds:DigestMethod", "Algorithm", names.SHA1), AlgorithmRefused),
    "another curve": (attribute(".//d11:NamedCurve", "URI", "urn:oid:1.3.132.0.34"), AlgorithmRefused),
    "bits that do not fill octets": (attribute(".//e11:ConcatKDFParams", "PartyUInfo", "03F8"), XMLMalformed),
    "a parameter that is not known": (attribute(".//e11:ConcatKDFParams", "Other", "00"), XMLMalformed),
    "a point that is not on the curve": (lambda root: _point(root, "BA" + "A" * 84 + "A="), XMLMalformed),
    "a point at infinity": (lambda root: _point(root, "AA=="), XMLMalformed),
    "a key elsewhere": (child("ds:KeyInfo", named(DS, "RetrievalMethod"), URI="http://example.org/"), AlgorithmRefused),
    "a cipher text elsewhere": (lambda root: _reference(the(root, "e:CipherData")), XMLMalformed),
    "a list of what a key is for": (child(RSA, named(XENC, "ReferenceList")), XMLMalformed),
    "a recipient twice": (lambda root: the(root, "ds:KeyInfo").append(deepcopy(the(root, RSA))), XMLMalformed),
    "65 recipients": (lambda root: the(root, "ds:KeyInfo").extend([deepcopy(the(root, RSA)) for _ in range(63)]), XMLTooLarge),
    "no recipients": (lambda root: [root[1].remove(key) for key in list(root[1])] and None, XMLTooLarge),
    "nobody that we are": (lambda root: [node.__setattr__("text", f"x{number}") for number, node in enumerate(root.iter(named(DS, "KeyName")))] and None, NotForUs),
    "half a tag": (lambda root: the(root, "e:CipherData/e:CipherValue").__setattr__("text", "AAAA"), XMLMalformed),
    "an encrypted key outside": (lambda root: root.append(deepcopy(the(root, RSA))), XMLMalformed),
    "properties": (child(".", named(XENC, "EncryptionProperties")), XMLMalformed),
}


def _point(root: Node, encoded: str) -> None:
    the(root, ".//d11:PublicKey").text = encoded


def _reference(data: Node) -> None:
    data.remove(data[0])
    etree.SubElement(data, named(XENC, "CipherReference"), URI="http://example.org/")


@pytest.mark.parametrize(("edit", "kind"), REFUSED.values(), ids=REFUSED)
def test_each_other_form_is_refused_before_a_key_is_used(world: World, edit: Callable[[Node], None], kind: type[XMLSecurityError]) -> None:
    """By what it is; no private key is at hand that could be asked."""
    root = ours(world)
    edit(root)
    with pytest.raises(kind):
        decrypt(root, _Locked(world), urandom, max_bytes=100_000)


class _Locked:
    """Keys that may be found, and not used."""

    def __init__(self, world: World) -> None:
        self.world = world

    def decryption_key(self, kid: str) -> Any:
        """Found."""
        return _Unusable() if self.world.decryption_key(kid) else None

    def decryption_key_of(self, sha256: bytes) -> Any:
        """Not by certificate here."""
        return


class _Unusable:
    """Says when somebody uses it."""

    kid = "locked"

    def agree(self, public: Any) -> bytes:
        """Not before all is found to be on the list."""
        pytest.fail("a key was agreed with")

    decrypt_oaep = agree


def flip(path: str) -> Callable[[Node], None]:
    """An edit: the first character of a base64 another one."""
    def edit(root: Node) -> None:
        node = the(root, path)
        node.text = ("B" if node.text[0] == "A" else "A") + node.text[1:]
    return edit


def only(path: str, then: Callable[[Node], None]) -> Callable[[Node], None]:
    """An edit of a form with this recipient alone."""
    def edit(root: Node) -> None:
        kept = the(root, path)
        for key in list(root[1]):
            if key is not kept:
                root[1].remove(key)
        then(root)
    return edit


ONE = "ds:KeyInfo/e:EncryptedKey"
FAILS: dict[str, Callable[[Node], None]] = {
    "another cipher text": flip("e:CipherData/e:CipherValue"),
    "another key for RSA": only(RSA, flip(f"{ONE}/e:CipherData/e:CipherValue")),
    "a key for RSA of another length": only(RSA, lambda root: the(root, f"{ONE}/e:CipherData/e:CipherValue").__setattr__("text", "AAAA")),
    "a mask other than was used": only(RSA, attribute(f"{ONE}/e:EncryptionMethod/e11:MGF", "Algorithm", names.MGF1_SHA1)),
    "another wrapped key": only(CURVE, flip(f"{ONE}/e:CipherData/e:CipherValue")),
    "a wrapped key of another length": only(CURVE, lambda root: the(root, f"{ONE}/e:CipherData/e:CipherValue").__setattr__("text", "AAAA")),
    "another party": only(CURVE, attribute(".//e11:ConcatKDFParams", "PartyVInfo", "00AA")),
}


@pytest.mark.parametrize("edit", FAILS.values(), ids=FAILS)
def test_what_does_not_decrypt_is_one_error(world: World, edit: Callable[[Node], None]) -> None:
    """Whether the key, the agreement or the content was changed is not said."""
    root = ours(world)
    edit(root)
    with pytest.raises(Undecryptable) as caught:
        opened(world, etree.tostring(root))
    assert (caught.value.expected, caught.value.received) == ("content that decrypts", None)


def test_a_content_of_another_key_is_not_ours_to_mix(world: World) -> None:
    """The content of one message with the keys of another."""
    first, second = ours(world), ours(world)
    the(first, "e:CipherData/e:CipherValue").text = the(second, "e:CipherData/e:CipherValue").text
    with pytest.raises(Undecryptable):
        opened(world, etree.tostring(first))


def test_larger_than_is_asked_for_is_refused(world: World) -> None:
    """Before base64 is decoded."""
    with pytest.raises(XMLMalformed):
        opened(world, etree.tostring(ours(world)), max_bytes=10)


def test_a_recipient_may_be_named_by_certificate(world: World) -> None:
    """By the SHA-256 of it, or embedded: it is looked up, not used."""
    key, _ = keys_of(world)
    for name, text in (("X509Digest", key.certificate.fingerprint(SHA256())), ("X509Certificate", key.certificate.public_bytes(Encoding.DER))):
        root = ours(world)
        only(RSA, lambda _root: None)(root)
        info = the(root, f"{ONE}/ds:KeyInfo")
        info[:] = []
        node = etree.SubElement(etree.SubElement(info, named(DS, "X509Data")), named(DSIG11 if name == "X509Digest" else DS, name))
        node.text = b64encode(text).decode()
        if name == "X509Digest":
            node.set("Algorithm", names.SHA256)
        assert opened(world, etree.tostring(root)) == CLEAR


def test_each_encryption_has_keys_of_its_own(world: World) -> None:
    """Content key, vector and ephemeral key."""
    values = [[node.text for node in ours(world).iter(named(XENC, "CipherValue"), named(DSIG11, "PublicKey"))] for _ in range(3)]
    assert len({one for row in values for one in row}) == 12
    assert isinstance(keys_of(world)[1].private, ec.EllipticCurvePrivateKey)
