"""Ports for servers that tests start: below those the system gives to connections, and others for each of pytest's workers."""

import os
import socket
from collections.abc import Iterator
from typing import Final

FIRST: Final = 20_000
EACH: Final = 2_000
"""How many a worker has to itself."""
PARTS: Final = 6


def _numbers() -> Iterator[int]:
    """Count through this worker's part, again and again, from a place that differs between runs."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    number = os.getpid() * 7
    while True:
        yield FIRST + EACH * (worker % PARTS) + number % EACH
        number += 1


_next = _numbers()


def free_ports(count: int) -> list[int]:
    """Return ports nobody listens on now, and that are not given again for long."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as one:
            port = next(_next)
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    return found
