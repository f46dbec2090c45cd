"""What a signer says beside an XML signature: the signed properties of XAdES (ETSI EN 319 132-1), in the one form that we write and read.

Signing time, the signer's certificate by its SHA-256, the role it claims, and why it signs; a time-stamp over the signature stands among the unsigned.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from wardgate.sealing.errors import SealRefused
from wardgate.sealing.model import Purpose
from wardgate.xmlsecurity import names
from wardgate.xmlsecurity.canonical import exclusive
from wardgate.xmlsecurity.errors import AlgorithmRefused, XMLMalformed
from wardgate.xmlsecurity.names import DS, XADES, named
from wardgate.xmlsecurity.parser import Element
from wardgate.xmlsecurity.reading import attribute, children, exactly, octets, token

PROPERTIES_ID: Final = "signed-properties"
SIGNATURE_ID: Final = "signature"
DOCUMENT_REFERENCE_ID: Final = "signed-document"
MAX_TOKEN_BYTES: Final = 65_536
_OID: Final = "urn:oid:"
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_PURPOSES: Final = {f"{_OID}{purpose.code}": purpose for purpose in Purpose}


@dataclass(frozen=True, slots=True)
class Properties:
    """Signed properties."""

    signed_at: datetime
    certificate_sha256: bytes = field(repr=False)
    role: str | None
    purpose: Purpose
    media_type: str


def _x(local: str) -> str:
    return named(XADES, local)


def write_properties(stated: Properties) -> Element:
    """Return an Object with the properties, to be put into a signature."""
    holder = etree.Element(named(DS, "Object"), nsmap={"ds": DS})
    qualifying = etree.SubElement(holder, _x("QualifyingProperties"), nsmap={"xades": XADES}, Target=f"#{SIGNATURE_ID}")
    properties = etree.SubElement(qualifying, _x("SignedProperties"), Id=PROPERTIES_ID)
    of_signature = etree.SubElement(properties, _x("SignedSignatureProperties"))
    etree.SubElement(of_signature, _x("SigningTime")).text = stated.signed_at.astimezone(UTC).strftime(_TIME)
    certificate = etree.SubElement(etree.SubElement(of_signature, _x("SigningCertificateV2")), _x("Cert"))
    digest = etree.SubElement(certificate, _x("CertDigest"))
    etree.SubElement(digest, named(DS, "DigestMethod"), Algorithm=names.SHA256)
    etree.SubElement(digest, named(DS, "DigestValue")).text = b64encode(stated.certificate_sha256).decode("ascii")
    if stated.role is not None:
        roles = etree.SubElement(etree.SubElement(of_signature, _x("SignerRoleV2")), _x("ClaimedRoles"))
        etree.SubElement(roles, _x("ClaimedRole")).text = stated.role
    of_data = etree.SubElement(properties, _x("SignedDataObjectProperties"))
    form = etree.SubElement(of_data, _x("DataObjectFormat"), ObjectReference=f"#{DOCUMENT_REFERENCE_ID}")
    etree.SubElement(form, _x("MimeType")).text = stated.media_type
    commitment = etree.SubElement(of_data, _x("CommitmentTypeIndication"))
    identifier = etree.SubElement(etree.SubElement(commitment, _x("CommitmentTypeId")), _x("Identifier"), Qualifier="OIDAsURN")
    identifier.text = f"{_OID}{stated.purpose.code}"
    etree.SubElement(commitment, _x("AllSignedDataObjects"))
    return holder


def find_properties(objects: Sequence[Element]) -> tuple[Element, Element | None]:
    """Return the element of the signed properties, in its one place, and that of the unsigned. Raises `XMLMalformed`."""
    if len(objects) != 1:
        raise XMLMalformed("one Object in Signature", str(len(objects)))
    (qualifying,) = exactly(objects[0], (_x("QualifyingProperties"),))
    if attribute(qualifying, "Target") != f"#{SIGNATURE_ID}":
        raise XMLMalformed("properties of this signature", qualifying.get("Target"))
    found = children(qualifying, ("Target",))
    if [node.tag for node in found] not in ([_x("SignedProperties")], [_x("SignedProperties"), _x("UnsignedProperties")]):
        raise XMLMalformed("SignedProperties, then at most UnsignedProperties, in QualifyingProperties")
    if found[0].get("Id") != PROPERTIES_ID:
        raise XMLMalformed(f"the Id {PROPERTIES_ID}", found[0].get("Id"))
    return found[0], found[1] if len(found) > 1 else None


def read_properties(node: Element) -> Properties:
    """Return what signed properties say. Raises `XMLMalformed`, `AlgorithmRefused`, and `SealRefused` with `signature-purpose`."""
    of_signature, of_data = exactly(node, (_x("SignedSignatureProperties"), _x("SignedDataObjectProperties")), ("Id",))
    found = children(of_signature)
    if [child.tag for child in found[:2]] != [_x("SigningTime"), _x("SigningCertificateV2")] or [child.tag for child in found[2:]] not in ([], [_x("SignerRoleV2")]):
        raise XMLMalformed("SigningTime, SigningCertificateV2, and at most SignerRoleV2")
    media_type, purpose = _of_data(of_data)
    role = _role(found[2]) if len(found) > 2 else None
    return Properties(_time(token(found[0])), _certificate(found[1]), role, purpose, media_type)


def _time(text: str) -> datetime:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise XMLMalformed("a signing time in UTC, to the second", text) from None


def _certificate(node: Element) -> bytes:
    (certificate,) = exactly(node, (_x("Cert"),))
    (digest,) = exactly(certificate, (_x("CertDigest"),))
    method, value = exactly(digest, (named(DS, "DigestMethod"), named(DS, "DigestValue")))
    if attribute(method, "Algorithm") != names.SHA256:
        raise AlgorithmRefused(names.SHA256, method.get("Algorithm"))
    return octets(value, 32)


def _role(node: Element) -> str:
    (roles,) = exactly(node, (_x("ClaimedRoles"),))
    (role,) = exactly(roles, (_x("ClaimedRole"),))
    return token(role)


def _of_data(node: Element) -> tuple[str, Purpose]:
    form, commitment = exactly(node, (_x("DataObjectFormat"), _x("CommitmentTypeIndication")))
    if attribute(form, "ObjectReference") != f"#{DOCUMENT_REFERENCE_ID}":
        raise XMLMalformed("the form of the document", form.get("ObjectReference"))
    (mime_type,) = exactly(form, (_x("MimeType"),), ("ObjectReference",))
    identified, _ = exactly(commitment, (_x("CommitmentTypeId"), _x("AllSignedDataObjects")))
    (identifier,) = exactly(identified, (_x("Identifier"),))
    purpose = _PURPOSES.get(token(identifier, ("Qualifier",)))
    if purpose is None:
        raise SealRefused("signature-purpose", "a purpose of ASTM E1762-95", "another value")
    return token(mime_type), purpose


def stamped_octets(signature: Element) -> bytes:
    """Return what a signature's time-stamp is over: the canonical SignatureValue (EN 319 132-1 section 5.3)."""
    value = signature.find(named(DS, "SignatureValue"))
    if value is None:
        raise XMLMalformed("a SignatureValue")
    return exclusive(value)


def add_time_stamp(signature: Element, stamp: bytes) -> None:
    """Put a TimeStampToken among the unsigned properties."""
    qualifying = signature.find(f"{named(DS, 'Object')}/{_x('QualifyingProperties')}")
    if qualifying is None:
        raise XMLMalformed("properties to add a time-stamp to")
    unsigned = etree.SubElement(etree.SubElement(qualifying, _x("UnsignedProperties")), _x("UnsignedSignatureProperties"))
    stamped = etree.SubElement(unsigned, _x("SignatureTimeStamp"))
    etree.SubElement(stamped, named(DS, "CanonicalizationMethod"), Algorithm=names.EXCLUSIVE)
    etree.SubElement(stamped, _x("EncapsulatedTimeStamp")).text = b64encode(stamp).decode("ascii")


def read_time_stamp(unsigned: Element) -> bytes:
    """Return the DER of the TimeStampToken among the unsigned properties. Raises `XMLMalformed` and `AlgorithmRefused`."""
    (of_signature,) = exactly(unsigned, (_x("UnsignedSignatureProperties"),))
    (stamped,) = exactly(of_signature, (_x("SignatureTimeStamp"),), ("Id",))
    method, value = exactly(stamped, (named(DS, "CanonicalizationMethod"), _x("EncapsulatedTimeStamp")), ("Id",))
    if attribute(method, "Algorithm") != names.EXCLUSIVE:
        raise AlgorithmRefused(names.EXCLUSIVE, method.get("Algorithm"))
    return octets(value, MAX_TOKEN_BYTES, ("Id", "Encoding"))
