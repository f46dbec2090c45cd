"""Which XHTML a narrative may hold (hl7.org/fhir/R4/narrative.html): text, tables, lists and pictures, and nothing that acts.

What is not on the lists is refused, not taken away: a narrative that was changed could mean something else.
"""

import re
from typing import Final
from xml.etree.ElementTree import Element, tostring

from wardgate.fhir.errors import FHIRError, NotValid
from wardgate.fhir.xml_reader import parse

NAMESPACE: Final = "http://www.w3.org/1999/xhtml"
_ELEMENTS: Final = (
    "a abbr acronym address b bdo big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd li ol p pre q "
    "samp small span strong sub sup table tbody td tfoot th thead tr tt u ul var"
)
ELEMENTS: Final = frozenset(_ELEMENTS.split())
_ATTRIBUTES: Final = (
    "abbr align alt axis border cellpadding cellspacing char charoff cite class colspan dir frame headers height href id lang name rowspan rules "
    "scope span src style summary title valign width xml:lang xml:space"
)
ATTRIBUTES: Final = frozenset(_ATTRIBUTES.split())
_LINK: Final = re.compile(r"(https?://|mailto:|tel:|#)[^\s\x00-\x20]*")
_PICTURE: Final = re.compile(r"#[A-Za-z0-9.-]+|data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/=]+")
_STYLE: Final = re.compile(r"(?!.*(url|expression|import|@))[A-Za-z0-9 :;#%.,()!'\"-]*", re.IGNORECASE | re.DOTALL)
_FORMS: Final = {"href": _LINK, "cite": _LINK, "src": _PICTURE, "style": _STYLE}


def canonical(text: str, where: str) -> str:
    """Return the `div` of a narrative as we write it. Raises `NotValid`."""
    try:
        root = parse(text)
    except FHIRError:
        raise NotValid(where, "the narrative is not well-formed XHTML, or too large") from None
    return text_of(root, where)


def text_of(root: Element, where: str) -> str:
    """Return a `div` as text, in the one form in which JSON holds it. Raises `NotValid` for what may not be in it."""
    if root.tag != f"{{{NAMESPACE}}}div":
        raise NotValid(where, "a narrative is a div of XHTML")
    return tostring(_plain(root, where, root=True), encoding="unicode")


def element_of(text: str, where: str) -> Element:
    """Return the `div` of a canonical text, to be written in XML. Raises `NotValid`."""
    root = parse(text)
    return _plain(root, where, root=True)


def _plain(found: Element, where: str, *, root: bool = False) -> Element:
    """Return a copy without prefixes, whose root states the namespace, once everything in it is allowed."""
    namespace, _, name = found.tag.removeprefix("{").rpartition("}")
    if namespace != NAMESPACE or name not in ELEMENTS:
        raise NotValid(where, "the narrative has an element that FHIR does not allow")
    copy = Element(name, {"xmlns": NAMESPACE} if root else {})
    for key, value in found.attrib.items():
        form = _FORMS.get(key)
        if key not in ATTRIBUTES or (form is not None and not form.fullmatch(value)):
            raise NotValid(where, "the narrative has an attribute that FHIR does not allow")
        copy.set(key, value)
    copy.text = _lines(found.text)
    for child in found:
        one = _plain(child, where)
        one.tail = _lines(child.tail)
        copy.append(one)
    return copy


def _lines(text: str | None) -> str | None:
    """XML 1.0 section 2.11: a reader makes a line feed of each carriage return, so we write none."""
    return text and text.replace("\r\n", "\n").replace("\r", "\n")
