"""Inboxes, expiry, retention and passwords on every database."""

import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from contract.conftest import STORE_KEY
from contract.mailbox_cast import NOW, acknowledge, do, event, message, post, post_chunk, recorded, report, waiting
from wardgate.audit import Event
from wardgate.keystores import Sealer
from wardgate.mesh import workflow_filter
from wardgate.mesh.model import Chunk, MailboxMessage, MessageType, Status
from wardgate.stores import Stores, WrongStoreKey, open_stores
from wardgate.stores.bodies import FileBodies
from wardgate.stores.mailboxes import Done
from wardgate.stores.reseal import reseal
from wardgate.stores.sql import mailboxes_inbox
from wardgate.stores.sql.engine import Database

DAY = timedelta(days=1)


def told(found: MailboxMessage) -> tuple[MailboxMessage, Event]:
    """What is said of a message that was not collected."""
    return report(f"R-{found.id}", found), event(message_id=f"expired-{found.id}")


def pages(stores: Stores, limit: int, filtered: str | None = None) -> list[Sequence[str]]:
    """Every page of an inbox."""
    found: list[Sequence[str]] = []
    after: str | None = None
    while True:
        page = stores.mailboxes.inbox("BOB", after=after, limit=limit, workflows=workflow_filter.read(filtered) if filtered else None)
        found.append(page.ids)
        if page.more is None:
            return found
        after = page.more


def test_pages_hold_each_message_once(stores: Stores) -> None:
    """The last one says that it is; what was acknowledged meanwhile is not missed by the place where a page ended."""
    do(stores, *[post(f"M{number}") for number in range(7)])
    assert pages(stores, 3) == [("M0", "M1", "M2"), ("M3", "M4", "M5"), ("M6",)]
    assert pages(stores, 7) == [tuple(f"M{number}" for number in range(7))]
    first = stores.mailboxes.inbox("BOB", after=None, limit=3, workflows=None)
    assert first.approximate_count == 7
    assert 24 <= len(first.more or "") <= 1000  # itk3-messaging 5.2: continue_from
    do(stores, *[acknowledge(name) for name in first.ids])
    assert stores.mailboxes.inbox("BOB", after=first.more, limit=9, workflows=None).ids == ("M3", "M4", "M5", "M6")


def test_a_place_that_no_page_gave(stores: Stores) -> None:
    """Also one of another inbox, and one that was changed."""
    do(stores, *[post(f"M{number}") for number in range(3)])
    more = stores.mailboxes.inbox("BOB", after=None, limit=1, workflows=None).more or ""
    for bad in ("", "x", "0" * 32, more[:-1] + ("0" if more[-1] != "0" else "1"), more.upper() + "é", more[:16], f"-{more[1:]}"):
        with pytest.raises(ValueError, match="no page of this inbox"):
            stores.mailboxes.inbox("BOB", after=bad, limit=1, workflows=None)
    with pytest.raises(ValueError, match="no page of this inbox"):
        stores.mailboxes.inbox("EVE", after=more, limit=1, workflows=None)
    with pytest.raises(ValueError, match="one message"):
        stores.mailboxes.inbox("BOB", after=None, limit=0, workflows=None)


WORKFLOWS = ("GP_IN", "GP_OUT", "gp_in", "PATH_GP_IN", "X%_")
FILTERS = ["GP_IN", "!GP_IN", "GP*", "!GP*", "*GP*", "!*GP*", "gp_in", "%*", "*%_*", "NOBODY"]


@pytest.mark.parametrize("filtered", FILTERS)
def test_every_form_of_a_workflow_filter(stores: Stores, filtered: str) -> None:
    """As the words of MESH judge it; no character stands for another."""
    do(stores, *[post(f"M-{name}", workflow=name) for name in WORKFLOWS])
    wanted = workflow_filter.read(filtered)
    assert pages(stores, 2, filtered)[0] == tuple(f"M-{name}" for name in WORKFLOWS if wanted.takes(name))[:2]
    assert [name for page in pages(stores, 2, filtered) for name in page] == [f"M-{name}" for name in WORKFLOWS if wanted.takes(name)]


def test_a_filter_looks_at_so_many_messages_a_page(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page may be short, or empty, and says where to go on; all that fit are found."""
    do(stores, *[post(f"M{number}", workflow="LAST" if number in {2, 10} else "W") for number in range(12)])
    monkeypatch.setattr(mailboxes_inbox, "LOOKED_AT", 4)
    assert pages(stores, 5, "LAST") == [("M2",), (), ("M10",), ()]


def test_a_page_costs_the_same_however_much_waits(stores: Stores) -> None:
    """The tenth of the time that looking at everything would cost is generous."""
    def seconds() -> float:
        times = []
        for _ in range(15):
            begun = time.perf_counter()
            stores.mailboxes.inbox("BOB", after=None, limit=10, workflows=None)
            stores.mailboxes.count("BOB")
            times.append(time.perf_counter() - begun)
        return min(times)

    do(stores, *[post(f"M-{number}") for number in range(20)])
    few = seconds()
    for start in range(0, 3000, 500):
        do(stores, *[post(f"N-{start + number}") for number in range(500)])
    assert stores.mailboxes.count("BOB") == 3020
    assert seconds() < 4 * few + 0.002


def test_messages_by_local_id(stores: Stores, again: Stores) -> None:
    """A sender's own, newest first; another's are not found, nor what has none."""
    do(stores, post("M1", local_id="L"), post("M2", local_id="L", created=NOW + DAY), post("M3", local_id="L", sender="EVE"), post("M4"), post("M5", local_id="l"))
    assert [found.id for found in again.mailboxes.sent("ALICE", "L")] == ["M2", "M1"]
    assert [found.id for found in again.mailboxes.sent("EVE", "L")] == ["M3"]
    assert [list(again.mailboxes.sent("ALICE", name)) for name in ("", "other")] == [[], []]


def test_what_is_not_collected_is_reported(stores: Stores, again: Stores) -> None:
    """Once, to its sender, in one step; what was acknowledged, is being uploaded, or is not due stays as it is."""
    do(stores, post("M1", expires=NOW, local_id="L"), post("M2", expires=NOW + DAY), post("M3", expires=NOW), post("M4", expires=NOW), post("M5", chunks=2), acknowledge("M4"))
    assert [found.id for found in stores.mailboxes.expire(NOW, 1, told)] == ["M1"]
    assert [(found.id, found.status) for found in again.mailboxes.expire(NOW, 9, told)] == [("M3", Status.ACCEPTED)]
    assert stores.mailboxes.expire(NOW, 9, told) == []
    assert waiting(again) == ("M2",)
    assert waiting(again, "ALICE") == ("R-M1", "R-M3")
    found, about = again.mailboxes.message("M1"), again.mailboxes.message("R-M1")
    assert found is not None
    assert about is not None
    assert (found.status, found.report, found.headers) == (Status.UNDELIVERABLE, about.report, message("M1").headers)
    assert (about.type, about.sender, about.linked_id, about.local_id, about.size) == (MessageType.REPORT, "", "M1", "L", 0)
    assert about.report == report("R", found).report
    assert recorded(again)[-2:] == ["expired-M1", "expired-M3"]
    assert do(stores, acknowledge("R-M1", "ALICE")) == [Done.DONE]


def test_reports_are_reported_by_nobody(stores: Stores) -> None:
    """One that is not collected waits until it is forgotten."""
    stores.mailboxes.report(report("R1", message("M0")), event())
    assert stores.mailboxes.expire(NOW + 99 * DAY, 9, told) == []
    assert stores.mailboxes.expire(NOW, 9, told, "ALICE") == []
    assert waiting(stores, "ALICE") == ("R1",)
    with pytest.raises(ValueError, match="no report"):
        stores.mailboxes.report(message("M1"), event())


def test_all_that_waits_for_one_mailbox_can_be_given_up(stores: Stores) -> None:
    """Whether it is due or not, and nobody else's."""
    do(stores, post("M1"), post("M2", recipient="EVE"), post("M3"))
    assert [found.id for found in stores.mailboxes.expire(NOW - DAY, 9, told, "BOB")] == ["M1", "M3"]
    assert waiting(stores) == ()
    assert waiting(stores, "EVE") == ("M2",)


def test_a_report_that_cannot_be_made_changes_nothing(stores: Stores) -> None:
    """The message waits for the next time."""
    def fails(_found: MailboxMessage) -> tuple[MailboxMessage, Event]:
        raise RuntimeError("no report")

    do(stores, post("M1", expires=NOW))
    with pytest.raises(RuntimeError, match="no report"):
        stores.mailboxes.expire(NOW, 9, fails)
    assert waiting(stores) == ("M1",)


def test_what_is_old_is_forgotten(stores: Stores, again: Stores) -> None:
    """Oldest first, so many at once, in whatever state; the places of its files are said, those of others are still known."""
    do(stores, post("M1", created=NOW - DAY, first=Chunk(1, 9, "", "fa", b"k"), chunks=3), post_chunk("M1", 3, place="fc"),
       post("M2", created=NOW - 2 * DAY), post("M3", first=Chunk(1, 9, "", "fb", b"k")), post("M4", created=NOW - 3 * DAY), acknowledge("M4"))
    assert stores.mailboxes.known_places(["fa", "fb", "fc", "fd"]) == {"fa", "fb", "fc"}
    assert stores.mailboxes.purge(NOW, 2) == (2, [])
    assert waiting(again) == ("M3",)
    count, places = again.mailboxes.purge(NOW, 9)
    assert (count, sorted(places)) == (1, ["fa", "fc"])
    assert again.mailboxes.purge(NOW, 9) == (0, [])
    assert [stores.mailboxes.message(name) is None for name in ("M1", "M2", "M3", "M4")] == [True, True, False, True]
    assert stores.mailboxes.chunk("M1", 3) is None
    assert stores.mailboxes.known_places(["fa", "fb", "fc"]) == {"fb"}
    assert stores.mailboxes.known_places([]) == frozenset()


def test_uploads_that_stated_many_chunks_are_forgotten_one_by_one(stores: Stores) -> None:
    """Who states 100,000 chunks and sends one makes nobody wait: of such, each is a purge of its own."""
    do(stores, post("M1", chunks=100_000, created=NOW - 3 * DAY), post("M2", chunks=9_999, created=NOW - 2 * DAY), post("M3", created=NOW - DAY),
       post("M4", chunks=2, created=NOW - DAY / 2))
    assert [stores.mailboxes.purge(NOW, 9)[0] for _ in range(4)] == [1, 2, 1, 0]


def test_one_mailbox_can_be_emptied(stores: Stores) -> None:
    """Others are left alone."""
    do(stores, post("M1"), post("M2", recipient="EVE"))
    assert stores.mailboxes.purge(NOW + DAY, 9, "BOB") == (1, [])
    assert (waiting(stores), waiting(stores, "EVE")) == ((), ("M2",))


def test_passwords(stores: Stores, again: Stores) -> None:
    """Another process has the newest; setting one raises the generation and is recorded."""
    before = stores.generation.current()
    stores.mailboxes.set_password("ALICE", "one", event(message_id="p1"))
    stores.mailboxes.set_password("BOB", "pass", event(message_id="p2"))
    assert again.mailboxes.passwords() == {"ALICE": "one", "BOB": "pass"}
    stores.mailboxes.set_password("ALICE", "two", event(message_id="p3"))
    assert again.mailboxes.passwords() == {"ALICE": "two", "BOB": "pass"}
    assert again.generation.current() == before + 3
    assert recorded(again) == ["p1", "p2", "p3"]


def test_a_password_is_forgotten(stores: Stores, again: Stores) -> None:
    """Once, with a record; what is not there is not recorded. Others stay."""
    stores.mailboxes.set_password("ALICE", "one", event(message_id="p1"))
    stores.mailboxes.set_password("BOB", "pass", event(message_id="p2"))
    before = again.generation.current()
    stores.mailboxes.forget_password("ALICE", event(message_id="p3"))
    assert (again.mailboxes.passwords(), again.generation.current() > before) == ({"BOB": "pass"}, True)
    stores.mailboxes.forget_password("ALICE", event(message_id="p4"))
    assert recorded(again) == ["p1", "p2", "p3"]


def test_who_is_waited_for(stores: Stores, again: Stores) -> None:
    """Mailboxes with messages or reports; reports can be forgotten by themselves."""
    assert again.mailboxes.waited_for() == []
    do(stores, post("M1"), post("M2", recipient="EVE"), post("M3", recipient="CAROL"), acknowledge("M3", "CAROL"))
    assert again.mailboxes.waited_for() == ["BOB", "EVE"]
    stores.mailboxes.expire(NOW, 9, told, "EVE")
    assert again.mailboxes.waited_for() == ["ALICE", "BOB"]
    do(stores, post("M4", sender="BOB", recipient="ALICE"))
    assert stores.mailboxes.purge(NOW + DAY, 9, "ALICE", reports_only=True) == (1, [])
    assert (waiting(stores, "ALICE"), waiting(stores)) == (("M4",), ("M1",))


def test_nothing_is_readable_at_rest(stores: Stores, database: Database) -> None:
    """Neither texts, nor bodies, nor keys of files, nor passwords."""
    do(stores, post("M1", local_id="secret-local", first=Chunk(1, 4, "", "i", b"secret-body")))
    stores.mailboxes.set_password("ALICE", "secret-password", event())
    with database.engine.connect() as connection:
        stored = [connection.execute(text(f"SELECT * FROM {table}")).all() for table in ("mailbox_messages", "mailbox_chunks", "mailbox_passwords")]
    assert b"secret" not in b"".join(bytes(value) for rows in stored for row in rows for value in row if isinstance(value, bytes | memoryview))
    assert "secret" not in repr([value for rows in stored for row in rows for value in row if isinstance(value, str)])


def test_a_row_that_was_exchanged_is_not_opened(stores: Stores, database: Database) -> None:
    """What is sealed belongs to its row."""
    do(stores, post("M1"), post("M2"))
    with database.engine.begin() as connection:
        for table, one, other in (("mailbox_messages", "M1", "M2"), ("mailbox_chunks", "M1/1", "M2/1")):
            connection.execute(text(f"UPDATE {table} SET sealed = (SELECT sealed FROM {table} WHERE id = :other) WHERE id = :one"), {"one": one, "other": other})
    with pytest.raises(WrongStoreKey):
        stores.mailboxes.message("M1")
    with pytest.raises(WrongStoreKey):
        stores.mailboxes.chunk("M1", 1)


def test_bodies_open_after_the_store_key_was_changed(url: str, stores: Stores, tmp_path: Path) -> None:
    """Large ones too: a file's key is the row's, so no file is written again."""
    writer = FileBodies(tmp_path).create()
    writer.write(b"x" * 300_000)
    written = writer.finish()
    do(stores, post("M1", first=written.as_chunk(1), local_id="L"))
    stores.mailboxes.set_password("ALICE", "one", event())
    new = b"n" * 32
    assert reseal(url, Sealer([new, STORE_KEY])) >= 3
    moved = open_stores(url, Sealer([new]))
    try:
        found = moved.mailboxes.chunk("M1", 1)
        assert found is not None
        assert b"".join(FileBodies(tmp_path).read(found)) == b"x" * 300_000
        assert moved.mailboxes.passwords() == {"ALICE": "one"}
        assert [one.id for one in moved.mailboxes.sent("ALICE", "L")] == ["M1"]
    finally:
        moved.close()
