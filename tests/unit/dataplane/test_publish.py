"""From one snapshot to the next there is no moment at which an Envoy says what no snapshot said.

The control plane is the real one, but for the binary that validates: it is `true`, because nothing here is about what
Envoy takes. The Envoys are models that hold an overlay and a big map and ask for them when the test says so.
"""

import asyncio
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wardgate.dataplane.compile import BIG_MAP, OVERLAY, Key
from wardgate.dataplane.errors import Rejected
from wardgate.dataplane.publish import LARGEST_OVERLAY, QUIET_SECONDS, Publisher
from wardgate.dataplane.resources.envoy import PROXIED_CLIENT, State
from wardgate.dataplane.resources.standing import ADMITTED, UNLISTED, pair
from wardgate.dataplane.xds import NODE_GONE_SECONDS, Discovery
from wardgate.security_patterns.standing import standing

APPLICATIONS = ("a", "b")
API_NAMES = ("x", "y")
BOTH = frozenset(API_NAMES)
STATES: dict[str, tuple[frozenset[str], str | None] | None] = {
    "absent": None, "granted": (BOTH, None), "suspended": (BOTH, "application-not-approved"), "half": (frozenset({"x"}), None),
    "no products": (frozenset(), None),
}


@dataclass
class ModelEnvoy:
    """Holds what it has accepted, as Envoy does, and refuses everybody before the first of it has come."""

    name: str
    versions: dict[Key, str] = field(default_factory=dict)
    bodies: dict[Key, dict[str, Any]] = field(default_factory=dict)
    since: int = 0
    """The snapshot that was in force when its overlay, and the map that belongs to it, were last those in force."""

    def poll(self, discovery: Discovery, key: Key) -> None:
        """Ask for one resource with the version held, and take what comes."""
        request = {"node": {"id": self.name}, "resource_names": [key.name], "version_info": self.versions.get(key, "")}
        status, body = discovery.answer(key.kind, request)
        if status == 200:
            answer = json.loads(body)
            self.versions[key] = answer["version_info"]
            self.bodies[key] = answer["resources"][0]["typed_config"]

    def admits(self, world: Any, application: str, api: str) -> bool:
        """Judge as the route's rule does (`route_rules`)."""
        if OVERLAY not in self.bodies or BIG_MAP not in self.bodies:
            return False
        values = {PROXIED_CLIENT: application, str(State.PAIR): pair(application, api)}
        overlay, action = world.verdict(self.bodies[OVERLAY], values)
        found, _ = world.verdict(self.bodies[BIG_MAP], values)
        return action == "ALLOW" and (overlay == ADMITTED or (overlay == UNLISTED and found == ADMITTED))


class Theatre:
    """A control plane, two Envoys, a clock, and everything that was ever published."""

    def __init__(self, world: Any, layout: Any, tls: Any) -> None:
        self.world, self.layout, self.tls = world, layout, tls
        self.clock = 1000.0
        self.states = dict.fromkeys(APPLICATIONS, "granted")
        self.history: list[dict[tuple[str, str], bool]] = []
        self.envoys = (ModelEnvoy("one"), ModelEnvoy("two"))
        self.restart()

    def restart(self) -> None:
        """Begin a control plane that knows nothing; the Envoys keep what they have."""
        self.discovery = Discovery(monotonic=lambda: self.clock)
        self.publisher = Publisher(self.layout, self.discovery, "secret")
        self.publish()

    def change(self, application: str, state: str) -> None:
        """Put an application into a state, and publish."""
        self.states[application] = state
        self.publish()

    def publish(self) -> None:
        """Publish the world as it is."""
        clients = {}
        for name, state in self.states.items():
            found = STATES[state]
            if found is not None:
                clients[name] = self.world.client(name, *found)
        self.snapshot = self.world.snapshot(clients)
        asyncio.run(self.publisher.publish(self.snapshot, self.tls, self.world.now))
        self.history.append({
            (name, api): name in clients and standing(clients[name], api) is None for name in APPLICATIONS for api in API_NAMES
        })

    def fold(self) -> None:
        """Let it be quiet, and fold."""
        self.clock += QUIET_SECONDS
        asyncio.run(self.publisher.fold(self.world.now))

    def be_away(self) -> None:
        """Let so much time pass that Envoys which do not ask count as gone."""
        self.clock += NODE_GONE_SECONDS + 1

    def check(self) -> None:
        """Every Envoy says about every pair what some snapshot said since it last had what was in force."""
        for envoy in self.envoys:
            newest = self.discovery.resources[OVERLAY]
            if envoy.versions.get(OVERLAY) == newest.version and envoy.versions.get(BIG_MAP) in newest.only_with:
                envoy.since = len(self.history) - 1
            if not envoy.bodies:
                continue
            for name, api in self.history[-1]:
                said = {snapshot[name, api] for snapshot in self.history[envoy.since:]}
                admitted = envoy.admits(self.world, name, api)
                ready = OVERLAY in envoy.bodies and BIG_MAP in envoy.bodies
                assert admitted in said or (not ready and not admitted), (envoy.name, name, api, admitted)

    def settle(self) -> None:
        """Let everybody ask until nothing changes."""
        for _ in range(4):
            self.fold()
            self.check()
            for key in (BIG_MAP, OVERLAY) * 2:  # a version counts as accepted when it is asked with
                for envoy in self.envoys:
                    envoy.poll(self.discovery, key)
                    self.check()


@pytest.fixture
def new_theatre(world: Any, tls: Any, tmp_path: Path) -> Callable[[], Theatre]:
    """Make a control plane with two Envoys that have nothing yet."""
    return lambda: Theatre(world, world.layout(tmp_path, Path(shutil.which("true") or "")), tls)


STEPS = st.one_of(
    st.tuples(st.just("change"), st.sampled_from(APPLICATIONS), st.sampled_from(sorted(STATES))),
    st.tuples(st.just("poll"), st.sampled_from((0, 1)), st.sampled_from((OVERLAY, BIG_MAP))),
    st.tuples(st.sampled_from(("fold", "fold", "be_away", "restart"))),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(STEPS, max_size=25))
def test_no_envoy_ever_says_what_no_snapshot_said(new_theatre: Callable[[], Theatre], steps: list[tuple[Any, ...]]) -> None:
    """Whatever changes, whoever asks when, is away, or restarts: a granted application is not refused, a suspended one not admitted."""
    theatre = new_theatre()
    for step, *about in steps:
        if step == "change":
            theatre.change(*about)
        elif step == "poll":
            theatre.envoys[about[0]].poll(theatre.discovery, about[1])
        else:
            getattr(theatre, step)()
        theatre.check()
    theatre.settle()
    for envoy in theatre.envoys:
        for (name, api), expected in theatre.history[-1].items():
            assert envoy.admits(theatre.world, name, api) is expected
        assert theatre.discovery.has(OVERLAY)
    assert not theatre.discovery.live()["one"].rejected


@pytest.fixture
def theatre(new_theatre: Callable[[], Theatre]) -> Theatre:
    """A control plane with two Envoys that have everything."""
    found = new_theatre()
    found.settle()
    return found


def test_a_change_that_is_taken_back_during_a_fold_stays_taken_back(theatre: Theatre) -> None:
    """The map of the fold admits, the one before does not, the application is suspended again: refused beside either map."""
    theatre.change("a", "suspended")
    theatre.settle()
    theatre.change("a", "granted")
    theatre.fold()  # a map that admits is on its way
    theatre.change("a", "suspended")
    envoy = theatre.envoys[0]
    for key in (OVERLAY, BIG_MAP, OVERLAY):
        envoy.poll(theatre.discovery, key)
        if key is OVERLAY:
            assert not envoy.admits(theatre.world, "a", "x")


def test_an_envoy_that_was_away_with_a_map_it_never_confirmed_takes_the_new_map_first(new_theatre: Callable[[], Theatre]) -> None:
    """It asked without a map, got one that admits, and was away while that was replaced: the emptied overlay must wait."""
    theatre = new_theatre()
    theatre.change("a", "absent")
    envoy = theatre.envoys[1]
    for key in (BIG_MAP, OVERLAY):
        envoy.poll(theatre.discovery, key)
    for _ in range(3):
        theatre.fold()
    for key in (OVERLAY, BIG_MAP, OVERLAY, OVERLAY):
        envoy.poll(theatre.discovery, key)
        assert not envoy.admits(theatre.world, "a", "x")
    theatre.settle()
    assert envoy.versions[OVERLAY] == theatre.discovery.resources[OVERLAY].version


def test_an_envoy_that_outlived_the_control_plane_takes_the_map_first(theatre: Theatre) -> None:
    """Its overlay refuses; the new one, which counts on another map, is held back until that map has come."""
    theatre.change("a", "suspended")
    envoy = theatre.envoys[0]
    envoy.poll(theatre.discovery, OVERLAY)
    theatre.restart()
    held = envoy.versions[OVERLAY]
    envoy.poll(theatre.discovery, OVERLAY)
    assert envoy.versions[OVERLAY] == held
    assert not envoy.admits(theatre.world, "a", "x")
    for key in (BIG_MAP, OVERLAY):
        envoy.poll(theatre.discovery, key)
    assert envoy.versions[OVERLAY] == held, "that the map has come is known when it is asked for again"
    for key in (BIG_MAP, OVERLAY):
        envoy.poll(theatre.discovery, key)
    assert envoy.versions[OVERLAY] != held
    assert not envoy.admits(theatre.world, "a", "x")


def test_the_big_map_is_not_made_again_for_one_change(theatre: Theatre) -> None:
    """A change of one application costs an overlay, not a map; the map follows when it has been quiet."""
    before = theatre.discovery.resources[BIG_MAP]
    theatre.change("b", "suspended")
    assert theatre.discovery.resources[BIG_MAP] is before
    assert not asyncio.run(theatre.publisher.fold(theatre.world.now)), "it has not been quiet yet"
    theatre.fold()
    assert theatre.discovery.resources[BIG_MAP].version != before.version


def test_many_changes_go_into_the_map_at_once(theatre: Theatre) -> None:
    """More changes than the overlay shall hold start a new map without waiting for quiet."""
    before = theatre.discovery.resources[BIG_MAP].version
    many = {f"m{number}": theatre.world.client(f"m{number}", BOTH) for number in range(LARGEST_OVERLAY + 1)}
    asyncio.run(theatre.publisher.publish(theatre.world.snapshot(dict(theatre.snapshot.clients) | many), theatre.tls, theatre.world.now))
    assert theatre.discovery.resources[BIG_MAP].version != before


def test_nothing_changes_when_nothing_changed(theatre: Theatre) -> None:
    """Publishing the same world again touches no version."""
    versions = {key: found.version for key, found in theatre.discovery.resources.items()}
    assert asyncio.run(theatre.publisher.publish(theatre.snapshot, theatre.tls, theatre.world.now)) is False
    assert {key: found.version for key, found in theatre.discovery.resources.items()} == versions


def test_what_envoy_rejects_is_not_published(theatre: Theatre, tmp_path: Path) -> None:
    """After a rejection the old resources stay in force, and the next good snapshot counts from them."""
    before = dict(theatre.discovery.resources)
    theatre.publisher.layout = theatre.world.layout(tmp_path, Path(shutil.which("false") or ""))
    with pytest.raises(Rejected):
        theatre.change("a", "suspended")
    theatre.states["a"] = "granted"
    assert theatre.discovery.resources == before
    assert theatre.publisher.in_force() is not None
    theatre.publisher.layout = theatre.layout
    theatre.change("a", "suspended")
    theatre.settle()
    assert not theatre.envoys[0].admits(theatre.world, "a", "x")
