"""A bearer token on every request: carries out the steps of `token_plan`, for threads and for asyncio."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from typing import Any

import httpx2

from wardgate.client.bounded import bound
from wardgate.client.token_plan import Acquire, Pause, Plan, Release, Send, SendForToken, Sign, TokenPlan
from wardgate.client.tokens import AccessToken


class TokenAuth(httpx2.Auth):
    """What the auths of applications by themselves have in common; each makes its own plan."""

    def __init__(self, plan: TokenPlan) -> None:
        self._plan = plan

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
