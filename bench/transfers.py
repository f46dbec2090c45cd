"""A file of 1 GiB from one mailbox to another through Envoy with mutual TLS, in chunks of 100 MB: its speed, and what every process holds of it.

It is sent, received and acknowledged by the commands, in a demo that runs as users run it; the mailbox server keeps it durably in between.
"""

import argparse
import hashlib
import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench.machine import children, free_ports, resident_megabytes
from bench.report import Verdict, table, verdicts
from bench.start import PROGRAM, running

SIZE: Final = 1024 * 1024 * 1024
PIECE: Final = 1024 * 1024
SENDER, RECEIVER, WORKFLOW = "Z9X01OT001", "Z9X03OT001", "GPCONNECT_SEND_DOCUMENT"
GROWTH_MEGABYTES: Final = 100.0
"""Of Envoy and the control plane together, while a file of any size goes through."""
CLIENT_MEGABYTES: Final = 150.0
"""Of a command that sends or receives, with all that it imports."""
LOOK_SECONDS: Final = 0.02


class Watch:
    """The largest resident memory of some processes while something is done, in MB."""

    def __init__(self, pids: dict[str, int]) -> None:
        self.pids = pids
        self.most = {name: resident_megabytes(pid) for name, pid in pids.items()}
        self.before = dict(self.most)
        self._over = threading.Event()

    def during(self, work: Callable[[], Any]) -> Any:
        """Do the work, and look meanwhile."""
        watcher = threading.Thread(target=self._look)
        watcher.start()
        try:
            return work()
        finally:
            self._over.set()
            watcher.join()

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            for name, pid in self.pids.items():
                self.most[name] = max(self.most[name], resident_megabytes(pid))

    def grown(self) -> float:
        """By how much all of them together have grown at most."""
        return sum(self.most[name] - self.before[name] for name in self.pids)


def wardgate(data: Path, *words: str) -> tuple[Any, float, float]:
    """Run a command; return its JSON, the seconds it took, and its largest resident memory in MB. Raises `RuntimeError` when it fails."""
    began, most = time.monotonic(), 0.0
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as log:
        process = subprocess.Popen([str(PROGRAM), *words, "--data", str(data), "--output", "json"], stdin=subprocess.DEVNULL, stdout=out, stderr=log)
        while process.poll() is None:
            most = max(most, _resident(process.pid))
            time.sleep(LOOK_SECONDS)
        out.seek(0)
        log.seek(0)
        if process.returncode:
            raise RuntimeError(f"wardgate {words[0]} {words[1]}: {log.read()[-1000:].decode(errors='replace')}")
        return json.loads(out.read()), time.monotonic() - began, most


def _resident(pid: int) -> float:
    """Its resident memory; 0 when it has just ended."""
    try:
        return resident_megabytes(pid)
    except (OSError, IndexError, ValueError):
        return 0.0


def _envoy(control_plane: int) -> int:
    (found,) = (pid for pid in children(control_plane) if "envoy" in Path(f"/proc/{pid}/comm").read_text())
    return found


def make_file(path: Path, size: int) -> str:
    """Write random octets, and return their SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for at in range(0, size, PIECE):
            piece = os.urandom(min(PIECE, size - at))
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def measure(size: int = SIZE) -> list[Verdict]:
    """Send and receive one file."""
    with tempfile.TemporaryDirectory(prefix="wardgate-bench-") as temporary:
        data, file, into = Path(temporary) / "data", Path(temporary) / "file", Path(temporary) / "into"
        digest = make_file(file, size)
        with running(data, free_ports(7)) as process:
            pids = {"control plane": process.pid, "Envoy": _envoy(process.pid)}
            small = Path(temporary) / "small"
            make_file(small, PIECE)
            _through(data, small, into)
            watch = Watch(pids)
            rows = watch.during(lambda: _through(data, file, into, digest))
    megabytes = size / 1_000_000
    table(["step", "seconds", "MB/s", "the command's memory, MB"], [[step, seconds, megabytes / seconds, most] for step, seconds, most in rows])
    table(["process", "MB before", "MB at most"], [[name, watch.before[name], watch.most[name]] for name in pids])
    return [
        Verdict(f"{megabytes:,.0f} MB through a mailbox: Envoy and the control plane grow by", watch.grown(), GROWTH_MEGABYTES, " MB"),
        Verdict("the commands that send and receive it hold", max(most for _, _, most in rows), CLIENT_MEGABYTES, " MB"),
    ]


def _through(data: Path, file: Path, into: Path, digest: str | None = None) -> list[tuple[str, float, float]]:
    """Send, receive and acknowledge a file. Raises `RuntimeError` when another came out."""
    sent, *sending = wardgate(data, "mesh", "send", str(file), "--mailbox", SENDER, "--to", RECEIVER, "--workflow", WORKFLOW)
    came, *receiving = wardgate(data, "mesh", "receive", sent["message_id"], "--mailbox", RECEIVER, "--file", str(into))
    if digest is not None and came["sha256"] != digest:
        raise RuntimeError("what came out is not what was sent")
    into.unlink()
    return [("send", *sending), ("receive and acknowledge", *receiving)]


def main() -> int:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.transfers", description=__doc__)
    parser.add_argument("--size", type=int, default=SIZE, help="octets of the file (1 GiB)")
    return 0 if verdicts(measure(parser.parse_args().size)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
