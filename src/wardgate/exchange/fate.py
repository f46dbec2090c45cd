"""What became of what was sent: the mailbox server's word, by tracking and by its reports (itk3-messaging 5.4).

That is not the recipient's answer: responses are (`answers`). One that does not come in time is told of here.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from wardgate.audit.model import EventType
from wardgate.client.mesh_answers import MeshMessage
from wardgate.client.mesh_errors import MeshMessageUnknown
from wardgate.exchange.errors import NotPossible
from wardgate.exchange.moving import changed, move
from wardgate.exchange.parts import Parts
from wardgate.exchange.posting import PASSING, given_up
from wardgate.exchange.record import event_of
from wardgate.refusals import Refusal, reason
from wardgate.stores.exchange import Direction, HandledMessage, Stage

NOT_COLLECTED: Final = "14"
MOST_RACES: Final = 5
"""How often somebody else may move a message just before a report of it is noted. Then the report stays in the mailbox."""
_LOST: Final = frozenset({"undeliverable", "error"})
_ON_ITS_WAY: Final = frozenset({Stage.SENT, Stage.COLLECTED})
_log = logging.getLogger(__name__)


def follow(parts: Parts, mine: HandledMessage) -> HandledMessage | None:
    """Ask the server about a message that it has, which is in hand; return it as it stands then. Raises `StoreError`."""
    try:
        found = parts.post(mine.mailbox).track(mine.mex_id or "")
    except MeshMessageUnknown:
        found = None  # it keeps none for ever
    except PASSING:
        return _wait(parts, mine)
    if found is not None and found.status == "acknowledged":
        return _collected(parts, mine)
    if found is not None and found.status in _LOST:
        code = "message-not-collected" if found.status_code == NOT_COLLECTED else "message-not-taken"
        return given_up(parts, mine, code, "the message collected", f"{found.status_code}: {found.status_description}"[:200])
    if parts.now() > mine.created + parts.patience.collected_within:
        return given_up(parts, mine, "message-not-collected", "the message collected", "no word of it")
    return _wait(parts, mine)


def overdue(parts: Parts, mine: HandledMessage) -> HandledMessage | None:
    """Tell of responses that did not come in time, once; nothing else changes. Returns the message as it stands then. Raises `StoreError`."""
    now = parts.now()
    there = changed(mine, now, due=None, attempts=0, reason="response-overdue" if mine.responses_due else None)
    if not mine.responses_due:
        return there if move(parts, mine, there, None) else None
    refusal = Refusal(reason("response-overdue"), f"responses within {parts.patience.answered_within.days} days", f"none: {' and '.join(mine.responses_due)}")
    event = event_of(EventType.MESSAGE_SENT, there, now, parts.post_office(), refusal=refusal, by=parts.by, change="overdue")
    if not move(parts, mine, there, event):
        return None
    _log.warning("message %s to %s has no response yet: %s", mine.message_id, mine.peer, " ".join(mine.responses_due))
    return there


def answer_due(parts: Parts, message: HandledMessage, responses: Sequence[str]) -> datetime | None:
    """Return when these responses to a message that was collected are overdue; None where none is waited for."""
    return max(parts.now(), message.created + parts.patience.answered_within) if responses else None


def reported(parts: Parts, mailbox: str, report: MeshMessage) -> bool:
    """Act on a report about a message of ours; False where it is about none. Doing it again does nothing. Raises `StoreError`, `NotPossible`."""
    status = report.report
    for _ in range(MOST_RACES):
        about = _subject(parts, mailbox, report)
        if about is None:
            return False
        if status is None or status.success or about.stage not in _ON_ITS_WAY or _was_answered(about):
            return True
        code = "message-not-collected" if status.code == NOT_COLLECTED else "message-not-taken"
        if given_up(parts, about, code, "the message delivered", f"{status.event} {status.code}: {status.description}"[:200]) is not None:
            return True
    raise NotPossible(f"the message that the report {report.id} is about is being moved all the time")


def _was_answered(message: HandledMessage) -> bool:
    """Whether the recipient's own word is here that it has the message: the network's is nothing against that."""
    return message.answers is None and bool(message.codes)


def _subject(parts: Parts, mailbox: str, report: MeshMessage) -> HandledMessage | None:
    for any_id in (report.linked_id, report.local_id):
        for row in parts.store.find(any_id) if any_id else ():
            if row.direction is Direction.OUT and row.mailbox == mailbox and any_id in {row.mex_id, row.local_id}:
                return row
    return None


def _collected(parts: Parts, mine: HandledMessage) -> HandledMessage | None:
    now = parts.now()
    there = changed(mine, now, stage=Stage.COLLECTED, due=answer_due(parts, mine, mine.responses_due), attempts=0)
    event = event_of(EventType.MESSAGE_SENT, there, now, parts.post_office(), by=parts.by, change="collected")
    return there if move(parts, mine, there, event) else None


def _wait(parts: Parts, mine: HandledMessage) -> HandledMessage:
    now = parts.now()
    pause = min(parts.patience.track_every * max(mine.attempts, 1), parts.patience.longest_wait)
    waiting = changed(mine, now, due=now + pause)
    return waiting if move(parts, mine, waiting, None) else mine
