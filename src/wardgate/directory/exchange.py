"""Taking a file of entries into a directory, and giving one out. All of it or nothing: what comes back is a whole, checked directory."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from wardgate.directory import ldif, table
from wardgate.directory.accredited_system import AccreditedSystem
from wardgate.directory.endpoint import Endpoint
from wardgate.directory.entry import Item, identifier_of, name_of
from wardgate.directory.errors import ImportRefused, InvalidEntries
from wardgate.directory.onboarding import Enrolment, take_over
from wardgate.directory.whole import Directory, check, check_change, unique


class FileForm(StrEnum):
    """What a directory is exchanged as."""

    LDIF = "ldif"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class _Form:
    read: Callable[[bytes], tuple[tuple[int, Item], ...]]
    write: Callable[[Iterable[Item]], bytes]


_FORMS: Final = {FileForm.LDIF: _Form(ldif.read, ldif.write), FileForm.CSV: _Form(table.read, table.write)}


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file: the directory with it, and the identifiers that are new, changed and as they were."""

    directory: Directory
    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


def export(directory: Directory, form: FileForm) -> bytes:
    """Return every entry of a directory, ordered by class and identifier, so that the same directory is the same file."""
    systems = sorted(directory.systems, key=identifier_of)
    return _FORMS[form].write((*systems, *sorted(directory.endpoints, key=identifier_of)))


def take(directory: Directory, data: bytes, form: FileForm, *, environment: str, by: str, at: datetime) -> Imported:
    """Return a directory with a file's entries added, or put in the place of those with the same identifier.

    New systems are live at once, because their entries say who approved them; the others stand as they stood. Raises
    `ImportRefused`, and then nothing was taken: the file is none, an entry breaks the schema, changes what never changes,
    or contradicts another one.
    """
    numbered = _FORMS[form].read(data)
    items = [item for _, item in numbered]
    before: dict[str, Item] = {identifier_of(item): item for item in directory.items}
    try:
        whole = _merged(directory, items, lambda asid: take_over(asid, environment, by=by, at=at))
        check(whole)
        check_change(directory, whole)
    except InvalidEntries as broken:
        lines = {name_of(identifier_of(item)): line for line, item in numbered}
        located = (problem.at(lines[problem.entry]) if problem.entry in lines else problem for problem in broken.problems)
        raise ImportRefused(located) from None
    found = {identifier_of(item): item for item in items}
    return Imported(
        whole,
        added=tuple(name for name in found if name not in before),
        changed=tuple(name for name, item in found.items() if before.get(name, item) != item),
        unchanged=tuple(name for name, item in found.items() if before.get(name) == item),
    )


def _merged(directory: Directory, items: Iterable[Item], enrol: Callable[[str], Enrolment]) -> Directory:
    """Put items into a directory. Raises `InvalidEntries` when two of them have one identifier: one would be lost."""
    new = Directory(systems=_only_systems(items), endpoints=_only_endpoints(items))
    if repeated := tuple(unique(new)):
        raise InvalidEntries(repeated)
    systems = {found.asid: found for found in (*directory.systems, *new.systems)}
    endpoints = {found.identifier: found for found in (*directory.endpoints, *new.endpoints)}
    enrolled = {found.asid for found in directory.enrolments}
    enrolments = (*directory.enrolments, *(enrol(asid) for asid in systems if asid not in enrolled))
    return replace(directory, systems=tuple(systems.values()), endpoints=tuple(endpoints.values()), enrolments=enrolments)


def _only_systems(items: Iterable[Item]) -> tuple[AccreditedSystem, ...]:
    return tuple(item for item in items if isinstance(item, AccreditedSystem))


def _only_endpoints(items: Iterable[Item]) -> tuple[Endpoint, ...]:
    return tuple(item for item in items if isinstance(item, Endpoint))
