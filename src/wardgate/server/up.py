"""`wardgate up`: prepare what is missing, start every part, say `ready`, and stop cleanly when asked."""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import uvicorn

from wardgate.audit.model import Event, EventType
from wardgate.demo import source
from wardgate.demo.backends import backends
from wardgate.demo.keys import write_keys
from wardgate.demo.refuse_live import refuse_demo_when_live
from wardgate.keystores import load_store_keys
from wardgate.manifest import Manifest, Source, check
from wardgate.manifest.documents import from_documents
from wardgate.server.applying import apply, documents_to_change, key_work
from wardgate.server.settings import Settings
from wardgate.server.wiring import Server, authority_of, keys_of, now, wire
from wardgate.stores import Stores, open_stores

CONFIRM_SECONDS: Final = 30.0
MAX_DATA_PATH_BYTES: Final = 90
"""With the name of a socket below it, a longer path does not fit the address of a Unix socket (108 bytes)."""

_log = logging.getLogger("wardgate")


class StartRefused(Exception):
    """The server cannot start as asked; the message says why."""


def run(
    *, data: Path, manifests: Sequence[Path], demo: bool, port: int, mtls_port: int, http_port: int | None,
    database_url: str | None, demo_port: int, output: str,
) -> int:
    """Run until SIGTERM or SIGINT and return the exit code. Raises `StartRefused` and the known errors of the rooms."""
    given: dict[str, Any] = {"data": data, "demo": demo, "port": port, "mtls_port": mtls_port, "http_port": http_port,
             "database_url": database_url, "demo_port": demo_port}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    prepare_directory(settings.data)
    with only_one(settings.data):
        stores = open_stores(settings.database, load_store_keys(os.environ, settings.data),
                             synchronous="normal" if settings.sqlite_synchronous == "normal" else "full")
        try:
            prepare_world(settings, stores, manifests)
            with contextlib.suppress(ImportError):
                import uvloop  # noqa: PLC0415 - absent on some platforms

                return uvloop.run(_serve(settings, stores, output))
            return asyncio.run(_serve(settings, stores, output))
        finally:
            stores.close()


def prepare_directory(data: Path) -> None:
    """Make the data directory, readable by its owner only. Raises `OSError`, and `StartRefused` for a path too long."""
    if len(os.fsencode(data.resolve())) > MAX_DATA_PATH_BYTES:
        raise StartRefused(f"the path of the data directory has more than {MAX_DATA_PATH_BYTES} bytes, too long for the sockets below it")
    for directory in (data, data / "run"):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)


@contextlib.contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the data directory for this process. Raises `StartRefused` when another Wardgate has it."""
    with (data / "run" / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartRefused(f"another Wardgate runs on {data}") from None
        yield


def prepare_world(settings: Settings, stores: Stores, manifests: Sequence[Path]) -> Manifest:
    """Bring the store to the files that were named (and the demo), or check that it holds a manifest already."""
    sources = [Source(str(path), path.read_bytes()) for path in manifests]
    if settings.demo and not sources:
        sources = [source(f"http://127.0.0.1:{settings.demo_port}")]
    if not sources:
        _, stored = stores.documents.load()
        if not stored:
            raise StartRefused("there is no manifest yet: name one with --manifest FILE, or try the demo with --demo")
        manifest = from_documents(stored)
    else:
        manifest = check(sources)
    refuse_demo_when_live(manifest, demo_asked_for=settings.demo)
    if manifest.environment.live and settings.http_port is not None:
        raise StartRefused("a live environment has no plain HTTP port: leave --http-port out")
    if sources:
        seen, _, step = documents_to_change(stores, manifest)
        keys = key_work(stores, manifest, step.remove)
        if step or keys:
            apply(stores, manifest, seen, step, keys, now(), _event)
    if settings.demo:
        write_keys(settings.data / "demo")
    return manifest


def _event(kind: EventType, application: str | None = None, **details: str | int | bool | None) -> Event:
    return Event(kind, now(), application=application, details={**details, "by": "wardgate up"})


async def _serve(settings: Settings, stores: Stores, output: str) -> int:
    authority = authority_of(settings, stores)
    environment = await asyncio.to_thread(_prepare_keys, settings, stores, authority)
    keys = await asyncio.to_thread(keys_of, settings, stores)
    server = await wire(settings, stores, authority, keys)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as cleanup:
        cleanup.push_async_callback(server.commits.close)
        cleanup.push_async_callback(server.key_sets.aclose)
        await server.commits.append(_event(EventType.SERVER_STARTED, environment=environment, node=settings.node))
        await server.control.refresh()
        await _listen(server, cleanup)
        tail = asyncio.create_task(server.tail.run())
        cleanup.push_async_callback(_stop_tail, server, tail)
        adopted = server.envoy.start()
        cleanup.push_async_callback(_stop_envoy, server)
        tasks = [asyncio.create_task(work) for work in (server.control.run(), server.envoy.run(), server.chores.run())]
        cleanup.push_async_callback(_cancel, tasks)
        await server.envoy.wait_ready()
        await _wait_confirmed(server)
        tasks.append(asyncio.create_task(_watch([*tasks, tail], stop)))
        _say_ready(settings, output, adopted=adopted)
        await stop.wait()
    await asyncio.to_thread(stores.audit.append, [_event(EventType.SERVER_STOPPED, node=settings.node)])
    await asyncio.to_thread(server.chores.checkpoint)
    return 1 if any(task.done() and not task.cancelled() and task.exception() for task in [*tasks, tail]) else 0


def _prepare_keys(settings: Settings, stores: Stores, authority: Any) -> str:
    """Make the authorities of the environment and write the trust anchor for clients. Returns the environment's name."""
    _, stored = stores.documents.load()
    environment = from_documents(stored).environment.name
    authority.ensure(environment, now())
    anchor = settings.data / "ca.pem"
    anchor.write_text(authority.roots())
    anchor.chmod(0o644)
    return environment


async def _listen(server: Server, cleanup: AsyncExitStack) -> None:
    """Serve the two sockets, and the demo's backends on loopback. Raises `StartRefused`."""
    layout = server.layout
    applications: list[tuple[Any, socket.socket]] = [
        (server.private, _unix_socket(layout.control_socket)),
        (server.public, _unix_socket(layout.public_socket)),
    ]
    if server.settings.demo:
        applications.append((backends(), _loopback_socket(server.settings.demo_port)))
    for application, where in applications:
        config = uvicorn.Config(application, interface="asgi3", lifespan="off", log_level="warning", access_log=False,
                                proxy_headers=False, server_header=False, date_header=False, timeout_graceful_shutdown=3)
        one = _Quiet(config)
        task = asyncio.create_task(one.serve([where]))
        cleanup.push_async_callback(_stop_listening, one, task)
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


def _loopback_socket(port: int) -> socket.socket:
    """Return a bound socket. Raises `StartRefused`."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        one.bind(("127.0.0.1", port))
    except OSError as error:
        one.close()
        raise StartRefused(f"the demo's backends cannot listen on 127.0.0.1 port {port}: {error.strerror}; name another with --demo-port") from None
    return one


class _Quiet(uvicorn.Server):
    """A uvicorn server that leaves signals to `up`."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: one handler stops every part in order."""
        yield


async def _stop_listening(one: uvicorn.Server, task: asyncio.Task[None]) -> None:
    one.should_exit = True
    await task


async def _stop_tail(server: Server, tail: asyncio.Task[None]) -> None:
    server.tail.stop()
    await asyncio.wait([tail])  # if it failed, that has been said and ends the server


async def _stop_envoy(server: Server) -> None:
    await server.envoy.stop()


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _watch(tasks: Sequence[asyncio.Task[Any]], stop: asyncio.Event) -> None:
    """A part that ends by an error ends the server: it must not go on half."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    for task in done:
        if not task.cancelled() and task.exception() is not None:
            _log.error("a part of the server failed", exc_info=task.exception())
            stop.set()


async def _wait_confirmed(server: Server) -> None:
    """Return when Envoy has accepted every rule in force."""
    discovery = server.control.discovery
    deadline = discovery.monotonic() + CONFIRM_SECONDS
    while discovery.monotonic() < deadline:
        live = discovery.live()
        if live and all(discovery.confirmed(node) for node in live.values()):
            return
        await asyncio.sleep(0.01)
    raise StartRefused(f"Envoy did not accept its rules within {CONFIRM_SECONDS:.0f} s; see DATA/run/envoy.log")


def _say_ready(settings: Settings, output: str, *, adopted: bool) -> None:
    url = f"https://localhost:{settings.port}"
    if output == "json":
        facts = {"ready": url, "mtls": f"https://localhost:{settings.mtls_port}", "data": str(settings.data), "adopted_envoy": adopted}
        print(json.dumps(facts), flush=True)  # noqa: T201 - what the command line promises
        return
    lines = [f"data directory    {settings.data}", f"trust anchor      {settings.data / 'ca.pem'}",
             f"mutual TLS        https://localhost:{settings.mtls_port}"]
    if settings.http_port:
        lines.append(f"plain HTTP        http://localhost:{settings.http_port} (loopback only)")
    if adopted:
        lines.append("Envoy             was still running and goes on")
    if settings.demo:
        lines += ["", "Try, in another terminal:",
                  f"  curl --cacert {settings.data / 'ca.pem'} {url}/hello-world/hello/world",
                  "  wardgate call GET /hello-world/hello/application --app demo-app --pattern signed-jwt",
                  "  wardgate call GET /hello-world/hello/application --app revoked-key-app --pattern api-key",
                  "  wardgate explain ID        # the message id of any answer"]
    print("\n".join([*lines, f"ready {url}"]), flush=True)  # noqa: T201 - what the command line promises
