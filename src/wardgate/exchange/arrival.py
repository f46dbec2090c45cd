"""What waits in a mailbox: brought here whole and durable, and only then acknowledged to its server (itk3-messaging 5.4).

A message that comes again, because an acknowledgement was lost, is the one that is here already.
"""

import logging
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

from wardgate.audit.model import EventType
from wardgate.client.mesh_answers import MeshMessage
from wardgate.client.mesh_errors import MeshContentInvalid, MeshMessageGone, MeshMessageUnknown
from wardgate.exchange.fate import reported
from wardgate.exchange.kept import let_go
from wardgate.exchange.outgoing import KEY_BYTES
from wardgate.exchange.parts import Parts, Post
from wardgate.exchange.record import event_of
from wardgate.mesh.model import Chunk
from wardgate.stores.exchange import Direction, HandledMessage, Stage
from wardgate.stores.mailboxes import BodyWriter

_log = logging.getLogger(__name__)
_TOO_LARGE: Final = "which is the limit here"


@dataclass(frozen=True, slots=True)
class Collected:
    """What one look into a mailbox brought."""

    messages: tuple[HandledMessage, ...]
    reports: int
    again: int
    """Messages that were here already."""


def collect(parts: Parts, mailbox: str, limit: int | None = None) -> Collected:
    """Bring what waits in a mailbox, at most `limit`. Raises `StoreError`, and what the client does."""
    post = parts.post(mailbox)
    messages, reports, again = [], 0, 0
    for number, mex_id in enumerate(post.messages()):
        if limit is not None and number >= limit:
            break
        try:
            told, chunk, reason = _fetched(parts, post, mex_id)
        except (MeshMessageUnknown, MeshMessageGone):
            continue  # somebody else has taken it
        if told.is_report:
            reports += 1
            if not reported(parts, mailbox, told):
                _log.warning("a report about no message of %s: %s", mailbox, told.id)
        else:
            kept = _add(parts, mailbox, mex_id, told, chunk, reason)
            messages += [kept] if kept is not None else []
            again += kept is None
        post.acknowledge(mex_id)
    return Collected(tuple(messages), reports, again)


def _fetched(parts: Parts, post: Post, mex_id: str) -> tuple[MeshMessage, Chunk | None, str | None]:
    """Return what is said of a message, its content, and why there is none."""
    writer = parts.bodies.create()
    try:
        received = post.receive(mex_id, cast("BinaryIO", _Sink(writer)), max_bytes=parts.patience.limits.max_sealed_bytes)
        if received.message.is_report:
            return received.message, None, None
        return received.message, writer.finish().as_chunk(1), None
    except MeshContentInvalid as error:
        return post.head(mex_id), None, "seal-too-large" if _TOO_LARGE in str(error) else "seal-malformed"
    finally:
        writer.abandon()


def _add(parts: Parts, mailbox: str, mex_id: str, told: MeshMessage, chunk: Chunk | None, reason: str | None) -> HandledMessage | None:
    """Keep a message; None where it is here already."""
    now = parts.now()
    row = HandledMessage(
        parts.random(KEY_BYTES).hex(), Direction.IN, Stage.RECEIVED, mailbox, told.sender.upper(), told.workflow, "", now, now, mex_id=mex_id, due=now,
        sealed=chunk, media_type=told.content_type, local_id=told.local_id, reason=reason,
    )
    if parts.store.add(row, event_of(EventType.MESSAGE_RECEIVED, row, now, parts.post_office(), by=parts.by, bytes=chunk.size if chunk else None)):
        return row
    let_go(parts, chunk)
    return None


class _Sink:
    """A body writer as a file that is written to."""

    def __init__(self, writer: BodyWriter) -> None:
        self._writer = writer

    def write(self, data: bytes) -> int:
        """Take some octets."""
        self._writer.write(data)
        return len(data)
