"""Mailboxes, workflows and message keys as the manifest states them (itk3-messaging 1.5, 5.1, 6)."""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from wardgate.directory.model import FQDN, Document, Flag, Line, ODSCode
from wardgate.sealing.keys import State, Use
from wardgate.sealing.model import Suite

MailboxID = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9_-]{0,99}$")]
"""Upper-case, as paths are made by the server (5.2)."""
WorkflowID = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,299}$")]
PEM = Annotated[str, Field(pattern=r"^[\x09\x0A\x0D\x20-\x7E]+$", max_length=200_000)]
KeyID = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]
MessageEvent = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,20}$")]
DocumentType = Annotated[str, Field(pattern=r"^[0-9]{6,18}$")]
Confidentiality = Annotated[str, Field(pattern=r"^[A-Z]{1,20}$")]
SignerRole = Annotated[str, Field(pattern=r"^[A-Za-z0-9:._-]{1,100}$")]


class Protection(StrEnum):
    """How much of it a workflow's messages need."""

    NONE = "none"
    SIGNED = "signed"
    SEALED = "sealed"
    """Signed and encrypted."""


class Mailbox(Document):
    """A mailbox at this server. Its password is no part of the manifest: `wardgate mesh mailbox password`."""

    id: MailboxID
    """The mailbox's id, in capitals."""
    organisation: ODSCode
    """The ODS code of the organisation whose it is."""
    name: Line = ""
    """The name for people."""
    active: Flag = True
    """false: every request of it is refused, and what waits for it is reported as not collected."""
    certificates: tuple[FQDN, ...] = ()
    """The names of client certificates that may speak for it; when empty, every name that ends in
    `.<its ODS code>.api.mesh-client.nhs.uk`."""


class MessageRules(Document):
    """What a workflow's messages must be: the seal policy. National workflows have none (itk3-messaging 2.1)."""

    protection: Protection = Protection.NONE
    """`none`, `signed`, or `sealed`: signed and encrypted."""
    suites: Annotated[tuple[Suite, ...], Field(min_length=1)] = (Suite.MODERN,)
    """The kinds of seal that are accepted; the first is the one that is made."""
    events: tuple[MessageEvent, ...] = ()
    """Message event codes, such as `ITK007C`; when empty, any."""
    document_types: tuple[DocumentType, ...] = ()
    """SNOMED CT codes of `Composition.type`; when empty, any, and messages without a document."""
    confidentiality: tuple[Confidentiality, ...] = ()
    """The codes that `Composition.confidentiality` and security labels may have, such as `N`, `R`; when empty, any."""
    signer_roles: tuple[SignerRole, ...] = ()
    """The roles of which a signer must state one; when empty, none need be stated."""
    time_stamp: Flag = False
    """Whether signatures must be time-stamped."""
    full_ack: Flag = False
    """Whether a business response is itself answered (itk3-messaging 9.3)."""
    keep_refused: Flag = True
    """Whether a message that was refused is kept for inspection."""


class Workflow(Document):
    """A kind of exchange: who may send it, who receives it, and what its messages must be."""

    id: WorkflowID
    """The workflow's id."""
    senders: tuple[MailboxID, ...] = ()
    """Mailboxes that may send it."""
    receivers: tuple[MailboxID, ...] = ()
    """Mailboxes that it may be sent to."""
    acknowledgement: WorkflowID | None = None
    """The workflow of responses; when absent, the id with `_ACK`. Receivers may send it to senders without being listed again."""
    one_way: Flag = False
    """true: there are no responses."""
    messages: MessageRules = MessageRules()
    """What its messages must be."""

    @property
    def response_id(self) -> str | None:
        """The workflow that responses travel on; None: there are none."""
        return None if self.one_way else self.acknowledgement or f"{self.id}_ACK"


class PublishedKey(Document):
    """A public key of an organisation for messages."""

    kid: KeyID
    """The key's id, opaque and never used again."""
    use: Use
    """signing or encryption."""
    certificate: PEM
    """Its certificate, in PEM; certificates between it and an anchor may follow."""
    state: State = State.PUBLISHED
    """published, retired or revoked."""
    revoked_at: AwareDatetime | None = None
    """When it was revoked; stated of a revoked key, and of no other."""


class MessageKeys(Document):
    """Which keys an organisation signs with and is sealed to, and who is believed to have certified them."""

    organisation: ODSCode
    """The organisation's ODS code."""
    anchors: PEM | None = None
    """The authorities that are believed for this organisation alone; when absent, this environment's own."""
    revocations: PEM | None = None
    """Their revocation lists."""
    keys: tuple[PublishedKey, ...] = ()
    """Its public keys."""
