"""Ports for servers that tests start: below those the system gives to connections, in blocks that one process has to itself.

A block is claimed with a file lock, which ends with the process: workers of a run, and runs beside each other, cannot choose the
same port between looking and listening.
"""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

FIRST: Final = 20_000
LAST: Final = 32_000
"""Linux gives connections those from 32,768 on."""
BLOCK: Final = 100
LOCKS: Final = Path(tempfile.gettempdir()) / f"wardgate-test-ports-{os.getuid()}"


def _claimed(block: int) -> bool:
    """Claim a block for as long as this process lives."""
    descriptor = os.open(LOCKS / str(block), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return False
    return True


def _numbers() -> Iterator[int]:
    """Count through one block after the other. With all that can be had used up, those of this process come again."""
    LOCKS.mkdir(mode=0o700, exist_ok=True)
    ours: list[int] = []
    blocks = list(range(FIRST, LAST, BLOCK))
    random.Random(os.getpid()).shuffle(blocks)  # noqa: S311 - whichever
    for block in blocks:
        if _claimed(block):
            ours.append(block)
            yield from range(block, block + BLOCK)
    while ours:
        for block in ours:
            yield from range(block, block + BLOCK)
    raise RuntimeError(f"other test runs use every port from {FIRST} to {LAST}")


_next = _numbers()


def free_ports(count: int) -> list[int]:
    """Return ports nobody listens on now, and that are not given again for long. Raises `RuntimeError` when there are none."""
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
