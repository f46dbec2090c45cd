"""`wardgate up`: prepare what is missing, start every part, say `ready`, and stop cleanly when asked."""

import asyncio
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from wardgate.audit.model import EventType
from wardgate.keystores import load_store_keys
from wardgate.manifest.documents import from_documents
from wardgate.server import ldap_ports, serving
from wardgate.server.demo_post import prepare_post
from wardgate.server.errors import StartRefused
from wardgate.server.listening import listen
from wardgate.server.preparing import event_of_start, only_one, prepare_directory, prepare_world, raise_file_limit
from wardgate.server.published_secrets import refuse_published_secrets
from wardgate.server.settings import Settings
from wardgate.server.wiring import Server, authority_of, keys_of, now, wire
from wardgate.stores import Stores, open_stores

CONFIRM_SECONDS: Final = 30.0
SWITCH_SECONDS: Final = 0.0005
"""How long the loop may hold the interpreter while the store's writer waits for it; Python's own is ten times as long."""

_log = logging.getLogger("wardgate")


def run(
    *, data: Path, manifests: Sequence[Path], demo: bool, port: int, mtls_port: int, http_port: int | None,
    smartcard_port: int | None, relay_port: int | None, ldap_port: int | None, ldaps_port: int | None, database_url: str | None, demo_port: int, output: str,
) -> int:
    """Run until SIGTERM or SIGINT and return the exit code. Raises `StartRefused` and the known errors of the rooms."""
    given: dict[str, Any] = {"data": data, "demo": demo, "port": port, "mtls_port": mtls_port, "http_port": http_port,
             "smartcard_port": smartcard_port, "relay_port": relay_port, "ldap_port": ldap_port, "ldaps_port": ldaps_port,
             "database_url": database_url, "demo_port": demo_port}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    raise_file_limit()
    prepare_directory(settings.data)
    with only_one(settings.data):
        stores = open_stores(settings.database, load_store_keys(os.environ, settings.data),
                             synchronous="normal" if settings.sqlite_synchronous == "normal" else "full")
        try:
            refuse_published_secrets(stores, prepare_world(settings, stores, manifests))
            return _runner()(_serve(settings, stores, output))
        finally:
            stores.close()


def _runner() -> Callable[[Coroutine[Any, Any, int]], int]:
    try:
        import uvloop  # noqa: PLC0415 - absent on some platforms
    except ImportError:
        return asyncio.run
    return uvloop.run


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
        cleanup.push_async_callback(server.messaging.close)
        cleanup.push_async_callback(asyncio.to_thread, server.posts.close)
        cleanup.push_async_callback(server.key_sets.aclose)
        cleanup.push_async_callback(server.providers.aclose)
        cleanup.push_async_callback(server.told.aclose)
        await server.commits.append(event_of_start(EventType.SERVER_STARTED, environment=environment, node=settings.node))
        await server.control.refresh()
        await listen(server, cleanup)
        ldap_port = await ldap_ports.listen(server.ldap, server.ldap_trust, settings)
        cleanup.push_async_callback(server.ldap.stop)
        tail = asyncio.create_task(server.tail.run())
        cleanup.push_async_callback(_stop_tail, server, tail)
        adopted = server.envoy.start()
        cleanup.push_async_callback(_stop_envoy, server)
        settle()  # while Envoy begins
        tasks = [asyncio.create_task(work) for work in (server.control.run(), server.envoy.run(), server.chores.run(), server.deliveries.run(), server.rounds.run())]
        cleanup.push_async_callback(_cancel, tasks)
        await server.envoy.wait_ready()
        await _wait_confirmed(server)
        tasks.append(asyncio.create_task(_watch([*tasks, tail], stop)))
        serving.write(settings)
        _say_ready(settings, output, adopted=adopted, ldap_port=ldap_port)
        await stop.wait()
    await asyncio.to_thread(stores.audit.append, [event_of_start(EventType.SERVER_STOPPED, node=settings.node)])
    await asyncio.to_thread(server.chores.checkpoint)
    return 1 if any(task.done() and not task.cancelled() and task.exception() for task in [*tasks, tail]) else 0


def settle() -> None:
    """Take what was made at start out of the collector's rounds, and let the writer's thread have its turn soon.

    Each is worth several microseconds of every token: start-up leaves some hundred thousand objects that stay.
    """
    gc.collect()
    gc.freeze()
    gc.enable()
    sys.setswitchinterval(SWITCH_SECONDS)


def _prepare_keys(settings: Settings, stores: Stores, authority: Any) -> str:
    """Make the authorities of the environment and write the trust anchor for clients. Returns the environment's name."""
    _, stored = stores.documents.load()
    environment = from_documents(stored).environment.name
    authority.ensure(environment, now())
    if settings.demo:
        prepare_post(stores, authority, now())
    anchor = settings.data / "ca.pem"
    anchor.write_text(authority.roots())
    anchor.chmod(0o644)
    return environment


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


def _say_ready(settings: Settings, output: str, *, adopted: bool, ldap_port: int | None) -> None:
    where = serving.Serving.of(settings)
    url = where.https
    if output == "json":
        facts = {"ready": url, "mtls": where.mtls, "data": str(settings.data), "adopted_envoy": adopted,
                 "ldap": f"ldap://localhost:{ldap_port}" if ldap_port else None, "ldaps": f"ldaps://localhost:{settings.ldaps_port}" if settings.ldaps_port else None}
        print(json.dumps(facts), flush=True)  # noqa: T201 - what the command line promises
        return
    lines = [f"data directory    {settings.data}", f"trust anchor      {settings.data / 'ca.pem'}",
             f"mutual TLS        {where.mtls}"]
    if settings.smartcard_port:
        lines.append(f"smartcards        https://localhost:{settings.smartcard_port} (stand-in NHS CIS2)")
    if settings.relay_port:
        lines.append(f"secure proxy      https://localhost:{settings.relay_port}")
    if settings.http_port:
        lines.append(f"plain HTTP        http://localhost:{settings.http_port} (loopback only)")
    if ldap_port:
        lines.append(f"system directory  ldap://localhost:{ldap_port} (loopback only)")
    if settings.ldaps_port:
        lines.append(f"system directory  ldaps://localhost:{settings.ldaps_port}")
    if adopted:
        lines.append("Envoy             was still running and goes on")
    if settings.demo:
        lines += ["", "Try, in another terminal:",
                  f"  curl --cacert {settings.data / 'ca.pem'} {url}/hello-world/hello/world",
                  "  wardgate call GET /hello-world/hello/application --app demo-app --pattern signed-jwt",
                  "  wardgate call GET /hello-world/hello/application --app revoked-key-app --pattern api-key",
                  "  wardgate explain ID        # the message id of any answer"]
    print("\n".join([*lines, f"ready {url}"]), flush=True)  # noqa: T201 - what the command line promises
