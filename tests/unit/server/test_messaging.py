"""What becomes of messages with time, and by which clock; and what of the mailbox server the settings decide."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wardgate.audit import Event, EventType
from wardgate.catalogue import Environment
from wardgate.keystores import Sealer
from wardgate.mesh import reports
from wardgate.mesh.model import Chunk, MailboxMessage, MessageType, Status
from wardgate.messaging import MeshSettings
from wardgate.server.clock import Clock
from wardgate.server.messaging import (
    SHIFT,
    MeshSecrets,
    MessagingChores,
    mesh_settings,
    timed,
    timed_step,
    wire_messaging,
)
from wardgate.server.settings import Settings
from wardgate.stores import Stores, open_stores
from wardgate.stores.bodies import FileBodies
from wardgate.stores.mailboxes import Acknowledge, Claim, Post, PostChunk
from wardgate.stores.ports import SingleUse, StoredDocument
from wardgate.workflows.model import Mailbox
from wardgate.workflows.post_office import PostOffice

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
DAY, AHEAD = timedelta(days=1), timedelta(days=9)


@pytest.fixture
def kept(tmp_path: Path, new_database: Callable[[Path], str]) -> Iterator[Stores]:
    """A store of messages."""
    stores = open_stores(new_database(tmp_path / "wardgate.db"), Sealer([b"k" * 32]))
    yield stores
    stores.close()


def event(kind: EventType = EventType.MAILBOX_ACCEPTED) -> Event:
    """Something to record."""
    return Event(kind, NOW)


def post(stores: Stores, name: str, *, recipient: str = "BOB", created: datetime = NOW, chunk: Chunk | None = None) -> None:
    """Put a message into an inbox."""
    made = MailboxMessage(name, MessageType.DATA, "ALICE", recipient, "LETTER", Status.ACCEPTED, created, 1, {"mex-subject": "a letter"}, "local", None, None,
                          created, None, None, created + 5 * DAY)
    stores.mailboxes.step([Post(made, chunk or Chunk(1, 1, "", "i", b"x"), None, event())])


def chores(stores: Stores, directory: Path, ahead: timedelta = timedelta(0), *, active: bool = True) -> MessagingChores:
    """The chores of an installation whose clock is so far ahead."""
    office = PostOffice.of([Mailbox(id="ALICE", organisation="A1A"), Mailbox(id="BOB", organisation="B2B", active=active)], [])
    snapshot: Any = SimpleNamespace(post_office=office)
    return MessagingChores(stores, FileBodies(directory), lambda: snapshot, Clock(lambda: NOW, lambda: ahead), 5, 30)


def waiting(stores: Stores, mailbox: str) -> list[MailboxMessage]:
    """What is in an inbox."""
    ids = stores.mailboxes.inbox(mailbox, after=None, limit=500, workflows=None).ids
    return [found for one in ids if (found := stores.mailboxes.message(one)) is not None]


def last_record(stores: Stores) -> dict[str, Any]:
    """What was recorded last."""
    head = stores.audit.head()
    assert head is not None
    found: dict[str, Any] = json.loads(head.body)
    return found


def test_a_message_that_is_not_collected_is_reported_by_the_virtual_clock(kept: Stores, tmp_path: Path) -> None:
    """Not before its five days, then once; the record has the real time and says how far the clock was ahead."""
    post(kept, "M1")
    chores(kept, tmp_path).expire()
    assert [found.id for found in waiting(kept, "BOB")] == ["M1"]
    for _ in range(2):
        chores(kept, tmp_path, AHEAD).expire()
    assert waiting(kept, "BOB") == []
    (report,) = waiting(kept, "ALICE")
    assert report.report is not None
    assert (report.linked_id, report.local_id, report.report.code, report.report.description, report.headers["mex-subject"]) == (
        "M1", "local", "14", "Message not collected by recipient after 5 days", "NDR: a letter")
    recorded = last_record(kept)
    assert (recorded["type"], recorded["message_id"], recorded["details"]["report_id"], recorded["details"][SHIFT]) == ("MailboxExpired", "M1", report.id, AHEAD.total_seconds())
    assert recorded["at"].startswith("2026-11-21T09:30")
    assert "local" not in json.dumps(recorded["details"].get("local_id", {}).get("hmac_sha256", ""))
    assert "letter" not in json.dumps(recorded).replace("LETTER", "")


def test_what_waits_for_a_closed_mailbox_is_reported_at_once(kept: Stores, tmp_path: Path) -> None:
    """In the words for that; reports that wait there stay."""
    for number in range(3):
        post(kept, f"M{number}")
    chores(kept, tmp_path, active=False).expire()
    found = {message.report.description for message in waiting(kept, "ALICE") if message.report is not None}
    assert (len(waiting(kept, "ALICE")), found) == (3, {"Message was not collected as the mailbox is deactivated"})
    assert waiting(kept, "BOB") == []


def test_a_mailbox_that_is_gone_leaves_nothing_to_whoever_has_its_id_next(kept: Stores, tmp_path: Path) -> None:
    """What waited for it is reported to its senders, reports to it are forgotten; one that the store has, and the snapshot not yet, is left alone."""
    office = PostOffice.of([Mailbox(id="ALICE", organisation="A1A")], [])
    snapshot: Any = SimpleNamespace(post_office=office)
    gone = MessagingChores(kept, FileBodies(tmp_path), lambda: snapshot, Clock(lambda: NOW, lambda: timedelta(0)), 5, 30)
    post(kept, "M1")
    new = StoredDocument("mailboxes", "BOB", {"id": "BOB", "organisation": "B2B"})
    kept.documents.write([new], [], Event(EventType.MANIFEST_APPLIED, NOW))
    gone.expire()
    assert [found.id for found in waiting(kept, "BOB")] == ["M1"]
    kept.documents.write([], [("mailboxes", "BOB")], Event(EventType.MANIFEST_APPLIED, NOW))
    told = reports.not_collected(replace(waiting(kept, "BOB")[0], sender="BOB", id="M0"), "R0", NOW, 5)
    kept.mailboxes.report(told, Event(EventType.MAILBOX_EXPIRED, NOW))
    gone.expire()
    assert waiting(kept, "BOB") == []
    (report,) = waiting(kept, "ALICE")
    assert (report.linked_id, report.report.description if report.report else "") == ("M1", "Message was not collected as the mailbox is deactivated")
    found = kept.mailboxes.message("M1")
    assert found is not None
    assert (found.status, kept.mailboxes.message("R0")) == (Status.UNDELIVERABLE, None)


def test_more_than_a_step_holds(kept: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are reported and all are forgotten, so many at once."""
    monkeypatch.setattr("wardgate.server.messaging.AT_ONCE", 2)
    for number in range(5):
        post(kept, f"M{number}", created=NOW - 31 * DAY)
    chores(kept, tmp_path).expire()
    assert len(waiting(kept, "ALICE")) == 5
    chores(kept, tmp_path).purge()
    assert [kept.mailboxes.message(f"M{number}") for number in range(5)] == [None] * 5
    assert len(waiting(kept, "ALICE")) == 5


def test_what_is_old_is_forgotten_by_the_real_clock(kept: Stores, tmp_path: Path) -> None:
    """With its body; a clock that was turned ahead forgets nothing."""
    bodies, chunks = FileBodies(tmp_path / "mesh"), []
    for name, created in (("OLD", NOW - 31 * DAY), ("NEW", NOW - 29 * DAY)):
        writer = bodies.create()
        writer.write(b"x" * 100_000)
        chunks.append(writer.finish().as_chunk(1))
        post(kept, name, created=created, chunk=chunks[-1])
    chores(kept, tmp_path / "mesh", AHEAD).purge()
    assert [kept.mailboxes.message(name) is None for name in ("OLD", "NEW")] == [True, False]
    assert [bodies.path(chunk.place).exists() for chunk in chunks] == [False, True]


def test_young_bodies_are_not_swept(kept: Stores, tmp_path: Path) -> None:
    """Their step may still come."""
    bodies = FileBodies(tmp_path / "mesh")
    writer = bodies.create()
    writer.write(b"x" * 100_000)
    written = writer.finish()
    chores(kept, tmp_path / "mesh").sweep()
    assert bodies.path(written.place).exists()
    assert bodies.sweep(-1, kept.mailboxes.known_places) == 1


def test_secrets_are_read_when_they_are_told_to(kept: Stores) -> None:
    """The shared key is made once and then the same; before that nobody is believed."""
    keys, other = MeshSecrets(kept), MeshSecrets(kept)
    with pytest.raises(LookupError):
        keys.shared_key()
    keys.reload()
    other.reload()
    assert keys.shared_key() == other.shared_key()
    assert len(keys.shared_key()) >= 32
    assert keys.password("BOB") is None
    kept.mailboxes.set_password("BOB", "hunter2", event(EventType.MAILBOX_CHANGED))
    keys.reload()
    assert keys.password("BOB") == "hunter2"
    assert "hunter2" not in repr(keys)
    assert keys.shared_key().decode() not in repr(keys)


def test_events_are_recorded_at_the_real_time() -> None:
    """Whatever the step; without a shift nothing is said of it."""
    said = event()
    assert timed(said, timedelta(0)) is said
    moved = timed(said, DAY)
    assert (moved.at, moved.details) == (NOW - DAY, {SHIFT: 86_400})
    use = SingleUse("n", "i", NOW)
    chunk = Chunk(2, 1, "", "i", b"x")
    steps: list[tuple[Any, str]] = [
        (PostChunk("M", "A", chunk, None, NOW, NOW, use, said), "completed"), (Acknowledge("M", "A", NOW, use, said), "event"), (Claim(use, said), "event"),
    ]
    for step, name in steps:
        assert timed_step(step, timedelta(0)) is step
        assert timed_step(step, DAY) == replace(step, **{name: moved})
    assert timed_step(Claim(use), DAY) == Claim(use)


CHANGED: dict[str, tuple[Any, str]] = {
    "mesh_bind_certificate": (False, "bind_certificate"), "mesh_serve_acknowledged": (True, "serve_acknowledged"), "mesh_verify_checksum": (False, "verify_checksum"),
    "mesh_enforce_workflows": (False, "enforce_workflows"), "mesh_test_routes": (True, "test_routes"), "mesh_request_bytes": (2_000, "max_request_bytes"),
    "mesh_message_bytes": (3_000, "max_message_bytes"), "mesh_transfers": (7, "max_transfers"), "mesh_idle_seconds": (9.0, "idle_seconds"),
    "mesh_mailbox_transfers": (5, "max_mailbox_transfers"),
    "mesh_collect_days": (8, "expiry_days"), "mesh_chunks": (9, "max_chunks"), "mesh_inflated_bytes": (4_000, "max_inflated_bytes"),
    "mesh_inflate_ratio": (20, "max_inflate_ratio"), "mesh_compress_bytes": (5_000, "compress_bytes"),
    "mesh_least_bytes_per_second": (6, "least_bytes_per_second"), "mesh_token_on_5xx": (True, "consume_token_on_5xx"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_each_setting_reaches_the_server(name: str) -> None:
    """And the defaults of both are the same."""
    assert mesh_settings(Settings()) == MeshSettings()
    value, there = CHANGED[name]
    assert mesh_settings(Settings(**{name: value})) == replace(MeshSettings(), **{there: value})


def test_every_setting_is_of_some_use() -> None:
    """Those that the mailbox server does not know are the directory and how long messages are kept; it has none of its own but what goes with a row."""
    assert {setting.name for setting in fields(MeshSettings)} - {there for _, there in CHANGED.values()} == {"inline_bytes"}
    assert {name for name in Settings.model_fields if name.startswith("mesh_")} - CHANGED.keys() == {"mesh_directory", "mesh_keep_days"}


@pytest.mark.parametrize(("live", "status"), [(False, 200), (True, 403)])
def test_a_live_environment_relaxes_nothing(kept: Stores, tmp_path: Path, live: bool, status: int) -> None:
    """Also when it went live while the server ran: a path of tests is nobody's, and asks for a token as all others do."""
    snapshot: Any = SimpleNamespace(post_office=PostOffice.of([Mailbox(id="BOB", organisation="B2B")], []), environment=Environment(name="trial", live=live))
    answered: list[Any] = []

    async def ask() -> None:
        async def record(told: Event) -> None:
            kept.audit.append([told])

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            answered.append(message)

        settings = Settings(data=tmp_path, mesh_test_routes=True)
        messaging = wire_messaging(settings, kept, lambda: snapshot, Clock(lambda: NOW, timedelta), dict, record)
        messaging.keys.reload()
        await messaging({"type": "http", "method": "DELETE", "path": "/messageexchange/admin/reset", "query_string": b"", "headers": []}, receive, send)
        await messaging.close()

    asyncio.run(ask())
    assert answered[0]["status"] in ({status, 404} if live else {status})
