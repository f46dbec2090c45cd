"""Envoy's admin interface, over its Unix socket (owner only): readiness, counters, log reopening."""

from pathlib import Path
from typing import Final

import httpx2

from wardgate.outbound.roots import NOBODY

TIMEOUT_SECONDS: Final = 5.0


class AdminUnavailable(Exception):
    """The admin socket does not answer."""


async def ask(socket: Path, method: str, path: str) -> tuple[int, str]:
    """Return status and body of one admin request. Raises `AdminUnavailable`."""
    transport = httpx2.AsyncHTTPTransport(uds=str(socket), verify=NOBODY)
    try:
        async with httpx2.AsyncClient(transport=transport, timeout=TIMEOUT_SECONDS) as client:
            answer = await client.request(method, f"http://admin{path}")
    except httpx2.TransportError as error:
        raise AdminUnavailable(str(socket)) from error
    return answer.status_code, answer.text


async def ready(socket: Path) -> bool:
    """Return whether Envoy says LIVE: its listeners are bound and its first configuration has come."""
    status, _ = await ask(socket, "GET", "/ready")
    return status == 200


async def reopen_logs(socket: Path) -> None:
    """Make Envoy open its log files anew, after a rename."""
    await ask(socket, "POST", "/reopen_logs")


async def counters(socket: Path, expression: str) -> dict[str, int]:
    """Return the counters whose names match a regular expression."""
    _, text = await ask(socket, "GET", f"/stats?filter={expression}")
    pairs = (line.rpartition(": ") for line in text.splitlines())
    return {name: int(value) for name, _, value in pairs if value.isdigit()}
