"""The promises of the store of mailboxes. `ports` gives these names on.

Hot calls are steps, batched by the caller into one transaction: each claims the request's token (itk3-messaging 5.1), does one
thing and records one event, all or nothing. A step that was answered is durable. Bodies are written before their step, by
`Bodies`; a body whose step never came is swept away.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from wardgate.audit.model import Event
from wardgate.mesh.model import Chunk, MailboxMessage, StatusReport
from wardgate.mesh.workflow_filter import WorkflowFilter
from wardgate.stores.transitions import SingleUse


class Done(StrEnum):
    """How a step ended. Only the first two changed anything, beside the token that was claimed."""

    DONE = "done"
    COMPLETE = "complete"
    """A chunk was the last one missing: the message is in its recipient's inbox."""
    REPLAYED = "replayed"
    """The token was used before: nothing was done, nothing recorded."""
    UNKNOWN = "unknown"
    FOREIGN = "foreign"
    """The message is not this mailbox's."""
    ALREADY_COMPLETE = "already-complete"
    OUT_OF_RANGE = "out-of-range"
    INCOMPLETE = "incomplete"
    """The last chunk came, and others are missing: it was kept, and the message stays open."""
    DIFFERENT = "different"
    """The chunk is there already with other octets, or its content encoding is not that of the message."""
    TOO_LARGE = "too-large"
    """With this chunk the message would have more octets than it may."""
    GONE = "gone"
    """Not accepted or acknowledged: there is nothing to be read any more."""


@dataclass(frozen=True, slots=True)
class Post:
    """The first chunk of a message, and the message: ACCEPTED when it is the only one, else UPLOADING."""

    message: MailboxMessage
    chunk: Chunk
    use: SingleUse | None
    event: Event | None


@dataclass(frozen=True, slots=True)
class PostChunk:
    """A later chunk. `completed` is recorded when it is the last one missing. Sent again unchanged, it is DONE again."""

    message_id: str
    mailbox: str
    chunk: Chunk
    encoding: str | None
    now: datetime
    expires: datetime
    use: SingleUse | None
    completed: Event
    max_bytes: int | None = None
    """How large the message may become with it: chunks that come together are added up one by one."""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A recipient reads the last chunk of a message. Only the first time is recorded."""

    message_id: str
    mailbox: str
    now: datetime
    event: Event
    use: SingleUse | None = None


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """A recipient has the message safe. Again is DONE again, and recorded once."""

    message_id: str
    mailbox: str
    now: datetime
    use: SingleUse | None
    event: Event


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that changes nothing claims its token; `event` is recorded with it, such as of a refusal."""

    use: SingleUse
    event: Event | None = None


MailboxStep = Post | PostChunk | Downloaded | Acknowledge | Claim


@dataclass(frozen=True, slots=True)
class InboxPage:
    """The ids of messages that wait, oldest first. `more` is where to go on; None: that was all."""

    ids: tuple[str, ...]
    more: str | None
    approximate_count: int


class Mailboxes(Protocol):
    """Fails closed: a store that cannot answer raises `StoreUnavailable`."""

    def step(self, steps: Sequence[MailboxStep]) -> Sequence[Done]:
        """Do every step in one transaction, in order; each by itself all or nothing."""

    def inbox(self, mailbox: str, *, after: str | None, limit: int, workflows: WorkflowFilter | None) -> InboxPage:
        """Return which messages wait, oldest first. `workflows` is a filter of 5.2.

        Its cost does not grow with the inbox; a page of a filter that fits little may hold fewer than `limit` and have `more`.
        Raises `ValueError` for an `after` that no page of this mailbox gave.
        """

    def count(self, mailbox: str) -> int:
        """Return how many messages wait."""

    def message(self, message_id: str) -> MailboxMessage | None: ...
    def chunk(self, message_id: str, number: int) -> Chunk | None: ...
    def sent(self, mailbox: str, local_id: str) -> Sequence[MailboxMessage]:
        """Return messages of a sender with this local id, newest first, at most 100."""

    def expire(self, now: datetime, limit: int, event_of: "ExpiryEvent", recipient: str | None = None) -> Sequence[MailboxMessage]:
        """Make messages that were not collected in time undeliverable and put a report (code 14) into each sender's inbox, in one step.

        The message itself says the same from then on. With `recipient`, whatever waits for that mailbox. Returns the messages as they were; fewer than `limit`: that was all.
        """

    def report(self, report: MailboxMessage, event: Event) -> None:
        """Put a report into an inbox."""

    def waited_for(self) -> Sequence[str]:
        """Return every mailbox for which something waits, reports included."""

    def purge(self, before: datetime, limit: int, recipient: str | None = None, *, reports_only: bool = False) -> tuple[int, Sequence[str]]:
        """Forget messages created before, uploads that were never finished included; return how many, and the places of their bodies.

        Of messages with many chunks it takes fewer than `limit` at once, as others wait for it meanwhile; 0: that was all.
        With `recipient`, those for that mailbox only: a test environment is reset so. `reports_only` leaves messages of senders.
        """

    def known_places(self, places: Sequence[str]) -> frozenset[str]:
        """Return which of these bodies belong to a message."""

    def set_password(self, mailbox: str, password: str, event: Event) -> None:
        """Keep a mailbox's password, encrypted, in place of any other. Raises the generation."""

    def forget_password(self, mailbox: str, event: Event) -> None:
        """Keep no password of a mailbox; nothing, and no event, where there is none. Raises the generation."""

    def passwords(self) -> Mapping[str, str]:
        """Return every mailbox's password."""


class ExpiryEvent(Protocol):
    """What is said of a message that was not collected."""

    def __call__(self, message: MailboxMessage, /) -> "tuple[MailboxMessage, Event]":
        """Return the report for its sender, and the event."""


class BodyWriter(Protocol):
    """A body that is being written. Not for two threads at once."""

    def write(self, data: bytes) -> None:
        """Take some octets. Raises `StoreUnavailable`, such as for a full disk."""

    def finish(self) -> "WrittenBody":
        """Make it durable (fsync of the file and its directory), and say what it is."""

    def abandon(self) -> None:
        """Forget it. May be called at any time, and twice."""


@dataclass(frozen=True, slots=True)
class WrittenBody:
    """A durable body: its place, its size, its SHA-256, and what is kept with its row."""

    place: str
    size: int
    sha256: str
    kept: bytes = field(repr=False)
    """A small body itself, or the key of its file: without the row a file cannot be read."""

    def as_chunk(self, number: int) -> Chunk:
        """Return the chunk whose body this is."""
        return Chunk(number, self.size, self.sha256, self.place, self.kept)


class Bodies(Protocol):
    """Bodies of chunks, encrypted at rest in pieces that are each proved before they are given out. Constant memory."""

    def create(self) -> BodyWriter: ...
    def read(self, chunk: Chunk) -> Iterator[bytes]:
        """Yield the octets in pieces of at most 1 MiB. Raises `StoreUnavailable` when something is missing or was changed."""

    def remove(self, places: Sequence[str]) -> None: ...
    def sweep(self, older_than_seconds: float, known: "KnownPlaces") -> int:
        """Remove bodies that no message knows; return how many."""


class KnownPlaces(Protocol):
    """`Mailboxes.known_places`."""

    def __call__(self, places: Sequence[str], /) -> frozenset[str]: ...


__all__ = [
    "Acknowledge", "Bodies", "BodyWriter", "Claim", "Done", "Downloaded", "ExpiryEvent", "InboxPage", "KnownPlaces", "MailboxStep",
    "Mailboxes", "Post", "PostChunk", "StatusReport", "WrittenBody",
]
