"""Tests of `server.control`: whatever fails is tried again, and what was in force stays in force meanwhile."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wardgate.audit.model import Event, EventType
from wardgate.dataplane.errors import Rejected
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.dataplane.xds import Discovery
from wardgate.manifest import Manifest
from wardgate.manifest.documents import changes
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.server import control as control_module
from wardgate.server.control import Control
from wardgate.server.world import WorldKeeper
from wardgate.stores import Stores
from wardgate.stores.errors import StoreUnavailable
from wardgate.stores.ports import StoredDocument

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
JWKS = {"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "k1", "x": "ToOZeCtqARsfL9gNTw1e7aRFla4KcQeTCNZTO-gH8cw",
                  "y": "dYvpMr3XiJn4h1_0OnoUkjP3utpFiKfKmQlddguQ9e0"}]}


@dataclass
class Recorder:
    """In the publisher's place: keeps what was published, and fails as often as it is told to."""

    published: list[Snapshot] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    published_generation: int = 0

    async def publish(self, snapshot: Snapshot, _tls: TLSMaterial, _now: datetime) -> bool:
        """Keep the snapshot, or fail."""
        if self.faults:
            raise self.faults.pop(0)
        self.published.append(snapshot)
        self.published_generation = snapshot.generation
        return True

    async def fold(self, _now: datetime) -> bool:
        """There is nothing to fold."""
        return False


@dataclass
class Clock:
    """The time of day, set by the test."""

    at: datetime = NOW

    def now(self) -> datetime:
        """Return it."""
        return self.at


@pytest.fixture
def clock() -> Clock:
    """The clock of one test."""
    return Clock()


@pytest.fixture
def recorder() -> Recorder:
    """The publisher of one test."""
    return Recorder()


@pytest.fixture
def control(stores: Stores, recorder: Recorder, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Control:
    """The loop, with short pauses."""
    monkeypatch.setattr(control_module, "TICK_SECONDS", 0.005)
    monkeypatch.setattr(control_module, "RETRY_SECONDS", 0.02)
    keeper = WorldKeeper(stores, lambda _now: JWKS, lambda _now: frozenset(), ("https://localhost",))
    return Control(stores, keeper, recorder, Discovery(), lambda _snapshot, _now: TLSMaterial("", "", "", ""), lambda: None,  # type: ignore[arg-type]
                   clock.now, lambda: [NOW + timedelta(hours=1)])


def put(stores: Stores, manifest: Manifest) -> int:
    """Bring the documents to a manifest and return the generation."""
    step = changes(stores.documents.load()[1], manifest)
    found = [StoredDocument(entry.kind, entry.name, entry.body) for entry in step.put]
    return stores.documents.write(found, step.remove, Event(EventType.MANIFEST_APPLIED, NOW))


def run(control: Control, *steps: Callable[[], Any]) -> None:
    """Run the loop; after each step wait until it has come round a few times."""
    async def going() -> None:
        await control.refresh()
        task = asyncio.create_task(control.run())
        for step in steps:
            await asyncio.to_thread(step)
            await asyncio.sleep(0.25)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(going())


def test_before_the_first_refresh_there_is_no_world(control: Control) -> None:
    """Whoever asks is told so."""
    with pytest.raises(LookupError, match="no world yet"):
        control.snapshot()


def test_a_change_is_published_once(control: Control, recorder: Recorder, stores: Stores, manifest: Callable[..., Manifest]) -> None:
    """And then nothing, until the next."""
    put(stores, manifest())
    run(control, lambda: put(stores, manifest(organisations=[{"ods": "Z9X01", "name": "Another Name"}])))
    assert [snapshot.generation for snapshot in recorder.published] == [1, 2]
    assert control.snapshot() is recorder.published[-1]


def test_what_changes_while_keys_are_read_is_read_again(
    control: Control, recorder: Recorder, stores: Stores, manifest: Callable[..., Manifest]
) -> None:
    """A generation is not said to be in force before the keys of that generation were read."""
    put(stores, manifest())
    read: list[str] = []

    def reload_keys() -> None:
        found = stores.documents.get("organisations", "Z9X01")
        assert found is not None
        read.append(found.body["name"])
        if len(read) == 2:
            put(stores, manifest(organisations=[{"ods": "Z9X01", "name": "Third Name"}]))

    control.reload_keys = reload_keys
    run(control, lambda: put(stores, manifest(organisations=[{"ods": "Z9X01", "name": "Second Name"}])))
    assert [(snapshot.generation, name) for snapshot, name in zip(recorder.published, read, strict=True)] == [(1, read[0]), (2, "Second Name"), (3, "Third Name")]


@pytest.mark.parametrize("fault", [Rejected("no"), StoreUnavailable("away"), OSError(28, "No space left on device"), RuntimeError("?")],
                         ids=lambda fault: type(fault).__name__)
def test_what_failed_is_tried_again(
    control: Control, recorder: Recorder, stores: Stores, manifest: Callable[..., Manifest], fault: Exception
) -> None:
    """Without any further change; until then the old world stays in force."""
    put(stores, manifest())
    seen: list[int] = []

    def change() -> None:
        recorder.faults[:] = [fault, fault]
        put(stores, manifest(applications=[]))
        seen.append(control.snapshot().generation)

    run(control, change)
    assert seen == [1]
    assert recorder.faults == []
    assert [snapshot.generation for snapshot in recorder.published] == [1, 2]


def test_tries_grow_apart_and_a_further_change_does_not_wait(
    control: Control, recorder: Recorder, stores: Stores, manifest: Callable[..., Manifest]
) -> None:
    """What Envoy will not take is not validated every moment; what comes after it is."""
    put(stores, manifest())

    def bad() -> None:
        recorder.faults[:] = [Rejected("no")] * 100
        put(stores, manifest(applications=[]))

    tried: list[int] = []

    def good() -> None:
        tried.append(100 - len(recorder.faults))
        recorder.faults.clear()
        put(stores, manifest())

    run(control, bad, good)
    assert 2 <= tried[0] <= 6, "0.02, 0.04, 0.08, 0.16 s apart"
    assert recorder.published[-1].generation == 3


def test_time_alone_makes_it_look(
    control: Control, recorder: Recorder, stores: Stores, clock: Clock, manifest: Callable[..., Manifest]
) -> None:
    """A signing key's end comes without any change of the store."""
    put(stores, manifest())

    def later() -> None:
        clock.at = NOW + timedelta(hours=1)

    run(control, later)
    assert len(recorder.published) == 2


def test_it_looks_when_it_is_asked(control: Control, recorder: Recorder, stores: Stores, manifest: Callable[..., Manifest]) -> None:
    """As after Envoy was started again."""
    put(stores, manifest())
    run(control, control.ask)
    assert len(recorder.published) == 2
