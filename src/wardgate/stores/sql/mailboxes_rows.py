"""Messages and chunks as rows: what is secret is sealed on the way in, before any transaction, and opened on the way out."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from wardgate.mesh.model import Chunk, MailboxMessage, MessageType, Status, StatusReport
from wardgate.stores.sql.columns import from_micros, to_micros
from wardgate.stores.sql.context import Context

ENCODING: Final = "content-encoding"
LOCAL_KEY_BYTES: Final = 16
MAX_TEXT_CHARACTERS: Final = 65_536
"""Of all that is sealed with a message."""

INLINE: Final = "i"
"""The place of a body that is in its row: nobody looks for it."""


class MessageRow(NamedTuple):
    """A message as it is stored, in the order of its columns; times in microseconds."""

    id: str
    type: str
    sender: str
    recipient: str
    workflow: str
    status: str
    created: int
    total_chunks: int
    received: int
    size: int
    encoding: str | None
    local_key: bytes | None
    linked_id: str | None
    position: int | None
    accepted_at: int | None
    downloaded_at: int | None
    acknowledged_at: int | None
    expires: int | None
    sealed: bytes


class ChangeRow(NamedTuple):
    """What of a message changes in its life."""

    id: str
    status: str
    received: int
    size: int
    position: int | None
    accepted_at: int | None
    downloaded_at: int | None
    acknowledged_at: int | None
    expires: int | None


class ChunkRow(NamedTuple):
    """A chunk as it is stored."""

    id: str
    size: int
    sha256: str
    place: str | None
    sealed: bytes


def message_row(context: Context, message: MailboxMessage, received: int, size: int) -> MessageRow:
    """Return the row of a new message, without its position. Raises `ValueError` when its texts are too long."""
    text = json.dumps([dict(message.headers), message.local_id, _reported(message.report)], ensure_ascii=False, separators=(",", ":"))
    if len(text) > MAX_TEXT_CHARACTERS:
        raise ValueError(f"the texts of a message have more than {MAX_TEXT_CHARACTERS} characters")
    return MessageRow(
        message.id, str(message.type), message.sender, message.recipient, message.workflow, str(message.status), to_micros(message.created),
        message.total_chunks, received, size, message.headers.get(ENCODING) or None, local_key(context, message.sender, message.local_id),
        message.linked_id, None, _micros(message.accepted_at), _micros(message.downloaded_at), _micros(message.acknowledged_at),
        _micros(message.expires), context.seal(text, _message_place(message.id)),
    )


def message_of(context: Context, row: Sequence[Any]) -> MailboxMessage:
    """Return the message of a row, opened. Raises `WrongStoreKey`."""
    found = MessageRow._make(row)
    headers, local_id, report = json.loads(context.open(found.sealed, _message_place(found.id)))
    return MailboxMessage(
        found.id, MessageType(found.type), found.sender, found.recipient, found.workflow, Status(found.status), from_micros(found.created),
        found.total_chunks, headers, local_id, found.linked_id, _report(report), _moment(found.accepted_at), _moment(found.downloaded_at),
        _moment(found.acknowledged_at), _moment(found.expires), found.size, found.received,
    )


def chunk_row(context: Context, message_id: str, chunk: Chunk) -> ChunkRow:
    """Return the row of a chunk. Raises `ValueError` for one that no body store has written."""
    if chunk.kept is None:
        raise ValueError("a chunk without what its body store keeps with the row")
    key = chunk_key(message_id, chunk.number)
    place = None if chunk.place.startswith(INLINE) else chunk.place
    return ChunkRow(key, chunk.size, chunk.sha256, place, context.sealer.seal(chunk.kept, _chunk_place(key)))


def chunk_of(context: Context, number: int, row: Sequence[Any]) -> Chunk:
    """Return the chunk of a row. Raises `WrongStoreKey`."""
    found = ChunkRow._make(row)
    kept = context.sealer.open(bytes(found.sealed), _chunk_place(found.id))
    return Chunk(number, found.size, found.sha256, found.place or INLINE, kept)


def chunk_key(message_id: str, number: int) -> str:
    """Return the key of a chunk's row."""
    return f"{message_id}/{number}"


def local_key(context: Context, sender: str, local_id: str) -> bytes | None:
    """Return by what messages with a local id are found; None: it has none."""
    return context.lookup_hash(f"mailboxes/local-id/{sender}/{local_id}")[:LOCAL_KEY_BYTES] if local_id else None


def _reported(report: StatusReport | None) -> list[Any] | None:
    return None if report is None else [report.event, report.code, report.description, report.success, to_micros(report.at)]


def _report(stored: list[Any] | None) -> StatusReport | None:
    if stored is None:
        return None
    event, code, description, success, at = stored
    return StatusReport(event, code, description, success, from_micros(at))


def _micros(at: datetime | None) -> int | None:
    return None if at is None else to_micros(at)


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def _message_place(message_id: str) -> str:
    return f"mailbox_messages/sealed/{message_id}"


def _chunk_place(key: str) -> str:
    return f"mailbox_chunks/sealed/{key}"
