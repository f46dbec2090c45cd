"""An OperationOutcome in FHIR XML, read into the form it has in JSON (spine 8.1; hl7.org/fhir/STU3/xml.html).

Spine answers in XML by default in places, and low-level refusals of it are XML whatever was asked for. The reader takes no
document type, so no entity is ever expanded, and stops at limits of size, depth and number of elements.
"""

from typing import Any, Final
from xml.parsers import expat

MAX_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 20
MAX_ELEMENTS: Final = 2_000
_FHIR: Final = "http://hl7.org/fhir "
"""The namespace as the parser writes it before a name."""
_ROOT: Final = _FHIR + "OperationOutcome"
_LISTS: Final = frozenset({"issue", "coding", "profile", "location", "expression"})
"""Elements that are a list in JSON however many there are."""
_BLANK: Final = b"\xef\xbb\xbf \t\r\n"


def looks_like_xml(body: bytes) -> bool:
    """Return whether a body begins as XML does."""
    return body[:64].lstrip(_BLANK)[:1] == b"<"


def read_outcome(body: bytes) -> dict[str, Any] | None:
    """Return the outcome as its JSON form; None for every other document, and for one beyond the limits."""
    if len(body) > MAX_BYTES:
        return None
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = reader.refuse_document_type
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, _NoOutcome, ValueError):
        return None
    return reader.outcome


class _NoOutcome(Exception):
    """The document is another one, or goes beyond a limit."""


class _Reader:
    """Builds the JSON form from the parser's events. Elements of another namespace, such as a narrative, are left out."""

    def __init__(self) -> None:
        self.outcome: dict[str, Any] | None = None
        self._open: list[tuple[str, str | None, dict[str, list[Any]]]] = []
        self._elements = 0

    def refuse_document_type(self, *_declared: object) -> None:
        """No outcome has one, and entities begin there."""
        raise _NoOutcome

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self._elements += 1
        if self._elements > MAX_ELEMENTS or len(self._open) >= MAX_DEPTH or (not self._open and name != _ROOT):
            raise _NoOutcome
        self._open.append((name, attributes.get("value"), {}))

    def end(self, _name: str) -> None:
        """An element is whole: it goes into the one around it."""
        name, value, members = self._open.pop()
        found: Any = {inner: _as_json(inner, values) for inner, values in members.items()} if members else value
        if not self._open:
            self.outcome = {"resourceType": "OperationOutcome"} | (found if isinstance(found, dict) else {})
        elif name.startswith(_FHIR) and found is not None:
            self._open[-1][2].setdefault(name.removeprefix(_FHIR), []).append(found)


def _as_json(name: str, values: list[Any]) -> Any:
    return values if name in _LISTS or len(values) > 1 else values[0]
