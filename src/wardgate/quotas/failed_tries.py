"""Failed tries to prove who one is: how long the next one waits (NIST SP 800-63B section 5.2.2). Pure.

A try is counted as failed when it begins, and given back when it turns out right. So tries that run at the same time are all
counted before any of them is judged, and none slips past the count.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class TryLimit:
    """How patient we are. The waits double from failure to failure and never exceed the lock-out."""

    free: int
    """So many failures in a row make nobody wait."""
    first_wait_seconds: int
    """The wait after the next failure."""
    lock_after: int
    """From so many failures in a row on, each one locks out."""
    lock_seconds: int
    """How long a lock-out lasts; it ends by itself."""
    forget_seconds: int = DAY_SECONDS
    """Failures are forgotten so long after the last one, at the earliest when its wait is over."""

    def __post_init__(self) -> None:
        if not (0 <= self.free < self.lock_after and self.first_wait_seconds >= 1 and self.lock_seconds >= 1 and self.forget_seconds >= 1):
            raise ValueError("a limit has 0 <= free < lock_after, and seconds of 1 or more")

    def wait_seconds(self, failures: int) -> int:
        """Return how long the next try waits after so many failures in a row."""
        if failures <= self.free:
            return 0
        if failures >= self.lock_after:
            return self.lock_seconds
        doublings = min(failures - self.free - 1, 40)
        return min(self.first_wait_seconds << doublings, self.lock_seconds)

    def locks(self, failures: int) -> bool:
        """Whether so many failures lock out."""
        return failures >= self.lock_after


@dataclass(frozen=True, slots=True)
class Tally:
    """What is remembered: failures in a row, when the next try may begin, and when all of it is forgotten."""

    failures: int
    open_from: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Begun:
    """Whether a try may go on, and the tally after it began. `tally` of a refused try says from when on the next may begin."""

    allowed: bool
    tally: Tally


def begin(known: Tally | None, limit: TryLimit, now: datetime) -> Begun:
    """Count a try as failed, or refuse it because it came too early; a refused one does not count.

    NOTE: a clock that was set back must not lengthen a wait: from now, it is never longer than the failures give.
    """
    failures = known.failures if known is not None and known.until > now else 0
    if known is not None and failures:
        longest = _after(failures, limit, now)
        opens = min(known.open_from, longest.open_from)
        if opens > now:
            return Begun(False, Tally(failures, opens, min(known.until, longest.until)))
    return Begun(True, _after(failures + 1, limit, now))


def give_back(known: Tally | None, limit: TryLimit, now: datetime) -> Tally | None:
    """Return the tally without one failure, None when nothing is left of it: the try was right."""
    if known is None or known.until <= now or known.failures <= 1:
        return None
    fewer = replace(known, failures=known.failures - 1)
    return replace(fewer, open_from=now) if limit.wait_seconds(fewer.failures) == 0 else fewer


def _after(failures: int, limit: TryLimit, now: datetime) -> Tally:
    wait = limit.wait_seconds(failures)
    return Tally(failures, now + timedelta(seconds=wait), now + timedelta(seconds=max(wait, limit.forget_seconds)))
