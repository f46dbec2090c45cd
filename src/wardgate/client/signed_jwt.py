"""The signed JWT pattern: client credentials with `private_key_jwt` (application-restricted 6 and 16).

Carries out the steps of `token_plan`, for threads and for asyncio.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Generator
from typing import Any

import httpx2

from wardgate.client.assertion import LONGEST_LIFETIME_SECONDS
from wardgate.client.bounded import bound
from wardgate.client.clock import SYSTEM_CLOCK, Clock
from wardgate.client.environments import Environment, refuse_clear_text
from wardgate.client.retry import Draw, RetryPolicy
from wardgate.client.signer import Signer
from wardgate.client.token_plan import Acquire, Pause, Plan, Release, Send, SendForToken, Sign, TokenPlan
from wardgate.client.tokens import AccessToken, TokenCache


class SignedJWTAuth(httpx2.Auth):
    """Sends a bearer token, fetched with a signed assertion when none is held that is good for another minute.

    `client_id` is the application's API key. `audience` is the token URL unless the server says otherwise. A 401 from
    the API discards the token and is tried once more with a new one, unless the token was new. The server's clock is
    believed over ours once per fetch, when it says that the assertion's time is wrong.
    Raises `TokenRefused`, `TokenAnswerInvalid`, `ClearTextRefused` and what the signer raises, out of the client's call.
    Token requests leave through the client that uses this auth, so they have its trust, proxies and hooks.
    """

    def __init__(
        self, client_id: str, signer: Signer, *, kid: str, token_url: str, audience: str | None = None,
        lifetime_seconds: int = 120, cache: TokenCache | None = None, retry: RetryPolicy | None = None,
        timeout_seconds: float = 10.0, clock: Clock = SYSTEM_CLOCK, draw: Draw = random.random,
    ) -> None:
        if not client_id or not kid:
            raise ValueError("client_id and kid are not empty")
        if not 1 <= lifetime_seconds <= LONGEST_LIFETIME_SECONDS:
            raise ValueError(f"an assertion lives 1 to {LONGEST_LIFETIME_SECONDS} seconds")
        refuse_clear_text(httpx2.URL(token_url))
        self._plan = TokenPlan(
            client_id=client_id, signer=signer, kid=kid, token_url=token_url, audience=audience or token_url,
            lifetime_seconds=lifetime_seconds, timeout_seconds=timeout_seconds,
            cache=cache if cache is not None else TokenCache(), retry=retry or RetryPolicy(), clock=clock, draw=draw,
        )

    @classmethod
    def of(cls, environment: Environment, client_id: str, signer: Signer, *, kid: str, **more: Any) -> "SignedJWTAuth":
        """Return the auth for an environment, whose token URL is known."""
        return cls(client_id, signer, kid=kid, token_url=environment.token_url, **more)

    def obtain(self, client: httpx2.Client) -> AccessToken:
        """Return a token without calling an API, fetched through `client` when none is held. Raises as a call does."""
        flow = self._carry_out(self._plan.obtain())
        try:
            request = next(flow)
            while True:
                response = client.send(request, stream=True, auth=None, follow_redirects=False)
                try:
                    request = flow.send(response)
                finally:
                    response.close()
        except StopIteration as end:
            token: AccessToken = end.value
            return token
        finally:
            flow.close()

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        yield from self._carry_out(self._plan.call(request))

    def _carry_out(self, plan: Plan) -> Generator[httpx2.Request, httpx2.Response, Any]:
        lock, locked = self._plan.cache.lock(self._plan.key), False
        answer: Any = None
        try:
            while True:
                try:
                    step = plan.send(answer)
                except StopIteration as end:
                    return end.value
                answer = None
                match step:
                    case Send(request):
                        answer = yield request
                    case SendForToken(request):
                        answer = yield request
                        bound(answer).read()
                    case Sign(make):
                        answer = make()
                    case Pause(seconds):
                        self._plan.clock.sleep(seconds)
                    case Acquire():
                        locked = lock.acquire()
                    case Release():
                        lock.release()
                        locked = False
        finally:
            if locked:
                lock.release()
            plan.close()

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        plan, lock, locked = self._plan.call(request), self._plan.cache.async_lock(self._plan.key), False
        answer: Any = None
        try:
            while True:
                try:
                    step = plan.send(answer)
                except StopIteration:
                    return
                answer = None
                match step:
                    case Send(request):
                        answer = yield request
                    case SendForToken(request):
                        answer = yield request
                        await bound(answer).aread()
                    case Sign(make):
                        answer = await asyncio.to_thread(make)  # signing takes milliseconds, or a network
                    case Pause(seconds):
                        await self._plan.clock.asleep(seconds)
                    case Acquire():
                        locked = await lock.acquire()
                    case Release():
                        lock.release()
                        locked = False
        finally:
            if locked:
                lock.release()
            plan.close()

    def __repr__(self) -> str:
        return f"SignedJWTAuth(client_id=..., kid={self._plan.kid!r}, token_url={self._plan.token_url!r})"
