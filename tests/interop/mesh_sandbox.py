"""The MESH sandbox that others test their clients with, as a process, and a wire to it that breaks."""

import contextlib
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from free_ports import free_ports

SHARED_KEY = "TestKey"
PASSWORD = "password"
READY_SECONDS = 60
IDLE_SECONDS = 20
WORKFLOW = "TEST_WORKFLOW"
"""From X26ABC1 to X26ABC2, in what the sandbox brings with it."""


@contextlib.contextmanager
def sandbox(directory: Path, store: str = "file") -> Iterator[int]:
    """Run it; yields its port."""
    (port,) = free_ports(1)
    environ = os.environ | {"AUTH_MODE": "full", "STORE_MODE": store, "SHARED_KEY": SHARED_KEY, "MAILBOXES_DATA_DIR": str(directory)}
    log = directory.with_suffix(".log")
    with log.open("wb") as output:
        command = [sys.executable, "-W", "ignore", "-m", "uvicorn", "mesh_sandbox.api:app", "--host", "127.0.0.1", "--port", str(port)]
        process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            _wait(port, process, log)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while True:
        with contextlib.suppress(httpx2.TransportError):
            httpx2.get(f"http://127.0.0.1:{port}/health")
            return
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)


@dataclass
class Wire:
    """A relay to a port that breaks its connection after so many octets, when it is told to."""

    to: int
    port: int = 0
    broken: int = 0
    _left: dict[str, int] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def cut(self, direction: str, after: int) -> None:
        """Break what comes next: `up` to the server or `down` from it, after so many octets."""
        with self._guard:
            self._left[direction] = after

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._carry, args=(near,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def end(self) -> None:
        """Wait until all connections are closed."""
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def _carry(self, near: socket.socket) -> None:
        with near, socket.create_connection(("127.0.0.1", self.to)) as far:
            near.settimeout(IDLE_SECONDS)
            far.settimeout(IDLE_SECONDS)
            down = threading.Thread(target=self._relay, args=(far, near, "down"), daemon=True)
            down.start()
            self._relay(near, far, "up")
            down.join()

    def _relay(self, source: socket.socket, target: socket.socket, direction: str) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                passed = self._passed(direction, len(data))
                target.sendall(data[:passed])
                if passed < len(data):
                    break
        for end in (source, target):
            with contextlib.suppress(OSError):
                # What was passed on arrives; then the connection is reset.
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)

    def _passed(self, direction: str, size: int) -> int:
        with self._guard:
            left = self._left.get(direction)
            if left is None:
                return size
            if size <= left:
                self._left[direction] = left - size
                return size
            del self._left[direction]
            self.broken += 1
            return left


@contextlib.contextmanager
def wire(to: int) -> Iterator[Wire]:
    """Run a wire to a port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Wire(to, listener.getsockname()[1])
        thread = threading.Thread(target=made.serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            made.end()


def admin(port: int, method: str, path: str, body: Any = None) -> httpx2.Response:
    """Ask the sandbox for something that only tests ask for."""
    answer = httpx2.request(method, f"http://127.0.0.1:{port}{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer
