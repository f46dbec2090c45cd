"""A body as it arrives: counted, and given up when it is too large, too slow, or its sender goes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from wardgate.mesh.errors import MeshRefused
from wardgate.messaging.call import Call
from wardgate.messaging.wire import ClientGone

UNKNOWN_DRAIN_BYTES: Final = 1_048_576
"""So much is read of a refused body of somebody of whom not even a certificate is known."""
CERTIFICATE: Final = b"x-forwarded-client-cert"
NO_MORE: Final = frozenset({"mesh-body-too-large", "mesh-body-slow"})
MAX_DIGITS: Final = 18


def stated_length(call: Call) -> int | None:
    """Return what Content-Length says. Raises `MeshRefused` for more than a request may have."""
    text = call.header(b"content-length")
    if text is None or not text.isascii() or not text.isdigit() or len(text) > MAX_DIGITS:
        return None
    _check_size(call, int(text))
    return int(text)


async def pieces(call: Call) -> AsyncIterator[bytes]:
    """Yield the body's octets as they come. Raises `MeshRefused` for a body that is too large or too slow, `ClientGone`."""
    settings, received = call.server.settings, 0
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not call.body_over:
        try:
            async with asyncio.timeout(settings.idle_seconds):
                message = await call.receive()
        except TimeoutError:
            raise MeshRefused("mesh-body-slow", f"something every {settings.idle_seconds:g} s", "nothing") from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        call.body_over = not message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        received += len(piece)
        _check_size(call, received)
        took = loop.time() - began
        if not call.body_over and took > settings.idle_seconds + received / settings.least_bytes_per_second:
            raise MeshRefused("mesh-body-slow", f"{settings.least_bytes_per_second} bytes a second", "less")
        if piece:
            yield piece


async def drain(call: Call, refused: MeshRefused) -> None:
    """Read what is left of a refused request, so that its sender gets to read the answer; of a stranger's, a little. Raises `ClientGone`.

    NOTE: over TLS, clients that write do not read: a connection that ends meanwhile tells them nothing, whatever was answered on it.
    """
    if call.body_over or refused.code in NO_MORE or call.scope["method"] != "POST" or call.header(b"expect") is not None:
        return
    length = call.header(b"content-length")
    if length == "0" or (length is None and call.header(b"transfer-encoding") is None):
        return
    known = call.is_authenticated or call.header(CERTIFICATE) is not None
    most = call.server.settings.max_request_bytes if known else UNKNOWN_DRAIN_BYTES
    received = 0
    try:
        async for piece in pieces(call):
            received += len(piece)
            if received > most:
                return
    except MeshRefused:
        return


def _check_size(call: Call, size: int) -> None:
    limit = call.server.settings.max_request_bytes
    if size > limit:
        raise MeshRefused("mesh-body-too-large", f"at most {limit} bytes", "more", values={"limit": str(limit)})
