"""XML without a document type, entities of its own, or endless depth: what FHIR allows (hl7.org/fhir/R4/xml.html).

Without a document type there are no entities but XML's five, so neither expansion nor anything external is possible.
Comments and processing instructions are passed over.
"""

from contextlib import suppress
from typing import Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers.expat import ExpatError, ParserCreate

from wardgate.fhir.errors import NotWellFormed, TooLarge

MAX_DEPTH: Final = 60
MAX_ELEMENTS: Final = 50_000
MAX_ATTRIBUTES: Final = 30
MAX_SOUGHT_BYTES: Final = 1_000_000
_SEPARATOR: Final = " "
_XML_NAMESPACE: Final = "http://www.w3.org/XML/1998/namespace"


def parse(data: bytes | str, max_elements: int = MAX_ELEMENTS) -> Element:
    """Return the root, names as `{namespace}name`. Raises `NotWellFormed` and `TooLarge`."""
    reading = _Reading(max_elements)
    parser = ParserCreate("utf-8", _SEPARATOR)
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.builder.data
    parser.StartDoctypeDeclHandler = reading.no_document_type
    parser.buffer_text = True
    parser.SetParamEntityParsing(0)
    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
        parser.Parse(text.encode("utf-8"), True)
        return reading.builder.close()
    except (ExpatError, ValueError):
        raise NotWellFormed("the text is not well-formed XML in UTF-8") from None


def first(data: bytes, name: str) -> Element | None:
    """Return the first element of this qualified name, even of a text that is cut off or too long; None where there is none whole.

    For naming what cannot be read: nothing of it is checked.
    """
    seeking = _Seeking(name)
    parser = ParserCreate("utf-8", _SEPARATOR)
    parser.StartElementHandler, parser.EndElementHandler = seeking.start, seeking.end
    parser.CharacterDataHandler = seeking.data
    parser.StartDoctypeDeclHandler = seeking.reading.no_document_type
    with suppress(ExpatError, ValueError, NotWellFormed, TooLarge, StopIteration):
        parser.Parse(data[:MAX_SOUGHT_BYTES], False)
    return seeking.found


class _Seeking:
    """Builds one element, and stops."""

    def __init__(self, name: str) -> None:
        self.reading = _Reading(MAX_ELEMENTS)
        self.found: Element | None = None
        self._name = name
        self._depth = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._depth or _qualified(name) == self._name:
            self._depth += 1
            self.reading.start(name, attributes)

    def data(self, text: str) -> None:
        if self._depth:
            self.reading.builder.data(text)

    def end(self, name: str) -> None:
        if self._depth:
            self._depth -= 1
            self.reading.end(name)
            if not self._depth:
                self.found = self.reading.builder.close()
                raise StopIteration


class _Reading:
    """Builds the tree, and counts."""

    def __init__(self, max_elements: int) -> None:
        self._max_elements = max_elements
        self.builder = TreeBuilder()
        self._depth = 0
        self._elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH:
            raise TooLarge(f"the XML has more than {MAX_DEPTH} levels")
        if self._elements > self._max_elements or len(attributes) > MAX_ATTRIBUTES:
            raise TooLarge(f"the XML has more than {self._max_elements} elements, or {MAX_ATTRIBUTES} attributes at one")
        self.builder.start(_qualified(name), {_qualified(key): value for key, value in attributes.items()})

    def end(self, name: str) -> None:
        self._depth -= 1
        self.builder.end(_qualified(name))

    def no_document_type(self, *_declaration: object) -> None:
        raise NotWellFormed("the XML has a document type, which FHIR forbids")


def _qualified(name: str) -> str:
    namespace, separator, local = name.rpartition(_SEPARATOR)
    if namespace == _XML_NAMESPACE:
        return f"xml:{local}"
    return f"{{{namespace}}}{local}" if separator else name
