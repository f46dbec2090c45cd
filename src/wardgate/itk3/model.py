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
    local_extension: str | dict[str, Any] = "None"
    """A text, or the extension's value under its name, such as `valueCoding`."""
    more: tuple[dict[str, Any], ...] = ()
    """Further keys, by local agreement: extensions as they are."""


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

    @property
    def is_person(self) -> bool:
        """Whether it is a Practitioner."""
        return self.ods is None and self.site is None


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

    @property
    def is_business(self) -> bool:
        """Whether it answers for the receiver's business, not for its infrastructure."""
        return any(issue.code.startswith("3") for issue in self.issues)


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
    """The payload's bundle; where the payload lies in the message's own bundle, one that is made of its resources, the focus first."""
    nested: bool = True
    """Whether the payload is a bundle of its own within the message's: the two-bundle variant (1.1)."""
    version: Version = Version.STU3
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """What was passed over when it was read."""

    @property
    def is_response(self) -> bool:
        """Whether it answers another."""
        return self.response is not None


@dataclass(frozen=True, slots=True)
class Original:
    """What could be read of a message that is to be answered, valid or not: None is what could not."""

    message_id: str | None = None
    event: str | None = None
    business_ack: bool | None = None
    infrastructure_ack: bool | None = None
    sender_reference: str | None = None
    response_identifier: str | None = None
    """Of a response: what it answers."""
    business: bool = False
    """Whether it is a business response."""
    version: Version = Version.STU3

    @property
    def is_response(self) -> bool:
        """Whether it answers another, as far as can be read."""
        return self.event == "ITK008M" or self.response_identifier is not None


def original(message: Message) -> Original:
    """Return what a response needs of a message."""
    handling, response = message.handling, message.response
    return Original(
        message.message_id, message.event, handling.business_ack, handling.infrastructure_ack, handling.sender_reference,
        response.identifier if response else None, business=response is not None and response.is_business, version=message.version,
    )
