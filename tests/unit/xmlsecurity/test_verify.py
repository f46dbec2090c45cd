"""Verifying what others sign: the judge's signatures verify, over what they cover and nothing else."""

from typing import Any

import pytest
import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree

from message_world import RSA_KEY, common_name, root
from wardgate.xmlsecurity import names
from wardgate.xmlsecurity.canonical import enveloping, exclusive
from wardgate.xmlsecurity.errors import (
    AlgorithmRefused,
    SignatureInvalid,
    SignatureMissing,
    SignatureWrapped,
    XMLMalformed,
)
from wardgate.xmlsecurity.parser import parse
from wardgate.xmlsecurity.signature_form import MODERN, Algorithms, only_signature, read_signature
from wardgate.xmlsecurity.verify import Covered, MustCover, check_key, verify

EC_KEY = ec.generate_private_key(ec.SECP256R1())
DOCUMENT = b'<Envelope xmlns="urn:envelope" xmlns:q="urn:q">\n <Data q:a="1">Hello</Data>\n <Other Id="other">there</Other>\n</Envelope>'
TRANSFORMS = (names.ENVELOPED, names.EXCLUSIVE)


def certificate(key: Any) -> x509.Certificate:
    """Of a key."""
    return root().sign(common_name("signer"), key.public_key(), "digital_signature")


def judged(key: Any, method: Any, *, uri: str = "", digest: Any = xmlsec.constants.TransformSha256, enveloped: bool = True) -> bytes:
    """The document, signed by the judge."""
    document = etree.fromstring(DOCUMENT)
    signature = xmlsec.template.create(document, xmlsec.constants.TransformExclC14N, method)
    document.append(signature)
    reference = xmlsec.template.add_reference(signature, digest, uri=uri)
    if enveloped:
        xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformExclC14N)
    xmlsec.tree.add_ids(document, ["Id"])
    judge = xmlsec.SignatureContext()
    judge.key = xmlsec.Key.from_memory(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), xmlsec.KeyFormat.PEM)
    judge.sign(signature)
    return etree.tostring(document)


def verified(data: bytes, by: x509.Certificate, *, uri: str = "", octets: bytes | None = None, transforms: tuple[str, ...] = TRANSFORMS, algorithms: Algorithms = MODERN) -> Covered:
    """What its signature covers."""
    signature = only_signature(parse(data))
    (covered,) = verify(read_signature(signature, algorithms), by, [MustCover(uri, enveloping(signature) if octets is None else octets, transforms)])
    return covered


METHODS: dict[str, tuple[Any, Any]] = {
    "ECDSA with SHA-256": (EC_KEY, xmlsec.constants.TransformEcdsaSha256),
    "RSA with SHA-256": (RSA_KEY, xmlsec.constants.TransformRsaSha256),
}


@pytest.mark.parametrize("digest", [xmlsec.constants.TransformSha256, xmlsec.constants.TransformSha512], ids=["SHA-256", "SHA-512"])
@pytest.mark.parametrize(("key", "method"), METHODS.values(), ids=METHODS)
def test_what_the_judge_signs_verifies(key: Any, method: Any, digest: Any) -> None:
    """What is covered is the document without its signature."""
    covered = verified(judged(key, method, digest=digest), certificate(key))
    assert covered.element is not None
    assert covered.element.tag == "{urn:envelope}Envelope"
    assert b"Signature" not in covered.octets


WEAK: dict[str, tuple[Any, Any, Any]] = {
    "RSA with SHA-1": (RSA_KEY, xmlsec.constants.TransformRsaSha1, xmlsec.constants.TransformSha256),
    "a digest of SHA-1": (RSA_KEY, xmlsec.constants.TransformRsaSha256, xmlsec.constants.TransformSha1),
    "RSA with SHA-512": (RSA_KEY, xmlsec.constants.TransformRsaSha512, xmlsec.constants.TransformSha256),
}


@pytest.mark.parametrize(("key", "method", "digest"), WEAK.values(), ids=WEAK)
def test_a_sound_signature_of_another_algorithm_is_refused(key: Any, method: Any, digest: Any) -> None:
    """What is not on the list is not tried."""
    with pytest.raises(AlgorithmRefused):
        verified(judged(key, method, digest=digest), certificate(key))


def test_an_empty_list_refuses_everything() -> None:
    """Whatever was forgotten to be said."""
    data = judged(EC_KEY, xmlsec.constants.TransformEcdsaSha256)
    for empty in (Algorithms(frozenset(), MODERN.digests, MODERN.canonical), Algorithms(MODERN.methods, frozenset(), MODERN.canonical), Algorithms(MODERN.methods, MODERN.digests, frozenset())):
        with pytest.raises(AlgorithmRefused):
            verified(data, certificate(EC_KEY), algorithms=empty)


def test_a_sound_signature_over_something_else_is_wrapped() -> None:
    """By what it refers to; by the octets of what is read; by where the element is."""
    by = certificate(EC_KEY)
    data = judged(EC_KEY, xmlsec.constants.TransformEcdsaSha256, uri="#other", enveloped=False)
    other = parse(data)[1]
    assert verified(data, by, uri="#other", octets=exclusive(other), transforms=(names.EXCLUSIVE,)).octets == exclusive(other)
    with pytest.raises(SignatureWrapped):
        verified(data, by, transforms=(names.EXCLUSIVE,))
    with pytest.raises(SignatureWrapped):
        verified(data, by, uri="#other", octets=exclusive(parse(data)[0]), transforms=(names.EXCLUSIVE,))
    moved = data.replace(b"there</Other>", b"there</Other><Other>forged</Other>")
    with pytest.raises(SignatureWrapped):
        verified(moved, by, uri="#other", octets=exclusive(parse(moved)[2]), transforms=(names.EXCLUSIVE,))
    with pytest.raises(XMLMalformed):
        verified(data.replace(b"<Data ", b'<Data Id="other" '), by, uri="#other", octets=exclusive(other), transforms=(names.EXCLUSIVE,))
    with pytest.raises(AlgorithmRefused):
        verified(data, by, uri="#other", octets=exclusive(other))


def test_what_was_changed_is_refused() -> None:
    """The text, the key, the place of the signature, the signature itself."""
    data = judged(EC_KEY, xmlsec.constants.TransformEcdsaSha256)
    with pytest.raises(SignatureInvalid):
        verified(data.replace(b"Hello", b"Hallo"), certificate(EC_KEY))
    with pytest.raises(SignatureInvalid):
        verified(data, certificate(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(SignatureMissing):
        only_signature(parse(DOCUMENT))
    with pytest.raises(SignatureWrapped):
        only_signature(parse(data.replace(b"</Envelope>", b'<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/></Envelope>')))


@pytest.mark.parametrize("method", sorted(MODERN.methods))
def test_a_key_is_of_its_method_and_strong(method: str) -> None:
    """No RSA key for ECDSA, no curve for RSA, no other curve, no short RSA key."""
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused
    keys = {"rsa": RSA_KEY, "short": short, "p256": EC_KEY, "p384": ec.generate_private_key(ec.SECP384R1())}
    fits = {names.ECDSA_SHA256: "p256", names.ECDSA_SHA384: "p384"}.get(method, "rsa")
    for name, key in keys.items():
        if name == fits:
            check_key(method, certificate(key))
        else:
            with pytest.raises(AlgorithmRefused):
                check_key(method, certificate(key))
