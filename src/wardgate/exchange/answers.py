"""Responses to what we sent: believed only of whom the message went to, on the workflow of its answers, and once (itk3-messaging 1.7)."""

import logging
from datetime import datetime
from typing import Final

from wardgate.audit.model import EventType
from wardgate.exchange.errors import refused
from wardgate.exchange.fate import answer_due
from wardgate.exchange.kept import keep, let_go
from wardgate.exchange.moving import changed, later, move
from wardgate.exchange.opened import Arrived
from wardgate.exchange.parts import Parts
from wardgate.exchange.record import event_of, proof
from wardgate.exchange.reply import answer_workflow, reply, wants_full_ack
from wardgate.itk3 import SUCCESS, Response, original, owed
from wardgate.stores.exchange import Direction, HandledMessage, Move, Stage

_OVER: Final = frozenset({Stage.ANSWERED, Stage.REFUSED, Stage.DROPPED})
_log = logging.getLogger(__name__)


def settled(parts: Parts, mine: HandledMessage, found: Arrived, along: tuple[Move, ...]) -> HandledMessage | None:
    """Join a response to what it answers, and return it as it stands then. Raises `MessageRefused`, `StoreError`."""
    response, office, now = found.message.response, parts.post_office(), parts.now()
    if response is None:
        raise refused("response-unexpected", "a response", "another message")
    ours = _answered(parts, mine, response)
    _check_due(ours, response, found)
    answered = _with(parts, ours, response, now)
    due = owed(found.message, full_ack=wants_full_ack(office, mine.workflow))  # of a negative one too: that it arrived is all that is said
    content = keep(parts, found.content)
    there = changed(
        mine, now, stage=Stage.ANSWERED if due else Stage.OPENED, message_id=found.message.message_id, event=found.message.event,
        answers=response.identifier, codes=tuple(issue.code for issue in response.issues), due=None, content=content,
        seal=found.opened.suite.value if found.opened else None,
    )
    then = [reply(parts, there, found.message, SUCCESS)] if due else []
    event = event_of(EventType.MESSAGE_ACKNOWLEDGED, there, now, office, proof(found.opened), by=parts.by, response=response.code, of_key=ours.key)
    if move(parts, mine, there, event, then, Move(answered, ours.stage, ours.changed), *along):
        if answered.stage is Stage.REFUSED:
            _log.warning("message %s to %s was refused by its recipient: %s", ours.message_id, ours.peer, " ".join(there.codes))
        return there
    let_go(parts, content, *(made.content for made, _ in then))
    return later(parts, mine, "what it answers was moved meanwhile")


def _answered(parts: Parts, mine: HandledMessage, response: Response) -> HandledMessage:
    """Return what it answers. Raises `MessageRefused`: what nobody asked this mailbox is no answer."""
    sent = [row for row in parts.store.find(response.identifier)
            if row.direction is Direction.OUT and row.message_id == response.identifier and row.mailbox == mine.mailbox]
    if not sent:
        raise refused("response-unexpected", "an answer to a message of ours", "one to another")
    theirs = [row for row in sent if row.peer == mine.peer and answer_workflow(parts.post_office(), row.workflow) == mine.workflow]
    if not theirs:
        peers = " or ".join(sorted({row.peer for row in sent}))
        raise refused("response-unexpected", f"a response of {peers}, on the workflow of its answers", f"one of {mine.peer} on {mine.workflow[:100]}")
    return next((row for row in theirs if row.stage not in _OVER), theirs[-1])  # one that was refused may have been sent again


def _check_due(ours: HandledMessage, response: Response, found: Arrived) -> None:
    kind = "business" if response.is_business else "infrastructure"
    if kind in ours.responses_due or (response.code != "ok" and ours.stage not in _OVER):
        return
    raise refused("response-unexpected", " or ".join(ours.responses_due) or "no response any more", kind, original(found.message))


def _with(parts: Parts, ours: HandledMessage, response: Response, now: datetime) -> HandledMessage:
    codes = (*ours.codes, *(issue.code for issue in response.issues)) if ours.answers is None else ours.codes
    if response.code != "ok":
        return changed(ours, now, stage=Stage.REFUSED, responses_due=(), codes=codes, due=None, reason="response-negative")
    kind = "business" if response.is_business else "infrastructure"
    left = tuple(one for one in ours.responses_due if one != kind)
    stage, due = Stage.COLLECTED if left else Stage.ANSWERED, answer_due(parts, ours, left)
    return changed(ours, now, stage=stage, responses_due=left, codes=codes, due=due, attempts=0, reason=None)


