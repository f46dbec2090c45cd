"""`GET` and `HEAD /{mailbox}/inbox/{message_id}`, and `GET …/{chunk}`: reading a message, chunk by chunk (itk3-messaging 5.2).

The answer with the last chunk is recorded before it leaves, in the step that uses its token up.
"""

from wardgate.audit.model import EventType
from wardgate.mesh.errors import MeshRefused
from wardgate.mesh.headers import GZIP
from wardgate.mesh.model import Chunk, MailboxMessage, MessageType, Status
from wardgate.mesh.response_headers import message_headers
from wardgate.mesh.versions import V2
from wardgate.messaging.call import Call
from wardgate.messaging.outgoing import Outgoing, opened, send_body
from wardgate.messaging.record import message_event
from wardgate.messaging.send_chunk import chunk_number
from wardgate.messaging.server import MailboxServer
from wardgate.messaging.wire import OCTETS, Header, respond, respond_head
from wardgate.stores.mailboxes import Done, Downloaded


async def read_message(call: Call) -> None:
    """Answer with the first chunk."""
    await _read(call, 1)


async def read_chunk(call: Call) -> None:
    """Answer with a chunk."""
    await _read(call, chunk_number(call))


async def head_message(call: Call) -> None:
    """Answer with the headers, to the recipient and to the sender, whatever became of it."""
    message_id, mailbox = call.parts["message_id"], call.mailbox.id
    call.version  # noqa: B018 - refused here when there is no such version
    message = await call.server.run(call.server.mailboxes.message, message_id)
    if message is None or mailbox not in {message.recipient, message.sender}:
        raise MeshRefused("mesh-message-unknown", message_id=message_id)
    if message.recipient == mailbox:
        _check_there(call, message)
    await call.claim()
    await respond_head(call.send, (OCTETS, *_headers(call, message, 1)))


async def _read(call: Call, number: int) -> None:
    version, message_id = call.version, call.parts["message_id"]
    found = await call.server.run(_find, call.server, message_id, number, call.mailbox.id)
    message, chunk = _checked(call, found, number)
    if chunk is None:
        await _answer(call, version, message, number, None)
        return
    async with opened(call, chunk, message.headers.get("content-encoding", "")) as body:
        await _answer(call, version, message, number, body)


async def _answer(call: Call, version: int, message: MailboxMessage, number: int, body: Outgoing | None) -> None:
    """Use the token up, with a record when this is the last chunk, and send."""
    last = number >= message.total_chunks
    if last:
        event = message_event(call, EventType.MAILBOX_DOWNLOADED, message)
        await _done(call, Downloaded(message.id, call.mailbox.id, call.at, event, call.use))
        call.server.recent.keep(message)
    else:
        await call.claim()
    await _send(call, version, message, number, body, 200 if last else 206)


def _find(server: MailboxServer, message_id: str, number: int, mailbox: str) -> tuple[MailboxMessage | None, Chunk | None]:
    message = server.mailboxes.message(message_id)
    if message is None or message.recipient != mailbox or not 1 <= number <= message.total_chunks:
        return message, None
    return message, server.mailboxes.chunk(message_id, number)


def _checked(call: Call, found: tuple[MailboxMessage | None, Chunk | None], number: int) -> tuple[MailboxMessage, Chunk | None]:
    """Return the message and the chunk, which reports have not. Raises `MeshRefused`."""
    message, chunk = found
    message_id = call.parts["message_id"]
    if message is None:
        raise MeshRefused("mesh-message-unknown", message_id=message_id)
    if message.recipient != call.mailbox.id:
        raise MeshRefused("mesh-message-of-another")
    _check_there(call, message)
    is_report = message.type is MessageType.REPORT
    if chunk is None and not (is_report and number == 1):
        raise MeshRefused("mesh-message-unknown", f"a chunk up to {message.total_chunks}", str(number), message_id=message_id)
    return message, None if is_report else chunk


def _check_there(call: Call, message: MailboxMessage) -> None:
    """5.2: what was acknowledged is not read again, unless that is set."""
    there = {Status.ACCEPTED, Status.ACKNOWLEDGED} if call.server.settings.serve_acknowledged else {Status.ACCEPTED}
    if message.status not in there:
        raise MeshRefused("mesh-message-gone", Status.ACCEPTED.value, message.status.value, message_id=message.id)


async def _done(call: Call, step: Downloaded) -> None:
    done = await call.step(step)
    if done is not Done.DONE:
        raise MeshRefused("mesh-message-unknown" if done is Done.UNKNOWN else "mesh-message-gone", message_id=step.message_id)


async def _send(call: Call, version: int, message: MailboxMessage, number: int, body: Outgoing | None, status: int) -> None:
    if body is None:
        await respond(call.send, status, _headers(call, message, number), b"")
        return
    headers: list[Header] = [_content_type(version, message), *_headers(call, message, number, compressed=body.encoding == GZIP)]
    if body.encoding:
        headers.append((b"content-encoding", body.encoding.encode("ascii")))
    headers.append((b"vary", b"accept-encoding"))
    await send_body(call, status, headers, body)


def _headers(call: Call, message: MailboxMessage, number: int, *, compressed: bool = False) -> list[Header]:
    sender = call.server.post_office().mailboxes.get(message.sender)
    return message_headers(message, number, sender_ods=sender.organisation if sender else "", compressed=compressed)


def _content_type(version: int, message: MailboxMessage) -> Header:
    """Version 2 gives the sender's type to a message of one chunk."""
    stated = message.headers.get("mex-content-type") or message.headers.get("content-type")
    if version >= V2 and message.total_chunks == 1 and stated:
        return (b"content-type", stated.encode("latin-1"))
    return OCTETS
