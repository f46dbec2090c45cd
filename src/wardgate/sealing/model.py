"""What a seal says and what came out of one: nouns that every suite shares."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from cryptography import x509

PROFILE: Final = "itk3-seal-1"


class Suite(StrEnum):
    """How a seal is made (itk3-messaging 6)."""

    MODERN = "modern"
    """JWS inside a JWE of several recipients."""
    DETACHED = "detached"
    """A JWS beside the clear message (RFC 7797), for receivers that cannot decrypt."""
    CMS = "cms"
    """CMS SignedData inside AuthEnvelopedData: streams, so for large attachments."""
    XML = "xml"
    """XML-DSig, and XML-Enc 1.1 around it."""
    ITK2_LEGACY = "itk2-legacy"
    """Payloads of ITK2's DistributionEnvelope: opened where a switch allows, never made."""


class Purpose(StrEnum):
    """Why somebody signs (ASTM E1762-95, itk3-messaging 3.1): the last arc of `1.2.840.10065.1.12.1.N`."""

    AUTHOR = "1"
    CO_AUTHOR = "2"
    TRANSCRIPTIONIST = "4"
    VERIFICATION = "5"
    VALIDATION = "6"
    CONSENT = "7"
    WITNESS = "8"
    REVIEW = "13"
    SOURCE = "14"
    ADDENDUM = "15"
    MODIFICATION = "16"
    ADMINISTRATIVE = "17"
    TIMESTAMP = "18"

    @property
    def code(self) -> str:
        """The whole code, of the system `urn:iso-astm:E1762-95:2013`."""
        return f"1.2.840.10065.1.12.1.{self.value}"


@dataclass(frozen=True, slots=True)
class Context:
    """What a seal is bound to: `ctx` (itk3-messaging 6). Every suite signs it or its hash."""

    sender: str
    """The sending mailbox: `from`."""
    sender_ods: str
    """The sending organisation: `from_ods`."""
    recipients: tuple[str, ...]
    """The receiving mailboxes: `to`."""
    workflow: str
    message_id: str
    """`MessageHeader.id`."""
    event: str
    """The code of `MessageHeader.event`."""
    document_id: str | None = None

    def members(self) -> dict[str, Any]:
        """Return the members as they are written."""
        written: dict[str, Any] = {
            "v": 1, "from": self.sender, "from_ods": self.sender_ods, "to": list(self.recipients), "workflow": self.workflow,
            "message_id": self.message_id, "event": self.event,
        }
        return written | ({"document_id": self.document_id} if self.document_id is not None else {})


@dataclass(frozen=True, slots=True)
class Transport:
    """What the transport said of the message that it brought (Mex-From, Mex-To, Mex-WorkflowID). A file has none."""

    sender: str
    recipient: str
    workflow: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How large and how old a seal may be that is opened (itk3-messaging 1.8, 6)."""

    max_sealed_bytes: int = 16 * 1024 * 1024
    """As it arrives. Suites that stream have limits of their own."""
    max_content_bytes: int = 10 * 1024 * 1024
    """As it is handed on, after unfolding."""
    max_recipients: int = 64
    max_age: timedelta = timedelta(days=35)
    """How long ago it may have been signed: MESH keeps messages for 30 days."""
    max_ahead: timedelta = timedelta(minutes=5)
    """How far the sender's clock may be ahead."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What a signer says beside its signature."""

    signed_at: datetime
    """`sigT`, UTC, to the second."""
    purpose: Purpose = Purpose.AUTHOR
    role: str | None = None
    """The role that the signer acts in, as its organisation asserts it: a job role code of National RBAC, such as `R8000`."""
    on_behalf_of: Mapping[str, Any] | None = field(default=None, repr=False)
    """`obo`: user id, role id, and the chain of actors. Personal."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that was verified, and exactly what it covers."""

    kid: str
    algorithm: str
    certificate: x509.Certificate = field(repr=False)
    organisation: str
    """The ODS code that the directory has for the signer's key, which its certificate names too."""
    statement: Statement
    covers: str
    """In words: which octets or elements, and how many."""
    digest: str
    """SHA-256 of the octets covered, lower-case hex."""
    time_stamped_at: datetime | None = None
    """When a trusted authority saw the signature."""
    counter_signed_by: "tuple[Signed, ...]" = ()


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed message, ready for a transport."""

    suite: Suite
    body: bytes = field(repr=False)
    media_type: str
    context: Context
    signature: bytes | None = field(default=None, repr=False)
    """The detached signature, of a suite whose signature travels beside the message."""
    encrypted: bool = True


@dataclass(frozen=True, slots=True)
class Opened:
    """What was inside a seal. Made by `open` of a suite only: the one thing an application accepts."""

    suite: Suite
    content: bytes = field(repr=False)
    """The octets that were signed, unchanged; what they unfold to, where they are gzip."""
    media_type: str
    """Of the content."""
    context: Context
    signatures: tuple[Signed, ...]
    encrypted: bool
    opened_with: str | None
    """The kid of our key that opened it; None where nothing was encrypted."""
    evidence: bytes | None = field(default=None, repr=False)
    """The signature as it arrived, with what lay beside it: what a record keeps, and a receipt digests (itk3-messaging 6, non-repudiation)."""
