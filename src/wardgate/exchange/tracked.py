"""Where a message is, end to end: what this installation did, what the mailbox server says, and what was answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wardgate.client.mesh_answers import MeshTracking
from wardgate.exchange.parts import Parts
from wardgate.exchange.posting import PASSING, said
from wardgate.stores.exchange import Direction, HandledMessage

MOST_ASKED: Final = 10
"""Messages that mailbox servers are asked about for one id: others may have given theirs the same."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """One message with what belongs to it. `server` None: it was not asked, or does not know; `why` says so."""

    row: HandledMessage
    server: MeshTracking | None = None
    why: str | None = None


def track(parts: Parts, any_id: str, *, ask: bool = True) -> Sequence[Tracked]:
    """Return the messages of an id, the responses to them, and what they answer; oldest first. Empty: there are none here."""
    found: dict[str, HandledMessage] = {}
    for row in parts.store.find(any_id):
        for other in (row, *_related(parts, row)):
            found[other.key] = other
    rows = sorted(found.values(), key=lambda row: (row.created, row.key))
    asked = [row for row in rows if ask and row.direction is Direction.OUT and row.mex_id is not None][:MOST_ASKED]
    return [_asked(parts, row) if row in asked else Tracked(row) for row in rows]


def _related(parts: Parts, row: HandledMessage) -> Sequence[HandledMessage]:
    about = row.answers or row.message_id
    return parts.store.find(about) if about else ()


def _asked(parts: Parts, row: HandledMessage) -> Tracked:
    try:
        return Tracked(row, parts.post(row.mailbox).track(row.mex_id or ""))
    except PASSING as error:
        return Tracked(row, None, said(error))
