"""Questions of Envoys are held until there is something to say, for a while, and no longer than the Envoy waits."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from wardgate.dataplane.compile import BIG_MAP, CLUSTERS, LISTENERS, OVERLAY, Key, Resource
from wardgate.dataplane.layout import ANSWER_SECONDS, HOLD_SECONDS, Layout
from wardgate.dataplane.resources.bootstrap import bootstrap
from wardgate.dataplane.xds import MAX_REQUEST_BYTES, NODE_GONE_SECONDS, PREFIX, Discovery, XDSApp

LONG = 30.0
"""A hold that no test waits for."""
SOON = 2.0
"""Longer than anything takes that is not held."""


def resource(version: str, beside: frozenset[str] | None = None) -> Resource:
    """Return a resource whose body is its version. `beside`: the versions of the big map that it may stand beside."""
    return Resource(version, version.encode(), (), only_with={BIG_MAP: beside} if beside else {})


class Asking:
    """One question of an Envoy, on a connection of its own."""

    def __init__(self, app: XDSApp, key: Key, version: str, node: str = "one") -> None:
        body = json.dumps({"node": {"id": node}, "resource_names": [key.name], "version_info": version}).encode()
        self._received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._received.put_nowait({"type": "http.request", "body": body})
        self.sent: list[dict[str, Any]] = []
        self.task = asyncio.create_task(app({"path": PREFIX + key.kind}, self._received.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def leave(self) -> None:
        """Close the connection."""
        self._received.put_nowait({"type": "http.disconnect"})

    async def answer(self) -> tuple[int, bytes]:
        """Return the answer, which is to come soon."""
        async with asyncio.timeout(SOON):
            await self.task
        start, body = self.sent
        return start["status"], body["body"]

    async def held(self) -> bool:
        """Return whether there is still no answer."""
        await asyncio.sleep(0.02)
        return not self.task.done()


Script = Callable[[Discovery, XDSApp], Awaitable[None]]


def play(script: Script, hold_seconds: float = LONG, **resources: Resource) -> None:
    """Run a script against a control plane with these resources: `big_map` and `overlay`."""
    keys = {"big_map": BIG_MAP, "overlay": OVERLAY}
    discovery = Discovery()
    discovery.publish({keys[name]: found for name, found in resources.items()})
    asyncio.run(script(discovery, XDSApp(discovery, hold_seconds)))  # type: ignore[arg-type]


def test_a_new_version_is_answered_at_once() -> None:
    """There is no hold when the version differs, and none for a name nobody knows."""
    async def script(_discovery: Discovery, app: XDSApp) -> None:
        assert await Asking(app, BIG_MAP, "").answer() == (200, b"m1")
        assert await Asking(app, BIG_MAP, "m0").answer() == (200, b"m1")
        assert await Asking(app, Key(BIG_MAP.kind, "unknown"), "").answer() == (404, b"")

    play(script, big_map=resource("m1"))


def test_a_current_version_is_held_and_woken_by_publishing() -> None:
    """Of all that wait, those are answered for whom there is something new."""
    async def script(discovery: Discovery, app: XDSApp) -> None:
        waiting, other = Asking(app, BIG_MAP, "m1"), Asking(app, OVERLAY, "o1")
        assert await waiting.held()
        discovery.publish({BIG_MAP: resource("m2"), OVERLAY: resource("o1")})
        assert await waiting.answer() == (200, b"m2")
        assert await other.held()
        discovery.publish({BIG_MAP: resource("m2")})
        assert await other.answer() == (404, b"")

    play(script, big_map=resource("m1"), overlay=resource("o1"))


def test_publishing_on_another_thread_wakes_too() -> None:
    """The control plane need not run on the loop that serves Envoy."""
    async def script(discovery: Discovery, app: XDSApp) -> None:
        waiting = Asking(app, BIG_MAP, "m1")
        assert await waiting.held()
        await asyncio.to_thread(discovery.publish, {BIG_MAP: resource("m2")})
        assert await waiting.answer() == (200, b"m2")

    play(script, big_map=resource("m1"))


def test_the_hold_ends_with_not_modified() -> None:
    """And the Envoy counts as seen at that moment."""
    async def script(discovery: Discovery, app: XDSApp) -> None:
        began = time.monotonic()
        assert await Asking(app, BIG_MAP, "m1").answer() == (304, b"")
        assert time.monotonic() - began >= 0.1
        assert discovery.nodes["one"].seen >= began + 0.1
        assert not discovery._waiting

    play(script, 0.1, big_map=resource("m1"))


def test_an_envoy_that_leaves_is_not_waited_for() -> None:
    """Its question is dropped without an answer, and nothing counts as sent to it."""
    async def script(discovery: Discovery, app: XDSApp) -> None:
        waiting = Asking(app, BIG_MAP, "m1")
        assert await waiting.held()
        waiting.leave()
        async with asyncio.timeout(SOON):
            await waiting.task
        assert waiting.sent == []
        assert not discovery._waiting
        discovery.publish({BIG_MAP: resource("m2")})
        assert not discovery.nodes["one"].sent

    play(script, big_map=resource("m1"))


def test_an_overlay_that_is_too_early_is_held_until_the_map_is_there() -> None:
    """Nothing is published meanwhile: that the Envoy tells that it has the map wakes the question for the overlay."""
    async def script(discovery: Discovery, app: XDSApp) -> None:
        first = Asking(app, BIG_MAP, "m1")
        assert await first.answer() == (200, b"m2")
        overlay, other = Asking(app, OVERLAY, "o1"), Asking(app, OVERLAY, "o1", node="two")
        assert await overlay.held()
        assert await other.held()
        has_it = Asking(app, BIG_MAP, "m2")
        assert await overlay.answer() == (200, b"o2")
        assert await has_it.held()
        assert await other.held(), "another Envoy's map is not this one's"
        assert discovery.live().keys() == {"one", "two"}
        for waiting in (has_it, other):
            waiting.leave()

    play(script, big_map=resource("m2"), overlay=resource("o2", frozenset({"m2"})))


def test_what_was_refused_is_sent_once_more_and_then_held() -> None:
    """An answer may have been lost; a resource that Envoy will not take would be sent to it for ever."""
    async def script(discovery: Discovery, app: XDSApp) -> None:
        node = discovery.nodes
        assert await Asking(app, BIG_MAP, "m1").answer() == (200, b"m2")
        assert not node["one"].rejected
        assert await Asking(app, BIG_MAP, "m1").answer() == (200, b"m2")
        assert node["one"].rejected == {BIG_MAP: "m2"}
        waiting = Asking(app, BIG_MAP, "m1")
        assert await waiting.held()
        assert node["one"].rejected == {BIG_MAP: "m2"}
        assert not discovery.confirmed(node["one"])
        discovery.publish({BIG_MAP: resource("m3")})
        assert await waiting.answer() == (200, b"m3")
        taken = Asking(app, BIG_MAP, "m3")
        assert await taken.held()
        assert not node["one"].rejected
        assert discovery.has(BIG_MAP)
        taken.leave()

    play(script, big_map=resource("m2"))


def test_what_was_refused_is_offered_again_when_the_hold_is_over() -> None:
    """The reason for which Envoy would not take it may have gone away."""
    async def script(_discovery: Discovery, app: XDSApp) -> None:
        for _ in range(4):
            assert await Asking(app, BIG_MAP, "m1").answer() == (200, b"m2")

    play(script, 0.05, big_map=resource("m2"))


def test_a_question_is_noted_once_however_often_it_is_woken() -> None:
    """What is sent while it is held is not taken for refused."""
    async def script(discovery: Discovery, app: XDSApp) -> None:
        waiting = Asking(app, BIG_MAP, "m1")
        for number in range(5):
            discovery.publish({BIG_MAP: resource("m1"), OVERLAY: resource(f"o{number}")})
            assert await waiting.held()
        assert not discovery.nodes["one"].rejected
        waiting.leave()

    play(script, big_map=resource("m1"))


def test_at_the_end_nobody_is_held() -> None:
    """Those who wait are answered, and whoever comes then is not kept."""
    async def script(discovery: Discovery, app: XDSApp) -> None:
        waiting = Asking(app, BIG_MAP, "m1")
        assert await waiting.held()
        discovery.stop_holding()
        assert await waiting.answer() == (304, b"")
        assert await Asking(app, BIG_MAP, "m1").answer() == (304, b"")

    play(script, big_map=resource("m1"))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"[" * 200_000, b"[" * (MAX_REQUEST_BYTES + 1)],
                         ids=["empty", "torn", "list", "number", "too deep", "too long"])
def test_what_is_no_question_is_refused(body: bytes) -> None:
    """With 400, and it is not held."""
    async def script(discovery: Discovery, app: XDSApp) -> None:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        async with asyncio.timeout(SOON):
            await app({"path": PREFIX + LISTENERS}, receive, send)
        assert sent[0]["status"] == 400
        assert not discovery.nodes

    play(script, big_map=resource("m1"))


def test_an_envoy_waits_longer_than_it_is_held_and_is_not_gone_meanwhile(world: Any, tmp_path: Any) -> None:
    """Its own limit and the time after which it counts as gone leave room for a hold and a pause."""
    layout: Layout = world.layout(tmp_path, tmp_path / "envoy")
    for name in ("lds_config", "cds_config"):
        found = bootstrap(layout)["dynamic_resources"][name]["api_config_source"]
        assert float(found["request_timeout"].removesuffix("s")) == ANSWER_SECONDS
        assert 2 * float(found["refresh_delay"].removesuffix("s")) <= layout.poll_seconds
    assert HOLD_SECONDS + 2 < ANSWER_SECONDS
    assert HOLD_SECONDS + 4 < NODE_GONE_SECONDS


def test_a_kind_that_is_asked_for_as_a_whole_has_no_name() -> None:
    """Listeners and clusters are one resource each, whatever names are given."""
    async def script(discovery: Discovery, app: XDSApp) -> None:
        discovery.publish({Key(CLUSTERS): resource("c1")})
        assert await Asking(app, Key(CLUSTERS, "any"), "").answer() == (200, b"c1")

    play(script)
