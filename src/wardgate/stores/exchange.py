"""The promises of the store of the message handler: what went out, what came in, and what was seen. `ports` gives these names on.

A message is one row that moves from state to state; every move is one transaction with the event that tells of it, and is made
only from the state that its maker saw, so that two processes never do one thing twice. Contents are kept as bodies (`Bodies`), by
place, until their retention ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from wardgate.audit.model import Event
from wardgate.mesh.model import Chunk


class Direction(StrEnum):
    """Which way a message goes."""

    OUT = "out"
    IN = "in"


class Stage(StrEnum):
    """Where a message stands."""

    BUILT = "built"
    SEALED = "sealed"
    """Ready to be sent, or sent and not yet known to have arrived: a try is due."""
    SENT = "sent"
    """The mailbox server has it whole."""
    COLLECTED = "collected"
    """The recipient acknowledged the transfer."""
    RECEIVED = "received"
    """Came in and is kept; it may now be acknowledged to the mailbox server."""
    OPENED = "opened"
    """Proved, allowed, and delivered to whoever reads such messages here."""
    ANSWERED = "answered"
    """Of one that went out: every response asked for came, all positive. Of one that came in: every response owed is on its way."""
    REFUSED = "refused"
    """A negative response came; or we refused it, kept it and said so."""
    DUPLICATE = "duplicate"
    DEAD = "dead"
    """Given up after its tries, or not collected: an operator may replay it."""
    DROPPED = "dropped"
    """An operator gave it up for good."""


@dataclass(frozen=True, slots=True)
class HandledMessage:
    """A message in the hands of this installation. `key` is random and ours; other ids are as the message says. Times are UTC."""

    key: str
    direction: Direction
    stage: Stage
    mailbox: str
    """Our mailbox."""
    peer: str
    """Theirs; empty where it is unknown."""
    workflow: str
    message_id: str
    """`MessageHeader.id`; empty while a message that came in is not opened."""
    created: datetime
    changed: datetime
    event: str = ""
    document_id: str | None = None
    mex_id: str | None = None
    """The mailbox server's id."""
    answers: str | None = None
    """Of a response: the message id that it answers."""
    responses_due: tuple[str, ...] = ()
    """`infrastructure`, `business`: those still waited for, or still owed."""
    codes: tuple[str, ...] = ()
    """Response codes that came, or that we sent."""
    reason: str | None = None
    """Why it was refused or given up: a code of the catalogue."""
    attempts: int = 0
    due: datetime | None = None
    """When the next try is."""
    trouble: str | None = None
    """What the last try met, in words, of one that waits for another or was given up."""
    content: Chunk | None = field(default=None, repr=False)
    """The clear message, of one that was built or opened."""
    sealed: Chunk | None = field(default=None, repr=False)
    """What travels, or came."""
    media_type: str = ""
    seal: str | None = None
    """The suite of its seal."""
    local_id: str = ""
    """Mex-LocalID: of one that goes out, the name of this sending; of one that came in, what its sender called it."""
    role: str | None = field(default=None, repr=False)
    """The role that its signer states."""
    on_behalf_of: Mapping[str, Any] | None = field(default=None, repr=False)
    """For whom it is signed. Personal."""
    signature: str | None = field(default=None, repr=False)
    """Of one whose signature travels beside it: that."""


@dataclass(frozen=True, slots=True)
class Move:
    """A change of a message, valid only while it is at stage `seen` and was last changed at `seen_changed`."""

    to: HandledMessage
    seen: Stage
    seen_changed: datetime
    event: Event | None = None
    """None: nothing happened yet, it was only taken in hand."""


class Exchange(Protocol):
    """Fails closed."""

    def add(self, message: HandledMessage, event: Event) -> bool:
        """Keep a new message; False, and nothing is recorded, when one that came in by this `mailbox` and `mex_id`, with these octets, is there already."""

    def move(self, moves: Sequence[Move], then: Sequence[tuple[HandledMessage, Event]] = ()) -> bool:
        """Make every move and add what follows from them, such as a response, in one step; nothing, and False, when one is not as it was seen."""

    def claim_ids(self, sender: str, message_id: str, document_id: str | None, key: str) -> str | None:
        """Remember for ever that the message `key` of this sender had these ids; return the reason code when another had them before.

        `message-seen` or `document-seen`. The same key may claim again.
        """

    def get(self, key: str) -> HandledMessage | None: ...
    def find(self, any_id: str) -> Sequence[HandledMessage]:
        """Return messages by key, message id, Mex id, local id, document id, or the id they answer; oldest first, at most 100."""

    def called(self, mailbox: str, peer: str, local_id: str) -> Sequence[HandledMessage]:
        """Return messages that came to the one mailbox from the other by their sender's local id; oldest first, at most 100.

        Messages of other senders are not among them, whatever those call theirs.
        """

    def due(self, now: datetime, limit: int, *, after: HandledMessage | None = None) -> Sequence[HandledMessage]:
        """Return those whose next try has come, the longest due first; those behind one that was returned before."""

    def waiting(self, stage: Stage, *, after: str | None = None, limit: int = 100) -> Sequence[HandledMessage]:
        """Return those at a stage, oldest first."""

    def purge(self, before: datetime, limit: int) -> Sequence[str]:
        """Forget finished messages last changed before; return the places of their bodies. Ids that were seen stay."""

    def known_places(self, places: Sequence[str]) -> frozenset[str]: ...
