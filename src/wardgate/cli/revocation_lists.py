"""Revocation lists that a command fetches: once, and from nowhere but where it is told."""

import asyncio
from ipaddress import ip_network
from typing import Final

from wardgate.cli.failures import Failed
from wardgate.outbound import FetchRules, JWKSUnavailable
from wardgate.outbound.addresses import LOOPBACK
from wardgate.outbound.fetch import Fetcher
from wardgate.workflows.revocation_lists import MAX_LIST_BYTES

_ANYWHERE: Final = (ip_network("0.0.0.0/0"), ip_network("::/0"))


def fetch_list(url: str, *, allow_loopback: bool) -> bytes:
    """Return the list that is published at an address. It is signed, so plain HTTP will do (RFC 5280 section 8). Raises `Failed`."""
    rules = FetchRules(max_body_bytes=MAX_LIST_BYTES, allowed_networks=LOOPBACK if allow_loopback else (), plain_http_networks=_ANYWHERE)

    async def fetch() -> bytes:
        fetcher = Fetcher(rules)
        try:
            return await fetcher.get(url)
        finally:
            await fetcher.aclose()

    try:
        return asyncio.run(fetch())
    except JWKSUnavailable as unavailable:
        raise Failed(f"the list at {url} cannot be had: {unavailable}") from None
