"""A real Envoy around a snapshot, with our compiler, publisher, xDS and decision service, folding as the control loop does.

All but Envoy is threads of this process, whose time a decided call costs as well: `python_pids`.
"""

import asyncio
import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
import uvloop

from bench.machine import SERVER_CORE, free_ports, pin
from wardgate.audit.model import Event
from wardgate.catalogue.paths import RouteMatcher
from wardgate.dataplane.layout import Layout
from wardgate.dataplane.process import EnvoyProcess
from wardgate.dataplane.publish import Publisher
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.dataplane.xds import Discovery, XDSApp
from wardgate.decisions.protocol import DecisionServer
from wardgate.decisions.service import DecisionService, World
from wardgate.keystores import load_store_keys
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.server.control import TICK_SECONDS
from wardgate.server.settings import Settings
from wardgate.server.up import settle
from wardgate.stores import GroupCommit, open_stores
from wardgate.stores.errors import StoreError

ENVOY = Path(os.environ.get("WARDGATE_ENVOY") or Path(sys.executable).with_name("envoy"))
CONFIRM_SECONDS = 60.0

T = TypeVar("T")


class Plane:
    """Envoy and what feeds it, on a loop of its own. Make it with `running`."""

    def __init__(self, directory: Path) -> None:
        https, mtls, http = free_ports(3)
        self.layout = Layout(
            node="bench", address="127.0.0.1", https_port=https, mtls_port=mtls, http_port=http,
            control_socket=directory / "control.sock", decision_socket=directory / "decisions.sock", public_socket=directory / "public.sock", admin_socket=directory / "admin.sock",
            access_log=directory / "access.log", run_directory=directory, envoy_binary=ENVOY, worker_threads=1,
            poll_seconds=Settings.model_fields["envoy_poll_seconds"].default,
        )
        self.discovery = Discovery()
        self.publisher = Publisher(self.layout, self.discovery, "bench-secret")
        self.process = EnvoyProcess(self.layout)
        self._decisions: DecisionServer | None = None
        self._world: World | None = None
        self._stores = open_stores(f"sqlite:///{directory / 'wardgate.db'}", load_store_keys(os.environ, directory))
        self._commits: GroupCommit | None = None
        self._server = uvicorn.Server(uvicorn.Config(
            XDSApp(self.discovery), interface="asgi3", http="httptools", proxy_headers=False, lifespan="off", log_level="error", access_log=False,
            uds=str(self.layout.control_socket),
        ))
        self._folding: Future[None] | None = None
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def run(self, work: Coroutine[Any, Any, T], seconds: float = 120.0) -> T:
        """Run a coroutine on the control plane's loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def begin(self, work: Coroutine[Any, Any, T]) -> Any:
        """Start a coroutine on the control plane's loop and return its future at once."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _open(self) -> None:
        """Make what needs the loop."""
        commits = self._commits = GroupCommit(self._stores)

        async def record(event: Event) -> None:
            await commits.append(event)

        where = socket.socket(socket.AF_UNIX)
        where.bind(str(self.layout.decision_socket))
        self._decisions = await DecisionServer.start(DecisionService(self._now_serving, lambda: datetime.now(UTC), record, (StoreError,)), where)

    def _now_serving(self) -> World:
        assert self._world is not None
        return self._world

    async def _publish(self, snapshot: Snapshot, tls: TLSMaterial) -> None:
        self._world = World(snapshot, RouteMatcher(snapshot.apis))
        await self.publisher.publish(snapshot, tls, datetime.now(UTC))

    async def _keep_folding(self) -> None:
        """Fold when it is due, as the control loop does."""
        while True:
            await self.publisher.fold(datetime.now(UTC))
            await asyncio.sleep(TICK_SECONDS)

    def publish(self, snapshot: Snapshot, tls: TLSMaterial) -> None:
        """Put a snapshot in force and return when Envoy has all of it."""
        self.run(self._publish(snapshot, tls))
        self.wait_confirmed()

    def wait_confirmed(self, seconds: float = CONFIRM_SECONDS) -> None:
        """Return when Envoy has accepted everything in force. Raises `TimeoutError`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            live = self.discovery.live()
            if live and all(self.discovery.confirmed(node) for node in live.values()):
                return
            time.sleep(0.02)
        raise TimeoutError(f"Envoy did not take everything within {seconds:.0f} s: {[node.rejected for node in self.discovery.live().values()]}")

    def wait_folded(self, seconds: float = CONFIRM_SECONDS) -> None:
        """Return when the big map says everything and Envoy has it. Raises `TimeoutError`."""
        deadline = time.monotonic() + seconds
        while not self.publisher.folded():
            if time.monotonic() > deadline:
                raise TimeoutError(f"the overlay was not folded within {seconds:.0f} s")
            time.sleep(0.02)
        self.wait_confirmed(seconds)

    @property
    def pid(self) -> int:
        """Envoy's process."""
        assert self.process.pid is not None
        return self.process.pid

    @property
    def python_pids(self) -> tuple[int, ...]:
        """The process of the decision service."""
        return (os.getpid(),)

    def start(self, snapshot: Snapshot, tls: TLSMaterial) -> None:
        """Serve, compile, start Envoy on its core and wait until it has everything."""
        self._thread.start()
        self.run(self._open())
        self.begin(self._server.serve())
        while not self._server.started:
            time.sleep(0.01)
        self.run(self._publish(snapshot, tls))
        self.process.start()
        self.run(self.process.wait_ready(30.0))
        self.wait_confirmed()
        self._folding = self.begin(self._keep_folding())
        settle()  # as `wardgate up` does
        pin(self.pid, SERVER_CORE)
        self._pin_threads()

    def _pin_threads(self) -> None:
        """Move the decision service's threads to Envoy's core: all but the main thread, which runs the bench."""
        for thread in threading.enumerate():
            if thread is not threading.main_thread() and thread.native_id is not None:
                os.sched_setaffinity(thread.native_id, {SERVER_CORE})

    def stop(self) -> None:
        """End Envoy and the server."""
        if self._folding is not None:
            self._folding.cancel()
        self.run(self.process.stop())
        self._server.should_exit = True
        time.sleep(0.3)
        if self._decisions is not None and self._commits is not None:
            self.run(self._decisions.stop())
            self.run(self._commits.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._stores.close()


@contextlib.contextmanager
def running(directory: Path, snapshot: Snapshot, tls: TLSMaterial) -> Iterator[Plane]:
    """Run Envoy with this snapshot in force while the block runs."""
    directory = directory.resolve()
    directory.mkdir(mode=0o700, exist_ok=True)
    plane = Plane(directory)
    try:
        plane.start(snapshot, tls)
        yield plane
    finally:
        plane.stop()
