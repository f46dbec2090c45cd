"""How soon `wardgate up` is ready on an installation that has been started before, and how much memory it takes."""

import argparse
import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.machine import free_ports, resident_megabytes, stop
from bench.report import Verdict, verdicts

PROGRAM: Final = Path(sys.executable).with_name("wardgate")
READY_SECONDS: Final = 60.0


@contextlib.contextmanager
def running(data: Path, ports: list[int]) -> Iterator[subprocess.Popen[bytes]]:
    """Run `wardgate up --demo` on seven ports until the block ends; it is ready when the block begins. Raises `RuntimeError` when it never is."""
    https, mtls, http, demo, cards, relay, provider = map(str, ports)
    command = [str(PROGRAM), "up", "--demo", "--data", str(data), "--port", https, "--mtls-port", mtls, "--http-port", http, "--demo-port", demo,
               "--smartcard-port", cards, "--relay-port", relay]
    log = data.with_suffix(".log")
    with log.open("wb") as output:
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=os.environ | {"PYTHONUNBUFFERED": "1", "WARDGATE_DEMO_PROVIDER_PORT": provider})
        try:
            while not re.search(r"^ready ", log.read_text(errors="replace"), re.MULTILINE):
                if process.poll() is not None or time.monotonic() - began > READY_SECONDS:
                    raise RuntimeError(f"`wardgate up` was not ready: {log.read_text(errors='replace')[-1000:]}")
                time.sleep(0.005)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                stop(process)


def start(data: Path, ports: list[int]) -> tuple[float, float]:
    """Start, wait for the line `ready`, stop. Return the seconds it took and the control plane's memory in MB."""
    began = time.monotonic()
    with running(data, ports) as process:
        seconds = time.monotonic() - began
        time.sleep(2)
        return seconds, resident_megabytes(process.pid)


def measure(rounds: int = 5) -> list[Verdict]:
    """Measure the first start and several second ones, and return the promises."""
    with tempfile.TemporaryDirectory(prefix="wardgate-bench-") as temporary:
        data, ports = Path(temporary) / "data", free_ports(7)
        first, _ = start(data, ports)
        found = [start(data, ports) for _ in range(rounds)]
    print(f"first start, with every key and authority to make: {first:.2f} s; later ones: {', '.join(f'{seconds:.2f}' for seconds, _ in found)} s")
    return [
        Verdict("a second start is ready after", statistics.median(seconds for seconds, _ in found), 3.0, " s"),
        Verdict("the control plane's memory", max(memory for _, memory in found), 200.0, " MB"),
    ]


def main() -> None:
    """Measure from the command line."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    verdicts(measure())


if __name__ == "__main__":
    main()
