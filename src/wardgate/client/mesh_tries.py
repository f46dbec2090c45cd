"""Trying MESH calls again: which answers, and never a first chunk that may have been stored (itk3-messaging 5.1, 5.4).

Each try has a token of its own, so that a server that remembers tokens refuses none of them. Of pauses, only those count towards
`RetryPolicy.total_seconds`: a large chunk may take longer than all of them.
"""

import random
from datetime import datetime
from typing import Final

import httpx2

from wardgate.client.clock import SYSTEM_CLOCK, Clock
from wardgate.client.error_shapes import retry_after_seconds
from wardgate.client.mesh_errors import mesh_error
from wardgate.client.mesh_steps import Answer, Ask, Pause, Steps, ask
from wardgate.client.retry import Draw, RetryPolicy, is_tls_failure

MESH_RETRY: Final = RetryPolicy(attempts=5, total_seconds=120.0, base_seconds=0.5, longest_pause_seconds=30.0,
                                statuses=frozenset({408, 425, 429, 500, 502, 503, 504}))
"""Four more tries."""
NOTHING_DONE: Final = frozenset({425, 429})
"""Answers that say that the request was not looked at."""


class Tries:
    """The bookkeeping of one call that may be tried again."""

    def __init__(self, policy: RetryPolicy = MESH_RETRY, clock: Clock = SYSTEM_CLOCK, draw: Draw = random.random) -> None:
        self._policy, self._clock, self._draw = policy, clock, draw
        self._tried, self._waited_seconds = 0, 0.0

    @property
    def now(self) -> datetime:
        """The time of day."""
        return self._clock.now()

    def again(self) -> "Tries":
        """Return the same for another call."""
        return Tries(self._policy, self._clock, self._draw)

    def passing(self, status: int) -> bool:
        """Whether this answer is tried again."""
        return status in self._policy.statuses

    def broken(self, failure: httpx2.TransportError) -> bool:
        """Whether a connection that failed so is tried again. One that TLS refused is not: it would fail alike."""
        return self._policy.failures and not is_tls_failure(failure) and isinstance(
            failure, (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError))

    def pause(self, answer: Answer | None = None) -> Pause | None:
        """Return the wait before another try, or None: enough. A `Retry-After` is waited for, or is the end."""
        self._tried += 1
        asked = retry_after_seconds(answer.headers, self.now) if answer is not None else None
        seconds = self._policy.pause_seconds(self._tried, self._waited_seconds, asked, self._draw)
        if seconds is None:
            return None
        self._waited_seconds += seconds
        return Pause(seconds)


def never_sent(failure: httpx2.TransportError) -> bool:
    """Whether not one octet of the request left: no connection was made."""
    return isinstance(failure, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout))


def asking(question: Ask, tries: Tries) -> Steps[Answer]:
    """Ask something that may be asked twice, until there is an answer that stands. Raises `MeshAPIError` for one of 300 or more."""
    answer = yield from asking_any(question, tries)
    if answer.status >= 300:
        raise mesh_error(answer, tries.now)
    return answer


def asking_any(question: Ask, tries: Tries) -> Steps[Answer]:
    """Do the same, and return the answer whatever it says."""
    while True:
        answer = None
        try:
            answer = yield from ask(question)
            if not tries.passing(answer.status) or (pause := tries.pause(answer)) is None:
                return answer
        except httpx2.TransportError as failure:
            if not tries.broken(failure) or (pause := tries.pause()) is None:
                raise
        yield pause
