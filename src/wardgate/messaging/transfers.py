"""Larger bodies under way, counted: in each direction so many at once, and so many of one mailbox.

Those that come and those that go are counted apart: whoever reads slowly keeps nobody from sending. One more is told to try again,
before anything of it is read, and its token stays good.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from wardgate.mesh.errors import MeshRefused
from wardgate.messaging.settings import MeshSettings


class Way(StrEnum):
    """Where a body goes."""

    IN = "in"
    OUT = "out"


class Transfers:
    """Use from one event loop."""

    def __init__(self) -> None:
        self._all: Counter[Way] = Counter()
        self._of: Counter[tuple[Way, str]] = Counter()

    @contextmanager
    def one(self, way: Way, mailbox: str, settings: MeshSettings) -> Iterator[None]:
        """Count a body as long as it is under way. Raises `MeshRefused` for one too many."""
        whose = (way, mailbox)
        if self._all[way] >= settings.max_transfers:
            raise MeshRefused("mesh-busy", f"at most {settings.max_transfers} large bodies at once", "one more")
        if self._of[whose] >= settings.max_mailbox_transfers:
            raise MeshRefused("mesh-busy", f"at most {settings.max_mailbox_transfers} large bodies of a mailbox at once", "one more")
        self._all[way] += 1
        self._of[whose] += 1
        try:
            yield
        finally:
            self._all[way] -= 1
            self._of[whose] -= 1
            if not self._of[whose]:
                del self._of[whose]
