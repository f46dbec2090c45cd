"""Which elements a type has, in the order of the specification (hl7.org/fhir/STU3, hl7.org/fhir/R4)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final


class Version(StrEnum):
    """The releases that NHS APIs use."""

    STU3 = "stu3"
    R4 = "r4"


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type. `kind` is a type's name, `Resource` for any resource."""

    name: str
    kind: str
    many: bool = False

    @property
    def is_primitive(self) -> bool:
        """Whether the value is a text, a number or a boolean: the names of primitive types begin with a small letter."""
        return self.kind[0].islower()


RESOURCE: Final = "Resource"
Elements = Mapping[str, Element]


@dataclass(frozen=True, slots=True)
class Definitions:
    """The types of one release."""

    version: Version
    resources: frozenset[str]
    types: Mapping[str, Elements]


@cache
def definitions(version: Version) -> Definitions:
    """Return the types of a release: they are a part of this package."""
    held = json.loads(files("wardgate.fhir").joinpath("definitions", f"{version}.json").read_text(encoding="utf-8"))
    types = {name: MappingProxyType(_elements(line)) for name, line in held["types"].items()}
    return Definitions(version, frozenset(held["resources"]), MappingProxyType(types))


def _elements(line: str) -> dict[str, Element]:
    found = {}
    for row in line.split(", "):
        name, kind = row.split(" ")
        found[name] = Element(name, kind.removesuffix("*"), kind.endswith("*"))
    return found
