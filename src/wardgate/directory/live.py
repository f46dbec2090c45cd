"""A directory that is kept up to date: what the manifest states and what the store keeps, merged, and indexed by what changed.

Where both have an ASID, which an apply refuses, the store's entry holds. Changes are told first; `settle` then brings the
index up to date and says whose standing may be another. The cost is that of the change, whatever the directory's size.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wardgate.directory.accredited_system import AccreditedSystem
from wardgate.directory.endpoint import Endpoint
from wardgate.directory.entry import Item, identifier_of
from wardgate.directory.index import DirectoryIndex
from wardgate.directory.onboarding import Enrolment, State
from wardgate.directory.sharing_rule import SharingRule
from wardgate.directory.stated import Stated, standing
from wardgate.directory.whole import Directory


@dataclass(frozen=True, slots=True)
class Standing:
    """A system, how far it is, and the names on the network of its party key, in lower case."""

    system: AccreditedSystem
    state: State
    names: frozenset[str]


class LiveDirectory:
    """Not for several threads at once. `index` is immutable: it is replaced, and may be read by anybody."""

    def __init__(self) -> None:
        self.index = DirectoryIndex(Directory())
        self._stated: dict[str, Stated] = {}
        self._of_stated: dict[str, Item] = {}
        self._kept: dict[str, Item] = {}
        self._enrolled: dict[str, Enrolment] = {}
        self._rules: set[SharingRule] = set()
        self._stated_rules: frozenset[SharingRule] = frozenset()
        self._systems: dict[str, AccreditedSystem] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._asids_of: dict[str, set[str]] = {}
        self._served_by: dict[str, set[str]] = {}
        self._names_of: dict[str, frozenset[str]] = {}
        self._silent: set[str] = set()
        """Party keys that have systems, none of them live."""
        self._shown: dict[str, Item] = {}
        self._changed: set[str] = set()
        self._restated: set[str] = set()
        self._rules_changed = False

    def state(self, asid: str, found: Stated | None) -> None:
        """Take what the manifest states of a system now; None: nothing any more."""
        before = self._stated.pop(asid, None)
        for item in before.items if before is not None else ():
            self._of_stated.pop(identifier_of(item).lower(), None)
            self._changed.add(identifier_of(item).lower())
        if found is not None:
            self._stated[asid] = found
            for item in found.items:
                self._of_stated[identifier_of(item).lower()] = item
                self._changed.add(identifier_of(item).lower())
        self._restated |= {one.party_key.lower() for one in (before, found) if one is not None}

    def state_rules(self, rules: Iterable[SharingRule]) -> None:
        """Take the manifest's data-sharing rules, all of them."""
        found = frozenset(rules)
        self._rules_changed |= found != self._stated_rules
        self._stated_rules = found

    def keep(
        self, items: Iterable[Item], removed: Iterable[str], enrolments: Iterable[Enrolment], shared: Iterable[SharingRule], unshared: Iterable[SharingRule],
    ) -> None:  # fmt: skip
        """Take what changed in the store."""
        for name in map(str.lower, removed):
            self._kept.pop(name, None)
            self._enrolled.pop(name, None)
            self._changed.add(name)
        for item in items:
            self._kept[identifier_of(item).lower()] = item
            self._changed.add(identifier_of(item).lower())
        for enrolment in enrolments:
            self._enrolled[enrolment.asid] = enrolment
            self._changed.add(enrolment.asid)
        added, gone = set(shared), set(unshared)
        self._rules_changed |= bool(added or gone)
        self._rules = (self._rules | added) - gone

    @property
    def entries(self) -> Directory:
        """Every entry, live or not, without rules and enrolments."""
        return Directory(systems=tuple(self._systems.values()), endpoints=tuple(self._endpoints.values()))

    @property
    def connect_to(self) -> Mapping[str, str]:
        """The endpoints of the manifest that are connected to elsewhere than their URL says, by identifier."""
        return {name: to for one in self._stated.values() for name, to in one.connect_to.items()}

    def settle(self) -> frozenset[str]:
        """Bring the index up to date, and return the ASIDs of which `standing` may answer otherwise than before."""
        keys = {key for name in self._changed for key in self._replace(name)} | self._restated
        asids = set(self._changed)
        touched = set(self._changed)
        for key in keys:
            names, before = self._names(key), self._names_of.get(key, frozenset())
            self._names_of[key] = names
            asids |= self._asids_of.get(key, set()) if names != before else set()
            systems = self._asids_of.get(key, set())
            silent = bool(systems) and not any(map(self._is_live, systems))
            touched |= self._served_by.get(key, set()) if silent is not (key in self._silent) else set()
            (self._silent.add if silent else self._silent.discard)(key)
        put, gone = [], []
        for name in touched:
            shown, was = self._visible(name), self._shown.pop(name, None)
            if shown is not None:
                self._shown[name] = shown
            if shown is not was:
                put += [shown] if shown is not None else []
                gone += [identifier_of(was)] if was is not None else []
        if put or gone or self._rules_changed:
            self.index = self.index.patched(put, gone, self._stated_rules | self._rules if self._rules_changed else None)
        self._changed, self._restated, self._rules_changed = set(), set(), False
        return frozenset(asids)

    def standing(self, asid: str) -> Standing | None:
        """Return a system's standing; None: there is none, or it is not enrolled."""
        system, enrolment = self._systems.get(asid), self._enrolment(asid)
        if system is None or enrolment is None:
            return None
        own = () if enrolment.fqdn is None else (enrolment.fqdn.lower(),)
        return Standing(system, enrolment.state, self._names_of.get(system.party_key.lower(), frozenset()).union(own))

    def _enrolment(self, asid: str) -> Enrolment | None:
        enrolled, one = self._enrolled.get(asid), self._stated.get(asid)
        return enrolled if one is None or asid in self._kept else standing(one, enrolled)

    def _names(self, key: str) -> frozenset[str]:
        """The names that certificates of a party key's systems may carry: those of its endpoints and of its live systems.

        What another system only asked for, or was suspended with, is no name of theirs: to be registered beside a system is no way to be it.
        """
        enrolled = [found for asid in self._asids_of.get(key, ()) if (found := self._enrolment(asid)) is not None and found.state is State.LIVE]
        names = [*(self._endpoints[name].fqdn for name in self._served_by.get(key, ())), *(found.fqdn for found in enrolled if found.fqdn is not None)]
        return frozenset(map(str.lower, names))

    def _replace(self, name: str) -> set[str]:
        """Put the entry of a name in its places, and return the party keys it leaves and joins."""
        before: Item | None = self._systems.pop(name, None) or self._endpoints.pop(name, None)
        now = self._kept.get(name) or self._of_stated.get(name)
        keys: set[str] = set()
        if before is not None:
            keys.add(before.party_key.lower())
            (self._asids_of if isinstance(before, AccreditedSystem) else self._served_by)[before.party_key.lower()].discard(name)
        if isinstance(now, AccreditedSystem):
            self._systems[name] = now
            self._asids_of.setdefault(now.party_key.lower(), set()).add(name)
        elif now is not None:
            self._endpoints[name] = now
            self._served_by.setdefault(now.party_key.lower(), set()).add(name)
        return keys | ({now.party_key.lower()} if now is not None else set())

    def _is_live(self, asid: str) -> bool:
        enrolment = self._enrolment(asid)
        return enrolment is not None and enrolment.state is State.LIVE

    def _visible(self, name: str) -> Item | None:
        """The entry of a name as it is found: a live system, or an endpoint whose party key is not silent."""
        if (system := self._systems.get(name)) is not None:
            return system if self._is_live(name) else None
        endpoint = self._endpoints.get(name)
        return endpoint if endpoint is not None and endpoint.party_key.lower() not in self._silent else None
