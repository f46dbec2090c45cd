"""Requests below HTTP: bodies that come in pieces, late, or never, and answers that are taken slowly."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from mesh_rows.place import BASE, Place

Piece = bytes | float | asyncio.Event | None
"""Octets, a pause in seconds or until something happens, or the end of the connection."""


@dataclass
class Answered:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = False
    asked: int = 0
    """How many pieces of the body were taken."""
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the answer begins."""


@dataclass
class Reading:
    """An answer whose body is taken when `go` is set."""

    task: "asyncio.Task[Answered]"
    go: asyncio.Event


async def begin(place: Place, mailbox: str, path: str) -> Reading:
    """Ask, and wait until the answer begins; nothing of its body is taken yet."""
    go, answered = asyncio.Event(), Answered()
    task = asyncio.ensure_future(ask(place, mailbox, "GET", path, go=go, answered=answered))
    await asyncio.wait_for(answered.begun.wait(), 30)
    return Reading(task, go)


async def ask(
    place: Place, mailbox: str, method: str, path: str, pieces: Iterable[Piece] = (), *, slow: float = 0.0, go: asyncio.Event | None = None,
    answered: Answered | None = None, **given: str | None,
) -> Answered:
    """Send a request in these pieces; the caller takes each part of the answer after a pause, and none before `go` is set."""
    headers = place.headers(mailbox, {name.replace("_", "-"): value for name, value in given.items()})
    scope = {
        "type": "http", "method": method, "path": f"{BASE}/{path}", "raw_path": f"{BASE}/{path}".encode(), "query_string": b"",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
    }
    answered = answered or Answered()
    await place.app(scope, _receiver(pieces, answered), _sender(answered, slow, go))
    return answered


def _receiver(pieces: Iterable[Piece], answered: Answered) -> Callable[[], Awaitable[dict[str, Any]]]:
    left = iter(pieces)

    async def receive() -> dict[str, Any]:
        for piece in left:
            answered.asked += 1
            if piece is None:
                return {"type": "http.disconnect"}
            if isinstance(piece, asyncio.Event):
                await piece.wait()
                continue
            if isinstance(piece, float):
                await asyncio.sleep(piece)
                continue
            return {"type": "http.request", "body": piece, "more_body": True}
        return {"type": "http.request", "body": b"", "more_body": False}

    return receive


def _sender(answered: Answered, slow: float, go: asyncio.Event | None) -> Callable[[Any], Awaitable[None]]:
    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answered.status = message["status"]
            answered.headers = {name.decode(): value.decode("latin-1") for name, value in message["headers"]}
            answered.begun.set()
            return
        if go is not None:
            await go.wait()
        await asyncio.sleep(slow)
        answered.body += message.get("body", b"")
        answered.complete = not message.get("more_body", False)

    return send
