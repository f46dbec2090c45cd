"""What waits in a mailbox: brought here whole and durable, and only then acknowledged to its server (itk3-messaging 5.4).

A message that comes again, because an acknowledgement was lost, is the one that is here already; other octets under the same id are
another. One that cannot be had stays where it is, and holds up no other: it is asked for again at the next look.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

import httpx2

from wardgate.audit.model import EventType
from wardgate.client.errors import ClientError
from wardgate.client.mesh_answers import MeshMessage
from wardgate.client.mesh_errors import MeshContentInvalid, MeshMessageGone, MeshMessageUnknown
from wardgate.exchange.errors import NotPossible
from wardgate.exchange.fate import reported
from wardgate.exchange.kept import let_go
from wardgate.exchange.outgoing import KEY_BYTES
from wardgate.exchange.parts import Parts, Post
from wardgate.exchange.posting import said
from wardgate.exchange.record import event_of
from wardgate.mesh.model import Chunk
from wardgate.stores.exchange import Direction, HandledMessage, Stage
from wardgate.stores.mailboxes import BodyWriter

MOST_OF_A_LOOK: Final = 10_000
"""Messages: a server may promise more for ever."""
MOST_BROKEN: Final = 3
"""Connections in a row that broke, after which the server counts as gone."""
REPORT: Final = "report"
_LONGEST_MAILBOX, _LONGEST_WORKFLOW, _LONGEST_LOCAL_ID, _LONGEST_TYPE = 100, 300, 300, 100
"""Characters (itk3-messaging 5.3)."""
_log = logging.getLogger(__name__)
_TOO_LARGE: Final = "which is the limit here"


@dataclass(frozen=True, slots=True)
class Collected:
    """What one look into a mailbox brought."""

    messages: tuple[HandledMessage, ...]
    reports: int
    again: int
    """Messages that were here already."""
    failed: tuple[tuple[str, str], ...] = ()
    """Those that could not be had: the mailbox server's id, and why."""


def collect(parts: Parts, mailbox: str, limit: int | None = None) -> Collected:
    """Bring what waits in a mailbox, at most `limit`. Raises `StoreError`, and what the client does of the mailbox itself."""
    post = parts.post(mailbox)
    messages: list[HandledMessage] = []
    failed: list[tuple[str, str]] = []
    reports, again, broken = 0, 0, 0
    for mex_id in _offered(parts, post, limit):
        try:
            found = _brought(parts, post, mailbox, mex_id)
            broken = 0
        except (MeshMessageUnknown, MeshMessageGone):
            continue  # somebody else has taken it
        except (ClientError, NotPossible, httpx2.TransportError) as error:
            broken = broken + 1 if isinstance(error, httpx2.TransportError) else 0
            if broken == MOST_BROKEN:
                raise
            failed.append((mex_id, said(error)))
            continue
        messages += [found] if isinstance(found, HandledMessage) else []
        reports += found is REPORT
        again += found is None
    return Collected(tuple(messages), reports, again, tuple(failed))


def _offered(parts: Parts, post: Post, limit: int | None) -> Iterator[str]:
    """Yield the ids of what waits, for as long as a look may take."""
    until = parts.now() + parts.patience.look
    for number, mex_id in enumerate(post.messages()):
        if number >= min(limit or MOST_OF_A_LOOK, MOST_OF_A_LOOK) or parts.now() > until:
            return
        yield mex_id


def _brought(parts: Parts, post: Post, mailbox: str, mex_id: str) -> HandledMessage | str | None:
    """Return one message, kept and then acknowledged; `REPORT` for one that is about a message of ours, None for one that was here already."""
    told, chunk, reason = _fetched(parts, post, mex_id)
    found: HandledMessage | str | None
    if told.is_report:
        found = REPORT
        if not reported(parts, mailbox, told):
            _log.warning("a report about no message of %s: %s", mailbox, told.id)
    else:
        found = _add(parts, mailbox, mex_id, told, chunk, reason)
    post.acknowledge(mex_id)
    return found


def _fetched(parts: Parts, post: Post, mex_id: str) -> tuple[MeshMessage, Chunk | None, str | None]:
    """Return what is said of a message, its content, and why there is none: it is asked for twice before that is believed."""
    why = ""
    for _ in range(2):
        try:
            return *_downloaded(parts, post, mex_id), None
        except MeshContentInvalid as error:
            why = str(error)
            if _TOO_LARGE in why:
                break
    return post.head(mex_id), None, "seal-too-large" if _TOO_LARGE in why else "seal-malformed"


def _downloaded(parts: Parts, post: Post, mex_id: str) -> tuple[MeshMessage, Chunk | None]:
    writer = parts.bodies.create()
    try:
        received = post.receive(mex_id, cast("BinaryIO", _Sink(writer)), max_bytes=parts.patience.limits.max_sealed_bytes)
        return received.message, None if received.message.is_report else writer.finish().as_chunk(1)
    finally:
        writer.abandon()


def _add(parts: Parts, mailbox: str, mex_id: str, told: MeshMessage, chunk: Chunk | None, reason: str | None) -> HandledMessage | None:
    """Keep a message; None where it is here already."""
    now = parts.now()
    row = HandledMessage(
        parts.random(KEY_BYTES).hex(), Direction.IN, Stage.RECEIVED, mailbox, _text(told.sender, _LONGEST_MAILBOX).upper(),
        _text(told.workflow, _LONGEST_WORKFLOW), "", now, now, mex_id=mex_id, due=now, sealed=chunk, media_type=_text(told.content_type, _LONGEST_TYPE),
        local_id=_text(told.local_id, _LONGEST_LOCAL_ID), reason=reason,
    )
    if parts.store.add(row, event_of(EventType.MESSAGE_RECEIVED, row, now, parts.post_office(), by=parts.by, bytes=chunk.size if chunk else None)):
        return row
    let_go(parts, chunk)
    return None


def _text(said_by_others: str, most: int) -> str:
    """Return what a header says within its limit, and without what commands a terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in said_by_others[:most])


class _Sink:
    """A body writer as a file that is written to."""

    def __init__(self, writer: BodyWriter) -> None:
        self._writer = writer

    def write(self, data: bytes) -> int:
        """Take some octets."""
        self._writer.write(data)
        return len(data)
