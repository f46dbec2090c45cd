"""Trying again: which answers, how often, how long (application-restricted 9 and 16 point 6).

Only 408, 429 and 5xx of idempotent methods; exponential back-off with full jitter; `Retry-After` is honoured; attempts
and total time are bounded. A connection that was never made (no byte was sent) is tried again for every method; a
connection that broke afterwards for idempotent methods only. A failed TLS handshake is not tried again.

An auth may leave two extensions with a request: `RENEW` and `REPEATABLE`.
"""

import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import httpx2

from wardgate.client.clock import SYSTEM_CLOCK, Clock
from wardgate.client.error_shapes import retry_after_seconds

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
"""RFC 9110 section 9.2.2."""

PASSING: Final = frozenset({408, 429, *range(500, 600)})
"""Statuses of what may pass by itself."""
RENEW: Final = "wardgate.renew"
"""A request's extension: called with the request before each further attempt, by an auth whose proof is good for one sending."""
REPEATABLE: Final = "wardgate.repeatable"
"""A request's extension: whether it may be repeated, where that is known better than by its method."""

Draw = Callable[[], float]
"""A number from 0 up to 1, drawn anew each time."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How stubborn a client is. `attempts` counts the first; `attempts=1` never tries again."""

    attempts: int = 4
    total_seconds: float = 30.0
    base_seconds: float = 0.25
    longest_pause_seconds: float = 8.0
    methods: frozenset[str] = IDEMPOTENT
    statuses: frozenset[int] = PASSING
    """Which answers are tried again."""
    failures: bool = True
    """Whether a connection that was not made, or broke, is tried again as well."""

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.total_seconds < 0 or self.base_seconds <= 0 or self.longest_pause_seconds <= 0:
            raise ValueError("attempts is at least 1 and times are not negative")

    def pause_seconds(self, attempt: int, elapsed_seconds: float, asked_seconds: float | None, draw: Draw) -> float | None:
        """Return how long to wait after failed attempt number `attempt` (from 1), or None to give up.

        A `Retry-After` that does not fit into the total time is a reason to give up, not to come back early.
        """
        if attempt >= self.attempts:
            return None
        ceiling = min(self.longest_pause_seconds, self.base_seconds * 2 ** (attempt - 1))
        pause = max(ceiling * draw(), asked_seconds or 0.0)
        return pause if elapsed_seconds + pause <= self.total_seconds else None


def worth_retrying(status: int) -> bool:
    """Whether this status may pass by itself."""
    return status in PASSING


def _repeatable(policy: RetryPolicy, request: httpx2.Request) -> bool:
    known = request.extensions.get(REPEATABLE)
    return request.method in policy.methods if known is None else bool(known)


def _renew(request: httpx2.Request) -> None:
    """Let the auth make its proof anew; without one the same request is sent again."""
    renew = request.extensions.get(RENEW)
    if renew is not None:
        renew(request)


def _failure_allows_retry(policy: RetryPolicy, request: httpx2.Request, error: httpx2.TransportError) -> bool:
    if not policy.failures or not isinstance(request.stream, httpx2.ByteStream) or is_tls_failure(error):
        return False
    if isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)):
        return True
    return _repeatable(policy, request) and isinstance(
        error, (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)
    )


def is_tls_failure(error: BaseException | None) -> bool:
    """Whether a TLS error is at the bottom of this: another attempt would fail alike."""
    for _ in range(10):
        if error is None:
            return False
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


class _Attempts:
    """The bookkeeping of one logical request, the same for both transports."""

    def __init__(self, policy: RetryPolicy, clock: Clock, draw: Draw, request: httpx2.Request) -> None:
        self._policy, self._clock, self._draw, self._request = policy, clock, draw, request
        self._started = clock.monotonic()
        self._attempt = 0

    def after(self, response: httpx2.Response) -> float | None:
        """Return the pause before the next attempt, or None: this response is the answer."""
        replayable = isinstance(self._request.stream, httpx2.ByteStream)
        if not (replayable and _repeatable(self._policy, self._request) and response.status_code in self._policy.statuses):
            return None
        return self._pause(retry_after_seconds(response.headers, self._clock.now()))

    def after_failure(self, error: httpx2.TransportError) -> float | None:
        """Return the pause before the next attempt, or None: the failure stands."""
        return self._pause(None) if _failure_allows_retry(self._policy, self._request, error) else None

    def _pause(self, asked_seconds: float | None) -> float | None:
        self._attempt += 1
        elapsed = self._clock.monotonic() - self._started
        return self._policy.pause_seconds(self._attempt, elapsed, asked_seconds, self._draw)


class RetryTransport(httpx2.BaseTransport):
    """A transport that tries again as its policy says, sending the same request, X-Request-ID included, unless its auth renews it."""

    def __init__(
        self, inner: httpx2.BaseTransport, policy: RetryPolicy | None = None, *, clock: Clock = SYSTEM_CLOCK,
        draw: Draw = random.random,
    ) -> None:
        self._inner, self._policy, self._clock, self._draw = inner, policy or RetryPolicy(), clock, draw

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        attempts = _Attempts(self._policy, self._clock, self._draw, request)
        while True:
            try:
                response = self._inner.handle_request(request)
                pause = attempts.after(response)
                if pause is None:
                    return response
                response.close()
            except httpx2.TransportError as error:
                pause = attempts.after_failure(error)
                if pause is None:
                    raise
            self._clock.sleep(pause)
            _renew(request)

    def close(self) -> None:
        self._inner.close()


class AsyncRetryTransport(httpx2.AsyncBaseTransport):
    """The same for `httpx2.AsyncClient` on asyncio."""

    def __init__(
        self, inner: httpx2.AsyncBaseTransport, policy: RetryPolicy | None = None, *, clock: Clock = SYSTEM_CLOCK,
        draw: Draw = random.random,
    ) -> None:
        self._inner, self._policy, self._clock, self._draw = inner, policy or RetryPolicy(), clock, draw

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        attempts = _Attempts(self._policy, self._clock, self._draw, request)
        while True:
            try:
                response = await self._inner.handle_async_request(request)
                pause = attempts.after(response)
                if pause is None:
                    return response
                await response.aclose()
            except httpx2.TransportError as error:
                pause = attempts.after_failure(error)
                if pause is None:
                    raise
            await self._clock.asleep(pause)
            _renew(request)

    async def aclose(self) -> None:
        await self._inner.aclose()
