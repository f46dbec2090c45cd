"""Raw ASGI, no framework: what arrives and what leaves."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from json import JSONEncoder
from typing import Any, Final

from wardgate.mesh.versions import MEDIA_TYPES

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

EVERY_ANSWER: Final[tuple[Header, ...]] = (
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"), (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"),
)
"""The type of a message's content is its sender's word: nobody is to guess another."""
JSON_TYPES: Final[dict[int, Header]] = {version: (b"content-type", name.encode("ascii")) for version, name in MEDIA_TYPES.items()}
OCTETS: Final[Header] = (b"content-type", b"application/octet-stream")

encode_json: Final = JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class ClientGone(Exception):
    """The caller hung up; nobody is left to answer."""


async def respond_head(send: Send, headers: Sequence[Header]) -> None:
    """Send headers alone, of a body whose length is not said."""
    await send({"type": "http.response.start", "status": 200, "headers": [*headers, *EVERY_ANSWER]})
    await send({"type": "http.response.body", "body": b""})


async def respond(send: Send, status: int, headers: Sequence[Header], body: bytes, *, head: bool = False) -> None:
    """Send one whole response; with `head` the headers only, as GET would have had them."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *EVERY_ANSWER, length]})
    await send({"type": "http.response.body", "body": b"" if head else body})
