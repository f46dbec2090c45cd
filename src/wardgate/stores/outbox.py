"""The promises of the outbox: what must reach somebody else, kept until it did or was given up, whatever ends meanwhile.

Something is put in by the step that is its reason (`Kept.end`), so that neither is done without the other. `ports` gives
these names on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Parcel:
    """Something to deliver at `due` or soon after. `id` is random; `body` is encrypted at rest."""

    id: str
    body: str = field(repr=False)
    due: datetime
    attempts: int = 0
    """Attempts that were begun, this one included."""


class Outbox(Protocol):
    """At least once: whoever takes a parcel and vanishes leaves it to the next, when its time is over."""

    def take(self, now: datetime, until: datetime, limit: int) -> Sequence[Parcel]:
        """Parcels that are due, the soonest when there are more than `limit`, with this attempt counted. Nobody else gets them before `until`."""

    def postpone(self, parcel_id: str, due: datetime) -> None:
        """Let it be taken again at `due`."""

    def remove(self, parcel_id: str) -> None:
        """Forget it: it was delivered, or given up."""
