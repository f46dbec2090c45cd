"""A row of a table of errors: what it is called, the refusal it must give, and how a good request is spoilt so that it does.

Rows stand in the order in which the server checks. A test spoils a request by one row, and by one row and all after it: the
first must answer. Rows are applied from the last to the first, so where two cannot hold at once the earlier has its way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Draft = TypeVar("Draft")


@dataclass(frozen=True)
class Row(Generic[Draft]):
    """One row. `name` begins with the table's number where it has numbers."""

    name: str
    code: str
    spoil: Callable[[Draft], Any]
    alone: bool = False
    """Not spoilt further: what it needs excludes the rows after it."""
    unless: str = ""
    """The row after it, by its name's beginning, whose order to this one the platform leaves open."""

    def __str__(self) -> str:
        return self.name


def spoilt(draft: Draft, rows: Sequence[Row[Draft]], first: int, *, all_later: bool) -> Draft:
    """Return the draft, spoilt by a row, and by all that come after it."""
    chosen = rows[first]
    later = rows[first + 1:] if all_later and not chosen.alone else ()
    for row in reversed([chosen, *(row for row in later if not row.alone and not (chosen.unless and row.name.startswith(chosen.unless)))]):
        row.spoil(draft)
    return draft


def put(where: str, **members: Any) -> Callable[[Any], None]:
    """Return how to change members of one of a draft's dictionaries."""
    return lambda draft: getattr(draft, where).update(members)


def be(**members: Any) -> Callable[[Any], None]:
    """Return how to change a draft itself."""
    def change(draft: Any) -> None:
        for name, value in members.items():
            setattr(draft, name, value)
    return change


def drop(where: str, *names: str) -> Callable[[Any], None]:
    """Return how to take back what later rows changed."""
    def change(draft: Any) -> None:
        for name in names:
            getattr(draft, where).pop(name, None)
    return change


def both(*changes: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return several changes as one."""
    def change(draft: Any) -> None:
        for one in changes:
            one(draft)
    return change
