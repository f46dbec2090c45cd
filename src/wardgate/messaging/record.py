"""What is recorded of messages: mailboxes, ids, workflow and sizes; never a subject, a file name or what is in the message."""

from wardgate.audit.model import Detail, Event, EventType, Outcome, Personal
from wardgate.mesh.model import MailboxMessage
from wardgate.messaging.call import Call
from wardgate.refusals import Refusal

MAX_REQUEST_ID = 100


def message_event(call: Call, kind: EventType, message: MailboxMessage, size: int | None = None) -> Event:
    """Return the event of something that happened to a message."""
    details: dict[str, Detail] = {
        "mailbox": call.mailbox.id, "mex_message_id": message.id, "sender": message.sender, "recipient": message.recipient, "workflow": message.workflow,
        "bytes": message.size if size is None else size, "chunks": message.total_chunks,
    }
    if message.local_id:
        details["local_id"] = Personal(message.local_id)
    return Event(kind, call.at, Outcome.ALLOWED, message_id=message.id, request_id=_request_id(call), details=details)


def refusal_event(call: Call, refusal: Refusal) -> Event:
    """Return the event of a refusal: by its internal id, which the answer tells, it can be explained."""
    told = {"expected": refusal.expected, "received": refusal.received}
    details: dict[str, Detail] = dict(call.details) | {name: value for name, value in told.items() if value is not None}
    return Event(
        EventType.MAILBOX_REFUSED, call.at, Outcome.REFUSED, refusal.reason.code, message_id=call.internal_id, request_id=_request_id(call), details=details,
    )


def _request_id(call: Call) -> str | None:
    text = call.header(b"x-request-id")
    return text if text is not None and len(text) <= MAX_REQUEST_ID and text.isprintable() else None
