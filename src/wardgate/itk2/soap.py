"""The SOAP 1.1 message around an envelope: its addressing, and its security header checked and believed (itk3-messaging 2.2, 2.4).

TLS proves the host; Username is what that host says. Where the header is signed, the key is the directory's, its chain, organisation and revocation are
checked, and Username must be what its certificate says.
"""

from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID
from lxml import etree

from wardgate.itk2.errors import ITK2Refused
from wardgate.itk2.model import Claims
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.itk2_names import parse_name, subject_of
from wardgate.sealing.keys import KeyDirectory
from wardgate.sealing.trust import check_signer
from wardgate.sealing.xml_errors import as_reasons
from wardgate.sealing.xml_signer import signer_key
from wardgate.xmlsecurity import names
from wardgate.xmlsecurity.errors import XMLSecurityError
from wardgate.xmlsecurity.names import SOAP, WSA, WSSE, named
from wardgate.xmlsecurity.parser import Element, Limits, parse
from wardgate.xmlsecurity.reading import children, exactly, token
from wardgate.xmlsecurity.signature_form import MODERN, Algorithms
from wardgate.xmlsecurity.ws_security import ACTOR, ID, MUST_UNDERSTAND, SecurityHeader, read_security, verify_security

ANONYMOUS: Final = f"{WSA}/anonymous"
DEFAULT_SKEW: Final = timedelta(minutes=5)
LEGACY: Final = Algorithms(MODERN.methods | {names.RSA_SHA1}, MODERN.digests | {names.SHA1}, MODERN.canonical)
"""With the switch `itk2-legacy`."""
_UNDERSTOOD: Final = {named(WSA, name) for name in ("Action", "To", "MessageID", "From", "ReplyTo", "FaultTo", "RelatesTo")} | {named(WSSE, "Security")}
_TEXTS: Final = {named(WSA, "Action"): "Action", named(WSA, "To"): "To", named(WSA, "MessageID"): "MessageID"}
_MAY_HAVE: Final = (MUST_UNDERSTAND, ACTOR, ID)


def read_message(
    data: bytes, *, directory: KeyDirectory, organisation: str, now: datetime, legacy: bool = False, require_signature: bool = False,
    skew: timedelta = DEFAULT_SKEW, limits: Limits | None = None,
) -> Claims:
    """Return what a message says, checked. `organisation` is whose key must have signed it, where it is signed.

    Raises `ITK2Refused` for its form and times, and `SealRefused` for its signature.
    """
    try:
        root = parse(data, limits, unique_ids=False)
        header, body = _parts(root)
        fields = _fields(header)
        algorithms = LEGACY if legacy else MODERN
    except XMLSecurityError as refused:
        raise ITK2Refused("Envelope", refused.expected) from None
    with as_reasons():
        security = read_security(fields["Security"], algorithms)
        _check_times(security, now, skew)
        signed_by = _believed(security, body, directory, organisation, now, require_signature=require_signature)
        (content,) = _content(body)
        message_id = token(fields["MessageID"], _MAY_HAVE) if "MessageID" in fields else None
        return Claims(
            token(fields["Action"], _MAY_HAVE), token(fields["To"], _MAY_HAVE), message_id, security.username, security.created, security.expires,
            signed_by, etree.tostring(content, encoding="UTF-8", with_tail=False),
        )


def check_action(claims: Claims, service: str) -> None:
    """Check that the message asks for the service that its envelope names. Raises `ITK2Refused`."""
    if claims.action != service:
        raise ITK2Refused("Action", "is the service of the envelope's header")


def _parts(root: Element) -> tuple[Element, Element]:
    header, body = exactly(root, (named(SOAP, "Header"), named(SOAP, "Body")))
    if root.tag != named(SOAP, "Envelope"):
        raise ITK2Refused("Envelope", "is SOAP 1.1's")
    return header, body


def _fields(header: Element) -> dict[str, Element]:
    """Return the header's elements by name. One that must be understood and is not known is refused (SOAP 1.1 section 4.2.3)."""
    found: dict[str, Element] = {}
    for node in children(header):
        name = etree.QName(node).localname
        if node.tag not in _UNDERSTOOD:
            if node.get(MUST_UNDERSTAND, "0") not in ("0", "false"):
                raise ITK2Refused("Header", "holds nothing unknown that must be understood")
            continue
        if name in found:
            raise ITK2Refused(name, "is in the header once")
        found[name] = node
    for name in ("Action", "To", "Security"):
        if name not in found:
            raise ITK2Refused(name, "is in the header")
    _check_reply_to(found.get("ReplyTo"))
    return found


def _check_reply_to(node: Element | None) -> None:
    if node is None:
        return
    (address,) = exactly(node, (named(WSA, "Address"),), _MAY_HAVE)
    if token(address) != ANONYMOUS:
        raise ITK2Refused("ReplyTo", "is anonymous: answers go back on the connection")


def _check_times(security: SecurityHeader, now: datetime, skew: timedelta) -> None:
    if security.created > security.expires:
        raise ITK2Refused("Timestamp", "Created is not after Expires")
    if security.expires <= now - skew:
        raise ITK2Refused("Timestamp", "has not expired")
    if security.created > now + skew:
        raise ITK2Refused("Timestamp", "was not created in the future")


def _believed(
    security: SecurityHeader, body: Element, directory: KeyDirectory, organisation: str, now: datetime, *, require_signature: bool,
) -> str | None:
    if security.form is None:
        if require_signature:
            raise SealRefused("seal-signature-missing", "a signature in Security")
        return None
    key = signer_key(security.form, directory)
    check_signer(key, directory, organisation=organisation, signed_at=security.created, now=now, stamped_at=None)
    if not is_username_of(security.username, key.certificate):
        raise SealRefused("signer-organisation", "the Username that the certificate says", "another Username")
    verify_security(security, body, key.certificate)
    return key.kid


def is_username_of(username: str, certificate: x509.Certificate) -> bool:
    """Return whether a Username is the certificate's subject; or, where it has no `CN=`, the subject's common name."""
    if "CN=" in username.upper():
        return parse_name(username) == subject_of(certificate)
    return [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [username]


def _content(body: Element) -> list[Element]:
    found = children(body, (ID,))
    if len(found) != 1:
        raise ITK2Refused("Body", "holds one element")
    return found
