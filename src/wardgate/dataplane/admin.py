"""Envoy's admin interface, over its Unix socket (owner only): readiness, counters, log reopening."""

import asyncio
from pathlib import Path
from typing import Final

TIMEOUT_SECONDS: Final = 5.0
MAX_ANSWER_BYTES: Final = 50_000_000


class AdminUnavailable(Exception):
    """The admin socket does not answer."""


async def ask(socket: Path, method: str, path: str) -> tuple[int, str]:
    """Return status and body of one admin request. Raises `AdminUnavailable`."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            reader, writer = await asyncio.open_unix_connection(str(socket), limit=1 << 20)
            try:
                writer.write(f"{method} {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".encode())
                await writer.drain()
                answer = await _all(reader)
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        raise AdminUnavailable(str(socket)) from error
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        raise AdminUnavailable(str(socket))
    if b"transfer-encoding: chunked" in head.lower():
        body = _unchunked(body)
    return int(words[1]), body.decode(errors="replace")


async def _all(reader: asyncio.StreamReader) -> bytes:
    found = bytearray()
    while len(found) < MAX_ANSWER_BYTES and (part := await reader.read(1 << 16)):
        found += part
    return bytes(found)


def _unchunked(body: bytes) -> bytes:
    found = bytearray()
    while body:
        size_text, _, rest = body.partition(b"\r\n")
        size = int(size_text.split(b";")[0] or b"0", 16)
        if size == 0:
            break
        found += rest[:size]
        body = rest[size + 2:]
    return bytes(found)


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
