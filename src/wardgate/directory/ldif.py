"""Systems and endpoints as LDIF content records (RFC 2849; spine 7.3). A file is taken as a whole or not at all.

Change records, attribute options and values in other files are refused. Reading takes one problem of form at a time, and all
problems of the schema together.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from wardgate.directory.attributes import BASE_DN, CLASSES, IDENTIFIER, OBJECT_CLASS, OIDS, ObjectClass
from wardgate.directory.entry import Item, entry_of, name_of, read_entry
from wardgate.directory.errors import ImportRefused, InvalidEntries, Problem, shown
from wardgate.directory.ldif_lines import Line, records, refused, written

CONTENT_TYPE: Final = "text/ldif"
_DN: Final = re.compile(r"uniqueIdentifier *= *([^,=+\\\s]{1,64}) *, *ou *= *services *, *o *= *nhs", re.ASCII | re.IGNORECASE)
_CLASS_NAMES: Final = {name.lower(): kind for kind in ObjectClass for name in (kind.value, OIDS[kind])}
_ABOVE: Final = frozenset({"top"})


def write(items: Iterable[Item]) -> bytes:
    """Return items as LDIF, in their order: `read` of it gives them again."""
    return "".join(("version: 1\n", *(f"\n{_record(item)}" for item in items))).encode()


def read(data: bytes) -> tuple[tuple[int, Item], ...]:
    """Return the systems and endpoints of a file, in its order, each with the line it begins at.

    Raises `ImportRefused` with line, entry and attribute of each problem.
    """
    items: list[tuple[int, Item]] = []
    problems: list[Problem] = []
    for record in records(data):
        try:
            items.append((record[0].number, _item(record)))
        except ImportRefused:
            raise
        except InvalidEntries as broken:
            lines = _lines_of(record)
            problems += (problem.at(lines.get(problem.attribute.strip("'").lower(), record[0].number)) for problem in broken.problems)
    if problems:
        raise ImportRefused(problems)
    return tuple(items)


def _record(item: Item) -> str:
    entry = entry_of(item)
    lines = [written("dn", entry.dn), written(OBJECT_CLASS, "top"), written(OBJECT_CLASS, entry.object_class)]
    lines += [written(row.name, value) for row in CLASSES[entry.object_class] for value in entry.values.get(row.name, ())]
    return "".join(lines)


def _item(record: tuple[Line, ...]) -> Item:
    named, *rest = record
    if named.name.lower() != "dn":
        raise refused(named.number, "dn first in a record", shown(named.name))
    found = _DN.fullmatch(named.value.strip(" "))
    if found is None:
        raise refused(named.number, f"{name_of('...')},{BASE_DN}", shown(named.value), "dn")
    kind, values = _class(named, rest, found[1]), _values(rest)
    own = values.setdefault(IDENTIFIER.lower(), [found[1]])
    if own[0].lower() != found[1].lower():
        raise refused(_lines_of(record)[IDENTIFIER.lower()], f"{found[1]}, as in dn", shown(own[0]), IDENTIFIER, name_of(found[1]))
    return read_entry(kind, values)


def _class(named: Line, rest: Iterable[Line], identifier: str) -> ObjectClass:
    """The one class of the schema that a record is of."""
    said = [line for line in rest if line.name.lower() == OBJECT_CLASS.lower()]
    kinds = {_CLASS_NAMES.get(line.value.lower()) for line in said if line.value.lower() not in _ABOVE}
    kind = next(iter(kinds), None)
    if len(kinds) != 1 or kind is None:
        received = ", ".join(shown(line.value) for line in said[:5]) or "nothing"
        line = said[0].number if said else named.number
        raise refused(line, "top, and one of nhsAs and nhsMhs", received, OBJECT_CLASS, name_of(identifier))
    return kind


def _values(lines: Iterable[Line]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lines:
        name = line.name.lower()
        if name in {"dn", "changetype", "control"}:
            raise refused(line.number, "a record of content, with one dn", shown(line.name), line.name)
        if name != OBJECT_CLASS.lower():
            found.setdefault(name, []).append(line.value)
    return found


def _lines_of(record: tuple[Line, ...]) -> dict[str, int]:
    """The line of each attribute's first value."""
    return dict(_first_lines(record))


def _first_lines(record: tuple[Line, ...]) -> Iterator[tuple[str, int]]:
    return ((line.name.lower(), line.number) for line in reversed(record))
