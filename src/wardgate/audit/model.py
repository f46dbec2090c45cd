"""An event: one typed statement of what happened, safe to store.

Redaction is by type: a field is made with `Plain`, `Personal` or left out. There is no way to put a secret in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class EventType(StrEnum):
    """Every kind of event; `docs/reference/events.md` lists the same."""

    TOKEN_ISSUED = "TokenIssued"  # noqa: S105 - the name of an event
    TOKEN_REFUSED = "TokenRefused"  # noqa: S105 - the name of an event
    TOKEN_REVOKED = "TokenRevoked"  # noqa: S105 - the name of an event
    TOKEN_INTROSPECTED = "TokenIntrospected"  # noqa: S105 - the name of an event
    STAND_IN_SIGNED_IN = "StandInSignedIn"
    """At a stand-in provider: somebody was sent back to a client with a code."""
    STAND_IN_TOKEN_ISSUED = "StandInTokenIssued"  # noqa: S105 - the name of an event
    STAND_IN_SIGNED_OUT = "StandInSignedOut"
    STAND_IN_REFUSED = "StandInRefused"
    STAND_IN_LOCKED = "StandInLocked"
    """Too many failed tries: a person, or an address, is locked out of a stand-in for a while."""
    STAND_IN_UNLOCKED = "StandInUnlocked"
    PASSKEY_REGISTERED = "PasskeyRegistered"
    PASSKEY_REMOVED = "PasskeyRemoved"
    SIGN_IN_STARTED = "SignInStarted"
    SIGN_IN_COMPLETED = "SignInCompleted"
    SIGN_IN_REFUSED = "SignInRefused"
    SIGN_IN_ENDED = "SignInEnded"
    SIGN_OUT_REFUSED = "SignOutRefused"
    USERINFO_READ = "UserinfoRead"
    USERINFO_REFUSED = "UserinfoRefused"
    CALL_ALLOWED = "CallAllowed"
    CALL_REFUSED = "CallRefused"
    CALL_DECIDED = "CallDecided"
    """Recorded before the answer on `audit: before` routes; its outcome follows as CallAllowed or CallRefused."""
    HANDSHAKE_REFUSED = "HandshakeRefused"
    MANIFEST_APPLIED = "ManifestApplied"
    APPLICATION_CHANGED = "ApplicationChanged"
    CREDENTIAL_ISSUED = "CredentialIssued"
    CREDENTIAL_REVOKED = "CredentialRevoked"
    PROVIDER_SECRET_SET = "ProviderSecretSet"  # noqa: S105 - the name of an event
    CERTIFICATE_ISSUED = "CertificateIssued"
    CERTIFICATE_REVOKED = "CertificateRevoked"
    CRL_ISSUED = "CRLIssued"
    SIGNING_KEY_ROTATED = "SigningKeyRotated"
    SYSTEM_STEPPED = "SystemStepped"
    """Assurance: an accredited system was requested, approved, suspended and so on."""
    DIRECTORY_CHANGED = "DirectoryChanged"
    MAILBOX_CHANGED = "MailboxChanged"
    MAILBOX_ACCEPTED = "MailboxAccepted"
    """The mailbox server stored a whole message, and its recipient can list it."""
    MAILBOX_DOWNLOADED = "MailboxDownloaded"
    MAILBOX_ACKNOWLEDGED = "MailboxAcknowledged"
    MAILBOX_EXPIRED = "MailboxExpired"
    """A message was not collected in time, and its sender was told by a report."""
    MAILBOX_REFUSED = "MailboxRefused"
    MESSAGE_BUILT = "MessageBuilt"
    MESSAGE_SEALED = "MessageSealed"
    MESSAGE_SENT = "MessageSent"
    MESSAGE_RECEIVED = "MessageReceived"
    MESSAGE_OPENED = "MessageOpened"
    MESSAGE_REFUSED = "MessageRefused"
    MESSAGE_RESPONDED = "MessageResponded"
    """An infrastructure or business response was made for a message that came in."""
    MESSAGE_ACKNOWLEDGED = "MessageAcknowledged"
    """A response to a message that we sent came in."""
    MESSAGE_DEAD = "MessageDead"
    """A message was given up after its tries, and waits for an operator."""
    MESSAGE_REPLAYED = "MessageReplayed"
    """An operator took a message up again that had been given up."""
    MESSAGE_KEY_CHANGED = "MessageKeyChanged"
    AUDIT_SEARCHED = "AuditSearched"
    """Somebody asked who saw a patient's record: before the answer, like the searches themselves."""
    CLOCK_ADVANCED = "ClockAdvanced"
    CLOCK_RESET = "ClockReset"
    SERVER_STARTED = "ServerStarted"
    SERVER_STOPPED = "ServerStopped"
    RECORDS_LOST = "RecordsLost"
    """Envoy's log had a gap or a torn line: said, not hidden."""


class Outcome(StrEnum):
    """Whether the caller got what it asked for; absent on events that nobody asked for."""

    ALLOWED = "allowed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Personal:
    """A value about a person: stored only as a keyed hash (HMAC-SHA-256 with the store's key)."""

    value: str


@dataclass(frozen=True, slots=True)
class Patient(Personal):
    """The NHS number of whom a call is about: kept as `Personal` is, and its records are found by the hash."""


Detail = str | int | bool | Personal | None


@dataclass(frozen=True, slots=True)
class Event:
    """What happened. `at` is UTC; `details` hold short public values (names, codes, numbers) or `Personal` ones."""

    type: EventType
    at: datetime
    outcome: Outcome | None = None
    reason: str | None = None
    application: str | None = None
    message_id: str | None = None
    request_id: str | None = None
    correlation_id: str | None = None
    details: Mapping[str, Detail] = field(default_factory=dict)
