"""The one parser of XML that is signed or encrypted (itk3-messaging 3.2, 7).

UTF-8 only; no document type, so no entity but XML's five and nothing from outside; bounds on octets, levels, elements and attributes;
every Id once. Comments and processing instructions never reach the tree: what stands on both sides of one is one text, as it is in the
canonical form, so no value can be split. A name that is read is always that of a namespace.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from lxml import etree

from wardgate.xmlsecurity.errors import XMLMalformed, XMLTooLarge

Element = etree._Element  # noqa: SLF001 - lxml's stubs have no other name for it

MAX_XML_BYTES: Final = 10_000_000
"""libxml2 takes no longer text without being told to trust what it reads."""
MAX_DEPTH: Final = 64
MAX_ELEMENTS: Final = 50_000
MAX_ATTRIBUTES: Final = 32
_ID: Final = frozenset({"id", "assertionid"})
"""Local names, in lower case, that some processor or other takes for an Id: `Id`, `ID`, `id`, `xml:id`, `wsu:Id`, `AssertionID`."""
_PROLOGUE: Final = re.compile(rb"\A(?:\xef\xbb\xbf)?(?><\?xml\s(?>.*?\?>))?(?>\s++|<!--(?>.*?-->)|<\?(?>.*?\?>))*+<(?![!?])", re.DOTALL)
_ENCODING: Final = re.compile(rb"\A(?:\xef\xbb\xbf)?<\?xml\s[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much XML is taken."""

    max_bytes: int = MAX_XML_BYTES
    max_depth: int = MAX_DEPTH
    max_elements: int = MAX_ELEMENTS


def parse(data: bytes, limits: Limits | None = None, *, unique_ids: bool = True) -> Element:
    """Return the root. Raises `XMLTooLarge` and `XMLMalformed`. FHIR and ITK2 repeat ids: there `unique_ids` is false, and what is referred to by one is asked for by `check_once`."""
    allowed = limits or Limits()
    _check_octets(data, allowed)
    try:
        root = etree.fromstring(data, _parser())
    except etree.XMLSyntaxError:
        raise XMLMalformed("well-formed XML with namespaces") from None
    information = root.getroottree().docinfo
    if information.internalDTD is not None or information.externalDTD is not None:
        raise XMLMalformed("XML without a document type")
    _check_tree(root, allowed, unique_ids=unique_ids)
    return root


def _parser() -> etree.XMLParser:
    """Return a new parser: one is not shared by threads."""
    return etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, attribute_defaults=False,
        huge_tree=False, recover=False, remove_comments=True, remove_pis=True, strip_cdata=True, collect_ids=False,
    )


def _check_octets(data: bytes, allowed: Limits) -> None:
    """Bound what is about to be built, before it is; refuse another encoding and anything but comments before the root."""
    if len(data) > allowed.max_bytes:
        raise XMLTooLarge(f"at most {allowed.max_bytes} octets", str(len(data)))
    if data.count(b"<") > 2 * allowed.max_elements or data.count(b"=") > 4 * allowed.max_elements:
        raise XMLTooLarge(f"at most {allowed.max_elements} elements")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise XMLMalformed("XML in UTF-8") from None
    stated = _ENCODING.match(data)
    if stated is not None and stated[1].upper() not in (b"UTF-8", b"US-ASCII"):
        raise XMLMalformed("XML in UTF-8", stated[1].decode("ascii"))
    if not _PROLOGUE.match(data):
        raise XMLMalformed("XML without a document type")


def _check_tree(root: Element, allowed: Limits, *, unique_ids: bool) -> None:
    seen: set[str] = set()
    for count, (element, depth) in enumerate(walk(root), 1):
        if count > allowed.max_elements:
            raise XMLTooLarge(f"at most {allowed.max_elements} elements")
        if depth > allowed.max_depth:
            raise XMLTooLarge(f"at most {allowed.max_depth} levels")
        attributes = element.keys()
        if len(attributes) > MAX_ATTRIBUTES:
            raise XMLTooLarge(f"at most {MAX_ATTRIBUTES} attributes at an element")
        if unique_ids and attributes:
            _check_ids(element, seen)


def check_once(root: Element, ids: Collection[str]) -> None:
    """Check that each of some Ids is one element's only, in a document whose other ids repeat. Raises `XMLMalformed`."""
    found = [one for node, _ in walk(root) for one in _ids(node) if one in ids]
    if len(found) != len(set(ids)):
        raise XMLMalformed("every Id that is referred to once")


def _ids(element: Element) -> list[str]:
    return [str(value) for name, value in element.attrib.items() if etree.QName(name).localname.lower() in _ID]


def _check_ids(element: Element, seen: set[str]) -> None:
    ids = _ids(element)
    if len(ids) > 1 or not seen.isdisjoint(ids):
        raise XMLMalformed("every element with at most one Id, and every Id once")
    seen.update(ids)


def walk(root: Element) -> Iterator[tuple[Element, int]]:
    """Yield each element and its level, the root's being 1, in document order."""
    depth = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            depth += 1
            yield element, depth
        else:
            depth -= 1
