"""Responses that we owe: made, judged and kept as any message that goes out, in one step with what they answer (itk3-messaging 1.7)."""

from dataclasses import replace
from typing import Final

from wardgate.audit.model import Event, EventType
from wardgate.exchange.kept import keep
from wardgate.exchange.moving import changed, move
from wardgate.exchange.outgoing import KEY_BYTES, stated_workflow
from wardgate.exchange.parts import Parts
from wardgate.exchange.policy import organisation_of
from wardgate.exchange.record import event_of
from wardgate.itk3 import SUCCESS, UNREADABLE, Message, Original, Party, original, respond, response_workflow, write
from wardgate.refusals import Refusal
from wardgate.stores.exchange import Direction, HandledMessage, Stage
from wardgate.workflows.post_office import PostOffice

_STRANGERS: Final = frozenset({"sender-not-allowed", "recipient-not-allowed", "workflow-unknown"})


def reply(
    parts: Parts, row: HandledMessage, to: Original | Message, code: str, *, ok: bool | None = None, issue: str | None = None,
) -> tuple[HandledMessage, Event]:
    """Return a response to a message that came in, with its event, to be kept in one step with what follows for that message.

    Raises `ValueError` for a code that there is not, and `NotAccepted`.
    """
    office, now = parts.post_office(), parts.now()
    of = original(to) if isinstance(to, Message) else to
    ours, theirs = organisation_of(office, row.mailbox), organisation_of(office, row.peer)
    message = respond(
        of, code, sender=Party(ods=ours), endpoint=row.mailbox, now=now, random=parts.random, receiver=Party(ods=theirs) if theirs else None, ok=ok,
        issue=issue, full_ack=wants_full_ack(office, row.workflow),
    )
    made = HandledMessage(
        parts.random(KEY_BYTES).hex(), Direction.OUT, Stage.BUILT, row.mailbox, row.peer, answer_workflow(office, row.workflow) or row.workflow,
        message.message_id, now, now, event=message.event, answers=of.message_id or UNREADABLE, codes=(code,), due=now, local_id=message.message_id,
        responses_due=("infrastructure",) if message.handling.infrastructure_ack else (), content=keep(parts, write(message)),
    )
    event = event_of(EventType.MESSAGE_RESPONDED, replace(made, codes=(code,)), now, office, by=parts.by, to_key=row.key, to_mex_message_id=row.mex_id)
    return made, event


def is_to_stranger(row: HandledMessage, reason_code: str) -> bool:
    """Whether a message that may not go is a negative answer to somebody of whom nothing is taken: no operator can do anything about it."""
    return row.answers is not None and row.codes != (SUCCESS,) and reason_code in _STRANGERS


def not_answered(parts: Parts, mine: HandledMessage, refusal: Refusal) -> HandledMessage | None:
    """Leave somebody without an answer to whom the policy lets nothing go. Strangers could fill the list of dead letters otherwise."""
    now = parts.now()
    there = changed(mine, now, stage=Stage.REFUSED, due=None, reason=refusal.reason.code, responses_due=())
    event = event_of(EventType.MESSAGE_REFUSED, there, now, parts.post_office(), refusal=refusal, by=parts.by, answered=False)
    return there if move(parts, mine, there, event) else None


def answer_workflow(office: PostOffice, workflow: str) -> str | None:
    """Return the workflow that answers travel on: that of responses answers itself; None: nobody answers."""
    rules = office.rules_of(workflow)
    if rules is not None and rules.is_response:
        return workflow
    stated = stated_workflow(office, workflow)
    return stated.response_id if stated is not None else response_workflow(workflow)


def wants_full_ack(office: PostOffice, workflow: str) -> bool:
    """Whether a business response on this workflow is itself answered."""
    stated = stated_workflow(office, workflow)
    if stated is not None:
        return stated.messages.full_ack
    return any(one.messages.full_ack for one in office.workflows_answered_on(workflow))


def is_of_responses(office: PostOffice, workflow: str) -> bool:
    """Whether what comes on this workflow answers something."""
    rules = office.rules_of(workflow)
    return rules.is_response if rules is not None else workflow.endswith("_ACK")
