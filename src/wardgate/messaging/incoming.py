"""A chunk's body on its way to the store: small ones at once, larger ones in pieces by a thread, in constant memory."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from wardgate.mesh.errors import MeshRefused
from wardgate.mesh.headers import GZIP
from wardgate.messaging import receiving
from wardgate.messaging.call import Call
from wardgate.messaging.transfers import Way
from wardgate.stores.errors import StoreError
from wardgate.stores.mailboxes import Bodies, BodyWriter, WrittenBody

PIECE_BYTES: Final = 1_048_576
GZIP_MAGIC: Final = b"\x1f\x8b"

_log = logging.getLogger(__name__)


@asynccontextmanager
async def received(call: Call, encoding: str) -> AsyncIterator[WrittenBody]:
    """Have the request's body, durable, for a step to keep; when no message has it after that, as it was refused or is there already, it is removed.

    One of which the store cannot say so stays, as its step may still be done; or else it is swept away. Raises what `receive_body` does.
    """
    body = await receive_body(call, encoding)
    try:
        yield body
    except MeshRefused:
        await _remove_unknown(call, body)
        raise
    await _remove_unknown(call, body)


async def _remove_unknown(call: Call, body: WrittenBody) -> None:
    server = call.server
    if body.size <= server.settings.inline_bytes:
        return
    with suppress(StoreError):
        if not await server.run(server.mailboxes.known_places, [body.place]):
            await server.run(server.bodies.remove, [body.place])


async def receive_body(call: Call, encoding: str) -> WrittenBody:
    """Write the request's body and return what it is. Raises `MeshRefused`, `ClientGone`, `StoreError`; then nothing is left of it."""
    receiving.stated_length(call)
    settings = call.server.settings
    arriving = receiving.pieces(call)
    held = bytearray()
    async for piece in arriving:
        held += piece
        if len(held) > settings.inline_bytes:
            break
    _check_beginning(held, encoding)
    if call.body_over and len(held) <= settings.inline_bytes:
        return _small(call.server.bodies, bytes(held))
    return await _large(call, held, arriving)


def _check_beginning(held: bytearray, encoding: str) -> None:
    """An empty body is no message; gzip begins as gzip does."""
    if not held:
        raise MeshRefused("mesh-body-empty", "a body", "none")
    if encoding == GZIP and not held.startswith(GZIP_MAGIC):
        raise MeshRefused("mesh-file-format", "gzip", "another format")


def _small(bodies: Bodies, data: bytes) -> WrittenBody:
    writer = bodies.create()
    writer.write(data)
    return writer.finish()


async def _large(call: Call, held: bytearray, arriving: AsyncIterator[bytes]) -> WrittenBody:
    server = call.server
    with server.transfers.one(Way.IN, call.mailbox.id, server.settings):
        return await _written(call, await server.run(server.bodies.create), held, arriving)


async def _written(call: Call, writer: BodyWriter, held: bytearray, arriving: AsyncIterator[bytes]) -> WrittenBody:
    try:
        await _write(call, writer, held, arriving)
        return await call.server.run(writer.finish)
    except BaseException:
        await asyncio.shield(call.server.run(_abandon, writer))
        raise


async def _write(call: Call, writer: BodyWriter, held: bytearray, arriving: AsyncIterator[bytes]) -> None:
    """Write piece after piece; while one is written, the next one arrives."""
    writing: asyncio.Future[None] | None = None
    try:
        async for piece in arriving:
            held += piece
            if len(held) >= PIECE_BYTES:
                if writing is not None:
                    await writing
                writing, held = asyncio.ensure_future(call.server.run(writer.write, bytes(held))), bytearray()
        if writing is not None:
            await writing
        if held:
            await call.server.run(writer.write, bytes(held))
    except BaseException:
        if writing is not None:
            with suppress(BaseException):  # NOTE: a writer is not for two threads at once: it is abandoned when its thread is done
                await asyncio.shield(writing)
        raise


def _abandon(writer: BodyWriter) -> None:
    try:
        writer.abandon()
    except Exception:  # noqa: BLE001 - what is left is swept away later
        _log.exception("a body could not be removed")
