"""A request to an application of this very process: our own stand-in providers, asked as if they were somebody else's.

Going out and in again through Envoy would need its trust anchor, an open door to private addresses (SSRF), and Envoy to be up
before it is: in the process there is no address to reach and nothing to trust.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx2

from wardgate.outbound.errors import HostDown, NotAKeySet
from wardgate.outbound.fetch import Fetched, Fetcher, FetchRules

OwnApplication = Callable[[str], Any]
"""(URL): the ASGI application of this process that answers it, or None."""


def nobody(_url: str) -> Any:
    """No URL is ours."""
    return None


class InsideOrOut:
    """Asks what is ours in the process, everything else over the network; the limits are the same."""

    def __init__(self, rules: FetchRules, own: OwnApplication = nobody) -> None:
        self._rules: Final = rules
        self._own = own
        self._fetcher = Fetcher(rules)

    async def aclose(self) -> None:
        """Close the connections that are open."""
        await self._fetcher.aclose()

    async def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None, content: bytes = b"") -> Fetched:
        """Return the answer, whatever its status. Raises `HostDown` or `NotAKeySet` when there is none within the limits."""
        application = self._own(url)
        if application is None:
            return await self._fetcher.ask(method, url, headers, content)
        transport = httpx2.ASGITransport(app=application, raise_app_exceptions=False)
        try:
            async with asyncio.timeout(self._rules.timeout_seconds), httpx2.AsyncClient(transport=transport, trust_env=False) as client:
                response = await client.request(method, url, headers=dict(headers or {}), content=content or None)
        except TimeoutError:
            raise HostDown(f"an answer within {self._rules.timeout_seconds:g} s", "none in time") from None
        except (httpx2.InvalidURL, httpx2.HTTPError):
            raise HostDown("an answer", "none") from None
        if len(response.content) > self._rules.max_body_bytes:
            raise NotAKeySet(f"at most {self._rules.max_body_bytes} bytes", "more")
        return Fetched(response.status_code, response.headers.get("content-type", ""), response.content)
