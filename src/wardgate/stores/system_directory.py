"""The promises of the store of the system directory: entries, enrolments, data-sharing rules. `ports` gives these names on.

Whether entries may stand together is the directory's to judge (`directory.whole`), before they are written; `seen` says from
which generation that was judged. Numbers that were taken once are never free again, removed entries' neither.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from wardgate.audit.model import Event
from wardgate.directory.accredited_system import AccreditedSystem
from wardgate.directory.entry import Item
from wardgate.directory.onboarding import Enrolment
from wardgate.directory.sharing_rule import SharingRule
from wardgate.directory.whole import Directory


@dataclass(frozen=True, slots=True)
class DirectoryChange:
    """What is put and what goes. A removed system takes its enrolment along."""

    items: tuple[Item, ...] = ()
    removed: tuple[str, ...] = ()
    """Values of `uniqueIdentifier`."""
    enrolments: tuple[Enrolment, ...] = ()
    shared: tuple[SharingRule, ...] = ()
    unshared: tuple[SharingRule, ...] = ()


class SystemDirectory(Protocol):
    """Every write raises the generation and records `event` in the same step. Identifiers are the same in any case of letters."""

    def load(self) -> tuple[int, Directory]:
        """Return the generation and the whole directory, consistently. Message sets and organisations are kept elsewhere."""

    def changed_since(self, generation: int) -> tuple[int, DirectoryChange]:
        """Return the current generation and everything that was written after `generation`."""

    def taken(self) -> tuple[Sequence[str], Sequence[str]]:
        """Return every ASID and every party key that there is or was: what is minted is none of them."""

    def entry(self, identifier: str) -> Item | None:
        """Return one entry that is there. Fast, however many there are."""

    def enrolment(self, asid: str) -> Enrolment | None: ...
    def register(self, system: AccreditedSystem, enrolment: Enrolment, event: Event, *, seen: int | None = None) -> int:
        """Keep a new system and its enrolment. Raises `AlreadyExists` when its identifier is taken, or was.

        With `seen`, of one that may stand beside those of that generation only, `Superseded` when anything was written after it.
        """

    def step(self, before: Enrolment, after: Enrolment, event: Event, system: AccreditedSystem | None = None, *, seen: int | None = None) -> int:
        """Put `after` in the place of `before`, which it is one step from, and `system` in that of its entry, if given.

        Raises `Superseded` when `before` is not what is stored: of two that take a step at once one does; with `seen` as `register`. Raises
        `ValueError` when `after` is not one step on.
        """

    def write(self, change: DirectoryChange, event: Event, seen: int) -> int:
        """Do all of a change, and return the new generation.

        Raises `Superseded` when anything of the directory was written after `seen`, `AlreadyExists` for an identifier that
        was removed, and `ValueError` when something is put and removed at once, or twice.
        """
