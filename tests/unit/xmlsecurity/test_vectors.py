"""Published vectors: canonical forms, a signature, an agreed and wrapped key, a cipher text."""

import json
from base64 import b64decode, b64encode
from datetime import timedelta
from os import urandom
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from lxml import etree

from message_world import NOW, RSA_KEY, Held, common_name, root
from wardgate.xmlsecurity import names
from wardgate.xmlsecurity.canonical import exclusive, inclusive
from wardgate.xmlsecurity.encryption import decrypt
from wardgate.xmlsecurity.errors import AlgorithmRefused, SignatureInvalid, SignatureWrapped
from wardgate.xmlsecurity.key_wrapping import read_agreement, unwrap_agreed, wrap
from wardgate.xmlsecurity.names import DS, DSIG11, XENC, XENC11, named
from wardgate.xmlsecurity.parser import parse
from wardgate.xmlsecurity.signature_form import MODERN, Algorithms, read_signature
from wardgate.xmlsecurity.verify import MustCover, verify

VECTORS: Final[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "vectors" / "xml_security.json").read_text())
INCLUSIVE: Final = Algorithms(MODERN.methods, MODERN.digests, frozenset({names.INCLUSIVE}))
OBJECT: Final = "http://www.w3.org/2000/09/xmldsig#Object"


@pytest.mark.parametrize("number", [0, 1])
def test_canonical_forms_are_those_of_the_rfc(number: int) -> None:
    """What surrounds an element has no influence on the exclusive form, and all of its namespaces on the inclusive one."""
    vector = VECTORS["exclusive_canonical_form"]
    element = parse(vector["documents"][number].encode())[0]
    assert exclusive(element).decode() == vector["exclusive"]
    assert inclusive(element).decode() == vector["inclusive"][number]


def _certificate(public: ec.EllipticCurvePublicKey) -> x509.Certificate:
    return root().sign(common_name("published"), public, "digital_signature")


def test_a_published_signature_verifies() -> None:
    """Inclusive canonical form, ECDSA with SHA-256. Its key arrives as a value, which is refused; without, it is verified with the key that we say."""
    vector = VECTORS["ecdsa_sha256"]
    document = parse(vector["document"].encode())
    with pytest.raises(AlgorithmRefused):
        read_signature(document, INCLUSIVE)
    with pytest.raises(AlgorithmRefused):
        read_signature(document, MODERN)
    info = document.find(named(DS, "KeyInfo"))
    assert info is not None
    document.remove(info)
    form = read_signature(document, INCLUSIVE)
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b64decode(vector["public_key"]))
    must = MustCover("#DSig.Object_1", inclusive(form.objects[0]), (), OBJECT)
    (covered,) = verify(form, _certificate(public), [must])
    assert covered.octets.decode().endswith("<Web>up up and away</Web></dsig:Object>")
    with pytest.raises(SignatureWrapped):
        verify(form, _certificate(public), [MustCover("#DSig.Object_1", b"<Web>something else</Web>", (), OBJECT)])
    with pytest.raises(SignatureInvalid):
        verify(form, _certificate(ec.generate_private_key(ec.SECP256R1()).public_key()), [must])


def test_a_published_agreement_unwraps_the_key() -> None:
    """ECDH-ES on P-256, ConcatKDF with SHA-256 and parameters, AES-256 key wrap. The published form names the originator's key; here its value stands for it."""
    vector = VECTORS["ecdh_es"]
    first, second = (load_pem_private_key(pem.encode(), None) for pem in vector["keys"])
    assert isinstance(first, ec.EllipticCurvePrivateKey)
    agreement = etree.Element(named(XENC, "AgreementMethod"), Algorithm=names.ECDH_ES)
    derivation = etree.SubElement(agreement, named(XENC11, "KeyDerivationMethod"), Algorithm=names.CONCAT_KDF)
    parameters = etree.SubElement(derivation, named(XENC11, "ConcatKDFParams"), vector["parameters"])
    etree.SubElement(parameters, named(DS, "DigestMethod"), Algorithm=names.SHA256)
    value = etree.SubElement(etree.SubElement(etree.SubElement(agreement, named(XENC, "OriginatorKeyInfo")), named(DS, "KeyValue")), named(DSIG11, "ECKeyValue"))
    etree.SubElement(value, named(DSIG11, "NamedCurve"), URI=names.P256)
    etree.SubElement(value, named(DSIG11, "PublicKey")).text = b64encode(first.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)).decode()
    etree.SubElement(agreement, named(XENC, "RecipientKeyInfo"))
    ephemeral, other_info, _ = read_agreement(agreement)
    opener = Held("recipient", _certificate(second.public_key()), second)  # type: ignore[arg-type, union-attr]
    assert len(unwrap_agreed(opener, ephemeral, other_info, b64decode(vector["wrapped_key"]))) == vector["key_bytes"]
    with pytest.raises(ValueError, match="another"):
        unwrap_agreed(opener, ephemeral, other_info + b"x", b64decode(vector["wrapped_key"]))


def test_a_published_cipher_text_decrypts() -> None:
    """AES-256-GCM: the vector in front, the tag behind. The published key is wrapped to one of ours."""
    vector = VECTORS["aes256_gcm"]
    certificate = root().sign(common_name("ours"), RSA_KEY.public_key(), "key_encipherment", end=NOW + timedelta(days=1))
    opener = Held("ours", certificate, RSA_KEY)
    document = etree.Element(named(XENC, "EncryptedData"))
    etree.SubElement(document, named(XENC, "EncryptionMethod"), Algorithm=names.AES256_GCM)
    etree.SubElement(document, named(DS, "KeyInfo")).append(wrap(b64decode(vector["key"]), "ours", certificate))
    etree.SubElement(etree.SubElement(document, named(XENC, "CipherData")), named(XENC, "CipherValue")).text = vector["cipher_value"]
    assert decrypt(document, _One(opener), urandom, max_bytes=100) == (b"AES 256 GCM test\n", "ours")


class _One:
    """One private key."""

    def __init__(self, opener: Held) -> None:
        self.opener = opener

    def decryption_key(self, kid: str) -> Held | None:
        """By its id."""
        return self.opener if kid == self.opener.kid else None

    def decryption_key_of(self, sha256: bytes) -> Held | None:
        """By its certificate."""
        return self.opener if self.opener.certificate.fingerprint(hashes.SHA256()) == sha256 else None
