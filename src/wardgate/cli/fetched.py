"""Something small at an address, fetched under the server's own limits."""

import asyncio
from pathlib import Path

from wardgate.outbound import FetchRules
from wardgate.outbound.addresses import LOOPBACK
from wardgate.outbound.fetch import Fetcher


def fetched(url: str, *, allow_loopback: bool = False, ca: Path | None = None) -> bytes:
    """Return what is at `url`. Raises `JWKSUnavailable`."""
    networks = LOOPBACK if allow_loopback else ()
    rules = FetchRules(allowed_networks=networks, plain_http_networks=networks, ca_file=str(ca) if ca else None)

    async def fetch() -> bytes:
        fetcher = Fetcher(rules)
        try:
            return await fetcher.get(url)
        finally:
            await fetcher.aclose()

    return asyncio.run(fetch())
