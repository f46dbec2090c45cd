"""Signatures inside FHIR in XML, outside ITK3: the Signature datatype with a detached XML signature (itk3-messaging 3.1 to 3.3).

The signature has two references: the canonical octets of the resource, named by the url of their form, and the signed properties of XAdES. What
the datatype says beside its bytes is not covered, so time, purpose and organisation are compared with what is.
"""

from base64 import b64decode, b64encode
from collections.abc import Collection
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree

from wardgate.fhir import Version
from wardgate.sealing.canonical_forms import Form
from wardgate.sealing.context import check_not_ahead
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.fhir_signature import ODS_SYSTEM, PURPOSE_SYSTEM
from wardgate.sealing.keys import KeyDirectory, SigningKey
from wardgate.sealing.model import Limits, Signed, Statement
from wardgate.sealing.signature import check_signing_key, written_time
from wardgate.sealing.trust import check_signer
from wardgate.sealing.xml_canonical_fhir import FHIR, covered_octets, form_url
from wardgate.sealing.xml_errors import as_reasons
from wardgate.sealing.xml_properties import (
    DOCUMENT_REFERENCE_ID,
    PROPERTIES_ID,
    SIGNATURE_ID,
    Properties,
    find_properties,
    read_properties,
    write_properties,
)
from wardgate.sealing.xml_signer import JOSE_NAMES, signer_key
from wardgate.xmlsecurity import names, parser
from wardgate.xmlsecurity.canonical import exclusive
from wardgate.xmlsecurity.errors import SignatureMissing, SignatureWrapped, XMLMalformed
from wardgate.xmlsecurity.names import named
from wardgate.xmlsecurity.parser import Element, parse
from wardgate.xmlsecurity.reading import attribute, local
from wardgate.xmlsecurity.sign import ToCover, sign
from wardgate.xmlsecurity.signature_form import MODERN, SIGNATURE, only_signature, read_signature
from wardgate.xmlsecurity.verify import MustCover, verify

SIGNATURE_FORMAT: Final = "application/signature+xml"
CONTENT_FORMAT: Final = "application/fhir+xml"
MAX_SIGNATURE_BYTES: Final = 100_000
FORMS: Final = frozenset({Form.WHOLE, Form.DOCUMENT})
DEFAULT_LIMITS: Final = Limits()
AS_DEFAULT: Final[dict[Any, str]] = {None: FHIR}
_WHO: Final = {Version.STU3: "whoReference", Version.R4: "who"}
_FORMATS: Final = {Version.STU3: ("contentType",), Version.R4: ("targetFormat", "sigFormat")}
_DATA: Final = {Version.STU3: "blob", Version.R4: "data"}


def sign_resource(document: bytes, statement: Statement, signer: SigningKey, organisation: str, *, form: Form) -> bytes:
    """Return a detached signature over a resource: what a Provenance about it carries. Raises `SealRefused`."""
    with as_reasons():
        return _detached(_resource(document), statement, signer, organisation, form)


def verify_resource(
    signature: bytes, document: bytes, *, directory: KeyDirectory, now: datetime, forms: Collection[Form] = FORMS, limits: Limits = DEFAULT_LIMITS,
) -> Signed:
    """Return who signed a resource, and which part of it. Raises `SealRefused`."""
    with as_reasons():
        signed, _ = _verified(signature, _resource(document), directory, now, forms, limits)
    return signed


def sign_bundle(document: bytes, statement: Statement, signer: SigningKey, organisation: str, *, version: Version = Version.R4, form: Form = Form.DOCUMENT) -> bytes:
    """Return the Bundle with its signature, its last element. Raises `SealRefused`."""
    with as_reasons():
        root = _bundle(document)
        if root.find(named(FHIR, "signature")) is not None:
            raise XMLMalformed("a Bundle without a signature")
        root.append(_datatype(_detached(root, statement, signer, organisation, form), statement, organisation, version, form))
        return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def verify_bundle(
    document: bytes, *, directory: KeyDirectory, now: datetime, version: Version = Version.R4, forms: Collection[Form] = FORMS, limits: Limits = DEFAULT_LIMITS,
) -> tuple[Signed, bytes]:
    """Return who signed the Bundle, and the octets that are signed: nothing else of it is proved. Raises `SealRefused`."""
    with as_reasons():
        root = _bundle(document)
        found = root.findall(named(FHIR, "signature"))
        if not found:
            raise SignatureMissing("a Bundle with a signature of its own")
        if len(found) > 1 or found[0] is not root[-1]:
            raise SignatureWrapped("one signature, last in the Bundle", str(len(found)))
        signed, octets = _verified(_bytes_of(found[0], version), root, directory, now, forms, limits)
        _check_datatype(found[0], signed, version)
    return signed, octets


def _resource(document: bytes) -> Element:
    return parse(document, unique_ids=False)


def _bundle(document: bytes) -> Element:
    root = _resource(document)
    if root.tag != named(FHIR, "Bundle"):
        raise XMLMalformed("a Bundle", local(root))
    return root


def _detached(root: Element, statement: Statement, signer: SigningKey, organisation: str, form: Form) -> bytes:
    check_signing_key(signer, organisation, statement.signed_at)
    if statement.on_behalf_of is not None:
        raise SealRefused("seal-malformed", "nobody on whose behalf, which these properties have no place for", "somebody")
    holder = write_properties(Properties(statement.signed_at, signer.certificate.fingerprint(SHA256()), statement.role, statement.purpose, CONTENT_FORMAT))
    properties, _ = find_properties([holder])
    read_properties(properties)
    octets, _ = covered_octets(root, form)
    signature = sign(signer, [
        ToCover(form_url(form), octets, (), id=DOCUMENT_REFERENCE_ID),
        ToCover(f"#{PROPERTIES_ID}", exclusive(properties), (names.EXCLUSIVE,), names.SIGNED_PROPERTIES),
    ], signature_id=SIGNATURE_ID, objects=[holder])
    return etree.tostring(signature, encoding="UTF-8")


def _verified(
    signature: bytes, root: Element, directory: KeyDirectory, now: datetime, forms: Collection[Form], limits: Limits,
) -> tuple[Signed, bytes]:
    """The form that is named, one of those accepted, says what must be covered; then signer, trust and signature."""
    found = parse(signature, parser.Limits(max_bytes=MAX_SIGNATURE_BYTES))
    if found.tag != SIGNATURE or only_signature(found) is not found:
        raise SignatureMissing("one detached signature")
    read = read_signature(found, MODERN)
    form = next((form for form in Form if form_url(form) == read.references[0].uri), None)
    if form is None or form not in forms:
        raise SignatureWrapped("a signature over " + " or ".join(form_url(form) for form in forms), read.references[0].uri)
    octets, words = covered_octets(root, form)
    properties, unsigned = find_properties(read.objects)
    if unsigned is not None:
        raise XMLMalformed("no unsigned properties")
    stated = read_properties(properties)
    key = signer_key(read, directory)
    check_signer(key, directory, organisation=key.organisation, signed_at=stated.signed_at, now=now, stamped_at=None)
    _, covered = verify(read, key.certificate, [
        MustCover(form_url(form), octets, ()),
        MustCover(f"#{PROPERTIES_ID}", exclusive(properties), (names.EXCLUSIVE,), names.SIGNED_PROPERTIES),
    ], detached=True)
    proved = read_properties(parse(covered.octets))
    if proved.certificate_sha256 != key.certificate.fingerprint(SHA256()) or proved.media_type != CONTENT_FORMAT:
        raise SealRefused("signature-invalid", "signed properties that name the directory's certificate, and FHIR in XML", "others")
    check_not_ahead(proved.signed_at, now, limits)
    statement = Statement(proved.signed_at, proved.purpose, proved.role)
    covers = f"{words}, in {len(octets)} canonical octets, and the signed properties"
    return Signed(key.kid, JOSE_NAMES[read.method], key.certificate, key.organisation, statement, covers, sha256(octets).hexdigest()), octets


def _datatype(signature: bytes, statement: Statement, organisation: str, version: Version, form: Form) -> Element:
    node = etree.Element(named(FHIR, "signature"), nsmap=AS_DEFAULT)
    kind = etree.SubElement(node, named(FHIR, "type"))
    _value(kind, "system", PURPOSE_SYSTEM)
    _value(kind, "code", statement.purpose.code)
    _value(node, "when", written_time(statement.signed_at))
    identifier = etree.SubElement(etree.SubElement(node, named(FHIR, _WHO[version])), named(FHIR, "identifier"))
    _value(identifier, "system", ODS_SYSTEM)
    _value(identifier, "value", organisation)
    if version is Version.STU3:
        _value(node, "contentType", SIGNATURE_FORMAT)
    else:
        _value(node, "targetFormat", f"{CONTENT_FORMAT};canonicalization={form_url(form)}")
        _value(node, "sigFormat", SIGNATURE_FORMAT)
    _value(node, _DATA[version], b64encode(signature).decode("ascii"))
    return node


def _value(parent: Element, name: str, value: str) -> None:
    etree.SubElement(parent, named(FHIR, name), value=value)


def _read(node: Element, *path: str) -> str:
    """Return the one value at a path. Raises `XMLMalformed`."""
    found = node.findall("/".join(named(FHIR, step) for step in path))
    if len(found) != 1:
        raise XMLMalformed(f"one {'.'.join(path)} in a signature", str(len(found)))
    return attribute(found[0], "value")


def _bytes_of(node: Element, version: Version) -> bytes:
    stated = _read(node, "contentType" if version is Version.STU3 else "sigFormat")
    if stated != SIGNATURE_FORMAT:
        raise SealRefused("seal-algorithm-refused", SIGNATURE_FORMAT, "another format")
    encoded = _read(node, _DATA[version])
    if len(encoded) > 2 * MAX_SIGNATURE_BYTES:
        raise XMLMalformed(f"at most {MAX_SIGNATURE_BYTES} octets of signature")
    try:
        return b64decode("".join(encoded.split()), validate=True)
    except ValueError:
        raise XMLMalformed("a signature in base64") from None


def _check_datatype(node: Element, signed: Signed, version: Version) -> None:
    """What stands beside the bytes is what was signed, and nothing else stands there, or it would be believed for nothing."""
    beside = [local(child) for child in node if child.tag == named(FHIR, local(child))]
    if len(beside) != len(node) or not set(beside) <= {"type", "when", _WHO[version], *_FORMATS[version], _DATA[version]}:
        raise SealRefused("signature-invalid", "what is signed, and nothing else, beside a signature's bytes", "something else")
    try:
        when = datetime.fromisoformat(_read(node, "when"))
    except ValueError:
        raise XMLMalformed("an instant in when") from None
    if when.tzinfo is None or when.astimezone(UTC) != signed.statement.signed_at:
        raise SealRefused("signature-invalid", "when is the signing time", "another time")
    if (_read(node, "type", "system"), _read(node, "type", "code")) != (PURPOSE_SYSTEM, signed.statement.purpose.code):
        raise SealRefused("signature-purpose", "the purpose that was signed", "another purpose")
    who = (_read(node, _WHO[version], "identifier", "system"), _read(node, _WHO[version], "identifier", "value"))
    if who != (ODS_SYSTEM, signed.organisation):
        raise SealRefused("signer-organisation", signed.organisation, "another")
