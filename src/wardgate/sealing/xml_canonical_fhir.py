"""The canonical form of FHIR in XML (hl7.org/fhir/xml.html, Canonical XML; itk3-messaging 3.2): which part is covered, and its octets.

Canonical XML 1.1 without comments, FHIR and XHTML each as default namespace, no white space but single spaces in attributes and narrative. That is FHIR's
rule: in markdown, white space can be changed without breaking such a signature. A signature over JSON does not have this weakness.
"""

import re
from typing import Any, Final

from lxml import etree

from wardgate.sealing.canonical_forms import COVERED, LEFT_OUT, Form
from wardgate.xmlsecurity.errors import XMLMalformed
from wardgate.xmlsecurity.names import named
from wardgate.xmlsecurity.parser import Element
from wardgate.xmlsecurity.reading import local

FHIR: Final = "http://hl7.org/fhir"
XHTML: Final = "http://www.w3.org/1999/xhtml"
BASE: Final = "http://hl7.org/fhir/canonicalization/xml"
_SPACES: Final = re.compile(r"[ \t\r\n]+")
_DEFAULT: Final[dict[str, dict[Any, str]]] = {namespace: {None: namespace} for namespace in (FHIR, XHTML)}
_ATTRIBUTES: Final = frozenset({"id", "url", "value"})


def form_url(form: Form) -> str:
    """How the form is named."""
    return f"{BASE}#{form.value}" if form.value else BASE


def covered_octets(root: Element, form: Form) -> tuple[bytes, str]:
    """Return the octets of what a form covers of a resource, and that in words; never `Bundle.signature`. Raises `XMLMalformed`."""
    if etree.QName(root).namespace != FHIR:
        raise XMLMalformed("a FHIR resource", str(root.tag))
    if form is Form.DOCUMENT and local(root) != "Bundle":
        raise XMLMalformed("a Bundle, of which the document is covered", local(root))
    left_out = {named(FHIR, name) for name in (*LEFT_OUT.get(form, ()), *(["signature"] if local(root) == "Bundle" else []))}
    only = {named(FHIR, "id"), named(FHIR, "text")} if form is Form.NARRATIVE else None
    copy = _fhir(root, None)
    for child in root:
        if child.tag not in left_out and (only is None or child.tag in only):
            _add(copy, child)
    return etree.tostring(copy, method="c14n", exclusive=False, with_comments=False), COVERED[form]


def _fhir(node: Element, parent: Element | None) -> Element:
    """Copy an element of FHIR without its children; white space around them says nothing, other text may not be there."""
    if any(text and text.strip() for text in (node.text, *(child.tail for child in node))) or not set(node.attrib) <= _ATTRIBUTES:
        raise XMLMalformed(f"elements, and the attributes of FHIR, in {local(node)}")
    copy = etree.Element(str(node.tag), nsmap=_DEFAULT[FHIR]) if parent is None else etree.SubElement(parent, str(node.tag))
    _copy_attributes(node, copy)
    return copy


def _add(parent: Element, node: Element) -> None:
    namespace = etree.QName(node).namespace
    if namespace == XHTML and local(node) == "div":
        _add_xhtml(parent, node)
        return
    if namespace != FHIR:
        raise XMLMalformed("FHIR's namespace, and XHTML in narratives", str(node.tag))
    copy = _fhir(node, parent)
    for child in node:
        _add(copy, child)


def _add_xhtml(parent: Element, node: Element) -> None:
    if etree.QName(node).namespace != XHTML:
        raise XMLMalformed("XHTML in a narrative", str(node.tag))
    copy = etree.SubElement(parent, str(node.tag), nsmap=_DEFAULT[XHTML])
    _copy_attributes(node, copy)
    copy.text = _single_spaces(node.text)
    for child in node:
        _add_xhtml(copy, child)
        copy[-1].tail = _single_spaces(child.tail)


def _copy_attributes(node: Element, copy: Element) -> None:
    for name, value in node.attrib.items():
        copy.set(str(name), _SPACES.sub(" ", str(value)))


def _single_spaces(text: str | None) -> str | None:
    return _SPACES.sub(" ", text) if text else None
