"""Every element of a resource that is no primitive, with its type and its path."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from wardgate.fhir.elements import RESOURCE, Version, definitions


@dataclass(frozen=True, slots=True)
class Found:
    """One element."""

    where: str
    kind: str
    """The name of its type; of a resource, its resourceType."""
    value: dict[str, Any]


def walk(resource: dict[str, Any], version: Version, where: str = "", within: frozenset[str] = frozenset()) -> Iterator[Found]:
    """Return a resource that was read, and everything in it, in its order; what lies in resources of the types `within` is left out."""
    kind = resource["resourceType"]
    place = f"{where}.{kind}" if where else kind
    yield Found(place, kind, resource)
    if kind not in within:
        yield from _members(resource, kind, place, version, within)


def _members(value: dict[str, Any], kind: str, where: str, version: Version, within: frozenset[str]) -> Iterator[Found]:
    elements = definitions(version).types[kind]
    for name, member in value.items():
        if name.startswith("_"):
            for hidden in member if type(member) is list else [member]:
                yield from _extensions(hidden, f"{where}.{name[1:]}", version, within)
            continue
        element = elements.get(name)
        if element is None or element.is_primitive:
            continue
        for place, one in enumerate(member) if element.many else ((None, member),):
            at = f"{where}.{name}" if place is None else f"{where}.{name}[{place}]"
            if element.kind == RESOURCE:
                yield from walk(one, version, at, within)
            else:
                yield Found(at, element.kind, one)
                yield from _members(one, element.kind, at, version, within)


def _extensions(hidden: dict[str, Any] | None, where: str, version: Version, within: frozenset[str]) -> Iterator[Found]:
    for place, one in enumerate((hidden or {}).get("extension", ())):
        at = f"{where}.extension[{place}]"
        yield Found(at, "Extension", one)
        yield from _members(one, "Extension", at, version, within)
