"""Small things that end by themselves, on every database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

from sqlalchemy import text

from wardgate.stores import Stores
from wardgate.stores.ports import KeptEntry
from wardgate.stores.sql.engine import Database

MINUTE = timedelta(minutes=1)


def entry(name: str, now: datetime, body: str = "{}", head: str | None = None) -> KeptEntry:
    """An entry of a minute."""
    return KeptEntry(name, body, now + MINUTE, head)


def test_an_entry_is_kept_for_its_time(stores: Stores, again: Stores, now: datetime) -> None:
    """Another process reads it until its end, not after; putting it again replaces it."""
    assert stores.kept.put([entry("a", now, "one")])
    assert again.kept.get("a", now) == entry("a", now, "one")
    assert again.kept.get("a", now + MINUTE) is None
    assert again.kept.get("b", now) is None
    stores.kept.put([KeptEntry("a", "two", now + 2 * MINUTE)])
    assert again.kept.get("a", now + MINUTE) == KeptEntry("a", "two", now + 2 * MINUTE)


def test_nothing_is_readable_at_rest(stores: Stores, database: Database, now: datetime) -> None:
    """Neither the id, which may be a cookie or a code, nor the body."""
    stores.kept.put([entry("secret-id", now, "secret-body", "secret-head")])
    with database.engine.connect() as connection:
        row = connection.execute(text("SELECT id, head, sealed FROM kept")).one()
    assert b"secret" not in row.id.encode() + row.head.encode() + bytes(row.sealed)


def test_an_entry_is_taken_once(stores: Stores, again: Stores, now: datetime) -> None:
    """Of many callers at once, on two connections, one gets it; what is over nobody gets."""
    stores.kept.put([entry("code", now), entry("late", now)])
    start = Barrier(8)

    def take(number: int) -> bool:
        start.wait()
        return (stores if number % 2 else again).kept.take("code", now) is not None

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(take, range(8))) == [False] * 7 + [True]
    assert stores.kept.take("late", now + MINUTE) is None


def test_what_depends_on_an_entry_ends_with_it(stores: Stores, again: Stores, now: datetime) -> None:
    """Ending a session forgets it and its tokens, and tells them; nothing can be added to it afterwards."""
    stores.kept.put([entry("session", now, "head"), entry("other", now), entry("unrelated", now, head="other")])
    assert stores.kept.put([entry("t1", now, "1", "session"), entry("t2", now, "2", "session")], "session")
    assert sorted(one.body for one in again.kept.end("session", now)) == ["1", "2"]
    assert [stores.kept.get(name, now) for name in ("session", "t1", "t2")] == [None] * 3
    assert not stores.kept.put([entry("t3", now, head="session")], "session")
    assert stores.kept.get("t3", now) is None
    assert stores.kept.get("unrelated", now) is not None
    assert list(again.kept.end("session", now)) == []


def test_ending_and_adding_at_once_leaves_nothing(stores: Stores, again: Stores, now: datetime) -> None:
    """Whatever the order, no token outlives its session."""
    for number in range(10):
        head = f"session-{number}"
        stores.kept.put([entry(head, now)])
        start = Barrier(2)

        def at_once(step: Callable[[], object], start: Barrier = start) -> object:
            start.wait()
            return step()

        with ThreadPoolExecutor(2) as pool:
            put = pool.submit(at_once, lambda head=head: stores.kept.put([entry(f"token-{head}", now, head=head)], head))
            ended = pool.submit(at_once, lambda head=head: again.kept.end(head, now))
            put.result()
            ended.result()
        assert stores.kept.get(f"token-{head}", now) is None


def test_what_is_over_is_purged(stores: Stores, now: datetime) -> None:
    """And nothing else."""
    stores.kept.put([entry("a", now), KeptEntry("b", "{}", now + 2 * MINUTE)])
    assert stores.kept.purge(now + MINUTE) == 1
    assert stores.kept.get("b", now) is not None


def test_a_value_can_be_replaced_and_forgotten(stores: Stores, again: Stores) -> None:
    """A client's secret changes, and goes with the client."""
    stores.values.put("secret", "one")
    stores.values.put("secret", "two")
    assert again.values.get("secret") == "two"
    assert again.values.set_if_absent("secret", "three") == "two"
    stores.values.put("secret", None)
    assert again.values.get("secret") is None
