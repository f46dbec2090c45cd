"""The headers that a message is read with (itk3-messaging 5.3)."""

from collections.abc import Iterator
from email.utils import format_datetime
from typing import Final

from wardgate.mesh import headers as names
from wardgate.mesh.forms import status_time
from wardgate.mesh.model import MailboxMessage, MessageType, Status, StatusReport

TRANSFERRED: Final = "Transferred to recipient mailbox"
TRANSFER: Final = "TRANSFER"
SUCCESS: Final = "SUCCESS"
ERROR: Final = "ERROR"
Header = tuple[bytes, bytes]


def message_headers(message: MailboxMessage, chunk: int, *, sender_ods: str = "", compressed: bool = False) -> list[Header]:
    """Return the headers of an answer with chunk `chunk`. Empty ones are left out; `compressed`: the answer's body is gzip."""
    return [(name.lower().encode("ascii"), value.encode("latin-1", "replace")) for name, value in _pairs(message, chunk, sender_ods, compressed) if value]


def status_of(message: MailboxMessage) -> StatusReport:
    """Return what became of a message: of a report, what it reports."""
    return message.report or StatusReport(TRANSFER, "00", TRANSFERRED, success=True, at=message.accepted_at or message.created)


def _pairs(message: MailboxMessage, chunk: int, sender_ods: str, compressed: bool) -> Iterator[tuple[str, str]]:
    kept = message.headers
    is_data = message.type is MessageType.DATA
    total = message.total_chunks
    yield names.FROM, message.sender
    yield "Mex-From-Ods", sender_ods
    yield names.TO, message.recipient
    yield names.WORKFLOW, message.workflow
    yield names.RANGE, f"{chunk}:{total}" if is_data else ""
    yield "Mex-Total-Chunks", str(total)
    yield "Mex-AddressType", "ALL"
    yield names.LOCAL_ID, message.local_id
    yield names.PARTNER_ID, kept.get("mex-partnerid", "")
    yield names.FILE_NAME, kept.get("mex-filename") or f"{message.id}.dat"
    yield names.SUBJECT, kept.get("mex-subject", "")
    yield names.VERSION, "1.0"
    yield names.MESSAGE_TYPE, message.type.value
    yield "Mex-MessageID", message.id
    yield "Mex-LinkedMsgID", message.linked_id or ""
    yield from _status(message)
    yield names.COMPRESSED, "Y" if compressed else kept.get("mex-content-compressed", "")
    yield names.ENCRYPTED, kept.get("mex-content-encrypted", "")
    yield names.CHECKSUM, kept.get("mex-content-checksum", "")
    yield names.MEX_CONTENT_TYPE, kept.get("mex-content-type") or kept.get("content-type", "")
    yield "Last-Modified", format_datetime(message.acknowledged_at or message.accepted_at or message.created, usegmt=True)


def _status(message: MailboxMessage) -> Iterator[tuple[str, str]]:
    if message.status is Status.UPLOADING:
        return
    told = status_of(message)
    yield "Mex-StatusCode", told.code
    yield "Mex-StatusEvent", told.event
    yield "Mex-StatusDescription", told.description
    yield "Mex-StatusSuccess", SUCCESS if told.success else ERROR
    yield "Mex-StatusTimestamp", status_time(told.at)
