"""REST xDS: hands ready bytes to every Envoy that polls, and learns from the polls which version each one has.

An Envoy asks with the version it has accepted. So an answer that was sent and then is asked for again under the old
version was rejected: the protocol has no other way to say so.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wardgate.dataplane.compile import BIG_MAP, CLUSTERS, LISTENERS, Key, Resource, Resources

PREFIX: Final = "/v3/discovery:"
MAX_REQUEST_BYTES: Final = 262_144
MAX_NAME_CHARACTERS: Final = 128
NODE_GONE_SECONDS: Final = 10.0
_ALL_OF_KIND: Final = frozenset({LISTENERS, CLUSTERS})

Monotonic = Callable[[], float]


@dataclass(slots=True)
class Node:
    """One Envoy: what it has accepted, what was sent to it, and what it would not take."""

    accepted: dict[Key, str] = field(default_factory=dict)
    sent: dict[Key, str] = field(default_factory=dict)
    rejected: dict[Key, str] = field(default_factory=dict)
    seen: float = 0.0


@dataclass(slots=True)
class Discovery:
    """The resources in force, and every Envoy that has asked for them lately."""

    monotonic: Monotonic = time.monotonic
    resources: Resources = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    on_change: Callable[[], None] = lambda: None

    def publish(self, resources: Resources) -> None:
        """Put these resources in force; every Envoy gets what changed at its next poll."""
        self.resources = dict(resources)

    def answer(self, kind: str, request: Mapping[str, Any]) -> tuple[int, bytes]:
        """Return the status and the body for one poll: 200 with a DiscoveryResponse, 304 when the version is current, 404 for an unknown name."""
        names = request.get("resource_names")
        named = str(names[0])[:MAX_NAME_CHARACTERS] if isinstance(names, list) and names else ""
        key = Key(kind, "" if kind in _ALL_OF_KIND else named)
        node = self._node(request)
        had = str(request.get("version_info") or "")
        found = self.resources.get(key)
        if found is None:
            return 404, b""
        self._note(node, key, had)
        if found.version == had or self._too_early(node, found):
            return 304, b""
        node.sent[key] = found.version
        return 200, found.body

    @staticmethod
    def _too_early(node: Node, found: Resource) -> bool:
        """Return whether this Envoy must first tell that it has a fitting big map, or get one.

        It was away for long, it outlived a control plane, or it has just begun. NOTE: a map that was sent counts as one it
        may have, although it has not said so yet.
        """
        held = node.accepted.get(BIG_MAP)
        return bool(found.only_with) and not {held, node.sent.get(BIG_MAP, held)} <= found.only_with

    def live(self) -> dict[str, Node]:
        """Return the Envoys that have asked within the last `NODE_GONE_SECONDS`, by node id."""
        horizon = self.monotonic() - NODE_GONE_SECONDS
        return {name: node for name, node in self.nodes.items() if node.seen >= horizon}

    def confirmed(self, node: Node) -> bool:
        """Return whether an Envoy has accepted every resource in force that it subscribes to, the mandatory ones included."""
        wanted = [key for key in self.resources if key in node.accepted or key.kind in _ALL_OF_KIND or key.kind == "routes"]
        return all(node.accepted.get(key) == self.resources[key].version for key in wanted)

    def has(self, key: Key) -> bool:
        """Return whether every live Envoy has accepted this resource as it is in force; False when there is none."""
        live = self.live()
        return bool(live) and all(node.accepted.get(key) == self.resources[key].version for node in live.values())

    def _node(self, request: Mapping[str, Any]) -> Node:
        about = request.get("node")
        name = str((about.get("id") if isinstance(about, dict) else None) or "unnamed")[:MAX_NAME_CHARACTERS]
        node = self.nodes.setdefault(name, Node())
        node.seen = self.monotonic()
        if len(self.nodes) > 1000:
            self.nodes = self.live()
        return node

    def _note(self, node: Node, key: Key, had: str) -> None:
        sent = node.sent.get(key)
        if sent is not None and had != sent and had == node.accepted.get(key, ""):
            node.rejected[key] = sent
        elif sent == had:
            node.rejected.pop(key, None)
        if node.accepted.get(key) != had:
            node.accepted[key] = had
            self.on_change()


class XDSApp:
    """The ASGI application of the private socket's `/v3/discovery:KIND`."""

    def __init__(self, discovery: Discovery) -> None:
        self._discovery = discovery

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        """Answer one poll."""
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body") or len(body) > MAX_REQUEST_BYTES:
                break
        status, answer = 400, b""
        kind = str(scope["path"]).removeprefix(PREFIX)
        if len(body) <= MAX_REQUEST_BYTES:
            try:
                request = json.loads(body)
            except ValueError:
                request = None
            if isinstance(request, dict):
                status, answer = self._discovery.answer(kind, request)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers if status != 304 else []})
        await send({"type": "http.response.body", "body": answer})
