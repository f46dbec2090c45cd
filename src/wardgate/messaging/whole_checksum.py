"""The checksum of a whole message, where its kind can be verified: over its content, before gzip (itk3-messaging 5.3, 5.6).

Of a message in chunks it is compared before the chunk that completes it is kept: every chunk is read once more.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from weakref import WeakValueDictionary

from wardgate.mesh import checksum
from wardgate.mesh.errors import MeshRefused
from wardgate.mesh.headers import GZIP
from wardgate.mesh.inflate import NotInflatable, inflate
from wardgate.mesh.model import Chunk, MailboxMessage
from wardgate.messaging.call import Call
from wardgate.messaging.server import MailboxServer
from wardgate.stores.errors import StoreUnavailable
from wardgate.stores.mailboxes import Done, WrittenBody

_completing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
"""Chunks of one message are looked at one by one: two that come together would each find the other missing."""


async def check_only_chunk(call: Call, body: WrittenBody, expected: str, encoding: str) -> None:
    """Raises `MeshRefused` unless the one chunk's content has the checksum."""
    if not encoding:
        _check(body.sha256, expected, None)
        return
    found = await call.server.hashed(_hash, call.server, [body.as_chunk(1)], encoding)
    _check(found, expected, None)


async def checked_completion(call: Call, message: MailboxMessage, arrived: Chunk, keep: Callable[[], Awaitable[Done]]) -> Done:
    """Keep a chunk, and return how that ended; before that, if nothing else is missing, compare. Raises `MeshRefused`."""
    expected = checksum.sha256_of(message.headers.get("mex-content-checksum", ""))
    if expected is None or not call.server.settings.verify_checksum:
        return await keep()
    async with _completing.setdefault(message.id, asyncio.Lock()):
        if await call.server.run(_completes, call.server, message, arrived):
            found = await call.server.hashed(_hash, call.server, _all_chunks(call.server, message, arrived), message.headers.get("content-encoding", ""))
            _check(found, expected, message.id)
        return await keep()


def _check(found: str, expected: str, message_id: str | None) -> None:
    if found != expected:
        raise MeshRefused("mesh-checksum", "the checksum of the header", "another", message_id=message_id)


def _completes(server: MailboxServer, message: MailboxMessage, arrived: Chunk) -> bool:
    """Return whether the chunk is the only one missing. It is counted, not looked for: a message may have 100,000."""
    now = server.mailboxes.message(message.id)
    return now is not None and now.received == now.total_chunks - 1 and server.mailboxes.chunk(message.id, arrived.number) is None


def _all_chunks(server: MailboxServer, message: MailboxMessage, arrived: Chunk) -> Iterator[Chunk]:
    """Yield every chunk in order, one at a time: each may hold its body. Raises `StoreUnavailable` for one that is gone meanwhile."""
    for number in range(1, message.total_chunks + 1):
        chunk = arrived if number == arrived.number else server.mailboxes.chunk(message.id, number)
        if chunk is None:
            raise StoreUnavailable("a chunk is gone")
        yield chunk


def _hash(server: MailboxServer, chunks: Iterable[Chunk], encoding: str) -> str:
    """Return the SHA-256 of the content, in lower-case hex. What cannot be inflated has none that fits."""
    made, settings = hashlib.sha256(), server.settings
    try:
        for chunk in chunks:
            pieces: Iterator[bytes] = iter(server.bodies.read(chunk))
            for piece in inflate(pieces, settings.max_inflated_bytes, settings.max_inflate_ratio) if encoding == GZIP else pieces:
                made.update(piece)
    except NotInflatable:
        return ""
    return made.hexdigest()
