"""The control loop: what the store says, every Envoy does.

Every tenth of a second it looks whether the generation has risen, whether time alone has changed something (a key has
expired, a quota's window is over); and it notes which Envoy has confirmed what. Beside that it looks as often whether the
overlay can be folded, which takes longer than a change may wait.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from wardgate.catalogue.paths import RouteMatcher
from wardgate.dataplane.errors import Rejected
from wardgate.dataplane.publish import Publisher
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.dataplane.xds import Discovery
from wardgate.decisions.service import World
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.server.world import WorldKeeper, next_moment
from wardgate.stores import Stores
from wardgate.stores.errors import StoreError
from wardgate.stores.ports import DataPlane

TICK_SECONDS: Final = 0.1
QUOTA_LOOK_SECONDS: Final = 1.0
SEEN_SECONDS: Final = 3.0
RETRY_SECONDS: Final = 1.0
LONGEST_RETRY_SECONDS: Final = 30.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Control:
    """Keeps `world` and Envoy the same as the store. `start` once, then `run` until cancelled."""

    stores: Stores
    keeper: WorldKeeper
    publisher: Publisher
    discovery: Discovery
    tls: Callable[[Snapshot, datetime], TLSMaterial]
    """The server's certificate and the clients' trust; blocking."""
    reload_keys: Callable[[], None]
    now: Callable[[], datetime]
    """The real time. What the gateway enforces goes by the virtual clock, whose shift is in the snapshot."""
    key_ends: Callable[[], Iterable[datetime]] = tuple
    """When each signing key is no longer believed."""
    _world: World | None = None
    _due: datetime | None = None
    _asked: bool = False
    _quota_look: float = 0.0
    _again_at: float | None = None
    """When what failed is to be tried again, by the monotonic clock."""
    _back_off: float = 0.0
    _confirmed: dict[str, tuple[int, float]] = field(default_factory=dict)

    def world(self) -> World:
        """Return what is in force. Raises `LookupError` before the first `refresh`."""
        if self._world is None:
            raise LookupError("no world yet")
        return self._world

    def snapshot(self) -> Snapshot:
        """Return the snapshot in force."""
        return self.world().snapshot

    def ask(self) -> None:
        """Make the next turn of the loop read the store, whatever the generation says."""
        self._asked = True

    async def refresh(self) -> None:
        """Read the store, publish, and put the new world in force."""
        now = self.now()
        snapshot, tls = await asyncio.to_thread(self._read, now)
        await self.publisher.publish(snapshot, tls, now + snapshot.clock_shift)
        self._world = World(snapshot, RouteMatcher(snapshot.apis))
        ends = [end + snapshot.clock_shift for end in self.key_ends()]
        self._due = next_moment(snapshot, now + snapshot.clock_shift, ends)

    async def run(self) -> None:
        """Go round until cancelled. A failure is logged and tried again: what was in force stays in force."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._follow())
            both.create_task(self._fold())

    async def _follow(self) -> None:
        while True:
            if await _succeeds(self._turn()):
                await asyncio.sleep(TICK_SECONDS)
            else:
                self._fail()
                await asyncio.sleep(RETRY_SECONDS)

    async def _fold(self) -> None:
        pause = TICK_SECONDS
        while True:
            good = await _succeeds(self.publisher.fold(self.now()))
            pause = TICK_SECONDS if good else min(max(pause * 2, RETRY_SECONDS), LONGEST_RETRY_SECONDS)
            await asyncio.sleep(pause)

    def _fail(self) -> None:
        """Have what failed tried again, later and later; a further change is tried at once.

        NOTE: the keeper has read the generation that was not published, so nothing else would bring it back.
        """
        self._back_off = min(self._back_off * 2, LONGEST_RETRY_SECONDS) if self._back_off else RETRY_SECONDS
        self._again_at = self.discovery.monotonic() + self._back_off

    async def _turn(self) -> None:
        generation = await asyncio.to_thread(self.stores.generation.current)
        asked, self._asked = self._asked, False
        due = self._due is not None and self.now() + self.snapshot().clock_shift >= self._due
        again = self._again_at is not None and self.discovery.monotonic() >= self._again_at
        if asked or due or again or generation != self.keeper.generation or await self._quota_changed():
            await self.refresh()
            self._again_at, self._back_off = None, 0.0
        await self._note_confirmed()

    async def _quota_changed(self) -> bool:
        clock = self.discovery.monotonic()
        if clock - self._quota_look < QUOTA_LOOK_SECONDS:
            return False
        self._quota_look = clock
        spent = await asyncio.to_thread(self.keeper.spent, self.now())
        return spent != self.snapshot().over_quota

    def _read(self, now: datetime) -> tuple[Snapshot, TLSMaterial]:
        known = self.stores.generation.current()
        self.reload_keys()
        snapshot = self.keeper.refresh(now, known)
        return snapshot, self.tls(snapshot, now)

    async def _note_confirmed(self) -> None:
        generation = self.publisher.published_generation
        for name, node in self.discovery.live().items():
            error = f"{len(node.rejected)} resources were rejected" if node.rejected else None
            noted, at = self._confirmed.get(name, (-1, 0.0))
            has = generation if self.discovery.confirmed(node) else noted
            if has != noted or self.discovery.monotonic() - at > SEEN_SECONDS:
                self._confirmed[name] = (has, self.discovery.monotonic())
                with contextlib.suppress(StoreError):
                    await asyncio.to_thread(self.stores.data_planes.confirm, DataPlane(name, max(has, 0), self.now(), error))


async def _succeeds(work: Coroutine[Any, Any, object]) -> bool:
    """Return whether it did not fail; a failure is logged."""
    try:
        await work
    except Rejected as error:
        _log.error("Envoy would not take the new rules, the old ones stay: %s", error)
    except (StoreError, LookupError) as error:
        _log.warning("the world could not be read, the old one stays: %s", error)
    except Exception:  # noqa: BLE001 - a full disk or a key that cannot be read must not take the gateway down
        _log.exception("the rules could not be made, the old ones stay")
    else:
        return True
    return False
