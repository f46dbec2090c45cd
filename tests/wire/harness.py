"""A real Envoy with a real control plane around one snapshot, and a backend that says what it received.

Everything runs in this process but Envoy: the private socket (xDS, decisions, explained limits) and the backend, each a
uvicorn server on a thread of its own.
"""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import uvicorn

from free_ports import free_ports
from wardgate.audit.handed_on import packed
from wardgate.audit.model import Event
from wardgate.catalogue.paths import RouteMatcher
from wardgate.dataplane.layout import Layout
from wardgate.dataplane.process import EnvoyProcess
from wardgate.dataplane.publish import Publisher
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.dataplane.xds import PREFIX, Discovery, XDSApp
from wardgate.decisions.protocol import DecisionServer
from wardgate.decisions.record import Details
from wardgate.decisions.service import DecisionService, World
from wardgate.security_patterns.snapshot import Snapshot

ENVOY = Path(sys.executable).with_name("envoy")


class ServerThread:
    """A uvicorn server on its own thread and loop."""

    def __init__(self, app: Any, **where: Any) -> None:
        self.config = uvicorn.Config(app, interface="asgi3", proxy_headers=False, lifespan="off", log_level="error", access_log=False, **where)
        self.server = uvicorn.Server(self.config)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        asyncio.run(self.server.serve())

    def start(self) -> None:
        """Return when the server accepts."""
        self.thread.start()
        deadline = time.monotonic() + 60
        while not self.server.started:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        """End the server and its thread."""
        self.server.should_exit = True
        self.thread.join(10)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with what arrived: method, path, headers and how long the body was. Below `/slow` it takes its time."""
    if "/slow" in scope["path"]:
        await asyncio.sleep(1)
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
    body = json.dumps({"method": scope["method"], "path": scope["path"], "headers": headers, "body_bytes": size}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), (b"x-wardgate-reason", b"spoofed"),
    ]})
    await send({"type": "http.response.body", "body": body})


@dataclass
class DataPlane:
    """Envoy and its control plane. Start it with `running`."""

    layout: Layout
    tls: TLSMaterial
    backend_url: str
    discovery: Discovery = field(default_factory=Discovery)
    recorded: list[Event] = field(default_factory=list)
    snapshot: Snapshot | None = None
    fail_recording: bool = False
    withheld: frozenset[str] = frozenset()
    """Kinds of resources, and names of single ones, that the control plane does not know."""

    def __post_init__(self) -> None:
        self.publisher = Publisher(self.layout, self.discovery, "harness-secret")
        self.process = EnvoyProcess(self.layout)
        self.loop = asyncio.new_event_loop()
        self.loop_thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.loop_thread.start()
        self._world: World | None = None
        self.servers: list[ServerThread] = []
        """The control socket, the public one, the backend."""
        self.decisions: DecisionServer

    def run(self, coroutine: Any) -> Any:
        """Run a coroutine on the control loop and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    async def _record(self, event: Event) -> None:
        if self.fail_recording:
            raise OSError("the store is not available")
        self.recorded.append(event)

    def world(self) -> World:
        """Return what is in force."""
        assert self._world is not None
        return self._world

    async def control(self, scope: Any, receive: Any, send: Any) -> None:
        """The private socket's application."""
        if scope["path"].startswith(PREFIX) and scope["path"].removeprefix(PREFIX) in self.withheld:
            await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
        elif scope["path"].startswith(PREFIX):
            await XDSApp(self.discovery)(scope, receive, send)
        else:
            raise AssertionError(scope["path"])

    def decide(self) -> DecisionServer:
        """Serve the decision socket on the control loop."""
        where = socket.socket(socket.AF_UNIX)
        where.bind(str(self.layout.decision_socket))
        decisions = DecisionService(self.world, lambda: datetime.now(UTC), self._record, (OSError,), conceal)
        server: DecisionServer = self.run(DecisionServer.start(decisions, where))
        return server

    def publish(self, snapshot: Snapshot, *, wait: bool = True) -> None:
        """Put a snapshot in force and, if asked, return when Envoy has confirmed all of it."""
        self._world = World(snapshot, RouteMatcher(snapshot.apis))
        self.snapshot = snapshot
        self.run(self.publisher.publish(snapshot, self.tls, datetime.now(UTC)))
        if any(key.name in self.withheld for key in self.discovery.resources):
            self.discovery.publish({key: found for key, found in self.discovery.resources.items() if key.name not in self.withheld})
        if wait:
            self.wait_confirmed()

    def wait_confirmed(self, seconds: float = 60.0) -> None:
        """Return when every live Envoy has accepted every resource in force."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            live = self.discovery.live()
            if live and all(self.discovery.confirmed(node) for node in live.values()):
                return
            time.sleep(0.02)
        nodes = {name: node.rejected for name, node in self.discovery.live().items()}
        raise AssertionError(f"not confirmed within {seconds} s; rejected: {nodes}")

    def url(self, path: str, listener: str = "https") -> str:
        """Return the address of a path on one of the listeners."""
        ports = {"https": ("https", self.layout.https_port), "mtls": ("https", self.layout.mtls_port), "http": ("http", self.layout.http_port),
                 "relay": ("https", self.layout.relay_port)}
        scheme, port = ports[listener]
        return f"{scheme}://127.0.0.1:{port}{path}"


def conceal(details: Details) -> str:
    """Write details of an event as the log may hold them, to be read by the test."""
    return base64.urlsafe_b64encode(packed(details).encode()).decode()


@contextlib.contextmanager
def running(directory: Path, tls: TLSMaterial, snapshot: Any, *, withheld: Iterable[str] = (), public: Any = None) -> Iterator[DataPlane]:
    """Start Envoy, its control plane and a backend; `snapshot(backend_url)` makes the first snapshot.

    The control plane does not know the kinds of resources that are `withheld`. `public` is what Wardgate serves itself.
    """
    run_directory = Path(os.path.realpath(directory)) / "run"
    run_directory.mkdir(parents=True, mode=0o700)
    https, mtls, http, relay, backend = free_ports(5)
    layout = Layout(
        node="test", address="127.0.0.1", https_port=https, mtls_port=mtls, http_port=http,
        control_socket=run_directory / "control.sock", decision_socket=run_directory / "decisions.sock", public_socket=run_directory / "public.sock",
        admin_socket=run_directory / "admin.sock", access_log=run_directory / "access.log", run_directory=run_directory,
        envoy_binary=ENVOY, poll_seconds=0.1, log_flush_seconds=0.1, worker_threads=1, relay_port=relay,
    )
    plane = DataPlane(layout, tls, f"http://127.0.0.1:{backend}", withheld=frozenset(withheld))
    servers = [
        ServerThread(plane.control, uds=str(layout.control_socket)),
        ServerThread(public or echo, uds=str(layout.public_socket)),
        ServerThread(echo, host="127.0.0.1", port=backend),
    ]
    for server in servers:
        server.start()
    plane.servers = servers
    plane.decisions = plane.decide()
    try:
        plane.publish(snapshot(plane.backend_url), wait=False)
        plane.process.start()
        plane.run(plane.process.wait_ready())
        if not plane.withheld:
            plane.wait_confirmed()
        yield plane
    finally:
        plane.run(plane.process.stop())
        plane.run(plane.decisions.stop())
        for server in servers:
            server.stop()
        plane.loop.call_soon_threadsafe(plane.loop.stop)
        plane.loop_thread.join(5)
        plane.loop.close()
        shutil.rmtree(run_directory, ignore_errors=True)


def client(verify: Any = False) -> httpx2.Client:
    """Return an HTTP client that keeps connections open."""
    return httpx2.Client(verify=verify, timeout=30)
