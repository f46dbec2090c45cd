"""What must reach somebody else, on every database."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import text

from wardgate.stores import Stores
from wardgate.stores.ports import KeptEntry, Parcel
from wardgate.stores.sql.engine import Database

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def end(stores: Stores, now: datetime, *parcels: Parcel, head: str = "session") -> None:
    """End a session that has one entry, putting these into the outbox."""
    stores.kept.put([KeptEntry(head, "{}", now + MINUTE), KeptEntry(f"of-{head}", "told", now + MINUTE, head)])
    stores.kept.end(head, now, lambda _ended: parcels)


def test_what_is_put_in_is_taken_when_it_is_due(stores: Stores, again: Stores, now: datetime) -> None:
    """By another process as well; the soonest when it asks for fewer; each attempt counted."""
    end(stores, now, Parcel("late", "3", now + MINUTE), Parcel("second", "2", now), Parcel("first", "1", now - SECOND))
    assert [one.body for one in again.outbox.take(now, now + SECOND, 1)] == ["1"]
    assert list(stores.outbox.take(now, now + SECOND, 9)) == [Parcel("second", "2", now + SECOND, 1)]
    assert list(again.outbox.take(now, now + SECOND, 9)) == []
    taken = stores.outbox.take(now + MINUTE, now + 2 * MINUTE, 9)
    assert sorted((one.id, one.attempts) for one in taken) == [("first", 2), ("late", 1), ("second", 2)]


def test_a_taker_that_vanishes_leaves_it_to_the_next(stores: Stores, again: Stores, now: datetime) -> None:
    """After its time, not before."""
    end(stores, now, Parcel("a", "x", now))
    assert len(stores.outbox.take(now, now + MINUTE, 9)) == 1
    assert list(again.outbox.take(now + MINUTE - SECOND, now + 2 * MINUTE, 9)) == []
    assert list(again.outbox.take(now + MINUTE, now + 2 * MINUTE, 9)) == [Parcel("a", "x", now + 2 * MINUTE, 2)]


def test_one_that_is_postponed_and_one_that_is_removed(stores: Stores, again: Stores, now: datetime) -> None:
    """The first comes again at its new time, the second never."""
    end(stores, now, Parcel("a", "x", now), Parcel("b", "y", now))
    stores.outbox.take(now, now + MINUTE, 9)
    stores.outbox.postpone("a", now + SECOND)
    stores.outbox.remove("b")
    assert list(again.outbox.take(now, now + MINUTE, 9)) == []
    assert [one.id for one in again.outbox.take(now + SECOND, now + MINUTE, 9)] == ["a"]
    assert [one.id for one in again.outbox.take(now + MINUTE, now + 2 * MINUTE, 9)] == ["a"]


def test_one_taker_gets_it(stores: Stores, again: Stores, now: datetime) -> None:
    """Of many at once, on two connections, each parcel goes to one."""
    end(stores, now, *[Parcel(f"p{number}", "x", now) for number in range(12)])
    start = Barrier(6)

    def take(number: int) -> list[str]:
        start.wait()
        return [one.id for one in (stores if number % 2 else again).outbox.take(now, now + MINUTE, 5)]

    with ThreadPoolExecutor(6) as pool:
        taken = [name for names in pool.map(take, range(6)) for name in names]
    assert sorted(set(taken)) == sorted(taken)
    rest = [one.id for one in stores.outbox.take(now, now + MINUTE, 99)]
    assert sorted([*taken, *rest]) == sorted(f"p{number}" for number in range(12))


def test_it_is_put_in_with_its_reason_or_not_at_all(stores: Stores, again: Stores, now: datetime) -> None:
    """What the step learns is what the parcels are made of; when making them fails, the session goes on."""
    def made_of(ended: Sequence[KeptEntry]) -> list[Parcel]:
        return [Parcel(f"for-{one.body}", one.body, now) for one in ended]

    def fails(_ended: Sequence[KeptEntry]) -> list[Parcel]:
        raise RuntimeError("no parcel")

    stores.kept.put([KeptEntry("s", "{}", now + MINUTE), KeptEntry("t", "told", now + MINUTE, "s"), KeptEntry("u", "over", now, "s")])
    with pytest.raises(RuntimeError, match="no parcel"):
        stores.kept.end("s", now, fails)
    assert again.kept.get("t", now) is not None
    assert [one.body for one in stores.kept.end("s", now, made_of)] == ["told"]
    assert [one.id for one in again.outbox.take(now, now + MINUTE, 9)] == ["for-told"]
    assert [one.body for one in stores.kept.end("s", now, made_of)] == []


def test_nothing_is_readable_at_rest(stores: Stores, database: Database, now: datetime) -> None:
    """A parcel says who signed out."""
    end(stores, now, Parcel("a", "secret-body", now))
    with database.engine.connect() as connection:
        assert b"secret" not in bytes(connection.execute(text("SELECT sealed FROM outbox")).scalar_one())
