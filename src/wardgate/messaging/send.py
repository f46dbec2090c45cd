"""`POST /{mailbox}/outbox`: the first chunk of a message, and its headers (itk3-messaging 5.2, 5.3)."""

from datetime import timedelta

from wardgate.audit.model import EventType
from wardgate.mesh import bodies, checksum, headers
from wardgate.mesh.errors import MeshRefused
from wardgate.mesh.headers import SendHeaders
from wardgate.mesh.model import MailboxMessage, MessageType, Status
from wardgate.messaging.call import Call
from wardgate.messaging.incoming import received
from wardgate.messaging.recipient import recipient_of
from wardgate.messaging.record import message_event
from wardgate.messaging.whole_checksum import check_only_chunk
from wardgate.stores.mailboxes import Post, WrittenBody


async def send(call: Call) -> None:
    """Keep the message, or its first chunk, and answer with the id."""
    version = call.version
    said = headers.read(call.headers, call.mailbox.id)                    # (1) headers
    check_chunks(call, said.chunks.total)
    recipient = recipient_of(call, said)                                  # (2) address and workflow
    async with received(call, said.encoding) as body:                     # (3) the body, durable
        if body.size > call.server.settings.max_message_bytes:
            raise too_large(call, "more")
        await _check_content(call, said, body)                            # (4) what it should be
        message = _message(call, said, recipient, body)
        event = message_event(call, EventType.MAILBOX_ACCEPTED, message) if said.chunks.total == 1 else None
        await call.step(Post(message, body.as_chunk(1), call.use, event))  # (5) token, message and record, in one
    await call.answer(202, bodies.sent(version, message.id))


def check_chunks(call: Call, total: int) -> None:
    """Raises `MeshRefused` for more chunks than a message may have."""
    if total > call.server.settings.max_chunks:
        raise too_large(call, f"{total} chunks")


def too_large(call: Call, received: str) -> MeshRefused:
    """Return the refusal of a message that is too large as a whole."""
    limit, chunks = call.server.settings.max_message_bytes, call.server.settings.max_chunks
    return MeshRefused("mesh-message-too-large", f"at most {limit} bytes in {chunks} chunks", received, values={"limit": str(limit), "chunks": str(chunks)})


async def _check_content(call: Call, said: SendHeaders, body: WrittenBody) -> None:
    expected = checksum.sha256_of(said.checksum)
    if expected is not None and said.chunks.total == 1 and call.server.settings.verify_checksum:
        await check_only_chunk(call, body, expected, said.encoding)


def _message(call: Call, said: SendHeaders, recipient: str, body: WrittenBody) -> MailboxMessage:
    server = call.server
    whole = said.chunks.total == 1
    return MailboxMessage(
        id=server.new_message_id(), type=MessageType.DATA, sender=call.mailbox.id, recipient=recipient, workflow=said.workflow,
        status=Status.ACCEPTED if whole else Status.UPLOADING, created=call.at, total_chunks=said.chunks.total, headers=said.kept, local_id=said.local_id,
        accepted_at=call.at if whole else None, expires=call.at + timedelta(days=server.settings.expiry_days) if whole else None, size=body.size,
    )
