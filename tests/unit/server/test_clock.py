"""Tests of `server.clock`, and of what the shift does to the snapshot."""

from datetime import UTC, datetime, timedelta

import pytest

from wardgate.audit.model import Event, EventType
from wardgate.manifest import Manifest
from wardgate.manifest.documents import CLOCK, changes, from_documents
from wardgate.server.clock import Clock
from wardgate.server.world import WorldKeeper
from wardgate.stores import Stores
from wardgate.stores.ports import Grant, GrantStart, StoredDocument

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
JWKS = {"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "k1", "x": "ToOZeCtqARsfL9gNTw1e7aRFla4KcQeTCNZTO-gH8cw",
                  "y": "dYvpMr3XiJn4h1_0OnoUkjP3utpFiKfKmQlddguQ9e0"}]}
EVENT = Event(EventType.CLOCK_ADVANCED, NOW)
HOURS_12 = timedelta(hours=12)


def _manifest(*, live: bool = False) -> Manifest:
    return Manifest.model_validate({"environment": {"name": "trial", "live": live}})


def _put(stores: Stores, manifest: Manifest) -> None:
    step = changes(stores.documents.load()[1], manifest)
    stores.documents.write([StoredDocument(found.kind, found.name, found.body) for found in step.put], step.remove, EVENT)


def _turn(stores: Stores, ahead: timedelta) -> None:
    stores.documents.write([StoredDocument(CLOCK, CLOCK, {"ahead_seconds": int(ahead.total_seconds())})], [], EVENT)


@pytest.fixture
def keeper(stores: Stores) -> WorldKeeper:
    """A keeper of a small manifest."""
    _put(stores, _manifest())
    return WorldKeeper(stores, lambda _now: JWKS, lambda _now: frozenset(), ("https://localhost",))


def test_three_times_of_day() -> None:
    """Real, virtual, and one for caches that never goes back: every turn makes what was kept old."""
    shift, real = [timedelta(0)], [NOW]
    clock = Clock(lambda: real[0], lambda: shift[0])
    assert clock.real() == clock.now() == clock.steady() == NOW
    shift[0] = HOURS_12
    assert (clock.now(), clock.steady()) == (NOW + HOURS_12, NOW + HOURS_12)
    shift[0] = timedelta(0)
    assert (clock.now(), clock.steady()) == (NOW, NOW + 2 * HOURS_12)
    real[0] += timedelta(seconds=1)
    assert clock.steady() == NOW + 2 * HOURS_12 + timedelta(seconds=1)


def test_the_shift_is_part_of_the_snapshot(stores: Stores, keeper: WorldKeeper) -> None:
    """It comes with the next generation, survives a new process, and goes when the document does."""
    assert keeper.refresh(NOW).clock_shift == timedelta(0)
    _turn(stores, HOURS_12)
    assert keeper.refresh(NOW).clock_shift == HOURS_12
    again = WorldKeeper(stores, lambda _now: JWKS, lambda _now: frozenset(), ("https://localhost",))
    assert again.refresh(NOW).clock_shift == HOURS_12
    stores.documents.write([], [(CLOCK, CLOCK)], EVENT)
    assert keeper.refresh(NOW).clock_shift == timedelta(0)


def test_a_live_environment_has_no_shift(stores: Stores, keeper: WorldKeeper) -> None:
    """Not even one that became live while its clock was ahead."""
    _turn(stores, HOURS_12)
    _put(stores, _manifest(live=True))
    assert keeper.refresh(NOW).clock_shift == timedelta(0)


def test_the_clock_is_no_part_of_the_manifest(stores: Stores, keeper: WorldKeeper) -> None:
    """It is in no export and no difference: applying the manifest again changes nothing, and leaves it alone."""
    _turn(stores, HOURS_12)
    documents = stores.documents.load()[1]
    assert from_documents(documents) == _manifest()
    assert not changes(documents, _manifest())
    assert keeper.refresh(NOW).clock_shift == HOURS_12


def test_revocations_go_by_the_real_time(stores: Stores, keeper: WorldKeeper) -> None:
    """What was taken back a moment ago is refused, however far ahead the clock is."""
    _turn(stores, HOURS_12)
    grant = Grant("sign-in-1", "demo", "credential", NOW, NOW + HOURS_12, "{}")
    assert stores.grants.start([GrantStart(grant, EVENT)])[0]
    stores.grants.end(["sign-in-1"], NOW, EVENT)
    assert "sign-in-1" in keeper.refresh(NOW + timedelta(seconds=1)).revocations.grants
