"""The virtual clock: real time, and how far a tester has turned it ahead (decision 13).

The shift is part of the snapshot in force, so that one node judges by one clock; in a live environment it is zero.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

NO_SHIFT = timedelta(0)


@dataclass(slots=True)
class Clock:
    """Three times of day. `shift` raises `LookupError` until there is a snapshot."""

    real: Callable[[], datetime]
    shift: Callable[[], timedelta]
    _seen: timedelta = NO_SHIFT
    _gone: timedelta = field(default=NO_SHIFT)

    def now(self) -> datetime:
        """Return the virtual time: that of tokens, codes, sign-ins and everything that is tested by waiting."""
        return self.real() + self.shift()

    def steady(self) -> datetime:
        """Return a time for caches. It never goes back, and every turn of the clock counts as time gone by: what was fetched before is old."""
        shift = self.shift()
        self._gone += abs(shift - self._seen)
        self._seen = shift
        return self.real() + self._gone
