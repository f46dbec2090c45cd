"""The whole directory of a store: the manifest's systems and those it keeps, together, for those who are about to change either."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from wardgate.directory import AccreditedSystem, Directory
from wardgate.directory.entry import identifier_of, name_of
from wardgate.directory.errors import InvalidEntries, Problem
from wardgate.directory.onboarding import State
from wardgate.directory.stated import Stated, merged, rule_of, stated
from wardgate.directory.whole import check
from wardgate.manifest import Manifest
from wardgate.server.applying import ApplyRefused
from wardgate.stores import Stores


@dataclass(frozen=True, slots=True)
class WholeDirectory:
    """What was read at one generation."""

    generation: int
    kept: Directory
    """The store's own."""
    stated: tuple[Stated, ...]
    """The manifest's."""
    whole: Directory
    """Both together."""

    @property
    def of_manifest(self) -> frozenset[str]:
        """Identifiers, in lower case, of the entries that only the manifest changes."""
        return frozenset(identifier_of(item).lower() for one in self.stated for item in one.items)


def read_directory(stores: Stores, manifest: Manifest) -> WholeDirectory:
    """Return the directory of a manifest and a store."""
    generation, kept = stores.system_directory.load()
    found = tuple(stated(system, manifest.environment.name) for system in manifest.systems)
    return WholeDirectory(generation, kept, found, merged(found, map(rule_of, manifest.sharing_rules), kept))


def asids_of(stores: Stores) -> Collection[str]:
    """Return the ASIDs that the store keeps entries of."""
    return {system.asid for system in stores.system_directory.load()[1].systems}


def live_of(kept: Directory) -> tuple[AccreditedSystem, ...]:
    """Return the store's own systems that may call."""
    live = {found.asid for found in kept.enrolments if found.state is State.LIVE}
    return tuple(system for system in kept.systems if system.asid in live)


def check_directory(stores: Stores, manifest: Manifest) -> WholeDirectory:
    """Return the directory that a manifest would make with what the store keeps. Raises `ApplyRefused` where they clash."""
    found = read_directory(stores, manifest)
    if not found.kept.items and not found.kept.sharing_rules:
        return found
    try:
        check_whole(found)
    except InvalidEntries as clash:
        raise ApplyRefused(f"the manifest and the registered systems contradict each other:\n{clash}") from None
    return found


def check_whole(found: WholeDirectory) -> None:
    """Raise `InvalidEntries` for entries that both state, and for every rule that is broken between them."""
    kept = {identifier_of(item).lower() for item in found.kept.items}
    if twice := sorted(kept & found.of_manifest):
        raise InvalidEntries(taken(twice))
    check(found.whole)


def taken(names: Iterable[str]) -> list[Problem]:
    """Return the problems of identifiers that the manifest and the store both have."""
    return [Problem(name_of(name), "uniqueIdentifier", "an identifier of the manifest's or of a registered system, not of both", f"'{name}'") for name in names]
