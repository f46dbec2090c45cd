"""What can go wrong with the directory.

DirectoryError
├── InvalidEntries    entries break the schema or contradict each other; `problems` names each by entry and attribute
│   └── ImportRefused a file was not taken, as a whole; its problems name lines too
├── FilterRefused     a search filter is malformed, too large, or asks for a kind of match that is not offered
├── WrongStep         an enrolment is not in the state that a step starts from
└── Exhausted         there is no number left to mint

Messages hold identifiers of systems, never who asked for or approved an entry: those are role profiles.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

SHOWN_CHARS: Final = 120
"""How much of a value is repeated in a message."""
MAX_PROBLEMS: Final = 100
"""How many problems are told of at once."""


class DirectoryError(Exception):
    """The root of this room."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule: of which entry, of which attribute, and where in a file if it came from one."""

    entry: str
    attribute: str
    expected: str
    received: str
    line: int | None = None

    def at(self, line: int) -> "Problem":
        """Return the same problem with the line it was seen at, unless one is known already."""
        return self if self.line is not None else replace(self, line=line)

    def __str__(self) -> str:
        where = [f"line {self.line}"] if self.line is not None else []
        where += [part for part in (self.entry, self.attribute) if part]
        return f"{': '.join(where)}: expected {self.expected}; received {self.received}"


class InvalidEntries(DirectoryError):
    """Entries that cannot be in a directory together, or at all."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        more = len(self.problems) - MAX_PROBLEMS
        lines = [str(problem) for problem in self.problems[:MAX_PROBLEMS]] + ([f"and {more} more"] if more > 0 else [])
        super().__init__("\n".join(lines))


class ImportRefused(InvalidEntries):
    """A file of which nothing was taken."""


class FilterRefused(DirectoryError):
    """A search filter that is not evaluated."""


class WrongStep(DirectoryError):
    """A step that does not start from the state an enrolment is in."""


class Exhausted(DirectoryError):
    """No number is left."""


def shown(value: str) -> str:
    """Return a value as a message repeats it: bounded, and with U+FFFD for what is not printable."""
    cut = value if len(value) <= SHOWN_CHARS else value[:SHOWN_CHARS] + "\N{HORIZONTAL ELLIPSIS}"
    return "'" + "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in cut) + "'"
