"""An ITK2 message as values (itk3-messaging 2.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload and its item of the manifest, which describes the clear content."""

    id: str
    mime_type: str
    profile_id: str | None
    base64: bool
    compressed: bool
    encrypted: bool
    body: bytes = field(repr=False)
    """The element in it, as a document; or its text."""


@dataclass(frozen=True, slots=True)
class DistributionEnvelope:
    """What an envelope says. Nothing of it is signed."""

    service: str
    tracking_id: str
    addresses: tuple[str, ...]
    audit_identities: tuple[str, ...] = field(repr=False)
    """They may name a person."""
    sender: str | None
    handling: Mapping[str, str]
    payloads: tuple[Payload, ...]


class Result(StrEnum):
    """How a message fared."""

    OK = "OK"
    WARNING = "Warning"
    FAILURE = "Failure"


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """One error of a response."""

    id: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class InfrastructureResponse:
    """What an ITK2 receiver answers."""

    result: Result
    timestamp: datetime
    service: str
    tracking_id: str
    """Of the message that is answered."""
    reporting_identity: str
    errors: tuple[ErrorInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class Claims:
    """What the SOAP header of a message says, as far as it was proved."""

    action: str
    to: str
    message_id: str | None
    username: str
    created: datetime
    expires: datetime
    signed_by: str | None
    """The kid of the key that signed Timestamp, UsernameToken and Body; None where there is no signature: then TLS proves the host alone."""
    body: bytes = field(repr=False)
    """The one element in the Body, as a document."""
