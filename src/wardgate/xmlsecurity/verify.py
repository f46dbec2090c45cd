"""Verifying a signature, and that it covers what is read (XML-DSig 1.1 section 3.2; itk3-messaging 7).

The caller says what must be covered, and in which octets; `signxml` verifies and says what was; both must be the same octets. A signature that covers
something else, or the right thing in another place, has other octets or another reference, and is refused as wrapped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from wardgate.xmlsecurity import names
from wardgate.xmlsecurity.canonical import inclusive
from wardgate.xmlsecurity.errors import AlgorithmRefused, SignatureInvalid, SignatureWrapped
from wardgate.xmlsecurity.parser import Element
from wardgate.xmlsecurity.signature_form import Reference, SignatureForm

MIN_RSA_BITS: Final = 2048
_CURVES: Final = {names.ECDSA_SHA256: SECP256R1, names.ECDSA_SHA384: SECP384R1}


@dataclass(frozen=True, slots=True)
class MustCover:
    """A reference that must be there, in its place in the list."""

    uri: str
    octets: bytes = field(repr=False)
    """The canonical octets of what is read."""
    transforms: tuple[str, ...]
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Covered:
    """What a verified signature covers: the only thing to read from."""

    octets: bytes = field(repr=False)
    element: Element | None = field(repr=False)
    """The octets as XML, where they are."""


def verify(form: SignatureForm, certificate: x509.Certificate, must_cover: Sequence[MustCover], *, detached: bool = False) -> tuple[Covered, ...]:
    """Return what the signature covers: exactly what it must. The certificate is one the caller trusts, whatever is embedded.

    Raises `AlgorithmRefused`, `SignatureWrapped` and `SignatureInvalid`.
    """
    check_references(form.references, must_cover)
    check_key(form.method, certificate)
    results = _verified(form, certificate, must_cover, detached=detached)
    for result, must in zip(results, must_cover, strict=True):
        if result.signed_data != must.octets:
            raise SignatureWrapped("a signature over the element that is read", must.uri)
    return tuple(Covered(result.signed_data, result.signed_xml) for result in results)


def check_references(references: Sequence[Reference], must_cover: Sequence[MustCover]) -> None:
    """Check that a signature refers to what it must, and to nothing else. Raises `AlgorithmRefused` and `SignatureWrapped`."""
    if len(references) != len(must_cover):
        raise SignatureWrapped(f"{len(must_cover)} references", str(len(references)))
    for reference, must in zip(references, must_cover, strict=True):
        if (reference.uri, reference.type) != (must.uri, must.type):
            raise SignatureWrapped(f"a reference to {must.uri!r} of type {must.type}", f"{reference.uri!r} of type {reference.type}")
        if reference.transforms != must.transforms:
            raise AlgorithmRefused(" and ".join(must.transforms) or "no transforms", " and ".join(reference.transforms) or "none")


def check_key(method: str, certificate: x509.Certificate) -> None:
    """Check that the key is one of this method, and strong. Raises `AlgorithmRefused`."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise AlgorithmRefused("a key that can be read") from None
    curve = _CURVES.get(method)
    if curve is not None:
        fits = isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, curve)
    else:
        fits = isinstance(key, RSAPublicKey) and key.key_size >= MIN_RSA_BITS
    if not fits:
        raise AlgorithmRefused(f"a key for {method}", type(key).__name__)


class _Verifier(XMLVerifier):
    """`signxml`, but for one thing: lxml forgets the default namespace around an element that it writes in inclusive canonical form, and `canonical` does not."""

    def _c14n(self, nodes: Any, algorithm: CanonicalizationMethod, inclusive_ns_prefixes: Any = None) -> bytes:
        if isinstance(nodes, list) or algorithm is CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0:
            return bytes(super()._c14n(nodes, algorithm, inclusive_ns_prefixes))
        return inclusive(nodes)


def _verified(form: SignatureForm, certificate: x509.Certificate, must_cover: Sequence[MustCover], *, detached: bool) -> list[VerifyResult]:
    """Hand to `signxml` the document, this certificate, and only the algorithms that the form was found to have."""
    outside = {must.uri: must.octets for must in must_cover} if detached else {}
    try:
        configuration = SignatureConfiguration(
            require_x509=True,
            location=_location(form.element),
            expect_references=len(must_cover),
            signature_methods=frozenset({SignatureMethod(form.method)}),
            digest_algorithms=frozenset(DigestAlgorithm(reference.digest) for reference in form.references),
            verification_time=certificate.not_valid_before_utc,  # in date or not is `sealing.trust`'s to say
            default_reference_c14n_method=CanonicalizationMethod.CANONICAL_XML_1_0,
        )
        found = _Verifier().verify(
            form.element.getroottree().getroot(), x509_cert=certificate, expect_config=configuration, uri_resolver=outside.get if detached else None,
        )
    except (SignXMLException, InvalidSignature, UnsupportedAlgorithm, etree.LxmlError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise SignatureInvalid("a signature and digests that are right", type(error).__name__) from None
    return found if isinstance(found, list) else [found]


def _location(signature: Element) -> str:
    """Return the path from the root to where the signature is. The form was read from the one signature there is."""
    above = [str(node.tag) for node in signature.iterancestors()][:-1]
    return "".join(f"{step}/" for step in (".", *reversed(above)))
