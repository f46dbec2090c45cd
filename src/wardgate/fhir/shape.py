"""Whether a tree of JSON is a resource of its release: known elements, lists where there may be many, values of their types.

Returns it in the order of the specification, narratives in their one form. Raises `NotValid` and `TooLarge`.
"""

from typing import Any, Final

from wardgate.fhir import narrative
from wardgate.fhir.elements import RESOURCE, Definitions, Element
from wardgate.fhir.errors import NotValid, TooLarge
from wardgate.fhir.primitives import is_value

MAX_DEPTH: Final = 50
MAX_VALUES: Final = 50_000
_HIDDEN: Final = "Element"
"""What a primitive may have besides its value: an id and extensions, in a member that begins with `_`."""
_OF_PRIMITIVES: Final = {"id": Element("id", "string"), "extension": Element("extension", "Extension", many=True)}


def resource(value: Any, known: Definitions, max_values: int = MAX_VALUES) -> dict[str, Any]:
    """Return a whole resource, checked and in order."""
    return _Walk(known, max_values).resource(value, "", 0)


class _Walk:
    """One resource, and how many values it has had so far."""

    def __init__(self, known: Definitions, max_values: int) -> None:
        self._known = known
        self._max_values = max_values
        self._values = 0

    def resource(self, value: Any, where: str, depth: int) -> dict[str, Any]:
        if type(value) is not dict or type(value.get("resourceType")) is not str:
            raise NotValid(where or "resource", "not a resource with its resourceType")
        kind = value["resourceType"]
        if kind not in self._known.resources:
            raise NotValid(where or "resource", "a type of resource that is not spoken here")
        rest = {name: member for name, member in value.items() if name != "resourceType"}
        return {"resourceType": kind} | self._members(rest, self._known.types[kind], f"{where}.{kind}" if where else kind, depth, empty=True)

    def complex(self, value: Any, kind: str, where: str, depth: int) -> dict[str, Any]:
        if kind == RESOURCE:
            return self.resource(value, where, depth)
        return self._members(value, _OF_PRIMITIVES if kind == _HIDDEN else self._known.types[kind], where, depth)

    def _members(self, value: Any, elements: Any, where: str, depth: int, *, empty: bool = False) -> dict[str, Any]:
        if type(value) is not dict or not (value or empty):
            raise NotValid(where, "not an object, or an empty one")
        if depth > MAX_DEPTH:
            raise TooLarge(f"the resource has more than {MAX_DEPTH} levels")
        found: dict[str, Any] = {}
        for name, element in elements.items():
            place = f"{where}.{name}"
            hidden = value.get(f"_{name}") if element.is_primitive else None
            if name in value:
                found[name] = self._element(value[name], element, place, depth, hidden)
            if hidden is not None:
                found[f"_{name}"] = self._hidden(hidden, element, place, depth, value.get(name))
        if len(found) != len(value):
            raise NotValid(where, "an element that it has not")
        return found

    def _element(self, value: Any, element: Element, where: str, depth: int, hidden: Any) -> Any:
        if not element.many:
            return self._one(value, element, where, depth)
        if type(value) is not list or not value:
            raise NotValid(where, "not a list, or an empty one")
        gaps = type(hidden) is list and len(hidden) == len(value)
        return [
            None if one is None and gaps and hidden[place] is not None else self._one(one, element, f"{where}[{place}]", depth) for place, one in enumerate(value)
        ]

    def _one(self, value: Any, element: Element, where: str, depth: int) -> Any:
        self._values += 1
        if self._values > self._max_values:
            raise TooLarge(f"the resource has more than {self._max_values} values")
        if not element.is_primitive:
            return self.complex(value, element.kind, where, depth + 1)
        if element.kind == "xhtml" and type(value) is str:
            return narrative.canonical(value, where)
        if not is_value(element.kind, value):
            raise NotValid(where, f"not a value of the type {element.kind}")
        return value

    def _hidden(self, value: Any, element: Element, where: str, depth: int, shown: Any) -> Any:
        if not element.many:
            return self.complex(value, _HIDDEN, where, depth + 1)
        if type(value) is not list or not any(value) or (shown is not None and (type(shown) is not list or len(shown) != len(value))):
            raise NotValid(where, "ids and extensions of another number than values")
        if shown is None and None in value:
            raise NotValid(where, "a gap without a value")
        return [None if one is None else self.complex(one, _HIDDEN, where, depth + 1) for one in value]
