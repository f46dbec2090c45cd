"""The API key pattern (application-restricted 5)."""

from collections.abc import Generator

import httpx2

from wardgate.client.environments import refuse_clear_text


class APIKeyAuth(httpx2.Auth):
    """Sends the application's key in the header `apikey`. Never over plain HTTP to another machine."""

    def __init__(self, key: str) -> None:
        if not key or not key.isascii() or not key.isprintable() or key != key.strip():
            raise ValueError("an API key is printable ASCII without spaces around it")
        self._key = key

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Raises `ClearTextRefused`."""
        refuse_clear_text(request.url)
        request.headers["apikey"] = self._key
        yield request

    def __repr__(self) -> str:
        return "APIKeyAuth(key=...)"
