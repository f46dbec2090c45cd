"""Runs the MESH sandbox of PyPI with its store of files, which it does not make durable."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.machine import SERVER_CORE, started, wait_port

SECONDS = 60.0


@contextlib.contextmanager
def running(directory: Path, port: int, shared_key: str) -> Iterator[int]:
    """Run it; yields its process id."""
    environment = os.environ | {"AUTH_MODE": "full", "STORE_MODE": "file", "SHARED_KEY": shared_key, "MAILBOXES_DATA_DIR": str(directory / "sandbox")}
    command = [sys.executable, "-W", "ignore", "-m", "uvicorn", "mesh_sandbox.api:app", "--host", "127.0.0.1", "--port", str(port),
               "--log-level", "warning", "--no-access-log"]
    with started(command, SERVER_CORE, directory / "sandbox.out", env=environment) as process:
        wait_port(port, SECONDS)
        yield process.pid
