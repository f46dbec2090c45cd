"""What to do to send a request with a bearer token: a plan of steps that never waits and never does I/O itself.

The steps are carried out by `token_auth`, for threads and for asyncio alike. Every request to the token endpoint has a
proof, and an assertion's jti, of its own (application-restricted 16 points 2 and 3).
"""

import logging
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2

from wardgate.client.client_authentication import ClientAuthentication
from wardgate.client.clock import Clock
from wardgate.client.environments import refuse_clear_text
from wardgate.client.error_shapes import api_error, http_date
from wardgate.client.errors import TokenRefused
from wardgate.client.retry import Draw, RetryPolicy, worth_retrying
from wardgate.client.token_endpoint import CLOCK_COMPLAINTS, form_request
from wardgate.client.tokens import AccessToken, CacheKey, TokenCache, read_token

log = logging.getLogger("wardgate.client")

@dataclass(frozen=True, slots=True)
class Send:
    """Send the caller's request; the answer is its response, unread."""

    request: httpx2.Request


@dataclass(frozen=True, slots=True)
class SendForToken:
    """Send a token request; the answer is its response, read."""

    request: httpx2.Request


@dataclass(frozen=True, slots=True)
class Sign:
    """Call `make`, which may take long; the answer is a token request."""

    make: Callable[[], httpx2.Request]


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Acquire:
    """Become the one that fetches."""


@dataclass(frozen=True, slots=True)
class Release:
    """Let others see what was fetched."""


Step = Send | SendForToken | Sign | Pause | Acquire | Release
Plan = Generator[Step, Any, Any]


@dataclass(slots=True)
class TokenPlan:
    """The rules of one credential, and how far its clock is from the server's."""

    proof: ClientAuthentication = field(repr=False)
    name: str
    """What tells this proof from another of the same application: the key's name."""
    token_url: str
    timeout_seconds: float
    cache: TokenCache
    retry: RetryPolicy
    clock: Clock
    draw: Draw
    offset: timedelta = timedelta()

    @property
    def key(self) -> CacheKey:
        """Where the token is kept."""
        return CacheKey(self.token_url, self.proof.client_id, self.name)

    def call(self, request: httpx2.Request) -> Plan:
        """Send `request` with a token; after a 401 once more with another, unless the token was new."""
        refuse_clear_text(request.url)
        token, is_new = yield from self._token(None)
        request.headers["Authorization"] = f"Bearer {token.value}"
        response: httpx2.Response = yield Send(request)
        if response.status_code != 401 or is_new or not isinstance(request.stream, httpx2.ByteStream):
            return
        token, _ = yield from self._token(token)
        request.headers["Authorization"] = f"Bearer {token.value}"
        yield Send(request)

    def obtain(self) -> Plan:
        """Return a token that is good for a while, and send nothing with it."""
        token, _ = yield from self._token(None)
        return token

    def _token(self, refused: AccessToken | None) -> Plan:
        """Return a token other than `refused`, and whether it was fetched just now."""
        held = self._usable(refused)
        if held is not None:
            return held, False
        yield Acquire()
        held = self._usable(refused)  # somebody else may have fetched one while we waited
        fetched = held is None
        if held is None:
            if refused is not None:
                self.cache.discard(self.key, refused)
            held = yield from self._fetch()
            self.cache.put(self.key, held)
        yield Release()
        return held, fetched

    def _usable(self, refused: AccessToken | None) -> AccessToken | None:
        held = self.cache.get(self.key)
        return held if held is not None and held is not refused and held.is_fresh(self.clock.now()) else None

    def _fetch(self) -> Plan:
        started, attempt, corrected = self.clock.monotonic(), 1, False
        while True:
            request = yield Sign(self._token_request)
            sent = self.clock.now()
            response: httpx2.Response = yield SendForToken(request)
            if response.status_code == 200:
                return read_token(response.content, sent)
            refusal = api_error(response, self.clock.now(), TokenRefused)
            if not corrected and any(words in refusal.text for words in CLOCK_COMPLAINTS) and self._believe(response):
                corrected = True
                continue
            pause = None
            if worth_retrying(response.status_code):
                elapsed = self.clock.monotonic() - started
                pause = self.retry.pause_seconds(attempt, elapsed, refusal.retry_after_seconds, self.draw)
            if pause is None:
                raise refusal
            attempt += 1
            yield Pause(pause)

    def _token_request(self) -> httpx2.Request:
        proof = self.proof.parameters(self.token_url, self.clock.now() + self.offset)
        return form_request(self.token_url, {"grant_type": "client_credentials", **proof}, self.timeout_seconds)

    def _believe(self, response: httpx2.Response) -> bool:
        """Take the server's time of day for ours. Return whether it told one."""
        date = http_date(response.headers.get("date", ""))
        if date is None:
            return False
        self.offset = date - self.clock.now()
        log.warning("this machine's clock differs from the token endpoint's by %d s; using the server's time",
                    self.offset.total_seconds())
        return True
