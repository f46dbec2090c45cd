"""SIGKILL of a mailbox server at random points of sending, storing and delivering: nothing that was answered is lost or doubled."""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crash.post_life import KEY, PASSWORD, SHARED_KEY, directory_of, live
from crash.test_sigkill import SEED, acknowledged, live_and_die
from wardgate.audit import Event, EventType
from wardgate.audit.chain import verify
from wardgate.keystores import Sealer
from wardgate.mesh.model import Status
from wardgate.stores import Stores, open_stores
from wardgate.stores.bodies import FileBodies
from wardgate.stores.verify_audit import read_all

KILLS = 10


class Aftermath:
    """The store after the last kill, and all that was answered before."""

    def __init__(self, stores: Stores, bodies: FileBodies, lines: list[str]) -> None:
        self.stores, self.bodies, self.lines = stores, bodies, lines
        self.sent = {message_id: digest for message_id, digest in acknowledged(lines, "sent")}  # noqa: C416 - lists of two
        self.taken = {message_id for (message_id,) in acknowledged(lines, "acknowledged")}
        records = [json.loads(record.body) for record in read_all(stores.audit)]
        self.recorded = Counter((record["type"], record.get("message_id", "")) for record in records)

    def waiting(self) -> list[str]:
        """Everything in the inbox, by pages."""
        found: list[str] = []
        after: str | None = None
        while True:
            page = self.stores.mailboxes.inbox("BOB", after=after, limit=20, workflows=None)
            found += page.ids
            after = page.more
            if after is None:
                return found

    def content(self, message_id: str) -> bytes:
        """A message as its recipient would read it."""
        message = self.stores.mailboxes.message(message_id)
        assert message is not None
        chunks = [self.stores.mailboxes.chunk(message_id, number) for number in range(1, message.total_chunks + 1)]
        return b"".join(b"".join(self.bodies.read(chunk)) for chunk in chunks if chunk is not None)


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[Path], str]) -> Iterator[Aftermath]:
    """A mailbox server that was killed many times."""
    url = new_database(tmp_path_factory.mktemp("post") / "wardgate.db")
    dice = random.Random(SEED)  # noqa: S311 - moments of death, not secrets
    stores = open_stores(url, Sealer([KEY]))
    for mailbox in ("ALICE", "BOB"):
        stores.mailboxes.set_password(mailbox, PASSWORD, Event(EventType.MAILBOX_CHANGED, datetime.now(UTC)))
    stores.values.put("mesh-shared-key", SHARED_KEY.decode())
    stores.close()
    lines = [line for life in range(KILLS) for line in live_and_die(url, life, dice, live, 120)]
    stores = open_stores(url, Sealer([KEY]))
    yield Aftermath(stores, FileBodies(directory_of(url)), lines)
    stores.close()


def test_children_worked_before_they_died(aftermath: Aftermath) -> None:
    """The test would show nothing otherwise; and they were killed in the middle of things."""
    assert len(acknowledged(aftermath.lines, "ready")) == KILLS
    assert len(aftermath.sent) >= 3 * KILLS
    assert len(aftermath.taken) >= 2 * KILLS
    begun = {message_id for (message_id,) in acknowledged(aftermath.lines, "begun")}
    assert begun - aftermath.sent.keys()


def test_no_message_that_was_answered_is_lost(aftermath: Aftermath) -> None:
    """Each waits or was taken, with the very octets that were sent."""
    waiting = set(aftermath.waiting())
    for message_id, digest in aftermath.sent.items():
        message = aftermath.stores.mailboxes.message(message_id)
        assert message is not None
        assert (message_id in waiting) is (message.status is Status.ACCEPTED)
        assert message.status in {Status.ACCEPTED, Status.ACKNOWLEDGED}
        assert hashlib.sha256(aftermath.content(message_id)).hexdigest() == digest == message.headers["mex-subject"]


def test_what_was_not_answered_is_whole_or_not_there(aftermath: Aftermath) -> None:
    """Everything that waits can be read; what is half uploaded waits for nobody."""
    for message_id in aftermath.waiting():
        message = aftermath.stores.mailboxes.message(message_id)
        assert message is not None
        assert hashlib.sha256(aftermath.content(message_id)).hexdigest() == message.headers["mex-subject"]


def test_no_acknowledgement_is_lost(aftermath: Aftermath) -> None:
    """What was taken is given to nobody again."""
    assert not aftermath.taken & set(aftermath.waiting())
    assert all(found is not None and found.status is Status.ACKNOWLEDGED for found in map(aftermath.stores.mailboxes.message, aftermath.taken))


def test_nothing_is_there_twice(aftermath: Aftermath) -> None:
    """Neither in the inbox, nor in the record, nor in the answers."""
    waiting = aftermath.waiting()
    assert len(waiting) == len(set(waiting)) == aftermath.stores.mailboxes.count("BOB")
    assert all(found == 1 for (kind, _), found in aftermath.recorded.items() if kind in {"MailboxAccepted", "MailboxDownloaded", "MailboxAcknowledged"})
    assert max(Counter(message_id for (message_id,) in acknowledged(aftermath.lines, "acknowledged")).values()) == 1


def test_the_record_says_what_the_mailboxes_say(aftermath: Aftermath) -> None:
    """A message is accepted and acknowledged in the record exactly when it is in the store; the chain is whole."""
    assert verify(read_all(aftermath.stores.audit)).intact
    accepted = {message_id for kind, message_id in aftermath.recorded if kind == "MailboxAccepted"}
    over = {message_id for kind, message_id in aftermath.recorded if kind == "MailboxAcknowledged"}
    assert accepted >= aftermath.sent.keys()
    assert over >= aftermath.taken
    assert accepted - over == set(aftermath.waiting())


def test_no_body_stays_that_nobody_knows(aftermath: Aftermath) -> None:
    """The files of killed uploads are swept away, and those of messages stay; in time all are gone."""
    mailboxes, bodies = aftermath.stores.mailboxes, aftermath.bodies
    bodies.sweep(-1.0, mailboxes.known_places)
    assert bodies.sweep(-1.0, mailboxes.known_places) == 0
    for message_id, digest in aftermath.sent.items():
        assert hashlib.sha256(aftermath.content(message_id)).hexdigest() == digest
    number, places = mailboxes.purge(datetime.now(UTC) + timedelta(days=1), 100_000)
    assert number >= len(aftermath.sent)
    bodies.remove(places)
    assert bodies.sweep(-1.0, mailboxes.known_places) == 0
    assert (aftermath.waiting(), mailboxes.count("BOB")) == ([], 0)
