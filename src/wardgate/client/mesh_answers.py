"""What a MESH server's answers hold, in the forms of both versions of its API (itk3-messaging 5.2, 5.3).

A server is asked for version 2 and may answer in version 1: names of both are read. Anything else raises `MeshAnswerInvalid`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from wardgate.client.mesh_errors import MeshAnswerInvalid
from wardgate.client.mesh_steps import Answer
from wardgate.mesh.model import MessageType, StatusReport

MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
MAX_CHUNKS: Final = 100_000
"""Chunks of 1 MB of the largest message that there may be."""
_RANGE: Final = re.compile(r"\s*(\d{1,6})\s*:\s*(\d{1,6})\s*")
_TIMESTAMP: Final = re.compile(r"\d{14}")
_MAX_TEXT: Final = 1_000


@dataclass(frozen=True, slots=True)
class InboxPage:
    """Ids of messages that wait, oldest first. `more` is what the next page continues from; None: that was all."""

    messages: tuple[str, ...]
    more: str | None = None
    approximate_count: int | None = None


@dataclass(frozen=True, slots=True)
class MeshMessage:
    """A message in our inbox, as its headers tell it. What the sender wrote is not believed: a file name is no path."""

    id: str
    type: MessageType
    sender: str
    recipient: str
    workflow: str
    total_chunks: int
    local_id: str = ""
    subject: str = field(default="", repr=False)
    file_name: str = field(default="", repr=False)
    partner_id: str = field(default="", repr=False)
    content_type: str = ""
    checksum: str = ""
    compressed: bool = False
    """The sender's word, or the server's for a download that it compressed on the way."""
    encrypted: bool = False
    linked_id: str | None = None
    """Of a report: the message it is about."""
    report: StatusReport | None = None
    """What became of that message."""

    @property
    def is_report(self) -> bool:
        """Whether it is the network's, about a message of ours, and has no content."""
        return self.type is MessageType.REPORT


@dataclass(frozen=True, slots=True)
class MeshTracking:
    """Where a message that we sent stands. Texts are empty, and times None, where the server does not tell."""

    message_id: str
    status: str
    """In lower case: uploading, accepted, acknowledged, undeliverable, error."""
    local_id: str = ""
    workflow: str = ""
    recipient: str = ""
    file_name: str = field(default="", repr=False)
    checksum: str = ""
    status_code: str = ""
    status_event: str = ""
    status_description: str = ""
    status_at: datetime | None = None
    uploaded_at: datetime | None = None
    expires: datetime | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all of it arrived at the server."""
        return self.status != "uploading"


@dataclass(frozen=True, slots=True)
class FoundMailbox:
    """A mailbox that receives a workflow."""

    id: str
    name: str


def read_page(answer: Answer) -> InboxPage:
    """Read a page of the inbox. Raises `MeshAnswerInvalid`."""
    body = _object(answer)
    found = body.get("messages")
    if not isinstance(found, list) or not all(isinstance(one, str) and MESSAGE_ID.fullmatch(one) for one in found):
        raise MeshAnswerInvalid("an inbox without a list of message ids")
    count, links = body.get("approx_inbox_count"), body.get("links")
    link = links.get("next") if isinstance(links, dict) else None
    return InboxPage(tuple(found), _continued(link) if isinstance(link, str) and link else None,
                     count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None)


def _continued(link: str) -> str:
    """Return where a link to the next page continues. Its address is not followed: we have the server's."""
    try:
        values = parse_qs(urlsplit(link).query).get("continue_from", [])
    except ValueError:
        values = []
    if len(values) != 1 or not 0 < len(values[0]) <= _MAX_TEXT:
        raise MeshAnswerInvalid("a link to the next page of the inbox that continues nowhere")
    return values[0]


def read_sent(answer: Answer) -> str:
    """Return the id that the first chunk was given. Raises `MeshAnswerInvalid`."""
    body = _object(answer)
    found = body.get("message_id", body.get("messageID"))
    if not isinstance(found, str) or not MESSAGE_ID.fullmatch(found):
        raise MeshAnswerInvalid("a message was taken, and given no id")
    return found


def read_tracking(answer: Answer) -> MeshTracking:
    """Read where a message stands. Raises `MeshAnswerInvalid`."""
    body = _object(answer)
    message_id = _text(body, "message_id", "messageId", "dtsId")
    if not MESSAGE_ID.fullmatch(message_id):
        raise MeshAnswerInvalid("tracking without a message id")
    return MeshTracking(
        message_id, _text(body, "status").lower(), local_id=_text(body, "local_id", "localId"), workflow=_text(body, "workflow_id", "workflowId"),
        recipient=_text(body, "recipient"), file_name=_text(body, "filename", "fileName"), checksum=_text(body, "checksum"),
        status_code=_text(body, "status_code", "statusCode"), status_event=_text(body, "status_event", "statusEvent"),
        status_description=_text(body, "status_description", "statusDescription", "failureDiagnostic"),
        status_at=_moment(_text(body, "status_timestamp", "statusTimestamp", "downloadTimestamp", "failureDate")),
        uploaded_at=_moment(_text(body, "upload_timestamp", "uploadTimestamp")), expires=_moment(_text(body, "expiry_time", "expiryTime")),
    )


def read_mailboxes(answer: Answer) -> tuple[FoundMailbox, ...]:
    """Read what a look-up or a search found. Raises `MeshAnswerInvalid`."""
    found = _object(answer).get("results")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise MeshAnswerInvalid("a look-up without a list of results")
    mailboxes = tuple(FoundMailbox(_text(one, "mailbox_id", "address"), _text(one, "mailbox_name", "description")) for one in found)
    if not all(one.id for one in mailboxes):
        raise MeshAnswerInvalid("a look-up whose result names no mailbox")
    return mailboxes


def read_message(message_id: str, answer: Answer) -> MeshMessage:
    """Read a message's headers, of HEAD or of its first chunk. Raises `MeshAnswerInvalid`."""
    headers = answer.headers
    said = headers.get("mex-messageid", message_id)
    if said.upper() != message_id.upper():
        raise MeshAnswerInvalid("another message than the one that was asked for")
    try:
        kind = MessageType(headers.get("mex-messagetype", "DATA").upper())
    except ValueError:
        raise MeshAnswerInvalid("a message that is neither data nor a report") from None
    return MeshMessage(
        said, kind, headers.get("mex-from", ""), headers.get("mex-to", ""), headers.get("mex-workflowid", ""), total_chunks(answer),
        local_id=headers.get("mex-localid", ""), subject=headers.get("mex-subject", ""), file_name=headers.get("mex-filename", ""),
        partner_id=headers.get("mex-partnerid", ""), content_type=headers.get("mex-content-type") or headers.get("content-type", ""),
        checksum=headers.get("mex-content-checksum", ""), compressed=headers.get("mex-content-compressed", "").upper() == "Y",
        encrypted=headers.get("mex-content-encrypted", "").upper() == "Y", linked_id=headers.get("mex-linkedmsgid") or None,
        report=_report(headers) if kind is MessageType.REPORT else None,
    )


def total_chunks(answer: Answer) -> int:
    """Return how many chunks the message has. Raises `MeshAnswerInvalid`."""
    said = answer.headers.get("mex-chunk-range") or answer.headers.get("mex-total-chunks")
    if said is None:
        if answer.status == 206:
            raise MeshAnswerInvalid("more chunks follow, and it is not told how many")
        return 1
    found = _RANGE.fullmatch(said)
    count = int(found[2]) if found else int(said) if said.strip().isascii() and said.strip().isdigit() and len(said) < 8 else -1
    if not 0 <= count <= MAX_CHUNKS:
        raise MeshAnswerInvalid(f"a number of chunks that is none from 0 to {MAX_CHUNKS}")
    return max(count, 1)


def check_chunk(answer: Answer, number: int, of: int) -> None:
    """A chunk is the one that was asked for. Raises `MeshAnswerInvalid`."""
    said = answer.headers.get("mex-chunk-range")
    found = _RANGE.fullmatch(said) if said else None
    if said and (found is None or (int(found[1]), int(found[2])) != (number, of)):
        raise MeshAnswerInvalid(f"another chunk than number {number} of {of}, which was asked for")
    if answer.status == 206 and number == of:
        raise MeshAnswerInvalid("more chunks follow the last one")


def _report(headers: Mapping[str, str]) -> StatusReport:
    return StatusReport(
        headers.get("mex-statusevent", ""), headers.get("mex-statuscode", ""), headers.get("mex-statusdescription", ""),
        success=headers.get("mex-statussuccess", "").upper() == "SUCCESS",
        at=_moment(headers.get("mex-statustimestamp", "")) or datetime.fromtimestamp(0, UTC),
    )


def _moment(text: str) -> datetime | None:
    """Read yyyyMMddHHmmss or an ISO time; without a zone it is UTC."""
    try:
        if _TIMESTAMP.fullmatch(text):
            return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _object(answer: Answer) -> Mapping[str, Any]:
    try:
        found = json.loads(answer.content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise MeshAnswerInvalid(f"{answer.status}, and a body that is no JSON object")
    return found


def _text(body: Mapping[str, Any], *names: str) -> str:
    """Return the first of these members that is there and is a text or a number."""
    for name in names:
        value = body.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "":
            return str(value)[:_MAX_TEXT]
    return ""
