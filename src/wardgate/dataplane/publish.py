"""Publishing: from one snapshot to the next, urgent things first.

A change goes out in the overlay at once, however many applications it touches. The big map is made anew beside that,
when nothing has changed for a while or when so much has that the overlay is big itself. From the moment a map is begun it
counts as one that some Envoy may have: every overlay says what any such map does not, until every Envoy has the newest. So
whatever an Envoy takes first, there is no moment at which neither says it. An Envoy that has none of the maps which the
overlay counts on (it was away, or it outlived a control plane) gets the new map before the overlay (`xds`).

There are two big maps, of applications and of systems, each with its overlay; they are made together, and the one in which
nothing has changed stays what it was. What the sets of interactions hold goes out before a map or an overlay that names them.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from wardgate.dataplane.compile import (
    BIG_MAP,
    GRANTS,
    OVERLAY,
    SYSTEM_MAP,
    SYSTEM_OVERLAY,
    Inputs,
    Key,
    Mapped,
    Resource,
    Resources,
    big_maps,
    compile_resources,
    sets_of,
)
from wardgate.dataplane.layout import Layout
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.dataplane.validate import validate
from wardgate.dataplane.xds import Discovery
from wardgate.security_patterns.snapshot import Snapshot

QUIET_SECONDS: Final = 5.0
LARGEST_OVERLAY: Final = 1000
"""With more changed applications and systems than this the maps are made anew without waiting for quiet."""
URGENT_SECONDS: Final = 3.0
"""How long a map that is ready waits for Envoys to take an overlay that is on its way to them."""
OVERLAYS: Final[Mapping[Key, Key]] = {BIG_MAP: OVERLAY, SYSTEM_MAP: SYSTEM_OVERLAY}
"""Each big map, and the overlay in front of it."""
_NO_MAP: Final = ""
"""The version an Envoy without a map asks with; it refuses everybody."""


@dataclass(slots=True)
class _Making:
    """Big maps that are being made: of what, and the maps when they are ready."""

    mapped: Mapped
    made: Mapping[Key, Resource] | None = None
    ready_at: float = 0.0


@dataclass(frozen=True, slots=True)
class _Published:
    """What was published last."""

    snapshot: Snapshot
    tls: TLSMaterial
    now: datetime


@dataclass(slots=True)
class Publisher:
    """Compiles, validates and publishes. `publish` and `fold` may run at the same time; each of them one at a time."""

    layout: Layout
    discovery: Discovery
    refusal_secret: str = field(repr=False)
    published_generation: int = 0
    _possible: list[Mapped] = field(default_factory=list)
    """What the big maps of some Envoy may be made of, those in force last; one when every Envoy is known to have them."""
    _versions: list[Mapping[Key, str]] = field(default_factory=list)
    """The versions of those maps."""
    _named: frozenset[frozenset[str]] = frozenset()
    """Sets of interactions that the overlay of some Envoy may name."""
    _making: _Making | None = None
    _beside: int = 0
    """How many applications and systems the overlays tell because the maps in force do not."""
    _changed_at: float = 0.0
    _latest: _Published | None = None
    _publishing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _folding: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def publish(self, snapshot: Snapshot, tls: TLSMaterial, now: datetime) -> bool:
        """Put a snapshot in force. Returns whether anything changed. Raises `Rejected`; then the old one stays in force."""
        async with self._publishing:
            self._settle()
            changed = await self._put(_Published(snapshot, tls, now))
            if changed:
                self._changed_at = self.discovery.monotonic()
            return changed

    async def fold(self, now: datetime) -> bool:
        """Do what is due of moving the overlay into the big map. Returns whether anything was put in force. Raises `Rejected`.

        (1) When it has been quiet, a map is begun; (2) it is made, while changes go on being published; (3) it is
        offered, after an overlay that is on its way; (4) when every Envoy has it, the overlay forgets what it says: with
        the next change, or when it has been quiet.
        """
        async with self._folding:
            if len(self._possible) > 1:
                return self._quiet() and await self._forget(now)  # (4)
            if self._making is None and not await self._begin():  # (1)
                return False
            try:
                await self._make()  # (2)
                return await self._offer(now)  # (3)
            except BaseException:
                self._making = None  # no Envoy can have it
                self._changed_at = self.discovery.monotonic()
                raise

    def in_force(self) -> tuple[Snapshot, TLSMaterial] | None:
        """Return what was published last."""
        return (self._latest.snapshot, self._latest.tls) if self._latest else None

    def making(self) -> bool:
        """Return whether a big map is being made."""
        return self._making is not None

    def folded(self) -> bool:
        """Return whether the big map says everything, and every Envoy has it."""
        return self._making is None and not self._beside and self._have(OVERLAYS)

    def _have(self, keys: Iterable[Key]) -> bool:
        """Return whether every live Envoy has each of these as it is in force."""
        return all(self.discovery.has(key) for key in keys)

    def _quiet(self) -> bool:
        return self.discovery.monotonic() - self._changed_at >= QUIET_SECONDS

    async def _begin(self) -> bool:
        """Begin a map of what is in force, if it is time. NOTE: never beside a publication, which would not count on it."""
        async with self._publishing:
            due = self._beside and (self._quiet() or self._beside > LARGEST_OVERLAY)
            if due and self._latest is not None:
                self._making = _Making(Mapped.of(self._latest.snapshot))
        return self._making is not None

    async def _make(self) -> None:
        """Make the maps that were begun, and ask Envoy about those that are others than before."""
        making = self._making
        if making is None or making.made is not None:
            return
        known = self.discovery.resources
        made = await asyncio.to_thread(big_maps, making.mapped, known)
        await validate(_changed(known, made), made, self.layout, known, patient=True)
        making.made, making.ready_at = made, self.discovery.monotonic()

    async def _offer(self, now: datetime) -> bool:
        """Put the map in force with the overlay of now, unless an overlay is on its way: Envoy would take the map before it."""
        making, discovery = self._making, self.discovery
        if making is None or making.made is None:
            return False
        async with self._publishing:
            waited = discovery.monotonic() - making.ready_at >= URGENT_SECONDS
            if self._latest is None or (discovery.live() and not self._have(OVERLAYS.values()) and not waited):
                return False
            return await self._put(_later(self._latest, now), making)

    async def _forget(self, now: datetime) -> bool:
        async with self._publishing:
            return self._settle() and self._latest is not None and await self._put(_later(self._latest, now))

    def _settle(self) -> bool:
        """Take note when every Envoy has the big maps in force; the overlays may then forget what is in them."""
        if len(self._possible) < 2 or (self.discovery.live() and not self._have(OVERLAYS)):
            return False
        del self._possible[:-1]
        del self._versions[:-1]
        return True

    async def _put(self, wanted: _Published, offered: _Making | None = None) -> bool:
        """Compile, validate and publish, with the big map that is offered or else the one in force."""
        before, known = self.discovery.resources, self.discovery.resources
        possible, versions = self._possible, self._versions
        if offered is not None and offered.made is not None:
            possible, versions = [*possible, offered.mapped], [*versions, _versions(offered.made)]
            known = {**before, **offered.made}
        first = not possible
        if first:
            possible = [Mapped.of(wanted.snapshot)]
        counted = possible if offered is not None or self._making is None else [*possible, self._making.mapped]
        named = self._named if self.discovery.live() and not self._have(OVERLAYS.values()) else frozenset()
        named |= sets_of(self._latest.snapshot.systems) if self._latest is not None else frozenset()
        inputs = Inputs(wanted.snapshot, tuple(counted), possible[-1], wanted.tls, self.layout, wanted.now, self.refusal_secret, named)
        compiled, beside = await asyncio.to_thread(_compile, inputs, known)
        if first:
            versions = [_versions(compiled)]
        _bind(compiled, versions)
        await validate(_changed(known, compiled), compiled, self.layout, known)
        changed = bool(_changed(before, compiled)) or bool(before.keys() - compiled.keys())
        self.discovery.publish(compiled)
        self._possible, self._versions, self._beside, self._latest, self._named = possible, versions, beside, wanted, named
        self.published_generation = wanted.snapshot.generation
        if offered is not None:
            self._making = None
        return changed


def _later(found: _Published, now: datetime) -> _Published:
    """Return what was published, as of now by its clock. NOTE: never as of earlier than it was: a key that has expired would be good again."""
    return replace(found, now=max(now + found.snapshot.clock_shift, found.now))


def _compile(inputs: Inputs, known: Resources) -> tuple[dict[Key, Resource], int]:
    return dict(compile_resources(inputs, known)), inputs.mapped.changes(inputs.snapshot)


def _versions(found: Resources) -> dict[Key, str]:
    return {key: found[key].version for key in OVERLAYS}


def _bind(compiled: dict[Key, Resource], versions: Sequence[Mapping[Key, str]]) -> None:
    """Say beside what each overlay, and the map of systems, may stand in an Envoy. One that has nothing there refuses everybody."""
    granted = {GRANTS: frozenset({_NO_MAP, compiled[GRANTS].version})}
    for key, overlay in OVERLAYS.items():
        fitting = {key: frozenset({_NO_MAP, *(known[key] for known in versions)})}
        compiled[overlay] = replace(compiled[overlay], only_with=fitting | (granted if key == SYSTEM_MAP else {}))
    compiled[SYSTEM_MAP] = replace(compiled[SYSTEM_MAP], only_with=granted)


def _changed(old: Resources, found: Resources) -> dict[Key, Resource]:
    return {key: one for key, one in found.items() if key not in old or old[key].version != one.version}
