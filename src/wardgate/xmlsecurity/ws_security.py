"""The security header of a SOAP 1.1 message (WS-Security 1.0; itk3-messaging 2.4): Timestamp, UsernameToken, and at most one signature by an X.509 token.

A signature must cover Timestamp, UsernameToken and Body, these very elements in their places, each once; it may cover its token too.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from cryptography import x509

from wardgate.xmlsecurity import names
from wardgate.xmlsecurity.canonical import exclusive
from wardgate.xmlsecurity.errors import AlgorithmRefused, SignatureWrapped, XMLMalformed
from wardgate.xmlsecurity.names import SOAP, WSSE, WSU, named
from wardgate.xmlsecurity.parser import Element, check_once
from wardgate.xmlsecurity.reading import attribute, children, exactly, octets, token
from wardgate.xmlsecurity.signature_form import (
    MAX_CERTIFICATE_BYTES,
    SIGNATURE,
    Algorithms,
    SignatureForm,
    only_signature,
    read_signature,
)
from wardgate.xmlsecurity.verify import MustCover, verify

ID: Final = named(WSU, "Id")
X509_TOKEN: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"  # noqa: S105 - the name of a kind of token
BASE64: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
MUST_UNDERSTAND: Final = named(SOAP, "mustUnderstand")
ACTOR: Final = named(SOAP, "actor")
_ONCE: Final = {named(WSU, "Timestamp"): "timestamp", named(WSSE, "UsernameToken"): "username", named(WSSE, "BinarySecurityToken"): "token", SIGNATURE: "signature"}


@dataclass(frozen=True, slots=True)
class SecurityHeader:
    """A security header taken apart. Nothing of it is verified."""

    username: str
    created: datetime
    expires: datetime
    must_be_covered: tuple[Element, ...] = field(repr=False)
    """Timestamp and UsernameToken."""
    token: Element | None = field(default=None, repr=False)
    certificate_sha256: bytes | None = field(default=None, repr=False)
    form: SignatureForm | None = field(default=None, repr=False)


def read_security(header: Element, algorithms: Algorithms) -> SecurityHeader:
    """Return a wsse:Security header taken apart. Raises `XMLMalformed`, `SignatureWrapped` and `AlgorithmRefused`."""
    found: dict[str, Element] = {}
    for node in children(header, (MUST_UNDERSTAND, ACTOR, ID)):
        name = _ONCE.get(str(node.tag))
        if name is None or name in found:
            raise XMLMalformed("Timestamp, UsernameToken, BinarySecurityToken and Signature, each at most once, in Security", str(node.tag))
        found[name] = node
    if "timestamp" not in found or "username" not in found:
        raise XMLMalformed("Timestamp and UsernameToken in Security")
    created, expires = exactly(found["timestamp"], (named(WSU, "Created"), named(WSU, "Expires")), (ID,))
    (username,) = exactly(found["username"], (named(WSSE, "Username"),), (ID,))
    read = SecurityHeader(token(username), _instant(created), _instant(expires), (found["timestamp"], found["username"]))
    if "signature" not in found:
        return read
    return _with_signature(read, found, algorithms)


def _with_signature(read: SecurityHeader, found: dict[str, Element], algorithms: Algorithms) -> SecurityHeader:
    if only_signature(found["signature"].getroottree().getroot()) is not found["signature"] or "token" not in found:
        raise SignatureWrapped("one signature, in Security, beside its token")
    binary = found["token"]
    if (binary.get("ValueType"), binary.get("EncodingType")) != (X509_TOKEN, BASE64):
        raise AlgorithmRefused(X509_TOKEN, binary.get("ValueType"))
    digest = sha256(octets(binary, MAX_CERTIFICATE_BYTES, ("ValueType", "EncodingType", ID))).digest()
    form = read_signature(found["signature"], algorithms, lambda info: _key_info(info, binary, digest))
    if form.objects:
        raise XMLMalformed("no Object in the signature of a SOAP message")
    return SecurityHeader(read.username, read.created, read.expires, read.must_be_covered, binary, digest, form)


def _key_info(info: Element, binary: Element, digest: bytes) -> tuple[tuple[str, ...], tuple[bytes, ...]]:
    """Read the one reference to the token beside it. The token is a hint as every embedded certificate is."""
    (holder,) = exactly(info, (named(WSSE, "SecurityTokenReference"),), ("Id",))
    (reference,) = exactly(holder, (named(WSSE, "Reference"),), (ID,))
    exactly(reference, (), ("URI", "ValueType"))
    if attribute(reference, "URI") != f"#{attribute(binary, ID)}":
        raise SignatureWrapped("a reference to the token in Security", reference.get("URI"))
    return (), (digest,)


def _instant(node: Element) -> datetime:
    """Read an instant in UTC: with `Z`, whole seconds or milliseconds."""
    value = token(node, (ID,))
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise XMLMalformed("an instant in Timestamp", value) from None
    if at.tzinfo is None:
        raise XMLMalformed("an instant with an offset in Timestamp", value)
    return at.astimezone(UTC)


def verify_security(header: SecurityHeader, body: Element, certificate: x509.Certificate) -> None:
    """Check that the signature is good and covers Timestamp, UsernameToken and Body. Raises `SignatureWrapped`, `AlgorithmRefused` and `SignatureInvalid`."""
    if header.form is None:
        raise SignatureWrapped("a signature to verify")
    required = {f"#{attribute(node, ID)}": node for node in (*header.must_be_covered, body)}
    allowed = required | ({f"#{attribute(header.token, ID)}": header.token} if header.token is not None else {})
    uris = [reference.uri for reference in header.form.references]
    if len(set(uris)) != len(uris) or not set(required) <= set(uris) <= set(allowed):
        raise SignatureWrapped("references to Timestamp, UsernameToken and Body, each once", ", ".join(uris))
    check_once(body.getroottree().getroot(), [uri.removeprefix("#") for uri in allowed])
    verify(header.form, certificate, [MustCover(uri, exclusive(allowed[uri]), (names.EXCLUSIVE,)) for uri in uris])
