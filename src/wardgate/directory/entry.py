"""Entries: systems and endpoints as attributes and values, which is how they are searched, written down and read.

`entry_of` and `read_entry` are inverses for every valid item.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wardgate.directory.accredited_system import AccreditedSystem
from wardgate.directory.attributes import BASE_DN, BY_NAME, CLASSES, IDENTIFIER, Attribute, ObjectClass
from wardgate.directory.endpoint import Endpoint
from wardgate.directory.errors import InvalidEntries, Problem, shown
from wardgate.directory.forms import MAX_VALUE_CHARS

MAX_VALUES: Final = 5_000
"""Of one attribute of one entry."""
MODELS: Final[Mapping[ObjectClass, type[AccreditedSystem] | type[Endpoint]]] = {
    ObjectClass.SYSTEM: AccreditedSystem, ObjectClass.ENDPOINT: Endpoint,
}  # fmt: skip

Item = AccreditedSystem | Endpoint


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; `values` holds what it has, by the schema's attribute names in the schema's order."""

    object_class: ObjectClass
    identifier: str
    values: Mapping[str, tuple[str, ...]]

    @property
    def dn(self) -> str:
        """Its distinguished name."""
        return f"{name_of(self.identifier)},{BASE_DN}"


def name_of(identifier: str) -> str:
    """Return an entry's name as messages give it."""
    return f"{IDENTIFIER}={identifier}"


def identifier_of(item: Item) -> str:
    """Return the value of `uniqueIdentifier`: the ASID of a system."""
    return item.asid if isinstance(item, AccreditedSystem) else item.identifier


def class_of(item: Item) -> ObjectClass:
    """Return the class of a system or an endpoint."""
    return ObjectClass.SYSTEM if isinstance(item, AccreditedSystem) else ObjectClass.ENDPOINT


def values_of(item: Item, row: Attribute) -> tuple[str, ...]:
    """Return the values that an item has for an attribute of its class."""
    value: str | tuple[str, ...] | None = getattr(item, row.field)
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def entry_of(item: Item) -> Entry:
    """Return a system or an endpoint as attributes and values."""
    kind = class_of(item)
    values = {row.name: found for row in CLASSES[kind] if (found := values_of(item, row))}
    return Entry(kind, identifier_of(item), values)


def read_entry(kind: ObjectClass, values: Mapping[str, Sequence[str]]) -> Item:
    """Return what attributes, named in any case, describe. Raises `InvalidEntries` with every rule that one is broken of."""
    known = BY_NAME[kind]
    given = {name.lower(): tuple(found) for name, found in values.items() if found}
    name = name_of(next(iter(given.get(IDENTIFIER.lower(), ())), "?"))
    problems = [
        Problem(name, shown(attribute), f"an attribute of {kind}", "another one") for attribute in given if attribute not in known
    ]
    fields: dict[str, Any] = {}
    for row in CLASSES[kind]:
        found = given.get(row.name.lower(), ())
        problems += broken(name, row, found)
        fields[row.field] = found if row.multi else next(iter(found), None)
    if problems:
        raise InvalidEntries(problems)
    return MODELS[kind](**fields)


def broken(name: str, row: Attribute, found: tuple[str, ...]) -> Iterator[Problem]:
    """Give each rule of one attribute that its values break: present, single, distinct, of the form."""
    if row.must and not found:
        yield Problem(name, row.name, row.form.said, "nothing")
    if len(found) > (MAX_VALUES if row.multi else 1):
        yield Problem(name, row.name, f"at most {MAX_VALUES} values" if row.multi else "one value", f"{len(found)} values")
        return
    seen: set[str] = set()
    for value in found:
        if len(value) > MAX_VALUE_CHARS or not row.form.holds(value):
            yield Problem(name, row.name, row.form.said, f"another text of {len(value)} characters" if row.personal else shown(value))
        elif (same := value if row.exact else value.casefold()) in seen:
            yield Problem(name, row.name, "each value once", f"{shown(value)} twice")
        else:
            seen.add(same)
