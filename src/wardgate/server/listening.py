"""The sockets of the control plane: xDS, public and the demo's backends, each served by a uvicorn of its own; and decisions."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import uvicorn

from wardgate.decisions.protocol import DecisionServer
from wardgate.demo.backends import backends
from wardgate.demo.samples import PRACTICE
from wardgate.samples import practice_app
from wardgate.server.demo_practice import only_from
from wardgate.server.errors import StartRefused
from wardgate.server.wiring import Server

KEEP_ALIVE_SECONDS: Final = 2 * 60 * 60
"""Longer than the hour after which Envoy gives up an idle connection: were it we who close it, a request that Envoy sends on it
at that moment would be answered with 503."""


async def listen(server: Server, cleanup: AsyncExitStack) -> None:
    """Serve the sockets, and the demo's backends on loopback. Raises `StartRefused`."""
    layout = server.layout
    decisions = await DecisionServer.start(server.decisions, _unix_socket(layout.decision_socket))
    cleanup.push_async_callback(decisions.stop)
    applications: list[tuple[Any, socket.socket]] = [
        (server.xds, _unix_socket(layout.control_socket)),
        (server.public, _unix_socket(layout.public_socket)),
        (server.messaging, _unix_socket(layout.messaging_socket)),
    ]
    if server.samples is not None:
        cleanup.callback(server.samples.records.close)
        applications.append((backends(server.samples), _loopback_socket(server.settings.demo_port)))
    running: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []
    cleanup.push_async_callback(_stop_listening, server, running)
    for application, where in applications:
        await _serve(running, _config(application), where)
    if server.samples is not None and server.practice is not None:
        config = _config(practice_app.create_app(PRACTICE, server.samples.clock), http=only_from(server.settings.relay_name))
        config.load()
        config.ssl = server.practice.context()
        port = int(server.settings.demo_provider.rpartition(":")[2])
        await _serve(running, config, _loopback_socket(port, "surgery", "WARDGATE_DEMO_PROVIDER_PORT"))


def _config(application: Any, **more: Any) -> uvicorn.Config:
    return uvicorn.Config(application, interface="asgi3", lifespan="off", log_level="warning", access_log=False, proxy_headers=False,
                          server_header=False, date_header=False, timeout_graceful_shutdown=3, timeout_keep_alive=KEEP_ALIVE_SECONDS, **more)


async def _serve(running: list[tuple[uvicorn.Server, asyncio.Task[None]]], config: uvicorn.Config, where: socket.socket) -> None:
    """Return when the socket is served, by one more of those that run. Raises `StartRefused`."""
    one = _Quiet(config)
    task = asyncio.create_task(one.serve([where]))
    running.append((one, task))
    while not one.started:
        if task.done():
            task.result()
            raise StartRefused(f"cannot listen on {where.getsockname()}")
        await asyncio.sleep(0.005)


def _unix_socket(path: Path) -> socket.socket:
    """Return a bound socket for this account only. Raises `OSError`."""
    path.unlink(missing_ok=True)
    one = socket.socket(socket.AF_UNIX)
    one.bind(str(path))
    path.chmod(0o600)
    return one


def _loopback_socket(port: int, what: str = "backends", setting: str = "--demo-port") -> socket.socket:
    """Return a bound socket. Raises `StartRefused`."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        one.bind(("127.0.0.1", port))
    except OSError as error:
        one.close()
        raise StartRefused(f"the demo's {what} cannot listen on 127.0.0.1 port {port}: {error.strerror}; name another with {setting}") from None
    return one


class _Quiet(uvicorn.Server):
    """A uvicorn server that leaves signals to `up`."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: one handler stops every part in order."""
        yield


async def _stop_listening(server: Server, running: list[tuple[uvicorn.Server, asyncio.Task[None]]]) -> None:
    """Stop all together: each waits a moment for its connections."""
    server.control.discovery.stop_holding()  # an Envoy that waits for new rules must not be waited for
    for one, _ in running:
        one.should_exit = True
    for ended in await asyncio.gather(*(task for _, task in running), return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended
