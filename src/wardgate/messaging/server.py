"""What the mailbox server is made of: everything it uses is given to it here."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from wardgate.audit.model import Event
from wardgate.mesh.forms import ID_RANDOM_BYTES, message_id
from wardgate.mesh.routing import Practices, nobody
from wardgate.mesh.tracking import Party
from wardgate.messaging.recent import RecentMessages
from wardgate.messaging.settings import MeshSettings
from wardgate.messaging.transfers import Transfers
from wardgate.stores.mailboxes import Bodies, Done, Mailboxes, MailboxStep
from wardgate.workflows.post_office import PostOffice

T = TypeVar("T")
INTERNAL_ID_BYTES = 16
THREADS = 8
HASHING_THREADS = 2


def _nameless(_ods: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class MailboxServer:
    """Use from one event loop. `step` is durable when it answers; it, `record` and the stores raise `StoreError`."""

    settings: MeshSettings
    post_office: Callable[[], PostOffice]
    passwords: Callable[[str], str | None]
    """A mailbox's password, by its id."""
    shared_key: Callable[[], bytes]
    step: Callable[[MailboxStep], Awaitable[Done]]
    mailboxes: Mailboxes
    bodies: Bodies
    record: Callable[[Event], Awaitable[object]]
    now: Callable[[], datetime]
    random: Callable[[int], bytes]
    is_live: bool = True
    """Then nothing of the test mode is there, whatever the settings say."""
    practices: Practices = nobody
    organisation_name: Callable[[str], str] = _nameless
    """Of an ODS code."""
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "wardgate-mailboxes"))
    """Reads of the store, and bodies too large for a row."""
    hashing: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(HASHING_THREADS, "wardgate-mailbox-checksums"))
    """Checksums of whole messages, which may take minutes: nothing else waits for them."""
    recent: RecentMessages = field(default_factory=RecentMessages)
    transfers: Transfers = field(default_factory=Transfers)
    """The larger bodies under way."""

    def new_message_id(self) -> str:
        """Return the id of a new message."""
        return message_id(self.now(), self.random(ID_RANDOM_BYTES))

    def new_internal_id(self) -> str:
        """Return the id of a request."""
        return self.random(INTERNAL_ID_BYTES).hex()

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """Return what a call that waits for a disk or a database returns, made on a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, work, *arguments)

    async def hashed(self, work: Callable[..., T], *arguments: Any) -> T:
        """Return what a call that takes long returns."""
        return await asyncio.get_running_loop().run_in_executor(self.hashing, work, *arguments)

    def close(self) -> None:
        """End the threads, when the last request was answered."""
        self.pool.shutdown(wait=True)
        self.hashing.shutdown(wait=True)

    def party(self, mailbox: str) -> Party:
        """Return what is said of a mailbox; one that is gone has its id alone."""
        found = self.post_office().mailboxes.get(mailbox)
        if found is None:
            return Party(mailbox)
        return Party(mailbox, found.name, found.organisation, self.organisation_name(found.organisation))
