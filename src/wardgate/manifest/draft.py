"""A manifest that has been read but not yet believed: every entry with its place, and its model when it has one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from wardgate.catalogue import Environment
from wardgate.directory.model import Document
from wardgate.manifest.documents import ENVIRONMENT, KINDS
from wardgate.manifest.errors import Problem
from wardgate.manifest.locate import Location, Place, locate
from wardgate.manifest.near_miss import NearMisses
from wardgate.manifest.read import MappingNode
from wardgate.manifest.wording import explain

Kind = TypeVar("Kind", bound=Document)


@dataclass(frozen=True, slots=True)
class File:
    """A file that could be read."""

    name: str
    root: MappingNode


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a section: where it stands, what it says, and the model it makes, if it makes one."""

    file: File
    location: Location
    raw: Any
    model: Document | None

    def place(self, *inner: str | int, absent: bool = False) -> Place:
        """Return the place of something inside this entry."""
        return locate(self.file.name, self.file.root, (*self.location, *inner), absent=absent)


@dataclass(slots=True)
class Draft:
    """All files together. Rules look at the entries that have models, and at the names of all."""

    sections: dict[str, list[Entry]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    problems: list[Problem] = field(default_factory=list)
    near: NearMisses = field(default_factory=NearMisses)
    registered: frozenset[str] = frozenset()
    """ASIDs of systems that are not the manifest's."""

    @property
    def environment(self) -> Environment | None:
        """The environment, when there is exactly one and it is valid."""
        entries = self.sections[ENVIRONMENT]
        model = entries[0].model if len(entries) == 1 else None
        return model if isinstance(model, Environment) else None

    def models(self, kind: str, of: type[Kind]) -> Iterator[tuple[Entry, Kind]]:
        """The valid entries of a section."""
        for entry in self.sections[kind]:
            if isinstance(entry.model, of):
                yield entry, entry.model

    def names(self, kind: str) -> set[str]:
        """The keys of a section's entries, invalid ones included, so that one mistake does not make others."""
        key = KINDS[kind][1]
        return {
            entry.raw[key] for entry in self.sections[kind]
            if isinstance(entry.raw, dict) and isinstance(entry.raw.get(key), str)
        }


def draft(files: Sequence[File]) -> Draft:
    """Put the sections of all files together and make a model of each entry; what cannot be one is a problem."""
    made = Draft()
    for file in files:
        for key, value in file.root.items():
            if key not in KINDS:
                known = list(KINDS)
                suggestion = made.near.suggest(key, known) or "known here: " + ", ".join(known)
                made.problems.append(locate(file.name, file.root, (key,)).problem(f"unknown key `{key[:60]}`", suggestion))
            elif key == ENVIRONMENT:
                _enter(made, file, ENVIRONMENT, (key,), value)
            else:
                _enter_section(made, file, key, value)
    _one_environment(made, files)
    return made


def _enter_section(made: Draft, file: File, kind: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, list):
        made.problems.append(locate(file.name, file.root, (kind,)).problem("must be a list"))
        return
    for index, raw in enumerate(value):
        _enter(made, file, kind, (kind, index), raw)


def _enter(made: Draft, file: File, kind: str, location: Location, raw: Any) -> None:
    model_type = KINDS[kind][0]
    model = None
    try:
        model = model_type.model_validate(raw)
    except ValidationError as invalid:
        seen: set[tuple[str, str]] = set()
        errors = invalid.errors(include_url=False)
        for error in errors:
            if error["type"] == "too_short" and any(_is_inside(other["loc"], error["loc"]) for other in errors):
                continue  # entries are there; none of them could be read, and each says why
            absent = error["type"] == "missing"
            place = locate(file.name, file.root, (*location, *error["loc"]), absent=absent)
            message, suggestion = explain(error, model_type, made.near)
            if (place.key, message) not in seen:
                made.problems.append(place.problem(message, suggestion))
            seen.add((place.key, message))
    made.sections[kind].append(Entry(file, location, raw, model))


def _is_inside(location: Location, of: Location) -> bool:
    return len(location) > len(of) and location[:len(of)] == of


def _one_environment(made: Draft, files: Sequence[File]) -> None:
    entries = made.sections[ENVIRONMENT]
    if not entries:
        where = files[0].name if files else "manifest"
        made.problems.append(Problem(where, 0, ENVIRONMENT, "`environment` is missing",
                                     "begin with `environment: {name: ...}` in one of the files"))
    for entry in entries[1:]:
        first = entries[0].place()
        message = f"`environment` is stated once; it is already in {first.file}, line {first.line}"
        made.problems.append(entry.place().problem(message))
