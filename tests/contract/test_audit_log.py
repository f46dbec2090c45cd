"""The audit log on every database: order, finding, reading files once, several writers."""

import threading
from datetime import datetime, timedelta

import pytest

from wardgate.audit import Event, EventType, Outcome, Patient, Personal
from wardgate.audit.chain import GENESIS, verify
from wardgate.stores import AlreadyExists, Stores, WrongStoreKey
from wardgate.stores.ports import AuditRecord, Checkpoint, QuotaCount


def call(now: datetime, number: int, **more: str) -> Event:
    """An allowed call."""
    ids = {"message_id": f"m{number}"} | more
    return Event(EventType.CALL_ALLOWED, now, Outcome.ALLOWED, application="demo-app", **ids)


def test_empty_log(stores: Stores) -> None:
    """Nothing was recorded: no head, nothing to read or find."""
    assert stores.audit.head() is None
    assert (stores.audit.read(0, 9), stores.audit.last(9), stores.audit.find("m1"), stores.audit.append([])) == ([], [], [], [])
    assert (stores.audit.checkpoints(), stores.audit.offset_of("log")) == ([], 0)


def test_records_are_numbered_and_chained(stores: Stores, again: Stores, now: datetime) -> None:
    """Numbers rise from 1 without a gap, across batches and openings, and the chain holds."""
    first = stores.audit.append([call(now, 1), call(now, 2)])
    second = again.audit.append([call(now, number) for number in range(3, 300)])
    assert [record.seq for record in (*first, *second)] == list(range(1, 300))
    read = stores.audit.read(0, 1000)
    assert list(read) == [*first, *second]
    assert verify(read).intact
    assert stores.audit.head() == read[-1]
    assert list(stores.audit.read(297, 1)) == [read[297]]
    assert list(stores.audit.last(2)) == list(read[-2:])


def test_body_is_redacted(stores: Stores, now: datetime) -> None:
    """A personal value is stored as a keyed hash, the same one each time."""
    event = Event(EventType.CALL_ALLOWED, now, details={"patient": Personal("9990000001"), "path": "/x\u0000é😀"})
    one, two = stores.audit.append([event, event])
    assert "9990000001" not in one.body
    assert one.body == two.body
    assert stores.audit.read(0, 1)[0].body == one.body


def test_records_about_a_patient_are_found_by_the_keyed_hash(stores: Stores, now: datetime) -> None:
    """Only records of which a patient is the subject are found, in order and page by page, under none of the other ids."""
    about = [Event(EventType.CALL_ALLOWED, now, details={"patient": Patient("9990000018"), "patient_2": Patient("9990000026")})] * 3
    others = [call(now, number) for number in range(1, 1500)]
    others[7] = Event(EventType.CALL_ALLOWED, now, details={"user": Personal("9990000018")})
    stores.audit.append([about[0], *others, about[1], about[2]])
    found = stores.audit.personal_hash("9990000018")
    assert [record.seq for record in stores.audit.about(found, 0, 100)] == [1, 1501, 1502]
    assert [record.seq for record in stores.audit.about(found, 1, 1)] == [1501]
    assert [record.seq for record in stores.audit.about(stores.audit.personal_hash("9990000026"), 1501, 9)] == [1502]
    assert (stores.audit.about(stores.audit.personal_hash("9990000034"), 0, 9), stores.audit.find(found), stores.audit.find(f"patient\n{found}")) == ([], [], [])
    assert "9990000018" not in "".join(record.body for record in stores.audit.read(0, 2000))


def test_details_go_through_other_hands_concealed(stores: Stores, again: Stores) -> None:
    """Details come back as they were, types too; in between nothing of them can be read, and a changed text is refused."""
    details = {"from_asid": "200000000115", "user": Personal("555000000101"), "patient": Patient("9990000018"), "n": 3, "yes": True, "none": None}
    concealed = stores.audit.conceal(details)
    assert concealed.isascii()
    assert not any(part in concealed for part in ("9990000018", "200000000115"))
    assert again.audit.reveal(concealed) == {name: value for name, value in details.items() if value is not None}
    for bad in ("", "x", concealed[:-6], concealed[:80] + ("A" if concealed[80] != "A" else "B") + concealed[81:]):
        with pytest.raises(WrongStoreKey):
            stores.audit.reveal(bad)


def test_find_by_any_id(stores: Stores, now: datetime) -> None:
    """Message, request and correlation id all lead to the record; a part of an id does not."""
    stores.audit.append([
        call(now, 1, request_id="r", correlation_id="c"), call(now, 2, request_id="c"), call(now, 3, request_id="x" * 2000),
    ])
    assert [record.seq for record in stores.audit.find("m1")] == [1]
    assert [record.seq for record in stores.audit.find("r")] == [1]
    assert [record.seq for record in stores.audit.find("c")] == [1, 2]
    assert [record.seq for record in stores.audit.find("x" * 2000)] == [3]
    assert (stores.audit.find("m"), stores.audit.find(""), stores.audit.find("m'1")) == ([], [], [])


def test_find_by_trace(stores: Stores, now: datetime) -> None:
    """The id that a system gave its call leads to the record; another detail of the same text does not."""
    stores.audit.append([
        Event(EventType.CALL_ALLOWED, now, details={"trace": "t"}), Event(EventType.CALL_ALLOWED, now, details={"interaction": "t"}),
    ])  # fmt: skip
    assert [record.seq for record in stores.audit.find("t")] == [1]


def test_find_reaches_every_bucket_and_stops_at_a_hundred(stores: Stores, now: datetime) -> None:
    """An id is found wherever it lies in a log of several thousand records."""
    for start in range(1, 3001, 1000):
        stores.audit.append([call(now, number, request_id="all") for number in range(start, start + 1000)])
    for number in (1, 1023, 1024, 2047, 2048, 3000):
        assert [record.seq for record in stores.audit.find(f"m{number}")] == [number]
    assert [record.seq for record in stores.audit.find("all")] == list(range(1, 101))


def test_a_log_file_is_read_once(stores: Stores, again: Stores, now: datetime) -> None:
    """A repeat of the same offset, as after a crash, changes neither the chain nor the counts."""
    counts = [QuotaCount("demo-app", "hello", 86_400, now, 2)]
    for store in (stores, again):
        store.audit.append_from("envoy-1", 500, [call(now, 1), call(now, 2)], counts)
    assert stores.audit.offset_of("envoy-1") == 500
    assert len(stores.audit.read(0, 10)) == 2
    stores.audit.append_from("envoy-1", 900, [], counts)
    stores.audit.append_from("envoy-2", 100, [call(now, 3)], [])
    assert [store.audit.offset_of(name) for store in (stores, again) for name in ("envoy-1", "envoy-2")] == [900, 100] * 2
    assert [(count.used, count.window_start) for count in again.quotas.used(now)] == [(4, now)]


def test_a_failed_append_from_moves_nothing(stores: Stores, now: datetime) -> None:
    """Events, counts and offset are one step."""
    bad = call(now, 2)
    object.__setattr__(bad, "at", now.replace(tzinfo=None))
    with pytest.raises(ValueError, match="time zone"):
        stores.audit.append_from("envoy-1", 500, [call(now, 1), bad], [QuotaCount("a", "b", 60, now, 1)])
    assert (stores.audit.offset_of("envoy-1"), stores.audit.head(), stores.quotas.used(now)) == (0, None, [])


def test_checkpoints_are_kept_in_order(stores: Stores, now: datetime) -> None:
    """One per number; a second for the same number is refused."""
    later = Checkpoint(20, now + timedelta(seconds=60), "b" * 64, "x.y.w")
    first = Checkpoint(10, now, "a" * 64, "x.y.z")
    stores.audit.add_checkpoint(later)
    stores.audit.add_checkpoint(first)
    assert list(stores.audit.checkpoints()) == [first, later]
    with pytest.raises(AlreadyExists):
        stores.audit.add_checkpoint(later)


def test_several_writers_keep_one_chain(stores: Stores, again: Stores, now: datetime) -> None:
    """Eight threads on two openings append at once: no gap, no fork, nothing lost."""
    appended: list[AuditRecord] = []

    def append(which: int) -> None:
        for number in range(10):
            log = (stores, again)[which % 2].audit
            appended.extend(log.append([call(now, which * 100 + number), call(now, which * 100 + 50 + number)]))

    threads = [threading.Thread(target=append, args=(which,)) for which in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read = list(stores.audit.read(0, 1000))
    assert sorted(appended, key=lambda record: record.seq) == read
    assert len(read) == 160
    assert verify(read).intact
    assert GENESIS not in {record.hash for record in read}
