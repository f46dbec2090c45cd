"""The token endpoint's own limit: so many requests of one application in any minute (application-restricted 9).

Two numbers per application: the count of this minute and of the one before, weighted by how much of it is still within
the last 60 seconds. Counted in this process; several processes each allow the limit. Only applications that the
snapshot knows get here, so the table is as small as the manifest.
"""

from dataclasses import dataclass
from typing import Final

WINDOW_SECONDS: Final = 60


def used_up(limit: int, now: float) -> "Exceeded":
    """Return what is said at `now` seconds to whoever used the whole limit up in this minute."""
    full = TokenRateLimit(limit)
    return full.exceeded(0, limit, now % WINDOW_SECONDS, now)


@dataclass(frozen=True, slots=True)
class Exceeded:
    """The limit is used up: when a request fits again."""

    limit: int
    retry_after_seconds: int
    expiry_ms: int
    """Epoch milliseconds."""


class TokenRateLimit:
    """Counts every request that named an approved application, whether or not it got a token (6.5 step 9)."""

    def __init__(self, requests_per_minute: int | None) -> None:
        self._limit = requests_per_minute
        self._counts: dict[str, tuple[int, int, int]] = {}

    def take(self, application: str, now: float) -> Exceeded | None:
        """Count one request at `now` seconds, or say that it is too many; one too many is not counted."""
        limit = self._limit
        if limit is None:
            return None
        window = int(now // WINDOW_SECONDS)
        seen, before, current = self._counts.get(application, (window, 0, 0))
        if seen != window:
            before, current = (current if seen == window - 1 else 0), 0
        elapsed = now - window * WINDOW_SECONDS
        weighted = before * (1 - elapsed / WINDOW_SECONDS) + current
        if weighted + 1 > limit:
            self._counts[application] = (window, before, current)
            return self.exceeded(before, current, elapsed, now)
        self._counts[application] = (window, before, current + 1)
        return None

    def exceeded(self, before: int, current: int, elapsed: float, now: float) -> Exceeded:
        """Return when a request fits again, after `before` and `current` requests in the last minute and this one."""
        limit = self._limit or 1
        if current + 1 <= limit and before:
            wait = WINDOW_SECONDS * (1 - (limit - 1 - current) / before) - elapsed
        else:  # the rest of this minute, then until enough of its count has aged
            wait = WINDOW_SECONDS - elapsed + WINDOW_SECONDS * (1 - (limit - 1) / max(current, 1))
        wait = max(wait, 0.001)
        return Exceeded(limit, int(wait) + 1, int((now + wait) * 1000) + 1)
