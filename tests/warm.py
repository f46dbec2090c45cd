"""Wardgate's program as a process that begins at once: see `warm_process`. One warm process for each pytest worker.

Tests that are about the program's own start run the real one.
"""

import atexit
import contextlib
import functools
import json
import os
import shlex
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
START_SECONDS: Final = 120


@functools.cache
def _address() -> Path:
    """Start the warm process, and return where it listens. It ends with this one."""
    directory = Path(tempfile.mkdtemp(prefix="wg-warm-"))
    address = directory / "socket"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WARDGATE_")}
    process = subprocess.Popen([sys.executable, HERE / "warm_process.py", address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == b"warm\n", "the warm process did not start"

    def end() -> None:
        process.kill()
        process.communicate()
        address.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            directory.rmdir()

    atexit.register(end)
    return address


class WarmProcess:
    """What the tests use of `subprocess.Popen`, for a command line of `wardgate`; its standard input is empty."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], output: int, directory: Path | None = None, errors: int | None = None) -> None:
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(str(_address()))
        request = json.dumps({"command": ["wardgate", *arguments], "environment": dict(environment), "directory": str(directory or Path.cwd())}).encode()
        with Path(os.devnull).open("rb") as nothing:
            socket.send_fds(self._connection, [struct.pack("!I", len(request))], [nothing.fileno(), output, output if errors is None else errors])
            self._connection.sendall(request)
            self._heard = b""
            self.pid = int(self._line(None))
        self.returncode: int | None = None

    def _line(self, timeout: float | None) -> bytes:
        self._connection.settimeout(timeout)
        while b"\n" not in self._heard:
            part = self._connection.recv(100)
            assert part, "the warm process has ended"
            self._heard += part
        line, _, self._heard = self._heard.partition(b"\n")
        return line

    def poll(self) -> int | None:
        """Return the exit code once it has ended, negative for a signal."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended. Raises `subprocess.TimeoutExpired`."""
        if self.returncode is None:
            try:
                self.returncode = int(self._line(timeout))
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired("wardgate", timeout or 0) from None
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


def run(arguments: Sequence[str], environment: Mapping[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Do what `subprocess.run` does for a command line of `wardgate`, and return what it said on each output. Raises `subprocess.TimeoutExpired`."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = WarmProcess(arguments, environment, output.fileno(), errors=errors.fileno())
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        said = [stream.seek(0) or stream.read().decode() for stream in (output, errors)]
    return subprocess.CompletedProcess(["wardgate", *arguments], code, *said)


def write_command(directory: Path) -> Path:
    """Put a command `wardgate` into a directory, for the front of a shell's PATH, and return the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    words = [os.path.realpath(sys.executable), "-I", "-S", str(HERE / "warm_command.py"), str(_address())]
    command = directory / "wardgate"
    command.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    command.chmod(0o755)
    return directory
