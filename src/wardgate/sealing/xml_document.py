"""The document that an XML seal is: what it is bound to, what it carries, one signature (itk3-messaging 6).

    <SealedMessage xmlns="urn:wardgate:itk3-seal-1">
      <Context>From, FromODS, To …, Workflow, MessageId, DocumentId?, Event</Context>
      <OnBehalfOf>?</OnBehalfOf>
      <Content mediaType="application/fhir+xml">base64</Content>
      <ds:Signature Id="signature">…</ds:Signature>
    </SealedMessage>

The content is carried in base64, octet by octet: canonical XML never sees it, so it never changes it, and what is inside cannot be taken for a part of
the seal. The signature covers the whole document but itself, and its own properties: there is no element beside them to move anything to.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lxml import etree

from wardgate.jose.canonical import canonical, decode_exact
from wardgate.sealing.context import context_of
from wardgate.sealing.model import PROFILE, Context
from wardgate.sealing.translation import jose_refusals
from wardgate.xmlsecurity.errors import SignatureMissing, SignatureWrapped, XMLMalformed
from wardgate.xmlsecurity.names import named
from wardgate.xmlsecurity.parser import Element
from wardgate.xmlsecurity.reading import attribute, children, octets, text, token
from wardgate.xmlsecurity.signature_form import SIGNATURE

NAMESPACE: Final = f"urn:wardgate:{PROFILE}"
ROOT: Final = named(NAMESPACE, "SealedMessage")
MAX_CONTENT_BYTES: Final = 5 * 1024 * 1024
"""ITK's own limit (itk3-messaging 1.8, 20015). In base64 twice, as an encrypted seal has it, it is as long a text as is taken."""
MAX_JSON_BYTES: Final = 16_384
_MEMBERS: Final = {"From": "from", "FromODS": "from_ods", "To": "to", "Workflow": "workflow", "MessageId": "message_id", "DocumentId": "document_id", "Event": "event"}
"""Elements of Context, in their order, and the members that they are (`sealing.context`)."""


@dataclass(frozen=True, slots=True)
class Document:
    """A seal taken apart. Its signature is not verified."""

    context: Context
    on_behalf_of: Mapping[str, Any] | None = field(repr=False)
    content: bytes = field(repr=False)
    media_type: str
    signature: Element = field(repr=False)


def _s(local: str) -> str:
    return named(NAMESPACE, local)


def write_document(content: bytes, media_type: str, context: Context, on_behalf_of: Mapping[str, Any] | None) -> Element:
    """Return the document, to be signed."""
    root = etree.Element(ROOT, nsmap={"seal": NAMESPACE})
    node = etree.SubElement(root, _s("Context"))
    members = context.members()
    for name, member in _MEMBERS.items():
        values = members.get(member, [])
        for value in values if isinstance(values, list) else [values]:
            etree.SubElement(node, _s(name)).text = value
    if on_behalf_of is not None:
        with jose_refusals():
            etree.SubElement(root, _s("OnBehalfOf")).text = canonical(dict(on_behalf_of)).decode("utf-8")
    etree.SubElement(root, _s("Content"), mediaType=media_type).text = b64encode(content).decode("ascii")
    return root


def read_document(root: Element, max_content_bytes: int) -> Document:
    """Return a seal taken apart. Raises `XMLMalformed`, `SignatureMissing`, and `SignatureWrapped` for a signature in another place."""
    if root.tag != ROOT:
        raise XMLMalformed(ROOT, str(root.tag))
    found = children(root)
    signature = _signature(root, found)
    context, *between, content = found[:-1] if len(found) > 2 else (None, None)
    if context is None or content is None or context.tag != _s("Context") or content.tag != _s("Content"):
        raise XMLMalformed("Context, at most OnBehalfOf, and Content in SealedMessage")
    if [node.tag for node in between] not in ([], [_s("OnBehalfOf")]):
        raise XMLMalformed("at most OnBehalfOf between Context and Content")
    carried = octets(content, min(max_content_bytes, MAX_CONTENT_BYTES), ("mediaType",))
    return Document(_context(context), _object(text(between[0])) if between else None, carried, attribute(content, "mediaType"), signature)


def _signature(root: Element, found: list[Element]) -> Element:
    """Return the one signature, which is the last child of the root."""
    signatures = list(root.iter(SIGNATURE))
    if not signatures:
        raise SignatureMissing("a signature")
    if len(signatures) > 1 or found[-1] is not signatures[0]:
        raise SignatureWrapped("one signature, last in SealedMessage", str(len(signatures)))
    return signatures[0]


def _context(node: Element) -> Context:
    """Read the members of the context: each once and in its place, `To` once for each recipient."""
    values: dict[str, list[str]] = {}
    order: list[str] = []
    for child in children(node):
        order.append(str(child.tag).removeprefix(f"{{{NAMESPACE}}}"))
        values.setdefault(order[-1], []).append(token(child))
    expected = [name for name in _MEMBERS for _ in values.get(name, ())]
    repeated = [name for name, found in values.items() if len(found) > 1 and name != "To"]
    if order != expected or repeated:
        raise XMLMalformed("the members of a context, each in its place")
    members: dict[str, Any] = {_MEMBERS[name]: found if name == "To" else found[0] for name, found in values.items()}
    return context_of({"v": 1, **members})


def _object(written: str) -> Mapping[str, Any]:
    with jose_refusals():
        found = decode_exact(written.encode("utf-8"), MAX_JSON_BYTES)
    if type(found) is not dict:
        raise XMLMalformed("a JSON object in OnBehalfOf")
    return found
