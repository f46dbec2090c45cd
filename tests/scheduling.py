"""How the whole suite is spread over pytest's workers (pytest-xdist).

A worker is given a unit of tests at a time: files that share servers which are dear to start, or a single file. The
longest are given out first. Tests that measure, or that need the whole machine, come last, when every other worker has ended.
"""

from pathlib import Path
from typing import Any, Final

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

TOGETHER: Final = (
    "tests/browser/", "tests/tour/", "tests/wire/", "tests/system/users/", "tests/system/cli_users/", "tests/system/mesh/", "tests/interop/", "tests/contract/",
)
"""Beginnings of the paths that are one unit each."""
FIRST: Final = (*TOGETHER, "tests/system/", "tests/crash/", "tests/flows/", "tests/unit/")
"""What is begun first, the longest before the others."""
ALONE: Final = ("tests/system/test_live_changes.py", "tests/system/test_connections.py")
"""Files in which seconds count, or ten thousand connections."""
LAST: Final = "alone"

for _place in (*FIRST, *ALONE):
    assert list(Path(__file__).parents[1].glob(f"{_place}*")), f"{_place} is no longer there"


def unit_of(node_id: str) -> str:
    """Return the unit that a test belongs to."""
    path = node_id.partition("::")[0]
    if path in ALONE:
        return LAST
    return next((beginning for beginning in TOGETHER if path.startswith(beginning)), path)


def rank(node_id: str) -> int:
    """Return when a test's unit is begun, compared with others'."""
    if unit_of(node_id) == LAST:
        return len(FIRST) + 1
    return next((number for number, beginning in enumerate(FIRST) if node_id.startswith(beginning)), len(FIRST))


class Units(LoadScopeScheduling):
    """Gives out units in the order of collection, and the last of them when nothing else runs."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)

    def _reschedule(self, node: WorkerController) -> None:
        if self.workqueue and next(iter(self.workqueue)) == LAST and len(self.nodes) > 1 and not node.shutting_down:
            others = [other for other in self.nodes if other is not node and not other.shutting_down]
            if others and self._pending_of(self.assigned_work[node]) <= 2:
                node.shutdown()  # it ends what it has; the last one waits with its last test until all others have ended
            return
        super()._reschedule(node)

    def remove_node(self, node: WorkerController) -> Any:
        """Go on with what had to wait until this worker has ended."""
        crashed = super().remove_node(node)
        for other in self.nodes:
            if other in self.registered_collections:
                self._reschedule(other)
        return crashed
