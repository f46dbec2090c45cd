"""An ITK3 message as values: what a MessageHeader, its sender and its response say (itk3-messaging 1.2 to 1.8)."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from wardgate.fhir import Version


class RecipientType(StrEnum):
    """Whether the receiver is to act (1.4)."""

    FOR_ACTION = "FA"
    FOR_INFORMATION = "FI"


@dataclass(frozen=True, slots=True)
class Handling:
    """The handling extension: six keys, all of them always there (1.4)."""

    business_ack: bool
    infrastructure_ack: bool
    recipient_type: RecipientType
    message_definition: str
    """An absolute URL."""
    sender_reference: str = "None"
    local_extension: str = "None"


@dataclass(frozen=True, slots=True)
class Party:
    """A sender or receiver: a header Organization or Practitioner (1.2)."""

    ods: str | None = None
    """ODS organisation code, of an Organization."""
    site: str | None = None
    """ODS site code, of an Organization."""
    user: str | None = field(default=None, repr=False)
    """SDS user id, of a Practitioner. Personal."""
    role: str | None = field(default=None, repr=False)
    """SDS role profile id, of a Practitioner. Personal."""


@dataclass(frozen=True, slots=True)
class ResponseCode:
    """A row of ITK-ResponseCodes-1 (1.8)."""

    code: str
    display: str
    ok: bool | None
    """None: the payload's specification says."""
    severity: str | None
    issues: tuple[str, ...]
    """The FHIR issue codes that may go with it, the usual one first."""

    @property
    def is_business(self) -> bool:
        """Whether it is a business response: 3xxxx."""
        return self.code.startswith("3")


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of a response's OperationOutcome."""

    code: str
    """A response code."""
    display: str
    severity: str
    issue: str


@dataclass(frozen=True, slots=True)
class Response:
    """What a response says about the message it answers."""

    identifier: str
    """The id of the original's MessageHeader, or `UNREADABLE-IN-ORIGINAL-MESSAGE`."""
    code: str
    """ok, transient-error or fatal-error."""
    issues: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was read and found valid, or is to be written. `payload` is FHIR JSON in memory (`fhir`)."""

    bundle_id: str
    bundle_identifier: str
    message_id: str
    """`MessageHeader.id`: the id that a response carries back."""
    event: str
    event_display: str
    handling: Handling
    sender: Party
    endpoint: str
    """`source.endpoint`: the sender's mailbox."""
    timestamp: datetime
    """With an offset."""
    receiver: Party | None = None
    response: Response | None = None
    payload: dict[str, Any] | None = field(default=None, repr=False)
    version: Version = Version.STU3

    @property
    def is_response(self) -> bool:
        """Whether it answers another."""
        return self.response is not None
