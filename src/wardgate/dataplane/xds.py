"""REST xDS: hands ready bytes to every Envoy that asks, and learns from the questions which version each one has.

An Envoy asks with the version it has accepted. So an answer that was sent and then is asked for again under the old
version was rejected: the protocol has no other way to say so. When there is nothing new for it, its question is held
until there is, or until `HOLD_SECONDS` are over: each question costs Envoy more than half a millisecond.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wardgate.dataplane.compile import BIG_MAP, CLUSTERS, GRANTS, LISTENERS, SYSTEM_MAP, Key, Resource, Resources
from wardgate.dataplane.layout import HOLD_SECONDS

PREFIX: Final = "/v3/discovery:"
MAX_REQUEST_BYTES: Final = 262_144
MAX_NAME_CHARACTERS: Final = 128
NODE_GONE_SECONDS: Final = 10.0
DECISIVE: Final = frozenset({BIG_MAP, SYSTEM_MAP, GRANTS})
"""What an Envoy must have before it may have something else."""
_ALL_OF_KIND: Final = frozenset({LISTENERS, CLUSTERS})

Monotonic = Callable[[], float]
Answer = tuple[int, bytes]


@dataclass(slots=True)
class Node:
    """One Envoy: what it has accepted, what is on its way to it, and what it would not take."""

    accepted: dict[Key, str] = field(default_factory=dict)
    sent: dict[Key, str] = field(default_factory=dict)
    """What was sent since it last asked for the same: it may have it, or not yet, or never."""
    rejected: dict[Key, str] = field(default_factory=dict)
    seen: float = 0.0


@dataclass(frozen=True, slots=True)
class Question:
    """What an Envoy asks for, and the version it has. `refused`: the version that it was sent twice and has not taken."""

    node: Node
    key: Key
    had: str
    refused: str | None


@dataclass(slots=True)
class Discovery:
    """The resources in force, and every Envoy that has asked for them lately."""

    monotonic: Monotonic = time.monotonic
    resources: Resources = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    holding: bool = True
    """Whether questions are held; at the end they are not."""
    _waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = field(default_factory=set)

    def publish(self, resources: Resources) -> None:
        """Put these resources in force; every Envoy that waits for one of them gets it."""
        self.resources = dict(resources)
        self._wake()

    def stop_holding(self) -> None:
        """Answer every held question, and from now on each at once."""
        self.holding = False
        self._wake()

    def ask(self, kind: str, request: Mapping[str, Any]) -> Question:
        """Note what one question tells about the Envoy that asks it. Once for each question, however often it is then looked at."""
        names = request.get("resource_names")
        named = str(names[0])[:MAX_NAME_CHARACTERS] if isinstance(names, list) and names else ""
        key = Key(kind, "" if kind in _ALL_OF_KIND else named)
        node = self._node(request)
        had = str(request.get("version_info") or "")
        refused = self._note(node, key, had) if key in self.resources else None
        return Question(node, key, had, refused)

    def answer(self, kind: str, request: Mapping[str, Any]) -> Answer:
        """Return the answer to a question that is not held."""
        return self.look(self.ask(kind, request), over=True) or (304, b"")

    def look(self, question: Question, *, over: bool = False) -> Answer | None:
        """Return status and body: 200 with a DiscoveryResponse, 404 for an unknown name. None: nothing new, the question may be held.

        When the hold is `over` that is a 304, and what was refused is offered once more: the reason may have gone away.
        """
        found = self.resources.get(question.key)
        if found is None:
            return 404, b""
        node = question.node
        nothing = found.version == question.had or self._too_early(node, found)
        if not over and (nothing or found.version == question.refused):
            return None
        node.seen = self.monotonic()  # it has waited until now
        if nothing:
            return 304, b""
        node.sent[question.key] = found.version
        self._wake_for(question.key)
        return 200, found.body

    @contextlib.contextmanager
    def woken(self) -> Iterator[asyncio.Event]:
        """Yield an event that is set, on the running loop, whenever an answer may have become another."""
        event = asyncio.Event()
        waiting = asyncio.get_running_loop(), event
        self._waiting.add(waiting)
        try:
            yield event
        finally:
            self._waiting.discard(waiting)

    def _wake(self) -> None:
        for loop, event in tuple(self._waiting):
            with contextlib.suppress(RuntimeError):  # a loop that has been closed has nobody left to wake
                loop.call_soon_threadsafe(event.set)

    def _wake_for(self, key: Key) -> None:
        """Wake when it was about a resource that decides whether a node may have another."""
        if key in DECISIVE:
            self._wake()

    @staticmethod
    def _too_early(node: Node, found: Resource) -> bool:
        """Return whether this Envoy must first tell that it has fitting big maps and grants, or get them.

        It was away for long, it outlived a control plane, or it has just begun. NOTE: a map that was sent counts as one it
        may have, although it has not said so yet.
        """
        return any(not {held, node.sent.get(key, held)} <= fitting for key, fitting in found.only_with.items() for held in (node.accepted.get(key),))

    def live(self) -> dict[str, Node]:
        """Return the Envoys that have asked, or got the answer they waited for, within the last `NODE_GONE_SECONDS`, by node id."""
        horizon = self.monotonic() - NODE_GONE_SECONDS
        return {name: node for name, node in self.nodes.items() if node.seen >= horizon}

    def confirmed(self, node: Node) -> bool:
        """Return whether an Envoy has accepted every resource in force that it subscribes to, the mandatory ones included."""
        wanted = [key for key in self.resources if key in node.accepted or key.kind in _ALL_OF_KIND or key.kind == "routes"]
        return all(self.holds(node, key) for key in wanted)

    def has(self, key: Key) -> bool:
        """Return whether every live Envoy has accepted this resource as it is in force; False when there is none."""
        live = self.live()
        return bool(live) and all(self.holds(node, key) for node in live.values())

    def holds(self, node: Node, key: Key) -> bool:
        """Return whether an Envoy has what is in force. NOTE: not when another version is on its way, which it would take first."""
        return node.accepted.get(key) == self.resources[key].version and key not in node.sent

    def _node(self, request: Mapping[str, Any]) -> Node:
        about = request.get("node")
        name = str((about.get("id") if isinstance(about, dict) else None) or "unnamed")[:MAX_NAME_CHARACTERS]
        node = self.nodes.setdefault(name, Node())
        node.seen = self.monotonic()
        if len(self.nodes) > 1000:
            self.nodes = self.live()
        return node

    def _note(self, node: Node, key: Key, had: str) -> str | None:
        """Note what an Envoy has. Returns the version that it has refused twice: once could be an answer that was lost."""
        sent = node.sent.pop(key, None)
        refused = None
        if sent is not None and had != sent and had == node.accepted.get(key, ""):
            refused = sent if node.rejected.get(key) == sent else None
            node.rejected[key] = sent
        elif had in {sent, self.resources[key].version}:
            node.rejected.pop(key, None)
        node.accepted[key] = had
        self._wake_for(key)
        return refused


class XDSApp:
    """The ASGI application of the private socket's `/v3/discovery:KIND`."""

    def __init__(self, discovery: Discovery, hold_seconds: float = HOLD_SECONDS) -> None:
        self._discovery = discovery
        self._hold_seconds = hold_seconds

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        """Answer one question, as soon as there is something to say."""
        request = await _read(receive)
        answer: Answer | None = (400, b"")
        if request is not None:
            question = self._discovery.ask(str(scope["path"]).removeprefix(PREFIX), request)
            answer = self._discovery.look(question, over=not self._discovery.holding) or await self._hold(question, receive)
        if answer is None:
            return
        status, body = answer
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers if status != 304 else []})
        await send({"type": "http.response.body", "body": body})

    async def _hold(self, question: Question, receive: Any) -> Answer | None:
        """Return the answer when there is one or the hold is over; None when the Envoy has gone meanwhile."""
        discovery = self._discovery
        with discovery.woken() as woken:
            gone = asyncio.ensure_future(receive())  # the body has been read: all that can come is the end of the connection
            gone.add_done_callback(lambda _: woken.set())
            try:
                async with asyncio.timeout(self._hold_seconds):
                    while not gone.done() and discovery.holding:
                        found = discovery.look(question)  # NOTE: after the event is there, so that no change falls in between
                        if found is not None:
                            return found
                        await woken.wait()
                        woken.clear()
            except TimeoutError:
                pass
            finally:
                gone.cancel()
            return None if gone.done() and not gone.cancelled() else discovery.look(question, over=True)


async def _read(receive: Any) -> dict[str, Any] | None:
    """Return a question's body; None when it is none."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > MAX_REQUEST_BYTES:
            break
    if len(body) > MAX_REQUEST_BYTES:
        return None
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return request if isinstance(request, dict) else None
