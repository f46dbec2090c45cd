"""A chunk's body on its way to a caller: whole when it is small, else in pieces; inflated or gzipped as the caller can take it (itk3-messaging 5.2)."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from wardgate.mesh.errors import MeshRefused
from wardgate.mesh.headers import GZIP
from wardgate.mesh.inflate import NotInflatable, inflate
from wardgate.mesh.model import Chunk
from wardgate.mesh.versions import V2, accepts_gzip
from wardgate.messaging.call import Call
from wardgate.messaging.transfers import Way
from wardgate.messaging.wire import EVERY_ANSWER, ClientGone, Header, respond
from wardgate.stores.errors import StoreError

FAST: Final = 1
"""gzip's level."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A body and its encoding. `length` is None where it is known at the end only; `first` is the beginning of what `rest` goes on with."""

    encoding: str
    length: int | None
    first: bytes
    rest: Iterator[bytes]

    @property
    def is_whole(self) -> bool:
        """Whether nothing comes after its beginning."""
        return self.length == len(self.first)


@asynccontextmanager
async def opened(call: Call, chunk: Chunk, encoding: str) -> AsyncIterator[Outgoing]:
    """Have the body as the caller can take it; its beginning is proved to be readable. A larger one is counted. Raises `MeshRefused`, `StoreError`."""
    server = call.server
    small = chunk.size <= server.settings.inline_bytes
    with ExitStack() as counted:
        if not small:
            counted.enter_context(server.transfers.one(Way.OUT, call.mailbox.id, server.settings))
        body = _open(call, chunk, encoding) if small else await server.run(_open, call, chunk, encoding)
        if small and not body.is_whole:  # it unfolds to more
            counted.enter_context(server.transfers.one(Way.OUT, call.mailbox.id, server.settings))
        yield body


async def send_body(call: Call, status: int, headers: Sequence[Header], body: Outgoing) -> None:
    """Answer with the body. What goes wrong on the way breaks the connection off: raises `ClientGone`."""
    try:
        if body.is_whole:
            async with asyncio.timeout(call.server.settings.idle_seconds):
                await respond(call.send, status, headers, body.first)
            return
        length: list[Header] = [] if body.length is None else [(b"content-length", b"%d" % body.length)]
        await call.send({"type": "http.response.start", "status": status, "headers": [*headers, *EVERY_ANSWER, *length]})
        await _send_pieces(call, body)
    except (TimeoutError, StoreError, NotInflatable) as broken:
        raise BrokenOff(str(broken)) from None


async def _send_pieces(call: Call, body: Outgoing) -> None:
    settings, sent = call.server.settings, 0
    loop = asyncio.get_running_loop()
    began = loop.time()
    piece: bytes | None = body.first
    while piece is not None:
        async with asyncio.timeout(settings.idle_seconds):
            await call.send({"type": "http.response.body", "body": piece, "more_body": True})
        sent += len(piece)
        if loop.time() - began > settings.idle_seconds + sent / settings.least_bytes_per_second:
            raise TimeoutError
        piece = await call.server.run(next, body.rest, None)
    await call.send({"type": "http.response.body", "body": b""})


class BrokenOff(ClientGone):
    """An answer that cannot be finished: the server ends the connection, and the caller sees less than was promised."""


def _open(call: Call, chunk: Chunk, encoding: str) -> Outgoing:
    settings, pieces = call.server.settings, iter(call.server.bodies.read(chunk))
    takes_gzip = accepts_gzip(call.header(b"accept-encoding"))
    if encoding == GZIP and not takes_gzip:
        return _inflated(inflate(pieces, settings.max_inflated_bytes, settings.max_inflate_ratio), chunk, settings.inline_bytes)
    if not encoding and takes_gzip and call.version >= V2 and chunk.size <= settings.compress_bytes:
        packed = gzip.compress(b"".join(pieces), FAST, mtime=0)
        return Outgoing(GZIP, len(packed), packed, iter(()))
    return Outgoing(encoding, chunk.size, next(pieces, b""), pieces)


def _inflated(pieces: Iterator[bytes], chunk: Chunk, inline_bytes: int) -> Outgoing:
    """Begin, so that what is no gzip is refused before anything is answered; a small one that unfolds to little is whole at once."""
    try:
        first = next(pieces, b"")
        second = next(pieces, None) if chunk.size <= inline_bytes else b""
    except NotInflatable as found:
        raise MeshRefused("mesh-inflation", "gzip within the limits", str(found)) from None
    if second is None:
        return Outgoing("", len(first), first, iter(()))
    return Outgoing("", None, first + second, pieces)
