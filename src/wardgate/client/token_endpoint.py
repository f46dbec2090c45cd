"""Requests of users' tokens to the authorisation server: one at a time each, read within limits, tried again only where that is safe.

What is safe differs by grant. Token exchange may be asked again: every attempt has a new assertion. A code and a refresh
token are used up by being received, so their requests are repeated only when the server never got them, or answered that
it did nothing.
"""

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

import httpx2

from wardgate.client.bounded import bound
from wardgate.client.clock import SYSTEM_CLOCK, Clock
from wardgate.client.environments import refuse_clear_text
from wardgate.client.error_shapes import api_error, http_date
from wardgate.client.errors import AnswerLost, APIError, TokenRefused
from wardgate.client.retry import Draw, RetryPolicy, is_tls_failure, worth_retrying

log = logging.getLogger("wardgate.client")

CLOCK_COMPLAINTS: Final = ("JWT has expired", "more than 5 minutes")
"""Words of the token endpoint that mean: your clock is not mine (application-restricted 6.7 #9, #18)."""
NEVER_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
TIMEOUT_SECONDS: Final = 30.0
"""Generous: a lost answer loses the refresh token that was in it (user-restricted 4.5)."""

MakeForm = Callable[[datetime], Mapping[str, str]]
"""Makes the parameters of one attempt, given the server's time as far as we know it."""


def form_request(url: str, form: Mapping[str, str], timeout_seconds: float) -> httpx2.Request:
    """Return the POST of a form, as the token endpoint takes it (application-restricted 6.4). Raises `ClearTextRefused`."""
    refuse_clear_text(httpx2.URL(url))
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json", "Accept-Encoding": "identity"}
    return httpx2.Request("POST", url, headers=headers, content=urlencode(form).encode(),
                          extensions={"timeout": httpx2.Timeout(timeout_seconds).as_dict()})


@dataclass(slots=True)
class TokenEndpoint:
    """One authorisation server, asked through `client`. Safe for threads: what it remembers is the difference of clocks."""

    client: httpx2.Client
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    clock: Clock = SYSTEM_CLOCK
    draw: Draw = random.random
    timeout_seconds: float = TIMEOUT_SECONDS
    offset: timedelta = timedelta()

    def ask(self, url: str, make: MakeForm, *, repeatable: bool) -> httpx2.Response:
        """Return an answer below 400, read. Raises `TokenRefused`, and `AnswerLost` when it is not `repeatable` and may have been received.

        Raises httpx2's errors when it never left or, if `repeatable`, when no attempt was answered.
        """
        started, attempt, corrected = self.clock.monotonic(), 1, False
        while True:
            elapsed = self.clock.monotonic() - started
            try:
                response = self._send(url, make)
            except httpx2.TransportError as error:
                pause = self._after_failure(error, attempt, elapsed, repeatable=repeatable)
            else:
                if response.status_code < 400:
                    return response
                refusal = api_error(response, self.clock.now(), TokenRefused)
                if not corrected and any(words in refusal.text for words in CLOCK_COMPLAINTS) and self._believe(response):
                    corrected = True
                    continue
                pause = self._after_refusal(refusal, attempt, elapsed, repeatable=repeatable)
            attempt += 1
            self.clock.sleep(pause)

    def _send(self, url: str, make: MakeForm) -> httpx2.Response:
        request = form_request(url, make(self.clock.now() + self.offset), self.timeout_seconds)
        response = self.client.send(request, stream=True, auth=None, follow_redirects=False)
        try:
            bound(response).read()
        finally:
            response.close()
        return response

    def _after_failure(self, error: httpx2.TransportError, attempt: int, elapsed: float, *, repeatable: bool) -> float:
        """Return the pause before another attempt. Raises `AnswerLost`, or the error."""
        if not isinstance(error, NEVER_SENT) and not repeatable:
            raise AnswerLost(f"no answer came ({type(error).__name__})") from error
        pause = None if is_tls_failure(error) else self.retry.pause_seconds(attempt, elapsed, None, self.draw)
        if pause is None:
            raise error
        return pause

    def _after_refusal(self, refusal: APIError, attempt: int, elapsed: float, *, repeatable: bool) -> float:
        """Return the pause before another attempt. Raises `AnswerLost`, or the refusal.

        429 is said before a token is looked at. Any 5xx may come of a proxy that lost its server on the way.
        """
        if refusal.status >= 500 and not repeatable:
            raise AnswerLost(f"the server failed ({refusal})") from refusal
        pause = None
        if worth_retrying(refusal.status):
            pause = self.retry.pause_seconds(attempt, elapsed, refusal.retry_after_seconds, self.draw)
        if pause is None:
            raise refusal
        return pause

    def _believe(self, response: httpx2.Response) -> bool:
        """Take the server's time of day for ours. Return whether it told one."""
        date = http_date(response.headers.get("date", ""))
        if date is None:
            return False
        self.offset = date - self.clock.now()
        log.warning("this machine's clock differs from the token endpoint's by %d s; using the server's time", self.offset.total_seconds())
        return True
