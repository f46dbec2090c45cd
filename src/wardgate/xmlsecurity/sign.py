"""Making a signature (XML-DSig 1.1 section 3.1). The private key may be in hardware: it is handed octets, and nothing else is asked of it."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from wardgate.xmlsecurity import names
from wardgate.xmlsecurity.canonical import exclusive
from wardgate.xmlsecurity.errors import AlgorithmRefused
from wardgate.xmlsecurity.names import DS, named
from wardgate.xmlsecurity.parser import Element

METHODS: Final = {"ES256": names.ECDSA_SHA256, "ES384": names.ECDSA_SHA384, "PS256": names.RSA_PSS_SHA256, "RS256": names.RSA_SHA256}
"""By the JOSE algorithm of the key. Of ECDSA both write r and s in the length of the curve; Ed25519 has no place in XML-DSig 1.1."""


class Signer(Protocol):
    """What signs: `sealing.SigningKey` is one."""

    @property
    def kid(self) -> str: ...
    @property
    def algorithm(self) -> str: ...
    @property
    def certificate(self) -> x509.Certificate: ...
    def sign(self, data: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class ToCover:
    """A reference to be made."""

    uri: str
    octets: bytes = field(repr=False)
    transforms: tuple[str, ...]
    type: str | None = None
    id: str | None = None


def sign(signer: Signer, references: Sequence[ToCover], *, signature_id: str | None = None, objects: Sequence[Element] = ()) -> Element:
    """Return a signature over the references, with the signer's key named and its certificate. Raises `AlgorithmRefused` for a key that cannot."""
    method = METHODS.get(signer.algorithm)
    if method is None:
        raise AlgorithmRefused(" or ".join(METHODS), signer.algorithm)
    signature = etree.Element(named(DS, "Signature"), nsmap={"ds": DS})
    if signature_id is not None:
        signature.set("Id", signature_id)
    signed_info = _signed_info(signature, method, references)
    value = etree.SubElement(signature, named(DS, "SignatureValue"))
    _key_info(signature, signer)
    signature.extend(objects)
    value.text = b64encode(signer.sign(exclusive(signed_info))).decode("ascii")
    return signature


def _signed_info(signature: Element, method: str, references: Sequence[ToCover]) -> Element:
    node = etree.SubElement(signature, named(DS, "SignedInfo"))
    etree.SubElement(node, named(DS, "CanonicalizationMethod"), Algorithm=names.EXCLUSIVE)
    etree.SubElement(node, named(DS, "SignatureMethod"), Algorithm=method)
    for reference in references:
        one = etree.SubElement(node, named(DS, "Reference"))
        for name, given in (("Id", reference.id), ("URI", reference.uri), ("Type", reference.type)):
            if given is not None:
                one.set(name, given)
        if reference.transforms:
            transforms = etree.SubElement(one, named(DS, "Transforms"))
            for transform in reference.transforms:
                etree.SubElement(transforms, named(DS, "Transform"), Algorithm=transform)
        etree.SubElement(one, named(DS, "DigestMethod"), Algorithm=names.SHA256)
        etree.SubElement(one, named(DS, "DigestValue")).text = b64encode(sha256(reference.octets).digest()).decode("ascii")
    return node


def _key_info(signature: Element, signer: Signer) -> None:
    node = etree.SubElement(signature, named(DS, "KeyInfo"))
    etree.SubElement(node, named(DS, "KeyName")).text = signer.kid
    data = etree.SubElement(node, named(DS, "X509Data"))
    etree.SubElement(data, named(DS, "X509Certificate")).text = b64encode(signer.certificate.public_bytes(Encoding.DER)).decode("ascii")
