"""The one form of a signature that is read (XML-DSig 1.1), taken apart before any key is touched.

No transform has anything in it, so there is no XPath, no XSLT and no list of prefixes; no method has a parameter, so no HMAC is cut short; what is in
KeyInfo names a key and is none: values of keys, ways to fetch one and references to others are refused.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from wardgate.xmlsecurity import names
from wardgate.xmlsecurity.errors import AlgorithmRefused, SignatureMissing, SignatureWrapped, XMLMalformed
from wardgate.xmlsecurity.names import DS, DSIG11, named
from wardgate.xmlsecurity.parser import Element, walk
from wardgate.xmlsecurity.reading import attribute, children, exactly, octets, token

SIGNATURE: Final = named(DS, "Signature")
MAX_REFERENCES: Final = 4
MAX_CERTIFICATE_BYTES: Final = 16_384
_SIGNED_INFO: Final = (named(DS, "CanonicalizationMethod"), named(DS, "SignatureMethod"))
_REFERENCE: Final = (named(DS, "Transforms"), named(DS, "DigestMethod"), named(DS, "DigestValue"))
_X509_SKIPPED: Final = frozenset({named(DS, "X509IssuerSerial"), named(DS, "X509SKI"), named(DS, "X509SubjectName")})
"""Other names of a certificate: passed over, for they prove nothing and we do not look keys up by them."""


KeyInfoReader = Callable[[Element], tuple[tuple[str, ...], tuple[bytes, ...]]]
"""What reads the names of keys, and the SHA-256 of certificates, in a KeyInfo."""


@dataclass(frozen=True, slots=True)
class Algorithms:
    """What is spoken. An empty set refuses everything."""

    methods: frozenset[str]
    digests: frozenset[str]
    canonical: frozenset[str]


MODERN: Final = Algorithms(
    frozenset({names.RSA_SHA256, names.RSA_PSS_SHA256, names.ECDSA_SHA256, names.ECDSA_SHA384}),
    frozenset({names.SHA256, names.SHA512}),
    frozenset({names.EXCLUSIVE}),
)


@dataclass(frozen=True, slots=True)
class Reference:
    """What a signature says it covers."""

    uri: str
    type: str | None
    transforms: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class SignatureForm:
    """A signature taken apart. Nothing of it is verified."""

    element: Element = field(repr=False)
    method: str
    references: tuple[Reference, ...]
    key_names: tuple[str, ...]
    certificates: tuple[bytes, ...] = field(repr=False)
    """SHA-256 of the DER of each certificate that is named or embedded."""
    objects: tuple[Element, ...] = field(repr=False)


def only_signature(root: Element) -> Element:
    """Return the one signature of a document, wherever it is. Raises `SignatureMissing` and `SignatureWrapped`."""
    found = [node for node, _ in walk(root) if node.tag == SIGNATURE]
    if not found:
        raise SignatureMissing("a signature")
    if len(found) > 1:
        raise SignatureWrapped("one signature", str(len(found)))
    return found[0]


def read_signature(element: Element, algorithms: Algorithms, key_info_reader: KeyInfoReader | None = None) -> SignatureForm:
    """Return a signature taken apart; WS-Security has a KeyInfo of its own. Raises `XMLMalformed` and `AlgorithmRefused`."""
    found = children(element, ("Id",))
    if len(found) < 2 or [node.tag for node in found[:2]] != [named(DS, "SignedInfo"), named(DS, "SignatureValue")]:
        raise XMLMalformed("SignedInfo and SignatureValue first in Signature")
    method, references = _signed_info(found[0], algorithms)
    octets(found[1], MAX_CERTIFICATE_BYTES, ("Id",))
    rest = found[2:]
    key_info = rest.pop(0) if rest and rest[0].tag == named(DS, "KeyInfo") else None
    if any(node.tag != named(DS, "Object") for node in rest):
        raise XMLMalformed("at most one KeyInfo, then Objects only, in Signature")
    key_names, certificates = (key_info_reader or read_key_info)(key_info) if key_info is not None else ((), ())
    return SignatureForm(element, method, references, key_names, certificates, tuple(rest))


def _signed_info(node: Element, algorithms: Algorithms) -> tuple[str, tuple[Reference, ...]]:
    found = children(node, ("Id",))
    if tuple(child.tag for child in found[:2]) != _SIGNED_INFO:
        raise XMLMalformed("CanonicalizationMethod and SignatureMethod first in SignedInfo")
    _listed(found[0], algorithms.canonical)
    method = _listed(found[1], algorithms.methods)
    if not 1 <= len(found) - 2 <= MAX_REFERENCES:
        raise XMLMalformed(f"one to {MAX_REFERENCES} references", str(len(found) - 2))
    return method, tuple(_reference(child, algorithms) for child in found[2:])


def _reference(node: Element, algorithms: Algorithms) -> Reference:
    if node.tag != named(DS, "Reference"):
        raise XMLMalformed("references only, after the methods in SignedInfo")
    found = children(node, ("Id", "URI", "Type"))
    if tuple(child.tag for child in found) == _REFERENCE:
        transforms = tuple(_transform(child) for child in children(found.pop(0)))
    else:
        transforms = ()
    if tuple(child.tag for child in found) != _REFERENCE[1:]:
        raise XMLMalformed("Transforms, DigestMethod and DigestValue in Reference")
    digest = _listed(found[0], algorithms.digests)
    octets(found[1], 64)
    return Reference(attribute(node, "URI"), node.get("Type"), transforms, digest)


def _transform(node: Element) -> str:
    if node.tag != named(DS, "Transform"):
        raise XMLMalformed("transforms only in Transforms")
    if len(node):
        raise AlgorithmRefused("a transform without parameters", node.get("Algorithm"))
    exactly(node, (), ("Algorithm",))
    return attribute(node, "Algorithm")


def _listed(node: Element, allowed: frozenset[str]) -> str:
    algorithm = attribute(node, "Algorithm")
    if algorithm not in allowed:
        raise AlgorithmRefused(" or ".join(sorted(allowed)) or "nothing", algorithm)
    if len(node):
        raise AlgorithmRefused("an algorithm without parameters", algorithm)
    exactly(node, (), ("Algorithm",))
    return algorithm


def read_key_info(node: Element) -> tuple[tuple[str, ...], tuple[bytes, ...]]:
    """Return the names of keys, and the SHA-256 of certificates, in a KeyInfo: hints, all of them. Raises `XMLMalformed` and `AlgorithmRefused`."""
    key_names: list[str] = []
    certificates: list[bytes] = []
    for child in children(node, ("Id",)):
        if child.tag == named(DS, "KeyName"):
            key_names.append(token(child))
        elif child.tag == named(DS, "X509Data"):
            certificates.extend(_certificates(children(child)))
        else:
            raise AlgorithmRefused("names of keys and certificates only in KeyInfo", str(child.tag))
    return tuple(key_names), tuple(certificates)


def _certificates(nodes: Iterable[Element]) -> Iterable[bytes]:
    for node in nodes:
        if node.tag == named(DS, "X509Certificate"):
            yield sha256(octets(node, MAX_CERTIFICATE_BYTES)).digest()
        elif node.tag == named(DSIG11, "X509Digest"):
            if attribute(node, "Algorithm") != names.SHA256:
                raise AlgorithmRefused(names.SHA256, node.get("Algorithm"))
            yield octets(node, 32, ("Algorithm",))
        elif node.tag not in _X509_SKIPPED:
            raise AlgorithmRefused("certificates and their names only in X509Data", str(node.tag))


