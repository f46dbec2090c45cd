"""The user-restricted pattern on a request: the user's bearer token, renewed when it is due, and the role (user-restricted 8, 9)."""

from collections.abc import AsyncGenerator, Generator

import httpx2

from wardgate.client.environments import refuse_clear_text
from wardgate.client.role import role_headers
from wardgate.client.tokens import AccessToken
from wardgate.client.user_session import UserSession


class UserAuth(httpx2.Auth):
    """Sends the user's access token, and `NHSD-Session-URID` when a `role` is given and the request has none of its own.

    A 401 from the API renews the token and tries once more (user-restricted 13), unless the token before was renewed for a 401
    and did not help: then the API means something else. `renew_after_401=False` never does. A 403 is an answer.
    Raises `SignInNeeded`, `ClearTextRefused` and what `UserSession.token` raises, out of the client's call.
    """

    def __init__(self, session: UserSession, *, role: str | None = None, renew_after_401: bool = True) -> None:
        self._session = session
        self._headers = role_headers(role)
        self._renews = renew_after_401
        self._fruitless: str | None = None

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        refuse_clear_text(request.url)
        token = self._session.token()
        response = yield self._with(request, token)
        if self._asks_again(request, response, token):
            token = self._session.token(refused=token)
            self._learn(token, (yield self._with(request, token)))

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        refuse_clear_text(request.url)
        token = await self._session.atoken()
        response = yield self._with(request, token)
        if self._asks_again(request, response, token):
            token = await self._session.atoken(refused=token)
            self._learn(token, (yield self._with(request, token)))

    def _with(self, request: httpx2.Request, token: AccessToken) -> httpx2.Request:
        request.headers["Authorization"] = f"Bearer {token.value}"
        for name, value in self._headers.items():
            request.headers.setdefault(name, value)
        return request

    def _asks_again(self, request: httpx2.Request, response: httpx2.Response, token: AccessToken) -> bool:
        replayable = isinstance(request.stream, httpx2.ByteStream)
        return self._renews and response.status_code == 401 and replayable and token.value != self._fruitless

    def _learn(self, token: AccessToken, response: httpx2.Response) -> None:
        self._fruitless = token.value if response.status_code == 401 else None

    def __repr__(self) -> str:
        return "UserAuth(...)"
