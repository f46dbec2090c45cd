"""The XML suite: an XML signature, and XML encryption around it (itk3-messaging 6; XML-DSig 1.1, XAdES, XML-Enc 1.1).

Two references, and exactly these: the whole document but its signature, and the signed properties within the signature, each in its one place. What is
read is compared octet by octet with what `signxml` says was signed. The steps of opening are those of the modern suite, with the same numbers.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree

from wardgate.sealing.content import to_sign, unfold
from wardgate.sealing.context import canonical_context, check_fresh, check_transport
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import HeldKeys, KeyDirectory, MessageKey, SigningKey, TimeStamper
from wardgate.sealing.model import Context, Limits, Opened, Sealed, Signed, Statement, Suite, Transport
from wardgate.sealing.signature import check_signing_key
from wardgate.sealing.time_stamp import check_time_stamp
from wardgate.sealing.trust import check_recipient, check_signer
from wardgate.sealing.xml_document import MAX_CONTENT_BYTES, Document, read_document, write_document
from wardgate.sealing.xml_errors import as_reasons
from wardgate.sealing.xml_properties import (
    DOCUMENT_REFERENCE_ID,
    PROPERTIES_ID,
    SIGNATURE_ID,
    Properties,
    add_time_stamp,
    find_properties,
    read_properties,
    read_time_stamp,
    stamped_octets,
    write_properties,
)
from wardgate.sealing.xml_signer import JOSE_NAMES, signer_key
from wardgate.xmlsecurity import names, parser
from wardgate.xmlsecurity.canonical import enveloping, exclusive
from wardgate.xmlsecurity.encryption import ENCRYPTED_DATA, decrypt, encrypt
from wardgate.xmlsecurity.errors import AlgorithmRefused, XMLMalformed
from wardgate.xmlsecurity.parser import Element, parse
from wardgate.xmlsecurity.sign import ToCover, sign
from wardgate.xmlsecurity.signature_form import MODERN, SignatureForm, read_signature
from wardgate.xmlsecurity.verify import MustCover, verify

ENCRYPTED_MEDIA_TYPE: Final = "application/xenc+xml"
SIGNED_MEDIA_TYPE: Final = "application/xml"
DOCUMENT_TRANSFORMS: Final = (names.ENVELOPED, names.EXCLUSIVE)
PROPERTIES_TRANSFORMS: Final = (names.EXCLUSIVE,)
DEFAULT_LIMITS: Final = Limits()


def seal(
    content: bytes, media_type: str, context: Context, statement: Statement, signer: SigningKey, recipients: Sequence[MessageKey], *,
    directory: KeyDirectory, now: datetime, random: Callable[[int], bytes], stamper: TimeStamper | None = None, compress: bool = False,
    limits: Limits = DEFAULT_LIMITS,
) -> Sealed:
    """Return the sealed message; without recipients it is signed only. Raises `SealRefused`."""
    _check_recipients(recipients, directory, now, limits)  # (1) each recipient's key is believed before it is used
    check_signing_key(signer, context.sender_ods, statement.signed_at, directory)  # (2) and ours will be
    octets, cty = to_sign(content, media_type, limits, compress=compress)
    if len(octets) > MAX_CONTENT_BYTES:
        raise SealRefused("seal-too-large", f"at most {MAX_CONTENT_BYTES} bytes in XML", f"{len(octets)} bytes")
    canonical_context(context)
    with as_reasons():
        signed = _signed(_document(octets, cty, context, statement), cty, statement, signer, stamper)  # (3) sign
        if not recipients:
            return Sealed(Suite.XML, signed, SIGNED_MEDIA_TYPE, context, encrypted=False)
    try:
        body = encrypt(signed, recipients, random, mime_type=SIGNED_MEDIA_TYPE)  # (4) encrypt
    except AlgorithmRefused as refused:
        raise SealRefused("recipient-key-unusable", refused.expected, refused.received) from None
    return Sealed(Suite.XML, body, ENCRYPTED_MEDIA_TYPE, context)


def _check_recipients(recipients: Sequence[MessageKey], directory: KeyDirectory, now: datetime, limits: Limits) -> None:
    if len(recipients) > limits.max_recipients or len({key.kid for key in recipients}) != len(recipients):
        raise SealRefused("recipient-key-unusable", f"at most {limits.max_recipients} keys, each once", f"{len(recipients)}")
    for key in recipients:
        check_recipient(key, directory, key.organisation, now)


def _document(octets: bytes, media_type: str, context: Context, statement: Statement) -> Element:
    try:
        etree.Element("role").text = statement.role
        return write_document(octets, media_type, context, statement.on_behalf_of)
    except ValueError:
        raise XMLMalformed("texts of characters that XML has") from None


def _signed(root: Element, media_type: str, statement: Statement, signer: SigningKey, stamper: TimeStamper | None) -> bytes:
    """Sign document and properties; nothing is signed that could not be read again."""
    stated = Properties(statement.signed_at, signer.certificate.fingerprint(SHA256()), statement.role, statement.purpose, media_type)
    holder = write_properties(stated)
    properties, _ = find_properties([holder])
    if read_properties(properties) != stated:
        raise XMLMalformed("a signing time in UTC to the second, and a role without white space around it")
    signature = sign(
        signer, [
            ToCover("", exclusive(root), DOCUMENT_TRANSFORMS, id=DOCUMENT_REFERENCE_ID),
            ToCover(f"#{PROPERTIES_ID}", exclusive(properties), PROPERTIES_TRANSFORMS, names.SIGNED_PROPERTIES),
        ], signature_id=SIGNATURE_ID, objects=[holder],
    )
    root.append(signature)
    if stamper is not None:
        add_time_stamp(signature, _stamp(stamper, sha256(stamped_octets(signature)).digest()))
    read_document(root, MAX_CONTENT_BYTES)
    return etree.tostring(root, encoding="UTF-8")


def _stamp(stamper: TimeStamper, digest: bytes) -> bytes:
    try:
        return stamper.stamp(digest)
    except OSError as error:
        raise SealRefused("time-stamp-missing", "a time-stamping authority that answers", type(error).__name__) from error


def open_seal(
    body: bytes, *, transport: Transport | None, held: HeldKeys, directory: KeyDirectory, now: datetime, random: Callable[[int], bytes],
    limits: Limits = DEFAULT_LIMITS, suites: Collection[Suite] = (Suite.XML,), require_encryption: bool = True,
) -> Opened:
    """Return what is inside. What the message itself says is compared by whoever reads it, with `context.check_message`.

    `random` replaces a content key that does not unwrap. Raises `SealRefused` in the order of itk3-messaging 6.
    """
    if Suite.XML not in suites:  # (1) the suite, the size, one strict structure
        raise SealRefused("seal-suite-refused", ", ".join(suites) or "none", Suite.XML)
    with as_reasons():
        outer = parse(body, parser.Limits(max_bytes=min(limits.max_sealed_bytes, parser.MAX_XML_BYTES)))
        encrypted = outer.tag == ENCRYPTED_DATA
        if not encrypted and require_encryption:
            raise SealRefused("seal-encryption-missing", "EncryptedData", "a document in clear")
        inside, opened_with = body, None
        if encrypted:  # (2) algorithms before any key, (3) our key, (4) unwrap and decrypt: one error
            inside, opened_with = decrypt(outer, held, random, max_bytes=parser.MAX_XML_BYTES, max_recipients=limits.max_recipients)
        document = read_document(parse(inside) if encrypted else outer, limits.max_content_bytes)
        form = read_signature(document.signature, MODERN)  # (5) the signature's lists
        signed = _verified(document, form, directory, now)  # (6) the signer, by kid from the directory; trust; then the signature
    check_transport(document.context, transport)  # (7) brought by this transport
    check_fresh(signed.statement.signed_at, now, limits)  # (8) neither old nor ahead
    content, media_type = unfold(document.content, document.media_type, limits)
    return Opened(Suite.XML, content, media_type, document.context, (signed,), encrypted, opened_with, inside)


def _verified(document: Document, form: SignatureForm, directory: KeyDirectory, now: datetime) -> Signed:
    if document.signature.get("Id") != SIGNATURE_ID:
        raise XMLMalformed(f"the Id {SIGNATURE_ID}", document.signature.get("Id"))
    properties, unsigned = find_properties(form.objects)
    stated = read_properties(properties)
    stamped_at = None
    if unsigned is not None:
        stamped_at = check_time_stamp(read_time_stamp(unsigned), sha256(stamped_octets(document.signature)).digest(), directory, now)
    key = signer_key(form, directory)
    check_signer(key, directory, organisation=document.context.sender_ods, signed_at=stated.signed_at, now=now, stamped_at=stamped_at)
    _, covered = verify(form, key.certificate, [
        MustCover("", enveloping(document.signature), DOCUMENT_TRANSFORMS),
        MustCover(f"#{PROPERTIES_ID}", exclusive(properties), PROPERTIES_TRANSFORMS, names.SIGNED_PROPERTIES),
    ])
    proved = read_properties(parse(covered.octets))
    if proved.certificate_sha256 != key.certificate.fingerprint(SHA256()):
        raise SealRefused("signature-invalid", "signed properties that name the directory's certificate", "another certificate")
    if proved.media_type != document.media_type:
        raise SealRefused("signature-invalid", f"the media type {proved.media_type}", document.media_type)
    statement = Statement(proved.signed_at, proved.purpose, proved.role, document.on_behalf_of)
    covers = f"the whole document: the context, and all {len(document.content)} octets of the content ({document.media_type}); and the signed properties"
    return Signed(key.kid, JOSE_NAMES[form.method], key.certificate, key.organisation, statement, covers, sha256(document.content).hexdigest(), stamped_at)
