"""Spine's headers on each request: a token, a trace id and the interaction, all fresh (spine 2.1, 3, 11)."""

import uuid
from collections.abc import Callable, Generator
from typing import Final

import httpx2

from wardgate.client.clock import SYSTEM_CLOCK, Clock
from wardgate.client.environments import refuse_clear_text
from wardgate.client.retry import RENEW, REPEATABLE
from wardgate.client.spine_api import SpineAPI, may_repeat
from wardgate.client.spine_context import SpineContext
from wardgate.client.trace import REQUEST_ID

NewID = Callable[[], str]
"""Makes a UUID."""


def new_id() -> str:
    """Return a random UUID."""
    return str(uuid.uuid4())


class SpineAuth(httpx2.Auth):
    """States the context on every request to the API, and anew on every attempt of one. For sync and async clients, and threads.

    The trace id is also sent as `X-Request-ID`, by which a Wardgate explains the call. The interaction follows from the request
    where it can; `naming` returns an auth that names it, for one request: `client.post(url, auth=auth.naming("urn:…"))`.
    Requests to another address are refused with `SpineCallInvalid`: a token names a person.
    """

    def __init__(self, context: SpineContext, api: SpineAPI, *, interaction: str | None = None, clock: Clock = SYSTEM_CLOCK, new_id: NewID = new_id) -> None:
        self.context = context
        self.api = api
        self._interaction = interaction
        self._clock, self._new_id = clock, new_id

    def naming(self, interaction: str) -> "SpineAuth":
        """Return the same with this interaction."""
        return SpineAuth(self.context, self.api, interaction=interaction, clock=self._clock, new_id=self._new_id)

    def speaking_for(self, context: SpineContext) -> "SpineAuth":
        """Return the same for another user, or patient."""
        return SpineAuth(context, self.api, interaction=self._interaction, clock=self._clock, new_id=self._new_id)

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Raises `ClearTextRefused` and `SpineCallInvalid`."""
        refuse_clear_text(request.url)
        interaction = self.state(request)
        request.extensions[RENEW] = self.state
        request.extensions[REPEATABLE] = may_repeat(request.method, interaction)
        yield request

    def state(self, request: httpx2.Request) -> str:
        """Put fresh headers on a request, and return its interaction. Raises `SpineCallInvalid`."""
        interaction = self.api.interaction_of(request.method, request.url, self._interaction)
        trace = self._new_id()
        request.headers.update(self.context.headers_for(self.api, interaction, self._clock.now(), trace))
        request.headers[REQUEST_ID] = trace
        if ACCEPT not in request.headers or request.headers[ACCEPT] == ANYTHING:
            request.headers[ACCEPT] = FHIR_JSON
        return interaction


ACCEPT: Final = "Accept"
ANYTHING: Final = "*/*"
FHIR_JSON: Final = "application/fhir+json"
