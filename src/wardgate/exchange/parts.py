"""What the message handler is made of, and its limits."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Protocol

from wardgate.audit.model import Event
from wardgate.client.mesh_answers import MeshMessage, MeshTracking
from wardgate.client.mesh_content import Content
from wardgate.client.mesh_download import ReceivedMessage
from wardgate.client.mesh_outgoing import MeshOutgoing, MeshUpload, SentMessage
from wardgate.sealing.keys import HeldKeys, KeyDirectory, TimeStamper
from wardgate.sealing.model import Limits
from wardgate.stores.exchange import Exchange
from wardgate.stores.mailboxes import Bodies
from wardgate.workflows.post_office import PostOffice


class Post(Protocol):
    """One of our mailboxes at its server: a `client.MeshMailbox`, which raises what that raises."""

    def handshake(self) -> None: ...
    def messages(self) -> Iterator[str]: ...
    def head(self, message_id: str) -> MeshMessage: ...
    def send(self, content: Content, outgoing: MeshOutgoing, *, resume: MeshUpload | None = None) -> SentMessage: ...
    def receive(self, message_id: str, to: BinaryIO, *, max_bytes: int) -> ReceivedMessage: ...
    def acknowledge(self, message_id: str) -> None: ...
    def track(self, message_id: str) -> MeshTracking: ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, how often, how large."""

    attempts: int = 12
    """Tries of one step before a message is given up."""
    first_wait: timedelta = timedelta(minutes=1)
    longest_wait: timedelta = timedelta(hours=4)
    growth: int = 2
    in_hand: timedelta = timedelta(minutes=15)
    """How long nobody else takes up what one process has begun: longer than one try can take."""
    track_every: timedelta = timedelta(minutes=30)
    """How soon the mailbox server is asked whether a message was collected; then ever less often."""
    collected_within: timedelta = timedelta(days=31)
    """When a message counts as not collected that nobody reported on: MESH keeps none for longer."""
    answered_within: timedelta = timedelta(days=7)
    """When a response that was asked for counts as overdue: an operator is told, and it is taken whenever it comes."""
    look: timedelta = timedelta(minutes=10)
    """How long one look into a mailbox may take before what came is handled."""
    signature_within: timedelta = timedelta(hours=1)
    """How long a message waits for the signature that travels beside it."""
    limits: Limits = field(default_factory=Limits)

    def wait(self, attempts: int) -> timedelta:
        """Return the wait after a number of failed tries: each longer than the one before."""
        return min(self.first_wait * int(self.growth ** min(max(attempts - 1, 0), 30)), self.longest_wait)


@dataclass(frozen=True, slots=True)
class Parts:
    """The message handler's parts. All of them may be used by several threads."""

    store: Exchange
    bodies: Bodies
    record: Callable[[Sequence[Event]], object]
    """Record events of which no message is kept."""
    post_office: Callable[[], PostOffice]
    directory: Callable[[], KeyDirectory]
    held: HeldKeys
    post: Callable[[str], Post]
    """The client of one of our mailboxes. Raises `NoAccount`, `AccountInvalid`."""
    now: Callable[[], datetime]
    random: Callable[[int], bytes] = field(repr=False)
    stamper: TimeStamper | None = None
    drop_directory: Path | None = None
    """Where what was delivered is put as files, by workflow; None: it is kept in the store only."""
    patience: Patience = Patience()
    by: str = "server"
    """Who drives it, for the record."""
