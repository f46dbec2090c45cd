"""Message sets: the interactions that are registered and assured together (spine 4.1, 6).

A system has interactions because sets of them were approved for it. The national sets are given by whoever knows them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from wardgate.directory.errors import InvalidEntries, Problem, shown
from wardgate.directory.forms import INTERACTION, LINE


@dataclass(frozen=True, slots=True)
class MessageSet:
    """Interactions under one name. Raises `InvalidEntries` for a name that is no line, and for interactions that are none."""

    name: str
    interactions: tuple[str, ...]

    def __post_init__(self) -> None:
        problems = [] if LINE.holds(self.name) else [Problem("message set", "name", LINE.said, shown(self.name))]
        problems += [
            Problem(f"message set {shown(self.name)}", "interactions", INTERACTION.said, shown(found))
            for found in self.interactions if not INTERACTION.holds(found)
        ]  # fmt: skip
        if not self.interactions:
            problems.append(Problem(f"message set {shown(self.name)}", "interactions", "at least one", "none"))
        if problems:
            raise InvalidEntries(problems)


def interactions_of(names: Iterable[str], sets: Iterable[MessageSet]) -> tuple[str, ...]:
    """Return the interactions of the named sets, each once, in order of id. Raises `InvalidEntries` for a set that is unknown."""
    known = {found.name: found for found in sets}
    wanted = tuple(names)
    if unknown := [name for name in wanted if name not in known]:
        raise InvalidEntries(Problem("message set", "name", "a set that is known", shown(name)) for name in unknown)
    return tuple(sorted({interaction for name in wanted for interaction in known[name].interactions}))
