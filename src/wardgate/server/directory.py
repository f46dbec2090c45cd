"""The system directory in memory: the manifest's systems and the store's, kept up to date by what changed, as the gateway sees them.

A change costs what it touches: a suspension among 20,000 systems replaces one of them and patches the index.
"""

from collections.abc import Collection, Mapping
from typing import Any

from wardgate.directory import Organisation, System
from wardgate.directory.index import DirectoryIndex
from wardgate.directory.live import LiveDirectory, Standing
from wardgate.directory.model import SharingRule
from wardgate.directory.onboarding import State
from wardgate.directory.stated import rule_of, stated
from wardgate.security_patterns.build import ENROLLED, calling_system, inactive, known_organisations
from wardgate.security_patterns.snapshot import CallingSystem
from wardgate.stores.ports import DirectoryChange


class DirectoryKeeper:
    """Holds every system; `refresh` takes what changed. What it gives out never changes afterwards: a change makes others."""

    def __init__(self) -> None:
        self._live = LiveDirectory()
        self._closed: frozenset[str] = frozenset()
        self._environment: str | None = None
        self.calling: Mapping[str, CallingSystem] = {}
        """Every enrolled system by ASID, live or suspended."""
        self.codes: frozenset[str] = frozenset()
        """Every ODS code that is known."""
        self.connect_to: Mapping[str, str] = {}
        """Endpoints that the secure proxy connects to elsewhere than their URL says, by identifier."""

    @property
    def index(self) -> DirectoryIndex:
        """What is live, with endpoints and data-sharing rules."""
        return self._live.index

    def refresh(
        self, change: DirectoryChange, environment: str, organisations: Mapping[str, Organisation], systems: Mapping[str, System],
        rules: Mapping[str, SharingRule], changed: Collection[tuple[str, str]],
    ) -> None:  # fmt: skip
        """Take a change of the store, and the manifest's documents, of which `changed` names those that are not as before."""
        kinds = {kind for kind, _ in changed}
        named = {name for kind, name in changed if kind == "systems"}
        if environment != self._environment:
            named, self._environment = named | set(systems), environment
        for asid in named:
            self._live.state(asid, stated(systems[asid], environment) if asid in systems else None)
        if "sharing_rules" in kinds:
            self._live.state_rules(map(rule_of, rules.values()))
        self._live.keep(change.items, change.removed, change.enrolments, change.shared, change.unshared)
        self._settle(organisations, reread=bool(named or change.items or change.removed), reopened="organisations" in kinds)

    def _settle(self, organisations: Mapping[str, Organisation], *, reread: bool, reopened: bool) -> None:
        """NOTE: nothing between `settle` and the new mapping may fail, or who was settled is forgotten."""
        asids: Collection[str] = self._live.settle()
        if reopened and (closed := inactive(organisations)) != self._closed:
            self._closed, asids = closed, {*asids, *self.calling}
        if asids:
            calling = dict(self.calling)
            for asid in asids:
                calling.pop(asid, None)
                standing = self._live.standing(asid)
                if standing is not None and standing.state in ENROLLED:
                    calling[asid] = self._calling(standing)
            self.calling = calling
        if reread or reopened:
            self.codes = known_organisations(organisations, self._live.entries)
            self.connect_to = self._live.connect_to

    def _calling(self, standing: Standing) -> CallingSystem:
        system = standing.system
        return calling_system(system, standing.names, suspended=standing.state is State.SUSPENDED or system.organisation in self._closed)


def parts_of(keeper: DirectoryKeeper) -> dict[str, Any]:
    """Return what a world is told of the directory, as it stands."""
    return {"index": keeper.index, "calling": keeper.calling, "known_codes": keeper.codes, "connect_to": keeper.connect_to}
