"""A stage for the control plane: threads that run by hand, two Envoys that are models, a clock, and all that was ever in force.

The control plane is the real one, but for the binary that validates: it is a script that says yes unless it is told not
to, because nothing here is about what Envoy takes. What the control plane puts on threads runs when the test says so, in
any order. The Envoys are models that hold an overlay and a big map, ask for them, wait, and take answers when the test
says so.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from wardgate.catalogue import API
from wardgate.dataplane.compile import BIG_MAP, GRANTS, OVERLAY, SYSTEM_MAP, SYSTEM_OVERLAY, Key
from wardgate.dataplane.errors import Rejected
from wardgate.dataplane.publish import QUIET_SECONDS, Publisher
from wardgate.dataplane.resources import systems
from wardgate.dataplane.resources.envoy import PROXIED_CLIENT, State
from wardgate.dataplane.resources.standing import ADMITTED, UNLISTED, pair
from wardgate.dataplane.xds import NODE_GONE_SECONDS, Discovery, Question
from wardgate.security_patterns.snapshot import CallingSystem
from wardgate.security_patterns.standing import standing

APPLICATIONS = ("a", "b")
API_NAMES = ("x", "y")
BOTH = frozenset(API_NAMES)
STATES: dict[str, tuple[frozenset[str], str | None] | None] = {
    "absent": None, "granted": (BOTH, None), "suspended": (BOTH, "application-not-approved"), "half": (frozenset({"x"}), None),
    "no products": (frozenset(), None),
}
KINDS = {"applications": (OVERLAY, BIG_MAP), "systems": (SYSTEM_OVERLAY, SYSTEM_MAP, GRANTS)}
"""What an Envoy judges applications by, and systems; the overlay first. Each application has a system that may do as much."""
ALL_KEYS = (BIG_MAP, GRANTS, SYSTEM_MAP, OVERLAY, SYSTEM_OVERLAY)
BY_ASID = API.model_validate({
    "name": "x", "base_path": "/x", "backend": "http://127.0.0.1:9", "spine": {"service": "gp-connect", "asid": "200000000009"},
    "routes": [{"path": f"/{name}", "pattern": "asid-interaction", "spine_jwt": "none", "interaction": f"i:{name}"} for name in API_NAMES]})
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
    since: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    """The snapshot that was in force when its overlay, and the maps that belong to it, were last those in force; by kind."""
    behind: bool = False
    """It was away, or outlived a control plane: what its overlay names may be in no set any more, so that it refuses."""

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


    def admits_system(self, world: Any, application: str, api: str, *, judged: bool) -> bool:
        """Judge the application's system as the route's rules do (`system_rules`). `judged`: what the decision service says, if it is asked."""
        if any(key not in self.bodies for key in KINDS["systems"]):
            return False
        values = {str(State.SYSTEM): f"{asid_of(application)}|{application}.example"}
        overlay, found = (world.verdict(self.bodies[key], values)[0] for key in (SYSTEM_OVERLAY, SYSTEM_MAP))
        if overlay in {systems.UNKNOWN, systems.NOT_OF_ASID}:
            return False
        granted, _ = world.verdict(self.bodies[GRANTS], {str(State.GRANT): f"{overlay} i:{api} {found}"})
        return granted == systems.GRANTED or (found == systems.ASK and judged)


def asid_of(application: str) -> str:
    """Return the ASID of an application's system."""
    return f"2000000000{ord(application):02d}"


def system_of(application: str, apis: frozenset[str], refused: str | None) -> CallingSystem:
    """Return the system that may do what an application may."""
    return CallingSystem(asid_of(application), "Z9X01", frozenset({"Z9X01"}), "Z9X01-12345", frozenset({f"{application}.example"}),
                         frozenset(f"i:{api}" for api in apis), suspended=refused is not None)


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
            envoy.behind = True
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
        clients, called = {}, {}
        for name, state in self.states.items():
            found = STATES[state]
            if found is not None:
                clients[name] = self.world.client(name, *found)
                called[asid_of(name)] = system_of(name, *found)
        snapshot = self.world.snapshot(clients, (BY_ASID,), systems=called)
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
        for key in ALL_KEYS * 2:
            for envoy in self.envoys:
                envoy.poll(self.discovery, key)
                self.check()

    def be_quiet(self) -> None:
        """Let nothing happen for so long that the overlay may be folded."""
        self.clock += QUIET_SECONDS

    def be_away(self) -> None:
        """Let so much time pass that Envoys which do not ask count as gone."""
        self.clock += NODE_GONE_SECONDS + 1
        for envoy in self.envoys:
            envoy.behind = True

    def check(self) -> None:
        """Every Envoy says about every pair what some snapshot said since it last had what was in force.

        That is when it has the overlay, a map that belongs to it, and nothing older on its way. One that has confirmed both
        as they are in force says what the last snapshot said.
        """
        for envoy in self.envoys:
            for kind, keys in KINDS.items():
                self._check(envoy, kind, keys)

    def _check(self, envoy: ModelEnvoy, kind: str, keys: tuple[Key, ...]) -> None:
        newest = self.discovery.resources[keys[0]]
        fits = all(envoy.versions.get(key) in fitting for key, fitting in newest.only_with.items())
        if envoy.versions.get(keys[0]) == newest.version and fits and not envoy.coming:
            envoy.since[kind] = len(self.history) - 1
            envoy.behind = envoy.behind and kind == "applications"
        if not envoy.bodies:
            return
        node = self.discovery.nodes.get(envoy.name)
        confirmed = node is not None and all(self.discovery.holds(node, key) for key in keys)
        ready = all(key in envoy.bodies for key in keys)
        for (name, api), now in self.history[-1].items():
            said = {snapshot[name, api] for snapshot in self.history[-1 if confirmed else envoy.since[kind]:]}
            if kind == "applications":
                admitted, excused = envoy.admits(self.world, name, api), False
            else:
                admitted, excused = envoy.admits_system(self.world, name, api, judged=now), envoy.behind
            assert admitted in said or (not admitted and (not ready or excused)), (kind, envoy.name, name, api, admitted, confirmed)

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
