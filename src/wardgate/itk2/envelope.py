"""Reading a DistributionEnvelope: the order of its header, each count, each id once and in both places (itk3-messaging 2.2)."""

import re
from collections.abc import Sequence
from typing import Final

from lxml import etree

from wardgate.itk2.errors import ITK2Refused
from wardgate.itk2.model import DistributionEnvelope, Payload
from wardgate.xmlsecurity.encryption import ENCRYPTED_DATA
from wardgate.xmlsecurity.errors import XMLSecurityError
from wardgate.xmlsecurity.names import named
from wardgate.xmlsecurity.parser import Element, Limits, parse
from wardgate.xmlsecurity.reading import children, exactly, local

NAMESPACE: Final = "urn:nhs-itk:ns:201005"
ORGANISATION: Final = re.compile(r"urn:nhs-uk:addressing:ods:([A-Z0-9]{3,12})(?::[A-Za-z0-9:._-]{1,200})?", re.ASCII)
MAX_PAYLOADS: Final = 100
MAX_URI_CHARS: Final = 300
_HEADER: Final = ("addresslist", "auditIdentity", "manifest", "senderAddress", "handlingSpecification")
"""In this order; only the manifest must be there."""
_GUID: Final = r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
_TRACKING: Final = re.compile(_GUID, re.ASCII)
_PAYLOAD: Final = re.compile(f"uuid_{_GUID}", re.ASCII)
_COUNT: Final = re.compile(r"0|[1-9][0-9]{0,3}", re.ASCII)
_ITEM: Final = ("id", "mimetype", "profileid", "base64", "compressed", "encrypted")


def read_envelope(data: bytes, limits: Limits | None = None) -> DistributionEnvelope:
    """Return what an envelope says. Raises `ITK2Refused`."""
    try:
        root = parse(data, limits, unique_ids=False)
        return envelope_of(root)
    except XMLSecurityError as refused:
        raise ITK2Refused("DistributionEnvelope", refused.expected) from None


def envelope_of(root: Element) -> DistributionEnvelope:
    """Return what an envelope says that is already a tree. Raises `ITK2Refused` and `XMLSecurityError`."""
    if root.tag != _n("DistributionEnvelope"):
        raise ITK2Refused("DistributionEnvelope", f"its namespace is {NAMESPACE}")
    header, payloads = exactly(root, (_n("header"), _n("payloads")))
    found = _header(header)
    tracking_id = _attribute(header, "trackingid")
    if not _TRACKING.fullmatch(tracking_id):
        raise ITK2Refused("header", "trackingid is a UUID")
    senders = [found["senderAddress"]] if "senderAddress" in found else []
    return DistributionEnvelope(
        _uri(_attribute(header, "service"), "header"), tracking_id, _uris(found.get("addresslist"), "address"), _uris(found.get("auditIdentity"), "id"),
        next((_uri(_attribute(node, "uri"), "senderAddress") for node in senders), None), _handling(found.get("handlingSpecification")),
        _payloads(found["manifest"], payloads),
    )


def organisation_of(address: str | None) -> str:
    """Return the ODS code in an address. Raises `ITK2Refused`."""
    found = ORGANISATION.fullmatch(address or "")
    if found is None:
        raise ITK2Refused("senderAddress", "an address of an ODS organisation")
    return found[1]


def _n(name: str) -> str:
    return named(NAMESPACE, name)


def _header(header: Element) -> dict[str, Element]:
    nodes = children(header, ("service", "trackingid"))
    names = [str(node.tag).removeprefix(f"{{{NAMESPACE}}}") for node in nodes]
    if names != [name for name in _HEADER if name in names] or "manifest" not in names:
        raise ITK2Refused("header", "has " + ", ".join(_HEADER) + " in this order, each at most once, and a manifest")
    return dict(zip(names, nodes, strict=True))


def _attribute(node: Element, name: str) -> str:
    value = node.get(name)
    if not value:
        raise ITK2Refused(local(node), f"has the attribute {name}")
    return str(value)


def _uri(value: str, where: str) -> str:
    if len(value) > MAX_URI_CHARS or not value.isprintable() or " " in value:
        raise ITK2Refused(where, f"a URI of at most {MAX_URI_CHARS} characters")
    return value


def _uris(node: Element | None, name: str) -> tuple[str, ...]:
    """Return the `uri` of each of one or more children."""
    if node is None:
        return ()
    found = children(node)
    if not found or len(found) > MAX_PAYLOADS or any(child.tag != _n(name) for child in found):
        raise ITK2Refused(local(node), f"holds 1 to {MAX_PAYLOADS} of {name}")
    for child in found:
        exactly(child, (), ("uri", "type"))
    return tuple(_uri(_attribute(child, "uri"), name) for child in found)


def _handling(node: Element | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for child in children(node) if node is not None else ():
        key = _attribute(child, "key")
        exactly(child, (), ("key", "value"))
        if child.tag != _n("spec") or key in found or child.get("value") is None:
            raise ITK2Refused("handlingSpecification", "holds specs, each key once and with a value")
        found[key] = str(child.get("value"))
    return found


def _payloads(manifest: Element, payloads: Element) -> tuple[Payload, ...]:
    """Match the items of the manifest with the payloads, one by one: both are counted, and every id is there twice."""
    items = _counted(manifest, "manifestitem")
    bodies = _counted(payloads, "payload")
    by_id: dict[str, Element] = {}
    for node in bodies:
        by_id.setdefault(_attribute(node, "id"), node)
    ids = [_attribute(item, "id") for item in items]
    if len(set(ids)) != len(ids) or len(by_id) != len(bodies) or set(ids) != set(by_id):
        raise ITK2Refused("payloads", "has one payload for each item of the manifest, by id, and every id once")
    return tuple(_payload(item, by_id[_attribute(item, "id")]) for item in items)


def _counted(node: Element, name: str) -> Sequence[Element]:
    found = children(node, ("count",))
    stated = _attribute(node, "count")
    if not _COUNT.fullmatch(stated) or int(stated) != len(found) or len(found) > MAX_PAYLOADS or any(child.tag != _n(name) for child in found):
        raise ITK2Refused(local(node), f"count is the number of {name}, at most {MAX_PAYLOADS}")
    return found


def _payload(item: Element, payload: Element) -> Payload:
    exactly(item, (), _ITEM)
    if set(payload.attrib) != {"id"}:
        raise ITK2Refused("payload", "has an id and no other attribute")
    payload_id = _attribute(item, "id")
    if not _PAYLOAD.fullmatch(payload_id):
        raise ITK2Refused("manifestitem", "id is uuid_ and a GUID")
    base64, compressed, encrypted = (_flag(item, name) for name in ("base64", "compressed", "encrypted"))
    return Payload(payload_id, _attribute(item, "mimetype"), item.get("profileid"), base64, compressed, encrypted, _body(payload, encrypted=encrypted))


def _flag(item: Element, name: str) -> bool:
    value = item.get(name, "false")
    if value not in ("true", "false"):
        raise ITK2Refused("manifestitem", f"{name} is true or false")
    return value == "true"


def _body(payload: Element, *, encrypted: bool) -> bytes:
    """Return the one element of a payload as a document of its own, or its text."""
    if not len(payload) and not encrypted:
        return str(payload.text or "").encode("utf-8")
    found = children(payload, ("id",))
    if len(found) != 1 or (encrypted and found[0].tag != ENCRYPTED_DATA):
        raise ITK2Refused("payload", "holds one EncryptedData" if encrypted else "holds a text or one element")
    return etree.tostring(found[0], encoding="UTF-8", with_tail=False)
