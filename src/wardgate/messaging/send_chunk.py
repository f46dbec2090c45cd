"""`POST /{mailbox}/outbox/{message_id}/{chunk}`: a later chunk, in any order; the last one missing completes the message (itk3-messaging 5.2)."""

from datetime import timedelta
from typing import Final

from wardgate.audit.model import EventType
from wardgate.mesh import bodies, chunk_range, headers
from wardgate.mesh.errors import MeshRefused, wrong_parameter
from wardgate.mesh.model import MailboxMessage, MessageType, Status
from wardgate.messaging.call import Call
from wardgate.messaging.incoming import received
from wardgate.messaging.record import message_event
from wardgate.messaging.send import too_large
from wardgate.messaging.whole_checksum import checked_completion
from wardgate.stores.mailboxes import Done, PostChunk, WrittenBody

MAX_DIGITS: Final = 9
REFUSALS: Final = {
    Done.UNKNOWN: "mesh-upload-unknown", Done.FOREIGN: "mesh-upload-of-another", Done.ALREADY_COMPLETE: "mesh-upload-complete",
    Done.OUT_OF_RANGE: "mesh-chunk-above-total", Done.DIFFERENT: "mesh-chunk-different", Done.INCOMPLETE: "mesh-chunks-missing",
    Done.GONE: "mesh-upload-complete",
}


async def send_chunk(call: Call) -> None:
    """Keep the chunk, and answer with its number."""
    version, message_id = call.version, call.parts["message_id"]
    number = chunk_number(call)
    chunks = chunk_range.read(call.header(b"mex-chunk-range") or "", number, message_id)   # (1) the range
    found = await call.server.run(call.server.mailboxes.message, message_id)               # (2) the message that was begun
    message, encoding = _check_upload(call, found, number, chunks.total)
    async with received(call, encoding) as body:                                           # (3) the body, durable
        done = await checked_completion(call, message, body.as_chunk(number), lambda: _keep(call, message, number, body, encoding))  # (4) token, chunk, record
        if done is Done.TOO_LARGE:
            raise too_large(call, "more")
        if done in REFUSALS:
            raise MeshRefused(REFUSALS[done], message_id=message_id)
    await call.answer(202, bodies.chunk_sent(version, message_id, number))


def chunk_number(call: Call) -> int:
    """Return the chunk's number in the path. Raises `MeshRefused`."""
    text = call.parts["chunk"]
    if not text.isascii() or not text.isdigit() or len(text) > MAX_DIGITS:
        raise wrong_parameter("mesh-parameter-number", "int_parsing", "path", "chunk_number")
    return int(text)


def _check_upload(call: Call, message: MailboxMessage | None, number: int, total: int) -> tuple[MailboxMessage, str]:
    """Return the message, and the chunk's encoding. Raises `MeshRefused`, in the order of 5.2."""
    if message is None:
        raise MeshRefused("mesh-upload-unknown")
    if message.sender != call.mailbox.id:
        raise MeshRefused("mesh-upload-of-another")
    call.details |= {"mex_message_id": message.id, "recipient": message.recipient, "workflow": message.workflow}
    if message.status is not Status.UPLOADING or message.type is not MessageType.DATA:
        raise MeshRefused("mesh-upload-complete", Status.UPLOADING.value, message.status.value, message_id=message.id)
    if number > message.total_chunks:
        raise MeshRefused("mesh-chunk-above-total", f"at most {message.total_chunks}", str(number), message_id=message.id)
    if total != message.total_chunks:
        raise MeshRefused("mesh-chunk-range", f"{number}:{message.total_chunks}", f"{number}:{total}", message_id=message.id)
    encoding, first = headers.encoding_of(call.headers), message.headers.get("content-encoding", "")
    if encoding != first:
        raise MeshRefused("mesh-encoding-changed", first or "none", encoding or "none", message_id=message.id)
    return message, encoding


async def _keep(call: Call, message: MailboxMessage, number: int, body: WrittenBody, encoding: str) -> Done:
    expires = call.at + timedelta(days=call.server.settings.expiry_days)
    completed = message_event(call, EventType.MAILBOX_ACCEPTED, message, message.size + body.size)
    return await call.step(PostChunk(
        message.id, call.mailbox.id, body.as_chunk(number), encoding or None, call.at, expires, call.use, completed,
        call.server.settings.max_message_bytes,
    ))
