"""The promises of the stores; those about sign-ins are in `grants`. One contract suite (`tests/contract`) runs on every implementation.

Methods are synchronous and take batches where they are hot: `stores.group_commit` gathers the calls of one loop tick
into one transaction. What a method returned is durable: it survives SIGKILL of the process. A method raises
`StoreUnavailable` when it cannot keep its promise; nothing is then half written.

A write that changes what the gateway enforces raises `generation` in the same transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from wardgate.audit.model import Detail, Event
from wardgate.stores.exchange import Exchange
from wardgate.stores.grants import (
    AuthorizationCode,
    CodeRedemption,
    Grant,
    Grants,
    GrantStart,
    LoginState,
    RefreshToken,
    Rotated,
    Rotation,
    RotationOutcome,
    Steps,
    Taken,
)
from wardgate.stores.kept import Kept, KeptEntry
from wardgate.stores.mailboxes import Mailboxes
from wardgate.stores.message_keys import HeldMessageKey, MessageKeyStore
from wardgate.stores.outbox import Outbox, Parcel
from wardgate.stores.passkeys import Passkey, Passkeys
from wardgate.stores.system_directory import DirectoryChange, SystemDirectory
from wardgate.stores.transitions import AuditRecord, SingleUse, TokenIssue
from wardgate.stores.tries import FailedTries, TriesBegun, Try

__all__ = [
    "AuditLog", "AuditRecord", "Authority", "AuthorizationCode", "Certificates", "Checkpoint", "CodeRedemption",
    "Credential", "Credentials", "DataPlane", "DataPlanes", "DirectoryChange", "Documents", "Exchange", "FailedTries", "Generation", "Grant",
    "GrantStart", "Grants", "HeldMessageKey", "IssuedCRL", "IssuedCertificate", "Kept", "KeptEntry", "LoginState", "MessageKeyStore", "Outbox", "Parcel",
    "Passkey", "Passkeys", "QuotaCount", "Quotas", "RefreshToken", "Rotated", "Rotation", "RotationOutcome",
    "SigningKey", "SigningKeys", "SingleUse", "SingleUses", "Steps", "StoredDocument", "Stores", "SystemDirectory", "Taken", "TokenIssue",
    "Tokens", "TriesBegun", "Try", "Values",
]


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """One document of the manifest: `kind` is its section (`apis`), `name` its key there, `body` its JSON form."""

    kind: str
    name: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Credential:
    """An API key. `key` and `secret` are clear in memory, encrypted at rest; `id` is random and may be logged."""

    id: str
    application: str
    key: str
    status: str
    issued: datetime
    expires: datetime | None = None
    revoked_at: datetime | None = None
    secret: str | None = field(default=None, repr=False)
    """The `client_secret` that belongs to it (user-restricted 4.4); None: it has none."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signature over the chain's head at `seq`: a compact JWS by the audit key."""

    seq: int
    at: datetime
    hash: str
    signature: str


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key in PKCS #8 PEM, clear in memory, encrypted at rest. `use` is `access-token` or `audit`."""

    kid: str
    use: str
    private_pem: str
    created: datetime
    sign_from: datetime
    verify_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Authority:
    """A certification authority of the environment: `parent` is None for the root."""

    name: str
    parent: str | None
    certificate_pem: str
    private_pem: str
    created: datetime
    retired: datetime | None = None


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate we issued. `fingerprint` is lower-case hex SHA-256; `subject_kind` is system, application, server or user."""

    fingerprint: str
    serial: str
    authority: str
    name: str
    subject_kind: str
    subject: str
    not_before: datetime
    not_after: datetime
    certificate_pem: str
    revoked_at: datetime | None = None
    revocation_reason: str | None = None


@dataclass(frozen=True, slots=True)
class IssuedCRL:
    """The current revocation list of an authority. `number` only rises (RFC 5280 section 5.2.3)."""

    authority: str
    number: int
    this_update: datetime
    next_update: datetime
    pem: str


@dataclass(frozen=True, slots=True)
class QuotaCount:
    """`used` requests of an application at an API in the window that starts at `window_start`; application `` is everyone."""

    application: str
    api: str
    window_seconds: int
    window_start: datetime
    used: int


@dataclass(frozen=True, slots=True)
class DataPlane:
    """An Envoy and the generation it last confirmed."""

    node: str
    generation: int
    seen: datetime
    error: str | None = None


class Generation(Protocol):
    """A number that rises with every change the gateway must enforce. Reading it is cheap: it is polled."""

    def current(self) -> int: ...


class Documents(Protocol):
    """The manifest as documents."""

    def load(self) -> tuple[int, Sequence[StoredDocument]]:
        """Return the generation and every document, consistently."""

    def get(self, kind: str, name: str) -> StoredDocument | None:
        """Return one document, if there is one. Fast, however many there are."""

    def changed_since(self, generation: int) -> tuple[int, Sequence[StoredDocument], Sequence[tuple[str, str]]]:
        """Return the current generation, documents written after `generation`, and (kind, name) of those removed."""

    def write(self, put: Sequence[StoredDocument], remove: Sequence[tuple[str, str]], event: Event, seen: int | None = None) -> int:
        """Put and remove in one step, record `event`, and return the new generation.

        Raises `Superseded` when a document was written after the generation `seen`, from which the step was made.
        """


class Credentials(Protocol):
    """API keys. A key is unique; adding one that exists raises `AlreadyExists`."""

    def add(self, credential: Credential, event: Event) -> None: ...
    def all(self) -> Sequence[Credential]: ...
    def of(self, application: str) -> Sequence[Credential]: ...
    def changed_since(self, generation: int) -> Sequence[Credential]: ...
    def by_key(self, key: str) -> Credential | None: ...
    def set_status(self, credential_id: str, status: str, at: datetime, event: Event) -> bool:
        """Return whether a credential with this id exists."""


class SingleUses(Protocol):
    """Fails closed: a store that cannot answer raises."""

    def claim(self, uses: Sequence[SingleUse]) -> Sequence[bool]:
        """Insert or refuse each, atomically: True the first time only, also within one batch."""

    def seen(self, namespace: str, use_id: str) -> bool:
        """A look that may only refuse."""

    def purge(self, now: datetime) -> int: ...


class Tokens(Protocol):
    """Issuing as one step, and revocation."""

    def issue(self, issues: Sequence[TokenIssue]) -> Sequence[bool]:
        """Claim each single use and store the event that applies, in one transaction. True: the token may leave."""

    def issue_and_append(
        self, issues: Sequence[TokenIssue], events: Sequence[Event]
    ) -> tuple[Sequence[bool], Sequence[AuditRecord]]:
        """Do `issue` and `AuditLog.append` in one transaction; `stores.group_commit` calls this."""

    def revoke(self, jti: str, until: datetime, event: Event) -> int:
        """Remember the revoked id until the token would have expired; return the new generation."""

    def revoked(self, now: datetime) -> Mapping[str, datetime]:
        """Revoked ids that are not yet over, and when they are."""

    def purge(self, now: datetime) -> int: ...


class AuditLog(Protocol):
    """The hash chain. Appending from several processes keeps one chain."""

    def append(self, events: Sequence[Event]) -> Sequence[AuditRecord]: ...
    def append_from(self, source: str, offset: int, events: Sequence[Event], counts: Sequence[QuotaCount]) -> None:
        """Append what a log file said up to `offset`, add the counts, and remember the offset, in one step."""

    def offset_of(self, source: str) -> int: ...
    def read(self, after: int, limit: int) -> Sequence[AuditRecord]: ...
    def last(self, limit: int) -> Sequence[AuditRecord]: ...
    def find(self, any_id: str) -> Sequence[AuditRecord]:
        """Records whose message, request or correlation id, or whose caller's trace, is `any_id`, oldest first, at most 100."""

    def about(self, patient_hash: str, after: int, limit: int) -> Sequence[AuditRecord]:
        """Records that follow number `after` and are about a patient (`audit.Patient`), oldest first. Fast, however long the log."""

    def personal_hash(self, value: str) -> str:
        """Return the keyed hash that stands for a personal value in the records of this installation."""

    def conceal(self, details: Mapping[str, Detail]) -> str:
        """Return details of an event, encrypted, as text that may stand in a header and in Envoy's log."""

    def reveal(self, concealed: str) -> Mapping[str, Detail]:
        """Return what was concealed. Raises `WrongStoreKey` when it was with another key, or changed, or is something else."""

    def head(self) -> AuditRecord | None: ...
    def add_checkpoint(self, checkpoint: Checkpoint) -> None: ...
    def checkpoints(self) -> Sequence[Checkpoint]: ...


class SigningKeys(Protocol):
    """Keys we sign with. At most one key per use has the latest `sign_from`."""

    def add(self, key: SigningKey, event: Event) -> None: ...
    def all(self, use: str) -> Sequence[SigningKey]: ...
    def retire(self, kid: str, verify_until: datetime) -> None: ...


class Certificates(Protocol):
    """Authorities, what they issued, and their revocation lists."""

    def add_authority(self, authority: Authority) -> None: ...
    def authorities(self) -> Sequence[Authority]: ...
    def retire_authority(self, name: str, at: datetime) -> None: ...
    def add(self, certificate: IssuedCertificate, event: Event) -> None: ...
    def all(self) -> Sequence[IssuedCertificate]: ...
    def find(
        self, *, fingerprint: str | None = None, serial: str | None = None, name: str | None = None,
        authority: str | None = None, subject: tuple[str, str] | None = None,
    ) -> Sequence[IssuedCertificate]:
        """Those that fit everything given; `subject` is a kind and whom it is for. Fast for any one of these."""

    def revoked(self, ending_after: datetime) -> Sequence[IssuedCertificate]:
        """Those that were revoked and end later than this. Fast, however many were issued."""

    def revoke(self, fingerprint: str, at: datetime, reason: str, event: Event) -> bool: ...
    def put_crl(self, crl: IssuedCRL, event: Event) -> None:
        """Raises `AlreadyExists` unless the number is above that of the authority's stored list."""

    def crls(self) -> Sequence[IssuedCRL]: ...


class Quotas(Protocol):
    """Counts of windows longer than a minute."""

    def used(self, now: datetime) -> Sequence[QuotaCount]:
        """Counts of windows that are not over."""

    def purge(self, now: datetime) -> int: ...


class DataPlanes(Protocol):
    """Which Envoy enforces which generation."""

    def confirm(self, data_plane: DataPlane) -> None: ...
    def all(self) -> Sequence[DataPlane]: ...


class Values(Protocol):
    """Small secrets and facts of this installation, encrypted at rest."""

    def get(self, name: str) -> str | None: ...
    def set_if_absent(self, name: str, value: str) -> str:
        """Store the value unless there is one, and return the one that holds."""

    def put(self, name: str, value: str | None) -> None:
        """Store the value in place of any other; None forgets it."""


def _nothing_to_close() -> None:
    """Stores without connections have nothing to end."""


@dataclass(frozen=True, slots=True)
class Stores:
    """Every store of an installation, on one database."""

    generation: Generation
    documents: Documents
    credentials: Credentials
    single_uses: SingleUses
    tokens: Tokens
    grants: Grants
    audit: AuditLog
    signing_keys: SigningKeys
    certificates: Certificates
    quotas: Quotas
    data_planes: DataPlanes
    values: Values
    kept: Kept
    failed_tries: FailedTries
    outbox: Outbox
    passkeys: Passkeys
    system_directory: SystemDirectory
    message_keys: MessageKeyStore
    mailboxes: Mailboxes
    exchange: Exchange
    close: Callable[[], None] = _nothing_to_close
    """End every connection. Call it once, when nothing uses the stores any more."""
