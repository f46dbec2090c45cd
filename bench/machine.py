"""Cores, CPU time and load: servers run on core 0, the load on core 1, and what counts is CPU time per request.

Requests per second swing with whatever else the machine does; CPU time per request does so much less.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SERVER_CORE: Final = 0
LOAD_CORE: Final = max(os.sched_getaffinity(0))
_TICK_SECONDS: Final = 1 / os.sysconf("SC_CLK_TCK")

MISSING: Final = {
    "wrk": "wrk is missing, and nothing can be measured without it. Debian: apt-get install wrk",
    "nginx": "nginx is missing: it is the backend of the gateway bench and one of its peers. Debian: apt-get install nginx",
    "haproxy": "haproxy is missing, so it is left out. Debian: apt-get install haproxy",
}


class Missing(Exception):
    """A program that this measurement cannot do without is not installed."""


def program(name: str) -> str:
    """Return the path of a program. Raises `Missing` with how to get it."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
    if found is None:
        raise Missing(MISSING[name])
    return found


def pin_self(core: int = LOAD_CORE) -> None:
    """Keep this process, and what it starts without saying otherwise, on one core."""
    os.sched_setaffinity(0, {core})


def pin(pid: int, core: int) -> None:
    """Move every thread of a process to one core."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(task.name), {core})


def free_ports(count: int) -> list[int]:
    """Return ports nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the user and system time these processes have used, their children's excluded."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total * _TICK_SECONDS


def resident_megabytes(pid: int) -> float:
    """Return the memory a process holds now."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def children(pid: int) -> list[int]:
    """Return a process and all below it."""
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(found for child in below for found in children(int(child)))]


def wait_port(port: int, seconds: float = 10.0) -> None:
    """Return when something accepts on a loopback port. Raises `TimeoutError`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing accepts on port {port} after {seconds:.0f} s") from None
            time.sleep(0.02)
        else:
            return


def wait_path(path: Path, seconds: float = 10.0) -> None:
    """Return when a file or socket is there. Raises `TimeoutError`."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path.name} was not there after {seconds:.0f} s")
        time.sleep(0.02)


@contextlib.contextmanager
def started(command: Sequence[str], core: int, log: Path, **more: object):  # noqa: ANN201 - a generator of Popen
    """Run a server on one core while the block runs; its output goes to `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(["taskset", "-c", str(core), *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output, **more)
        try:
            yield process
        finally:
            stop(process)


def stop(process: subprocess.Popen) -> None:
    """End a process that we started: ask, then insist."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of the load generator saw, and the CPU time the server used for it."""

    requests: int
    seconds: float
    cpu_us: float
    """Per request."""
    p50_ms: float
    p99_ms: float
    refused: int
    """Answers that were not 2xx or 3xx, and socket errors."""

    @property
    def per_second(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


@dataclass(slots=True)
class Runs:
    """Several runs of one contestant."""

    runs: list[Run] = field(default_factory=list)

    def median(self, name: str) -> float:
        """Return the median of one figure."""
        return statistics.median(getattr(run, name) for run in self.runs)


_UNITS: Final = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


def wrk(url: str, script: Path, seconds: int, connections: int, pids: Iterable[int], arguments: Sequence[str] = ()) -> Run:
    """Load a URL from core 1 and return what happened; `pids` are the processes whose time is counted."""
    pids = list(pids)
    command = ["taskset", "-c", str(LOAD_CORE), program("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script), url, "--", *arguments]
    before = cpu_seconds(pids)
    finished = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False)
    used = cpu_seconds(pids) - before
    if finished.returncode != 0:
        raise RuntimeError(f"wrk failed: {finished.stderr.strip() or finished.stdout.strip()}")
    return _parsed(finished.stdout, used)


def _parsed(text: str, cpu_used: float) -> Run:
    done = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m),", text)
    if done is None:
        raise RuntimeError(f"wrk said nothing that can be read: {text[:300]}")
    requests = int(done[1])
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    refused = int(bad[1]) if bad else 0
    refused += sum(int(number) for number in errors.groups()) if errors else 0
    return Run(requests, float(done[2]) * _UNITS[done[3]] / 1000, cpu_used / max(requests, 1) * 1e6,
               _latency(text, "50%"), _latency(text, "99%"), refused)


def _latency(text: str, which: str) -> float:
    found = re.search(rf"^\s+{which}\s+([\d.]+)(us|ms|s|m)\s*$", text, re.MULTILINE)
    return float(found[1]) * _UNITS[found[2]] if found else float("nan")
