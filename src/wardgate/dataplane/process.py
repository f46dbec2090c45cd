"""Envoy as a supervised child: started, restarted when it dies, stopped with us, and kept when we die.

Envoy runs in a session of its own, so a control plane that is killed leaves it serving the last rules. The next control
plane finds it by its process file and admin socket and goes on with it instead of starting another.
"""

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from wardgate.dataplane.admin import AdminUnavailable, ready
from wardgate.dataplane.errors import EnvoyFailed, EnvoyMissing, PortTaken
from wardgate.dataplane.layout import Layout
from wardgate.dataplane.resources.bootstrap import bootstrap

FIRST_BACK_OFF_SECONDS: Final = 0.1
LONGEST_BACK_OFF_SECONDS: Final = 5.0
GOOD_RUN_SECONDS: Final = 10.0
STOP_SECONDS: Final = 5.0
WATCH_SECONDS: Final = 0.1
START_SECONDS: Final = 30.0
LOG_BYTES: Final = 10_000_000
"""How long Envoy's own log may grow before it is put aside; the one put aside before is dropped."""
LOG_LOOK_SECONDS: Final = 60.0

_log = logging.getLogger(__name__)


class EnvoyProcess:
    """One Envoy. `start`, then `run` in the background until `stop`."""

    def __init__(self, layout: Layout, on_restart: Callable[[int], None] = lambda _code: None) -> None:
        self._layout = layout
        self._on_restart = on_restart
        self._pid: int | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._digest = ""

    @property
    def pid(self) -> int | None:
        """The process that serves now."""
        return self._pid

    def start(self) -> bool:
        """Adopt the Envoy of an earlier control plane if it runs with the same bootstrap, else start one. True: adopted.

        Raises `EnvoyMissing` when there is no binary to run, `PortTaken` when others listen on its ports.
        """
        text = json.dumps(bootstrap(self._layout), indent=1, sort_keys=True)
        digest = hashlib.sha256((text + str(self._layout.envoy_binary)).encode()).hexdigest()
        self._digest = digest
        found = self._recorded()
        if found is not None:
            pid, recorded = found
            if recorded == digest and _is_envoy(pid):
                self._pid = pid
                return True
            if _is_envoy(pid):
                _end(pid)
        _refuse_taken_ports(self._layout)
        self._write(self._layout.run_directory / "envoy.json", text)
        self._spawn()
        return False

    async def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Return when Envoy's listeners are bound. Raises `EnvoyFailed` after `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(AdminUnavailable):
                if await ready(self._layout.admin_socket):
                    return
            await asyncio.sleep(0.02)
        raise EnvoyFailed(f"Envoy was not ready within {seconds:.0f} s; see {self._layout.run_directory / 'envoy.log'}")

    async def run(self) -> None:
        """Watch the process and start it again when it ends, with a growing pause while it ends early."""
        pause = FIRST_BACK_OFF_SECONDS
        started = looked = time.monotonic()
        while not self._stopping:
            await asyncio.sleep(WATCH_SECONDS)
            if time.monotonic() - looked > LOG_LOOK_SECONDS:
                looked = time.monotonic()
                await asyncio.to_thread(put_aside, self._layout.run_directory / "envoy.log")
            code = self._ended()
            if code is None or self._stopping:
                continue
            self._on_restart(code)
            if time.monotonic() - started > GOOD_RUN_SECONDS:
                pause = FIRST_BACK_OFF_SECONDS
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_BACK_OFF_SECONDS)
            started = time.monotonic()
            try:
                self._spawn()
            except (OSError, EnvoyMissing) as error:
                _log.error("Envoy cannot be started again yet: %s", error)

    async def stop(self) -> None:
        """End Envoy: ask, wait, then insist."""
        self._stopping = True
        if self._pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self._ended() is None and time.monotonic() < deadline:  # noqa: ASYNC110 - a process sends no event
            await asyncio.sleep(0.02)
        if self._ended() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        (self._layout.run_directory / "envoy.pid").unlink(missing_ok=True)

    def _spawn(self) -> None:
        layout = self._layout
        layout.admin_socket.unlink(missing_ok=True)
        command = [
            str(layout.envoy_binary), "-c", str(layout.run_directory / "envoy.json"), "--disable-hot-restart",
            "--concurrency", str(layout.worker_threads), "--file-flush-interval-msec", str(int(layout.log_flush_seconds * 1000)),
            "--log-level", "warning", "--component-log-level", "misc:error",  # NOTE: `misc` says of each API key that its filter is work in progress
            "--log-format", "%Y-%m-%dT%T.%e %l %n %v",
        ]
        log = os.open(layout.run_directory / "envoy.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._child = subprocess.Popen(  # noqa: S603 - the binary is a setting of the operator
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, umask=0o077
            )
        except OSError as error:
            raise EnvoyMissing(f"{layout.envoy_binary} cannot be run: {error.strerror}") from error
        finally:
            os.close(log)
        self._pid = self._child.pid
        self._write(layout.run_directory / "envoy.pid", json.dumps({"pid": self._pid, "bootstrap": self._digest}))

    def _ended(self) -> int | None:
        if self._child is not None:
            return self._child.poll()
        return None if self._pid is not None and _is_envoy(self._pid) else -1

    def _recorded(self) -> tuple[int, str] | None:
        try:
            found = json.loads((self._layout.run_directory / "envoy.pid").read_text())
            return int(found["pid"]), str(found["bootstrap"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @staticmethod
    def _write(path: Path, text: str) -> None:
        temporary = path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        temporary.replace(path)


def put_aside(log: Path, largest: int = LOG_BYTES) -> None:
    """Copy a log that has grown too long to `.1` and empty it. Envoy keeps the file open, so it cannot be renamed."""
    try:
        if log.stat().st_size > largest:
            shutil.copyfile(log, log.with_name(log.name + ".1"))
            os.truncate(log, 0)
    except OSError as error:
        _log.warning("%s could not be put aside: %s", log.name, error.strerror)


def _refuse_taken_ports(layout: Layout) -> None:
    """Raise `PortTaken` when something listens already.

    NOTE: Envoy would not notice: it binds with SO_REUSEPORT, so two Envoys would share a port and its callers.
    """
    wanted = [(layout.address, layout.https_port), (layout.address, layout.mtls_port)]
    wanted += [("127.0.0.1", layout.http_port)] if layout.http_port is not None else []
    wanted += [(layout.address, port) for port in (layout.smartcard_port, layout.relay_port) if port is not None]
    for address, port in wanted:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that are ending are no listeners
            try:
                trial.bind((address, port))
            except OSError as error:
                raise PortTaken(f"cannot listen on {address} port {port}: {error.strerror}") from None


def _is_envoy(pid: int) -> bool:
    """Return whether this process runs and is an Envoy (not another one that got the number later)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return state != "Z" and b"--disable-hot-restart" in command


def _end(pid: int) -> None:
    for step in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, step)
        deadline = time.monotonic() + STOP_SECONDS
        while _is_envoy(pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        if not _is_envoy(pid):
            return
