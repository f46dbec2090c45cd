"""A resource from XML and as XML (hl7.org/fhir/R4/xml.html)."""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, Final
from xml.etree.ElementTree import Element as Node
from xml.etree.ElementTree import SubElement, tostring

from wardgate.fhir import narrative, shape
from wardgate.fhir.elements import RESOURCE, Definitions, Element
from wardgate.fhir.errors import NotValid
from wardgate.fhir.primitives import from_text, to_text
from wardgate.fhir.xml_reader import parse

NAMESPACE: Final = "http://hl7.org/fhir"
_TAG: Final = f"{{{NAMESPACE}}}"
_SCHEMA_LOCATION: Final = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"


def from_xml(data: bytes, known: Definitions, max_values: int = shape.MAX_VALUES) -> dict[str, Any]:
    """Return the resource in `data` as JSON has it, checked. Raises `FHIRError`."""
    root = parse(data, max_elements=max_values)
    root.attrib.pop(_SCHEMA_LOCATION, None)
    return shape.resource(_Reader(known).resource(root), known, max_values)


def to_xml(resource: Mapping[str, Any], known: Definitions) -> bytes:
    """Return a resource that `shape` has seen as XML in UTF-8, without XML declaration."""
    root = Node(resource["resourceType"], {"xmlns": NAMESPACE})
    _write(root, resource, resource["resourceType"], known)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=False))


class _Reader:
    """From elements to members; whether values are right is for `shape` to say."""

    def __init__(self, known: Definitions) -> None:
        self._known = known

    def resource(self, node: Node, where: str = "") -> dict[str, Any]:
        kind = self._name(node, where or "resource")
        if kind not in self._known.resources:
            raise NotValid(where or "resource", "a type of resource that is not spoken here")
        place = f"{where}.{kind}" if where else kind
        if node.attrib:
            raise NotValid(place, "an attribute")
        return {"resourceType": kind} | self._members(node, self._known.types[kind], place)

    def _members(self, node: Node, elements: Mapping[str, Element], where: str) -> dict[str, Any]:
        _no_text(node, where)
        found: dict[str, Any] = {}
        for child in node:
            name = "div" if child.tag == f"{{{narrative.NAMESPACE}}}div" else self._name(child, where)
            element = elements.get(name)
            if element is None or (name == "id" and "meta" not in elements):
                raise NotValid(where, "an element that it has not")
            place = f"[{len(found.get(name) or found.get(f'_{name}') or ())}]" if element.many else ""
            self._take(found, child, element, f"{where}.{name}{place}")
        for element in elements.values():
            _close(found, element)
        return found

    def _take(self, found: dict[str, Any], node: Node, element: Element, where: str) -> None:
        if not element.is_primitive:
            _put(found, element, self._complex(node, element.kind, where), where)
            return
        value, hidden = self._primitive(node, element, where)
        if value is None and hidden is None:
            raise NotValid(where, "an empty element")
        _put(found, element, value, where)
        if element.many:
            found.setdefault(f"_{element.name}", []).append(hidden)
        elif hidden is not None:
            found[f"_{element.name}"] = hidden

    def _complex(self, node: Node, kind: str, where: str) -> dict[str, Any]:
        if kind == RESOURCE:
            _no_text(node, where)
            if len(node) != 1 or node.attrib:
                raise NotValid(where, "not one resource")
            return self.resource(node[0], where)
        elements = self._known.types[kind]
        allowed = {"id", "url"} if kind == "Extension" else {"id"}
        if not allowed.issuperset(node.attrib):
            raise NotValid(where, "an attribute that it has not")
        if kind == "Extension" and any(child.tag == f"{_TAG}url" for child in node):
            raise NotValid(where, "the url of an extension is an attribute")
        return dict(node.attrib) | self._members(node, elements, where)

    def _primitive(self, node: Node, element: Element, where: str) -> tuple[Any, dict[str, Any] | None]:
        if element.kind == "xhtml":
            return narrative.text_of(node, where), None
        _no_text(node, where)
        if not {"id", "value"}.issuperset(node.attrib):
            raise NotValid(where, "an attribute that it has not")
        try:
            value = from_text(element.kind, node.attrib["value"]) if "value" in node.attrib else None
        except ValueError:
            raise NotValid(where, f"not a value of the type {element.kind}") from None
        hidden: dict[str, Any] = {"id": node.attrib["id"]} if "id" in node.attrib else {}
        extensions = [self._complex(child, "Extension", where) for child in node if self._name(child, where) == "extension"]
        if len(extensions) != len(node):
            raise NotValid(where, "an element that it has not")
        hidden |= {"extension": extensions} if extensions else {}
        return value, hidden or None

    def _name(self, node: Node, where: str) -> str:
        if not node.tag.startswith(_TAG):
            raise NotValid(where, "an element that is not FHIR's")
        return node.tag.removeprefix(_TAG)


def _put(found: dict[str, Any], element: Element, value: Any, where: str) -> None:
    if element.many:
        found.setdefault(element.name, []).append(value)
    elif element.name in found:
        raise NotValid(where, "there can be one only")
    elif value is not None:
        found[element.name] = value


def _close(found: dict[str, Any], element: Element) -> None:
    """Leave out what JSON leaves out: lists of primitives that are gaps only, and a hidden part that none has."""
    if not element.is_primitive:
        return
    for name in (element.name, f"_{element.name}"):
        if element.many and name in found and not any(one is not None for one in found[name]):
            del found[name]


def _no_text(node: Node, where: str) -> None:
    if (node.text or "").strip() or any((child.tail or "").strip() for child in node):
        raise NotValid(where, "text between elements")


def _write(parent: Node, value: Mapping[str, Any], kind: str, known: Definitions) -> None:
    elements = known.types[kind]
    is_resource = "resourceType" in value
    for element in elements.values():
        if not is_resource and (element.name == "id" or (kind == "Extension" and element.name == "url")):
            if element.name in value:
                parent.set(element.name, value[element.name])
            continue
        for one, hidden in _pairs(value, element):
            _write_one(parent, element, one, hidden, known)


def _pairs(value: Mapping[str, Any], element: Element) -> Iterator[tuple[Any, Any]]:
    shown, hidden = value.get(element.name), value.get(f"_{element.name}") if element.is_primitive else None
    if element.many:
        yield from zip_longest(shown or [], hidden or [])
    elif shown is not None or hidden is not None:
        yield shown, hidden


def _write_one(parent: Node, element: Element, value: Any, hidden: Mapping[str, Any] | None, known: Definitions) -> None:
    if element.kind == "xhtml":
        parent.append(narrative.element_of(value, element.name))
        return
    node = SubElement(parent, element.name)
    if element.is_primitive:
        if hidden is not None and "id" in hidden:
            node.set("id", hidden["id"])
        if value is not None:
            node.set("value", to_text(value))
        for extension in (hidden or {}).get("extension", ()):
            _write(SubElement(node, "extension"), extension, "Extension", known)
    elif element.kind == RESOURCE:
        _write(SubElement(node, value["resourceType"]), value, value["resourceType"], known)
    else:
        _write(node, value, element.kind, known)
