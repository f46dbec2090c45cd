"""Messages for the suites of mailboxes, and how they are posted."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from wardgate.audit import Event, EventType
from wardgate.mesh.model import Chunk, MailboxMessage, MessageType, Status, StatusReport
from wardgate.stores import Stores
from wardgate.stores.mailboxes import Acknowledge, Claim, Done, Downloaded, MailboxStep, Post, PostChunk
from wardgate.stores.ports import SingleUse

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
COLLECT = timedelta(days=5)


def event(kind: EventType = EventType.MAILBOX_ACCEPTED, message_id: str | None = None) -> Event:
    """Something to record."""
    return Event(kind, NOW, message_id=message_id)


def use(name: str) -> SingleUse:
    """A request's token."""
    return SingleUse("mesh", name, NOW + timedelta(hours=4))


def chunk(number: int = 1, body: bytes = b"body", place: str = "i0") -> Chunk:
    """A small chunk."""
    return Chunk(number, len(body), hashlib.sha256(body).hexdigest(), place, body)


def message(name: str, *, chunks: int = 1, sender: str = "ALICE", recipient: str = "BOB", **more: Any) -> MailboxMessage:
    """A message as its first chunk makes it."""
    status = Status.ACCEPTED if chunks == 1 else Status.UPLOADING
    whole = {"accepted_at": NOW, "expires": NOW + COLLECT} if chunks == 1 else {}
    values: dict[str, Any] = {"workflow": "W", "created": NOW, "headers": {"mex-subject": "secret subject"}, **whole, **more}
    return MailboxMessage(name, MessageType.DATA, sender, recipient, status=status, total_chunks=chunks, **values)


def post(name: str, token: str | None = None, *, first: Chunk | None = None, **more: Any) -> Post:
    """The step of a first chunk."""
    made = message(name, **more)
    said = event(message_id=name) if made.status is Status.ACCEPTED else None
    return Post(made, first or chunk(), use(token) if token else None, said)


def post_chunk(name: str, number: int, token: str | None = None, **more: Any) -> PostChunk:
    """The step of a later one."""
    body = chunk(number, more.pop("body", b"more"), more.pop("place", "i0"))
    values = {"mailbox": "ALICE", "encoding": None, "now": NOW, "expires": NOW + COLLECT} | more
    return PostChunk(name, chunk=body, use=use(token) if token else None, completed=event(message_id=name), **values)


def downloaded(name: str, mailbox: str = "BOB", token: str | None = None) -> Downloaded:
    """A read to the end."""
    return Downloaded(name, mailbox, NOW, event(EventType.MAILBOX_DOWNLOADED, f"down-{name}"), use(token) if token else None)


def acknowledge(name: str, mailbox: str = "BOB", token: str | None = None) -> Acknowledge:
    """A recipient has it."""
    return Acknowledge(name, mailbox, NOW, use(token) if token else None, event(EventType.MAILBOX_ACKNOWLEDGED, f"ack-{name}"))


def claim(token: str, *, told: bool = False) -> Claim:
    """A request that changes nothing."""
    return Claim(use(token), event(EventType.MAILBOX_REFUSED, token) if told else None)


def do(stores: Stores, *steps: MailboxStep) -> list[Done]:
    """Do them in one batch."""
    return list(stores.mailboxes.step(steps))


def one_by_one(stores: Stores, *steps: MailboxStep) -> list[Done]:
    """Do each in a batch of its own."""
    return [stores.mailboxes.step([step])[0] for step in steps]


def waiting(stores: Stores, mailbox: str = "BOB") -> Sequence[str]:
    """What is in an inbox."""
    page = stores.mailboxes.inbox(mailbox, after=None, limit=1000, workflows=None)
    assert page.approximate_count == len(page.ids) == stores.mailboxes.count(mailbox)
    return page.ids


def report(name: str, of: MailboxMessage) -> MailboxMessage:
    """A report that it was not collected."""
    told = StatusReport("SEND", "14", "Message not collected by recipient after 5 days", success=False, at=NOW)
    made = message(name, sender="", recipient=of.sender, expires=None)
    return replace(made, type=MessageType.REPORT, total_chunks=0, linked_id=of.id, local_id=of.local_id, report=told)


def recorded(stores: Stores) -> list[str]:
    """The message ids of every record, in order."""
    return [json.loads(record.body).get("message_id", "") for record in stores.audit.read(0, 1000)]
