"""Raw ASGI, no framework: the token endpoint answers thousands of requests a second on one core."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from datetime import datetime
from email.utils import format_datetime
from json import JSONEncoder
from typing import Any, Final

from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.requests import MAX_FORM_BYTES

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

HSTS: Final[Header] = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
JSON: Final[Header] = (b"content-type", b"application/json")
NEVER_CACHED: Final[tuple[Header, ...]] = (HSTS, (b"cache-control", b"no-store"), (b"pragma", b"no-cache"))
CACHED_SHORTLY: Final[tuple[Header, ...]] = (HSTS, (b"cache-control", b"public, max-age=60"), (b"x-content-type-options", b"nosniff"))

encode_json: Final = JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class ClientGone(Exception):
    """The caller hung up; nobody is left to answer."""


async def read_body(receive: Receive, headers: dict[bytes, bytes], timeout_seconds: float) -> bytes:
    """Return the whole body. Raises `OAuthRefused` when it is too large or too slow, `ClientGone`."""
    length = headers.get(b"content-length", b"0")
    if len(length) > 9 or (length.isdigit() and int(length) > MAX_FORM_BYTES):
        raise OAuthRefused("form-too-large", f"at most {MAX_FORM_BYTES} bytes", f"content-length {length[:20].decode('latin-1')}")
    try:
        async with asyncio.timeout(timeout_seconds):
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body", False):
                body: bytes = message.get("body", b"")
                if len(body) > MAX_FORM_BYTES:
                    raise OAuthRefused("form-too-large", f"at most {MAX_FORM_BYTES} bytes", "more")
                return body
            return await _rest(receive, message)
    except TimeoutError:
        raise OAuthRefused("request-timeout", f"the whole body within {timeout_seconds:g} s", "a part of it") from None


async def _rest(receive: Receive, message: Message) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > MAX_FORM_BYTES:
            raise OAuthRefused("form-too-large", f"at most {MAX_FORM_BYTES} bytes", "more")
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()


def telling_time(send: Send, moment: datetime) -> Send:
    """Return `send` with a Date of ours (RFC 9110 section 6.6.1): a client that corrects its clock by it learns of a virtual one."""
    date = (b"date", format_datetime(moment, usegmt=True).encode("ascii"))

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], date]}
        await send(message)

    return told


async def respond(send: Send, status: int, headers: Sequence[Header], body: bytes, *, head: bool = False) -> None:
    """Send one whole response; with `head` the headers only, as GET would have had them."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": b"" if head else body})


async def respond_json(
    send: Send, status: int, value: Any, headers: Sequence[Header] = NEVER_CACHED, *, head: bool = False
) -> None:
    """Send a value as JSON."""
    await respond(send, status, [JSON, *headers], encode_json(value).encode("utf-8"), head=head)
