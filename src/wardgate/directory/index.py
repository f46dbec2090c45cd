"""The directory as it is asked: what is live, found by its keys (spine 7.4) or by a filter. Immutable; a change makes a new one.

A system is there when its enrolment is live; without an enrolment it is not. An endpoint is there unless its party key has
systems of which none is live, so that a suspended system is not found by either way.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from wardgate.directory.accredited_system import AccreditedSystem
from wardgate.directory.endpoint import Endpoint
from wardgate.directory.entry import Entry, Item, entry_of, identifier_of
from wardgate.directory.filter import And, Equal, Filter, check_limits
from wardgate.directory.matching import Prepared, folded, matches, prepare
from wardgate.directory.onboarding import State
from wardgate.directory.postings import Postings
from wardgate.directory.sharing_rule import SharingRule
from wardgate.directory.whole import Directory

SEARCH_KEYS: Final[Mapping[str, tuple[str | None, str | None]]] = {
    "uniqueidentifier": ("identifier", "identifier"),
    "nhsidcode": ("organisation", "organisation"),
    "nhsmhspartykey": ("party_key", "party_key"),
    "nhsmhsmanufacturerorg": ("manufacturer", "manufacturer"),
    "nhsassvcia": ("interaction", None),
    "nhsmhssvcia": (None, "interaction"),
    "nhsmhsfqdn": (None, "fqdn"),
}
"""The attributes that a search for equality need not look at every entry for, and the keys of systems and of endpoints they are."""


def _manufacturer(item: Item) -> Iterable[str]:
    return (item.manufacturer.lower(),) if item.manufacturer is not None else ()


_SYSTEM_KEYS: Final[Mapping[str, Callable[[AccreditedSystem], Iterable[str]]]] = {
    "identifier": lambda item: (item.asid,),
    "organisation": lambda item: (item.organisation,),
    "interaction": lambda item: item.interactions,
    "party_key": lambda item: (item.party_key.lower(),),
    "manufacturer": _manufacturer,
}
_ENDPOINT_KEYS: Final[Mapping[str, Callable[[Endpoint], Iterable[str]]]] = {
    "identifier": lambda item: (item.identifier.lower(),),
    "organisation": lambda item: (item.organisation,),
    "interaction": lambda item: (item.interaction,),
    "party_key": lambda item: (item.party_key.lower(),),
    "fqdn": lambda item: (item.fqdn.lower(),),
    "manufacturer": _manufacturer,
}


def never() -> bool:
    """Nobody stops a search."""
    return False


class DirectoryIndex:
    """Everything live in one directory. Values are compared as the schema says: ODS codes and interactions with case."""

    def __init__(self, directory: Directory) -> None:
        live = {enrolment.asid for enrolment in directory.enrolments if enrolment.state is State.LIVE}
        systems = [system for system in directory.systems if system.asid in live]
        silent = {system.party_key.lower() for system in directory.systems} - {system.party_key.lower() for system in systems}
        endpoints = (endpoint for endpoint in directory.endpoints if endpoint.party_key.lower() not in silent)
        self._systems = Postings({system.asid: system for system in systems}, _SYSTEM_KEYS)
        self._endpoints = Postings({endpoint.identifier: endpoint for endpoint in endpoints}, _ENDPOINT_KEYS)
        self._shared = _by_pair(directory.sharing_rules)
        self._prepared: dict[str, tuple[Entry, Prepared]] = {}

    def patched(self, put: Iterable[Item], removed: Iterable[str], rules: Iterable[SharingRule] | None = None) -> "DirectoryIndex":
        """Return an index with live items put and identifiers removed; `rules`, if given, are all there are now."""
        new = object.__new__(DirectoryIndex)
        items, gone = tuple(put), tuple(removed)
        new._systems = self._systems.patched({item.asid: item for item in items if isinstance(item, AccreditedSystem)}, gone)
        new._endpoints = self._endpoints.patched({item.identifier: item for item in items if isinstance(item, Endpoint)}, gone)
        new._shared = self._shared if rules is None else _by_pair(rules)
        stale = {*gone, *map(identifier_of, items)}
        new._prepared = {name: ready for name, ready in self._prepared.copy().items() if name not in stale}
        return new

    def system(self, asid: str) -> AccreditedSystem | None:
        """Return the live system of an ASID."""
        return self._systems.get(asid)

    def systems(
        self, *, organisation: str | None = None, interaction: str | None = None, party_key: str | None = None, manufacturer: str | None = None,
    ) -> tuple[AccreditedSystem, ...]:  # fmt: skip
        """Return the systems that have all that is asked for, by ASID."""
        return self._systems.find(_wanted(organisation=organisation, interaction=interaction, party_key=_lower(party_key), manufacturer=_lower(manufacturer)))

    def endpoints(
        self, *, organisation: str | None = None, interaction: str | None = None, party_key: str | None = None, fqdn: str | None = None,
    ) -> tuple[Endpoint, ...]:  # fmt: skip
        """Return the endpoints that have all that is asked for, by identifier."""
        return self._endpoints.find(_wanted(organisation=organisation, interaction=interaction, party_key=_lower(party_key), fqdn=_lower(fqdn)))

    def party_keys_of(self, fqdn: str) -> tuple[str, ...]:
        """Return the party keys whose endpoints a name on the network belongs to: whose ASIDs its certificate may be used with."""
        return tuple(sorted({endpoint.party_key for endpoint in self.endpoints(fqdn=fqdn)}))

    def may_share(self, from_asid: str, to_asid: str, interaction: str) -> bool:
        """Return whether a rule lets one system ask another one for an interaction (spine 4.4)."""
        return any(rule.covers(interaction) for rule in self._shared.get((from_asid, to_asid), ()))

    def receivers(self) -> frozenset[str]:
        """Return the ASIDs that some rule lets another system ask."""
        return frozenset(to_asid for _, to_asid in self._shared)

    def search(self, filter_: Filter, limit: int, stopped: Callable[[], bool] = never) -> tuple[Entry, ...]:
        """Return the entries that match, at most `limit` and one more, which says that there are others. Raises `FilterRefused`.

        `stopped` is asked at every entry: nobody waits any more, and what has been found is all. The largest filter needs minutes
        for a directory of the size of Spine's.
        """
        check_limits(filter_)
        found: list[Entry] = []
        for item in self._candidates(filter_):
            if stopped():
                break
            entry, prepared = self._ready(item)
            if matches(filter_, prepared):
                found.append(entry)
                if len(found) > limit:
                    break
        return tuple(found)

    def _candidates(self, filter_: Filter) -> tuple[Item, ...]:
        """Every entry that may match: where all of several tests have to hold, those that hold the rarest."""
        tests = filter_.filters if isinstance(filter_, And) else (filter_,)
        keyed = [
            (name, folded(name, test.value)) for test in tests if isinstance(test, Equal) and (name := test.attribute.lower()) in SEARCH_KEYS
        ]
        if not keyed:
            return (*self._systems.items, *self._endpoints.items)
        name, value = min(keyed, key=lambda key: self._count(*key))
        of_system, of_endpoint = SEARCH_KEYS[name]
        systems: tuple[Item, ...] = self._systems.find({of_system: value}) if of_system is not None else ()
        return (*systems, *(self._endpoints.find({of_endpoint: value}) if of_endpoint is not None else ()))

    def _count(self, name: str, value: str) -> int:
        of_system, of_endpoint = SEARCH_KEYS[name]
        return (self._systems.count(of_system, value) if of_system is not None else 0) + (self._endpoints.count(of_endpoint, value) if of_endpoint is not None else 0)

    def _ready(self, item: Item) -> tuple[Entry, Prepared]:
        """Return an entry ready to compare. It is made when it is first looked at: most never are."""
        identifier = identifier_of(item)
        if (ready := self._prepared.get(identifier)) is None:
            entry = entry_of(item)
            ready = self._prepared[identifier] = (entry, prepare(entry))
        return ready


def _by_pair(rules: Iterable[SharingRule]) -> Mapping[tuple[str, str], list[SharingRule]]:
    pairs: dict[tuple[str, str], list[SharingRule]] = {}
    for rule in rules:
        pairs.setdefault((rule.from_asid, rule.to_asid), []).append(rule)
    return pairs


def _wanted(**values: str | None) -> Mapping[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _lower(value: str | None) -> str | None:
    return value.lower() if value is not None else None
