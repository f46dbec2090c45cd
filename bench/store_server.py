"""What servers under load share: a store of their own in a directory, uvloop, uvicorn without its signals, and an end with SIGTERM.

A module with a server is run as `python -m bench.MODULE SETTINGS`; SETTINGS is a JSON file that names the directory.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from wardgate.keystores import load_store_keys
from wardgate.server.up import settle
from wardgate.stores import Stores, open_stores

Work = Callable[[dict[str, Any], Stores], Awaitable[None]]


class _Server(uvicorn.Server):
    """Leaves signals to `serve`."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing."""
        yield


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


async def serve(application: Any, **where: Any) -> None:
    """Serve an application at a port or a socket until SIGTERM."""
    server = _Server(uvicorn.Config(application, interface="asgi3", lifespan="off", log_level="warning", access_log=False, proxy_headers=False,
                                    server_header=False, date_header=False, http="httptools", **where))
    settle()  # as `wardgate up` does
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: setattr(server, "should_exit", True))
    await server.serve()


def run(work: Work) -> None:
    """Do the work with what the file in the first argument says, and a store in its directory."""
    settings = json.loads(Path(sys.argv[1]).read_text())
    directory = Path(settings["directory"])
    stores = open_stores(f"sqlite:///{directory / 'wardgate.db'}", load_store_keys(os.environ, directory))

    async def main() -> None:
        await work(settings, stores)

    try:
        uvloop.run(main())
    finally:
        stores.close()
