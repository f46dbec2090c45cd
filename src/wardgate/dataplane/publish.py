"""Publishing: from one snapshot to the next, urgent things first.

A change of one application goes out in the overlay at once. The big map is made anew only when nothing urgent waits, or
when so much has changed that the overlay would be big itself; the overlay keeps saying what it says until every Envoy
has the new map, so there is no moment at which neither does. An Envoy that has neither of the maps which the overlay
counts on (it was away, or it outlived a control plane) gets the new map before the overlay (`xds`).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from wardgate.dataplane.compile import (
    BIG_MAP,
    OVERLAY,
    Inputs,
    Key,
    Resource,
    Resources,
    changed_clients,
    compile_resources,
)
from wardgate.dataplane.layout import Layout
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.dataplane.validate import validate
from wardgate.dataplane.xds import Discovery
from wardgate.security_patterns.snapshot import Client, Snapshot

QUIET_SECONDS: Final = 5.0
LARGEST_OVERLAY: Final = 500
_NO_MAP: Final = ""
"""The version an Envoy without a map asks with; it refuses everybody."""


@dataclass(slots=True)
class Publisher:
    """Compiles, validates and publishes. One at a time: callers await `publish`."""

    layout: Layout
    discovery: Discovery
    refusal_secret: str = field(repr=False)
    published_generation: int = 0
    _possible: list[Mapping[str, Client]] = field(default_factory=list)
    """What the big map of some Envoy may be made of, the one in force last; one when every Envoy is known to have it."""
    _versions: list[str] = field(default_factory=list)
    """The versions of those maps."""
    _changed_at: float = 0.0
    _latest: tuple[Snapshot, TLSMaterial] | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def publish(self, snapshot: Snapshot, tls: TLSMaterial, now: datetime) -> bool:
        """Put a snapshot in force. Returns whether anything changed. Raises `Rejected`; then the old one stays in force."""
        async with self._lock:
            self._settle()
            new_map = not self._possible or len(changed_clients(self._possible[-1], snapshot.clients)) > LARGEST_OVERLAY
            changed = await self._put(snapshot, tls, now, new_map=new_map)
            if changed:
                self._changed_at = self.discovery.monotonic()
            return changed

    async def fold(self, now: datetime) -> bool:
        """Move the overlay into the big map when it has been quiet, and empty it when every Envoy has the map. True: did either."""
        async with self._lock:
            if self._latest is None:
                return False
            snapshot, tls = self._latest
            if len(self._possible) > 1:
                return self._settle() and await self._put(snapshot, tls, now)
            quiet = self.discovery.monotonic() - self._changed_at >= QUIET_SECONDS
            if not quiet or not changed_clients(self._possible[-1], snapshot.clients):
                return False
            return await self._put(snapshot, tls, now, new_map=True)

    def in_force(self) -> tuple[Snapshot, TLSMaterial] | None:
        """Return what was published last."""
        return self._latest

    def _settle(self) -> bool:
        """Take note when every Envoy has the big map in force; the overlay may then forget what is in it."""
        if len(self._possible) < 2 or (self.discovery.live() and not self.discovery.has(BIG_MAP)):
            return False
        del self._possible[:-1]
        del self._versions[:-1]
        return True

    async def _put(self, snapshot: Snapshot, tls: TLSMaterial, now: datetime, *, new_map: bool = False) -> bool:
        possible = [*self._possible, dict(snapshot.clients)] if new_map else self._possible
        inputs = Inputs(snapshot, tuple(possible), possible[-1], tls, self.layout, now, self.refusal_secret)
        compiled = await asyncio.to_thread(compile_resources, inputs, self.discovery.resources)
        versions = [*self._versions, compiled[BIG_MAP].version] if new_map else self._versions
        compiled = {**compiled, OVERLAY: replace(compiled[OVERLAY], only_with=frozenset({_NO_MAP, *versions}))}
        changed = {key: found for key, found in compiled.items() if _differs(self.discovery.resources, key, found)}
        await validate(changed, compiled, self.layout)
        removed = self.discovery.resources.keys() - compiled.keys()
        self.discovery.publish(compiled)
        self._possible, self._versions = possible, versions
        self._latest = (snapshot, tls)
        self.published_generation = snapshot.generation
        return bool(changed or removed)


def _differs(old: Resources, key: Key, found: Resource) -> bool:
    return key not in old or old[key].version != found.version
