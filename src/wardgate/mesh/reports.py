"""Reports: messages of the service itself, with an empty body, whose meaning is in the status headers (itk3-messaging 5.3 to 5.5)."""

from datetime import datetime
from typing import Final

from wardgate.mesh.model import MailboxMessage, MessageType, Status, StatusReport

NOT_COLLECTED: Final = "14"
NON_DELIVERY: Final = "NDR"


def not_collected(message: MailboxMessage, report_id: str, now: datetime, days: int, *, deactivated: bool = False) -> MailboxMessage:
    """Return the report for the sender of a message that was not collected: code 14."""
    description = "Message was not collected as the mailbox is deactivated" if deactivated else f"Message not collected by recipient after {days} days"
    return report(
        recipient=message.sender, workflow=message.workflow, report_id=report_id, linked_id=message.id, local_id=message.local_id,
        subject=message.headers.get("mex-subject", ""), told=StatusReport("SEND", NOT_COLLECTED, description, success=False, at=now),
    )


def report(*, recipient: str, workflow: str, report_id: str, linked_id: str | None, local_id: str, subject: str, told: StatusReport) -> MailboxMessage:
    """Return a report about a message, to be put into an inbox. Its subject is that of the message, after `NDR: `."""
    return MailboxMessage(
        id=report_id, type=MessageType.REPORT, sender="", recipient=recipient, workflow=workflow, status=Status.ACCEPTED, created=told.at, total_chunks=0,
        headers={"mex-subject": f"{NON_DELIVERY}: {subject}" if subject else NON_DELIVERY}, local_id=local_id, linked_id=linked_id, report=told, accepted_at=told.at,
    )
