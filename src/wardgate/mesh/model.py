"""A message in a mailbox, and the mailbox (itk3-messaging 5.2 to 5.5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class MessageType(StrEnum):
    """Reports have an empty body: their meaning is in the status headers."""

    DATA = "DATA"
    REPORT = "REPORT"


class Status(StrEnum):
    """Life: uploading, accepted, acknowledged; or undeliverable, or error (5.2)."""

    UPLOADING = "uploading"
    ACCEPTED = "accepted"
    ACKNOWLEDGED = "acknowledged"
    UNDELIVERABLE = "undeliverable"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What Mex-Status* say. `at` is UTC."""

    event: str
    code: str
    description: str
    success: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk as it came: `size` octets after its content encoding, SHA-256 in lower-case hex. `place` is the body store's."""

    number: int
    size: int
    sha256: str
    place: str
    kept: bytes | None = field(default=None, repr=False)
    """What the body store wants kept with the row, encrypted: a small body itself, or the key of its file. Nobody else reads it."""


@dataclass(frozen=True, slots=True)
class MailboxMessage:
    """A message and where it stands. Texts are as they were sent; times are UTC."""

    id: str
    type: MessageType
    sender: str
    """A mailbox id; empty for reports."""
    recipient: str
    workflow: str
    status: Status
    created: datetime
    total_chunks: int
    headers: Mapping[str, str] = field(repr=False)
    """Mex-* headers that are passed on, by lower-case name, Content-Type and Content-Encoding included. Encrypted at rest."""
    local_id: str = ""
    linked_id: str | None = None
    """Of a report: the message it is about."""
    report: StatusReport | None = None
    accepted_at: datetime | None = None
    downloaded_at: datetime | None = None
    acknowledged_at: datetime | None = None
    expires: datetime | None = None
    """When it counts as not collected."""
    size: int = 0
    """Octets of all chunks."""
    received: int = 0
    """How many chunks came. The store counts them."""
