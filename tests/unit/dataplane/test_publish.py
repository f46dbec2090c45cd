"""From one snapshot to the next there is no moment at which an Envoy says what no snapshot said.

The control plane is the real one, but for the binary that validates: it is a script that says yes unless it is told not
to, because nothing here is about what Envoy takes. What the control plane puts on threads runs when the test says so, in
any order. The Envoys are models that hold an overlay and a big map, ask for them, wait, and take answers when the test
says so.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wardgate.dataplane.compile import BIG_MAP, EXTENSIONS, OVERLAY, Key
from wardgate.dataplane.errors import Rejected
from wardgate.dataplane.publish import LARGEST_OVERLAY, QUIET_SECONDS, URGENT_SECONDS, Publisher
from wardgate.dataplane.resources.envoy import PROXIED_CLIENT, Filter, State
from wardgate.dataplane.resources.standing import ADMITTED, UNLISTED, pair
from wardgate.dataplane.xds import NODE_GONE_SECONDS, Discovery, Question
from wardgate.security_patterns.standing import standing

APPLICATIONS = ("a", "b")
API_NAMES = ("x", "y")
BOTH = frozenset(API_NAMES)
STATES: dict[str, tuple[frozenset[str], str | None] | None] = {
    "absent": None, "granted": (BOTH, None), "suspended": (BOTH, "application-not-approved"), "half": (frozenset({"x"}), None),
    "no products": (frozenset(), None),
}
SPINS = 12
"""Turns of the loop after which nothing is left to do but what waits for a thread."""


class ByHand(ThreadPoolExecutor):
    """Runs what is to run on a thread when it is told to, and on this one."""

    def __init__(self) -> None:
        super().__init__(1)
        self.waiting: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, work: Callable[..., Any], /, *args: Any, **more: Any) -> Future[Any]:
        """Keep it for later."""
        found: Future[Any] = Future()
        self.waiting.append((found, lambda: work(*args, **more)))
        return found

    def go(self, number: int) -> None:
        """Run one of those that wait."""
        found, work = self.waiting.pop(number % len(self.waiting))
        if found.set_running_or_notify_cancel():
            try:
                found.set_result(work())
            except Exception as error:  # noqa: BLE001 - it is raised where the outcome is waited for
                found.set_exception(error)


@dataclass
class ModelEnvoy:
    """Holds what it has accepted, as Envoy does, and refuses everybody before the first of it has come."""

    name: str
    versions: dict[Key, str] = field(default_factory=dict)
    bodies: dict[Key, dict[str, Any]] = field(default_factory=dict)
    questions: dict[Key, Question] = field(default_factory=dict)
    """What it has asked and has no answer to."""
    coming: dict[Key, dict[str, Any]] = field(default_factory=dict)
    """What was answered and it has not yet taken."""
    since: int = 0
    """The snapshot that was in force when its overlay, and the map that belongs to it, were last those in force."""

    def ask(self, discovery: Discovery, key: Key) -> None:
        """Ask for one resource with the version held, unless that is being done."""
        if key not in self.questions and key not in self.coming:
            request = {"node": {"id": self.name}, "resource_names": [key.name], "version_info": self.versions.get(key, "")}
            self.questions[key] = discovery.ask(key.kind, request)
            self.look(discovery)

    def look(self, discovery: Discovery, *, over: bool = False) -> None:
        """Have what was asked looked at once more, as when it is woken or the hold is over."""
        for key, question in list(self.questions.items()):
            found = discovery.look(question, over=over)
            if found is not None:
                del self.questions[key]
                if found[0] == 200:
                    self.coming[key] = json.loads(found[1])

    def take(self, key: Key) -> None:
        """Take what has come."""
        answer = self.coming.pop(key, None)
        if answer is not None:
            self.versions[key] = answer["version_info"]
            self.bodies[key] = answer["resources"][0]["typed_config"]

    def poll(self, discovery: Discovery, key: Key) -> None:
        """Ask, and take what comes at once."""
        self.look(discovery, over=True)
        self.take(key)
        self.ask(discovery, key)
        self.take(key)

    def die(self) -> None:
        """Begin anew, with nothing."""
        for what in (self.versions, self.bodies, self.questions, self.coming):
            what.clear()

    def admits(self, world: Any, application: str, api: str) -> bool:
        """Judge as the route's rule does (`route_rules`)."""
        if OVERLAY not in self.bodies or BIG_MAP not in self.bodies:
            return False
        values = {PROXIED_CLIENT: application, str(State.PAIR): pair(application, api)}
        overlay, action = world.verdict(self.bodies[OVERLAY], values)
        found, _ = world.verdict(self.bodies[BIG_MAP], values)
        return action == "ALLOW" and (overlay == ADMITTED or (overlay == UNLISTED and found == ADMITTED))


class Theatre:
    """A control plane, two Envoys, a clock, and everything that was ever in force."""

    def __init__(self, world: Any, layout: Any, tls: Any) -> None:
        self.world, self.layout, self.tls = world, layout, tls
        self.clock = 1000.0
        self.threads = ByHand()
        self.loop = asyncio.new_event_loop()
        self.loop.set_default_executor(self.threads)
        self.states = dict.fromkeys(APPLICATIONS, "granted")
        self.history: list[dict[tuple[str, str], bool]] = []
        self.envoys = (ModelEnvoy("one"), ModelEnvoy("two"))
        self.tasks: list[asyncio.Task[None]] = []
        self.folding: asyncio.Task[None] | None = None
        self.restart()

    def close(self) -> None:
        """End what has not ended."""
        self._cancel()
        self.loop.close()

    def restart(self, *, lost: bool = False) -> None:
        """Begin a control plane that knows nothing; the Envoys keep what they have.

        What the one before has answered they have taken before the new one answers, or it was torn.
        """
        self._cancel()
        for envoy in self.envoys:
            for key in list(envoy.coming):
                if lost:
                    del envoy.coming[key]
                envoy.take(key)
        self.discovery = Discovery(monotonic=lambda: self.clock)
        self.publisher = Publisher(self.layout, self.discovery, "secret")
        for envoy in self.envoys:
            envoy.questions.clear()
        self.publish()
        self.finish()

    def change(self, application: str, state: str) -> None:
        """Put an application into a state, publish, and wait for that."""
        self.begin_change(application, state)
        self.finish()

    def begin_change(self, application: str, state: str) -> None:
        """Put an application into a state, and begin to publish."""
        self.states[application] = state
        self.publish()

    def publish(self) -> None:
        """Begin to publish the world as it is."""
        clients = {}
        for name, state in self.states.items():
            found = STATES[state]
            if found is not None:
                clients[name] = self.world.client(name, *found)
        snapshot = self.world.snapshot(clients)
        said = {(name, api): name in clients and standing(clients[name], api) is None for name in APPLICATIONS for api in API_NAMES}

        async def work() -> None:
            await self.publisher.publish(snapshot, self.tls, self.world.now)
            self.snapshot = snapshot
            self.history.append(said)

        self._begin(work())

    def begin_fold(self) -> None:
        """Begin to fold, as one of the control loops does again and again."""
        async def work() -> None:
            await self.publisher.fold(self.world.now)

        if self.folding is None or self.folding.done():
            self.folding = self._begin(work())

    def fold(self) -> None:
        """Let it be quiet, and fold."""
        self.be_quiet()
        self.begin_fold()
        self.finish()

    def go(self, number: int, *, refused: bool = False) -> None:
        """Let something that waits for a thread have it; if it asks Envoy about resources, that may refuse them."""
        refusing = self.layout.run_directory / "refuse"
        if refused:
            refusing.touch()
        if self.threads.waiting:
            self.threads.go(number)
            self.spin()
        refusing.unlink(missing_ok=True)

    def finish(self) -> None:
        """Let everything that was begun end. Raises what it raised."""
        while self.threads.waiting:
            self.go(0)
        tasks, self.tasks = self.tasks, []
        for task in tasks:
            assert task.done()
            task.result()

    def all_poll(self) -> None:
        """Let every Envoy take what there is, and tell so."""
        for key in (BIG_MAP, OVERLAY) * 2:
            for envoy in self.envoys:
                envoy.poll(self.discovery, key)
                self.check()

    def be_quiet(self) -> None:
        """Let nothing happen for so long that the overlay may be folded."""
        self.clock += QUIET_SECONDS

    def be_away(self) -> None:
        """Let so much time pass that Envoys which do not ask count as gone."""
        self.clock += NODE_GONE_SECONDS + 1

    def check(self) -> None:
        """Every Envoy says about every pair what some snapshot said since it last had what was in force.

        That is when it has the overlay, a map that belongs to it, and nothing older on its way. One that has confirmed both
        as they are in force says what the last snapshot said.
        """
        for envoy in self.envoys:
            newest = self.discovery.resources[OVERLAY]
            has_it = envoy.versions.get(OVERLAY) == newest.version and envoy.versions.get(BIG_MAP) in newest.only_with
            if has_it and not envoy.coming:
                envoy.since = len(self.history) - 1
            if not envoy.bodies:
                continue
            node = self.discovery.nodes.get(envoy.name)
            confirmed = node is not None and all(self.discovery.holds(node, key) for key in (OVERLAY, BIG_MAP))
            for name, api in self.history[-1]:
                said = {snapshot[name, api] for snapshot in self.history[-1 if confirmed else envoy.since:]}
                admitted = envoy.admits(self.world, name, api)
                ready = OVERLAY in envoy.bodies and BIG_MAP in envoy.bodies
                assert admitted in said or (not ready and not admitted), (envoy.name, name, api, admitted, confirmed)

    def settle(self) -> None:
        """Let everybody ask until nothing changes."""
        for _ in range(4):
            self.fold()
            self.check()
            self.all_poll()

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self.loop.create_task(work)
        self.tasks.append(task)
        self.spin()
        return task

    def spin(self) -> None:
        """Let the loop do all that it can do without a thread, and what waits for its outcome look at it."""
        for _ in range(SPINS):
            self.loop.call_soon(self.loop.stop)
            self.loop.run_forever()
        for envoy in self.envoys:
            envoy.look(self.discovery)

    def _cancel(self) -> None:
        for task in self.tasks:
            task.cancel()
        for _ in range(SPINS):
            self.loop.call_soon(self.loop.stop)
            self.loop.run_forever()
        self.tasks.clear()
        self.threads.waiting.clear()
        self.folding = None

    def forgive(self) -> None:
        """Let everything that was begun end; what Envoy would not take is published once more."""
        while self.threads.waiting:
            self.go(0)
        refused = [task for task in self.tasks if task.exception() is not None]
        assert all(isinstance(task.exception(), Rejected) for task in refused)
        self.tasks.clear()
        if refused:
            self.publish()
            self.finish()


@pytest.fixture
def new_theatre(world: Any, tls: Any, tmp_path: Path) -> Iterator[Callable[[], Theatre]]:
    """Make a control plane with two Envoys that have nothing yet."""
    script = tmp_path / "envoy"
    script.write_text(f"#!/bin/sh\n[ ! -e {tmp_path}/refuse ]\n")
    script.chmod(0o700)
    with contextlib.ExitStack() as stack:
        def new() -> Theatre:
            stack.pop_all().close()
            found = Theatre(world, world.layout(tmp_path, script), tls)
            stack.callback(found.close)
            return found

        yield new


STATE_NAMES = st.sampled_from(("granted", "suspended", "granted", "suspended", "half", "absent", "no products"))
KEYS = st.sampled_from((OVERLAY, BIG_MAP))
ENVOYS = st.sampled_from((0, 1))
WHICH = st.sampled_from((0, 1, -1))
STEPS = st.one_of(
    st.tuples(st.sampled_from(("change", "begin_change", "begin_change")), st.sampled_from(APPLICATIONS), STATE_NAMES),
    st.tuples(st.just("go"), WHICH),
    st.tuples(st.sampled_from(("go_twice", "go_twice", "refuse")), WHICH),
    st.tuples(st.sampled_from(("ask", "take", "poll", "poll")), ENVOYS, KEYS),
    st.tuples(st.sampled_from(("over", "die")), ENVOYS),
    st.tuples(st.sampled_from(("fold", "quiet_fold", "quiet_fold", "begin_fold", "all_poll", "all_poll", "all_poll", "be_away", "restart", "torn", "forgive"))),
)


def perform(theatre: Theatre, step: str, about: list[Any]) -> None:
    """Do one step."""
    if step in {"ask", "poll"}:
        getattr(theatre.envoys[about[0]], step)(theatre.discovery, about[1])
    elif step == "take":
        theatre.envoys[about[0]].take(about[1])
    elif step == "over":
        theatre.envoys[about[0]].look(theatre.discovery, over=True)
    elif step == "die":
        theatre.envoys[about[0]].die()
    elif step == "go_twice":
        theatre.go(about[0])
        theatre.go(about[0])
    elif step == "refuse":
        theatre.go(about[0], refused=True)
    elif step == "torn":
        theatre.restart(lost=True)
    elif step == "quiet_fold":
        theatre.be_quiet()
        theatre.begin_fold()
    else:
        if step in {"change", "fold"}:
            theatre.forgive()
        getattr(theatre, step)(*about)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(first=st.tuples(STATE_NAMES, STATE_NAMES), steps=st.lists(STEPS, max_size=40))
def test_no_envoy_ever_says_what_no_snapshot_said(
    new_theatre: Callable[[], Theatre], first: tuple[str, str], steps: list[tuple[Any, ...]]
) -> None:
    """Whatever changes, whoever asks when, is away, dies or restarts: a granted application is not refused, a suspended one not admitted."""
    theatre = new_theatre()
    for application, state in zip(APPLICATIONS, first, strict=True):
        theatre.change(application, state)
    theatre.settle()
    for step, *about in steps:
        perform(theatre, step, about)
        theatre.check()
    theatre.forgive()
    theatre.settle()
    for envoy in theatre.envoys:
        for (name, api), expected in theatre.history[-1].items():
            assert envoy.admits(theatre.world, name, api) is expected
        assert theatre.discovery.has(OVERLAY)
    assert theatre.publisher.folded()
    assert not theatre.discovery.live()["one"].rejected


@pytest.fixture
def theatre(new_theatre: Callable[[], Theatre]) -> Theatre:
    """A control plane with two Envoys that have everything."""
    found = new_theatre()
    found.settle()
    return found


def taken(theatre: Theatre) -> None:
    """Let every Envoy take the overlay, and tell so."""
    for envoy in theatre.envoys:
        for _ in range(2):
            envoy.poll(theatre.discovery, OVERLAY)


def test_a_change_that_is_taken_back_during_a_fold_stays_taken_back(theatre: Theatre) -> None:
    """The map of the fold admits, the one before does not, the application is suspended again: refused beside either map."""
    theatre.change("a", "suspended")
    theatre.settle()
    theatre.change("a", "granted")
    taken(theatre)
    before = theatre.discovery.resources[BIG_MAP]
    theatre.fold()
    assert theatre.discovery.resources[BIG_MAP] is not before, "a map that admits is on its way"
    theatre.change("a", "suspended")
    envoy = theatre.envoys[0]
    for key in (OVERLAY, BIG_MAP, OVERLAY):
        envoy.poll(theatre.discovery, key)
        if key is OVERLAY:
            assert not envoy.admits(theatre.world, "a", "x")


def test_a_change_that_is_taken_back_while_a_map_is_made_stays_taken_back(theatre: Theatre) -> None:
    """The overlay is confirmed before the map that admits is ready; an Envoy that then takes the map goes on refusing."""
    theatre.change("a", "suspended")
    theatre.settle()
    theatre.change("a", "granted")
    taken(theatre)
    theatre.be_quiet()
    theatre.begin_fold()
    assert theatre.publisher.making()
    theatre.begin_change("a", "suspended")
    before = theatre.discovery.resources[BIG_MAP]
    while len(theatre.history) < 4:
        theatre.go(-1)  # the map waits for its thread all the while
    assert theatre.discovery.resources[BIG_MAP] is before, "the change has not waited for the map"
    taken(theatre)
    theatre.finish()
    assert theatre.discovery.resources[BIG_MAP] is not before
    envoy = theatre.envoys[0]
    for key in (BIG_MAP, OVERLAY, BIG_MAP):
        envoy.poll(theatre.discovery, key)
        assert not envoy.admits(theatre.world, "a", "x")
    theatre.settle()
    assert not envoy.admits(theatre.world, "a", "x")


def test_a_map_is_not_begun_beside_a_publication(theatre: Theatre) -> None:
    """What is being published does not count on it: the overlay would not say what the map still admits."""
    theatre.change("a", "suspended")
    theatre.settle()
    theatre.change("a", "granted")
    taken(theatre)
    theatre.be_quiet()
    theatre.begin_change("a", "suspended")
    theatre.begin_fold()
    assert not theatre.publisher.making()
    theatre.finish()
    taken(theatre)
    for _ in range(3):
        theatre.fold()
        for envoy in theatre.envoys:
            envoy.poll(theatre.discovery, BIG_MAP)
            assert not envoy.admits(theatre.world, "a", "x")


def test_a_map_waits_for_an_overlay_that_is_on_its_way_but_not_for_ever(theatre: Theatre) -> None:
    """Envoy would take the whole map before the urgent change; one that never takes the overlay does not stop folding."""
    before = theatre.discovery.resources[BIG_MAP]
    theatre.change("a", "suspended")
    theatre.fold()
    assert theatre.discovery.resources[BIG_MAP] is before
    theatre.clock += URGENT_SECONDS
    theatre.begin_fold()
    theatre.finish()
    assert theatre.discovery.resources[BIG_MAP] is not before


def test_a_map_that_envoy_refuses_is_dropped_and_made_again_later(theatre: Theatre) -> None:
    """Nothing else is lost: what is in force stays, changes go on, and the next map holds them all."""
    theatre.change("a", "suspended")
    taken(theatre)
    before = dict(theatre.discovery.resources)
    theatre.be_quiet()
    theatre.begin_fold()
    theatre.go(0)
    theatre.go(0, refused=True)
    with pytest.raises(Rejected):
        theatre.finish()
    assert theatre.discovery.resources == before
    assert not theatre.publisher.making()
    theatre.begin_fold()
    theatre.finish()
    assert theatre.discovery.resources == before, "not at once"
    theatre.change("b", "suspended")
    theatre.settle()
    assert theatre.publisher.folded()
    assert not any(theatre.envoys[0].admits(theatre.world, name, api) for name in APPLICATIONS for api in API_NAMES)


def test_a_fold_does_not_turn_the_clock_back(theatre: Theatre) -> None:
    """It was begun before a key expired and ends after that was published: the key stays expired."""
    now, api_keys = theatre.world.now, Key(EXTENSIONS, Filter.API_KEYS)
    theatre.change("a", "suspended")
    taken(theatre)
    keys = {key: replace(found, expires=now + timedelta(seconds=1)) for key, found in theatre.snapshot.api_keys.items()}
    expiring = replace(theatre.snapshot, api_keys=keys)
    theatre.be_quiet()
    before = theatre.discovery.resources[BIG_MAP]
    theatre.begin_fold()
    later = theatre.loop.create_task(theatre.publisher.publish(expiring, theatre.tls, now + timedelta(seconds=2)))
    theatre.spin()
    while not later.done():
        theatre.go(-1)
    assert b"api-key-expired:b" in theatre.discovery.resources[api_keys].body
    theatre.finish()
    assert theatre.discovery.resources[BIG_MAP] is not before
    assert b"api-key-expired:b" in theatre.discovery.resources[api_keys].body
    theatre.settle()
    assert b"api-key-expired:b" in theatre.discovery.resources[api_keys].body


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
    taken(theatre)
    theatre.begin_fold()
    theatre.finish()
    assert theatre.discovery.resources[BIG_MAP] is before, "it has not been quiet yet"
    theatre.fold()
    assert theatre.discovery.resources[BIG_MAP].version != before.version


def test_many_changes_go_out_by_the_overlay_and_into_the_map_at_once(theatre: Theatre) -> None:
    """More changes than the overlay shall hold do not wait for quiet, but they do not wait for the map either."""
    before = theatre.discovery.resources[BIG_MAP]
    many = {f"m{number}": theatre.world.client(f"m{number}", BOTH) for number in range(LARGEST_OVERLAY + 1)}
    snapshot = theatre.world.snapshot(dict(theatre.snapshot.clients) | many)
    published = theatre.loop.create_task(theatre.publisher.publish(snapshot, theatre.tls, theatre.world.now))
    theatre.spin()
    theatre.finish()
    assert published.result()
    assert theatre.discovery.resources[BIG_MAP] is before
    taken(theatre)
    assert theatre.envoys[0].admits(theatre.world, "m7", "x")
    theatre.begin_fold()
    theatre.finish()
    assert theatre.discovery.resources[BIG_MAP].version != before.version


def test_nothing_changes_when_nothing_changed(theatre: Theatre) -> None:
    """Publishing the same world again touches no version."""
    versions = {key: found.version for key, found in theatre.discovery.resources.items()}
    again = theatre.loop.create_task(theatre.publisher.publish(theatre.snapshot, theatre.tls, theatre.world.now))
    theatre.spin()
    theatre.finish()
    assert again.result() is False
    assert {key: found.version for key, found in theatre.discovery.resources.items()} == versions


def test_what_envoy_rejects_is_not_published(theatre: Theatre) -> None:
    """After a rejection the old resources stay in force, and the next good snapshot counts from them."""
    before = dict(theatre.discovery.resources)
    theatre.begin_change("a", "suspended")
    theatre.go(0)
    theatre.go(0, refused=True)
    with pytest.raises(Rejected):
        theatre.finish()
    assert theatre.discovery.resources == before
    assert theatre.publisher.in_force() is not None
    theatre.change("a", "suspended")
    theatre.settle()
    assert not theatre.envoys[0].admits(theatre.world, "a", "x")
