"""Failed tries to sign in, on every database: what several nodes count together."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

from sqlalchemy import text

from wardgate.audit import Event
from wardgate.quotas.failed_tries import Tally, TryLimit
from wardgate.stores import Stores
from wardgate.stores.ports import Try
from wardgate.stores.sql.engine import Database

PERSON = TryLimit(free=3, first_wait_seconds=5, lock_after=6, lock_seconds=600, forget_seconds=3600)
SOURCE = TryLimit(free=5, first_wait_seconds=60, lock_after=6, lock_seconds=60, forget_seconds=60)
SECOND = timedelta(seconds=1)


def of(person: str, source: str = "source/1") -> list[Try]:
    """A try of a person from an address."""
    return [Try(person, PERSON), Try(source, SOURCE)]


def test_failures_are_counted_for_every_node(stores: Stores, again: Stores, now: datetime) -> None:
    """The fourth makes the next wait, wherever it comes from; the wait ends by itself."""
    for number, node in enumerate((stores, again, stores, again), 1):
        begun = node.failed_tries.begin(of("a"), now)
        assert begun.allowed
        assert begun.tallies[0] is not None
        assert begun.tallies[0].failures == number
    for node in (stores, again):
        refused = node.failed_tries.begin(of("a"), now + SECOND)
        assert not refused.allowed
        assert refused.tallies[0] == Tally(4, now + 5 * SECOND, now + 3600 * SECOND)
    assert stores.failed_tries.begin(of("b"), now).allowed
    assert again.failed_tries.begin(of("a"), now + 5 * SECOND).allowed


def test_a_refused_try_counts_nowhere(stores: Stores, now: datetime) -> None:
    """Not for the person whose source has to wait, nor for the source of a person who has to."""
    for number in range(6):
        assert stores.failed_tries.begin(of(f"person-{number}"), now).allowed
    refused = stores.failed_tries.begin(of("another"), now)
    assert (refused.allowed, refused.tallies[0]) == (False, None)
    assert list(stores.failed_tries.tallies(["another", "person-1"], now)) == [None, Tally(1, now, now + 3600 * SECOND)]
    for _ in range(4):
        stores.failed_tries.begin(of("locked", "source/2"), now)
    stores.failed_tries.begin(of("locked", "source/3"), now)
    assert list(stores.failed_tries.tallies(["source/3"], now)) == [None]


def test_a_right_try_forgets_and_gives_back(stores: Stores, again: Stores, now: datetime) -> None:
    """The person's failures go; of the source's, this one."""
    for _ in range(3):
        stores.failed_tries.begin(of("a"), now)
    again.failed_tries.succeed(["a"], of("a")[1:], now)
    person, source = stores.failed_tries.tallies(["a", "source/1"], now)
    assert person is None
    assert source is not None
    assert source.failures == 2
    stores.failed_tries.succeed([], of("nobody", "source/nobody"), now)
    assert list(stores.failed_tries.tallies(["nobody", "source/nobody"], now)) == [None, None]


def test_parallel_guesses_do_not_slip_past_the_count(stores: Stores, again: Stores, now: datetime) -> None:
    """Of 32 at once on two nodes, four are judged: the free ones, and the one after which everybody waits."""
    for round_number in range(5):
        start = Barrier(32)

        def guess(number: int, start: Barrier = start, person: str = f"person-{round_number}") -> bool:
            start.wait()
            return (stores if number % 2 else again).failed_tries.begin([Try(person, PERSON)], now).allowed

        with ThreadPoolExecutor(32) as pool:
            assert sum(pool.map(guess, range(32))) == 4
        (tally,) = stores.failed_tries.tallies([f"person-{round_number}"], now)
        assert tally is not None
        assert tally.failures == 4


def test_a_guess_through_many_names_is_counted_by_its_source(stores: Stores, again: Stores, now: datetime) -> None:
    """One password for everybody, all at once: six are judged."""
    start = Barrier(24)

    def guess(number: int) -> bool:
        start.wait()
        return (stores if number % 2 else again).failed_tries.begin(of(f"person-{number}"), now).allowed

    with ThreadPoolExecutor(24) as pool:
        assert sum(pool.map(guess, range(24))) == 6


def test_steps_about_the_same_keys_wait_for_each_other(stores: Stores, again: Stores, now: datetime) -> None:
    """Whatever the order in which they name keys, none is lost and none blocks another for ever."""
    wide = TryLimit(free=500, first_wait_seconds=1, lock_after=501, lock_seconds=1)
    tries = [Try("x", wide), Try("y", wide), Try("z", wide)]

    def count(number: int) -> None:
        node = stores if number % 2 else again
        node.failed_tries.begin(tries[number % 3:] + tries[:number % 3], now)
        if number % 4 == 0:
            node.failed_tries.succeed([], list(reversed(tries)), now)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(count, range(60)))
    assert [tally.failures for tally in stores.failed_tries.tallies(["x", "y", "z"], now) if tally is not None] == [45, 45, 45]


def test_an_operator_unlocks(stores: Stores, again: Stores, now: datetime, event: Event) -> None:
    """What was remembered is forgotten, and the event is in the record, in one step."""
    for _ in range(4):
        stores.failed_tries.begin(of("a"), now)
    before = stores.audit.head()
    assert again.failed_tries.unlock(["a", "b"], now, event) == 1
    assert stores.failed_tries.begin(of("a"), now).allowed
    after = stores.audit.head()
    assert after is not None
    assert after.seq == (before.seq if before is not None else 0) + 1
    assert again.failed_tries.unlock(["b"], now, event) == 0


def test_a_clock_set_back_is_corrected_in_the_store(stores: Stores, again: Stores, now: datetime) -> None:
    """The refused try leaves a wait that ends, seen from the new time."""
    for _ in range(4):
        stores.failed_tries.begin([Try("a", PERSON)], now)
    earlier = now - timedelta(days=2)
    assert not stores.failed_tries.begin([Try("a", PERSON)], earlier).allowed
    assert again.failed_tries.begin([Try("a", PERSON)], earlier + 5 * SECOND).allowed


def test_what_is_over_is_forgotten_and_purged(stores: Stores, again: Stores, now: datetime) -> None:
    """After an hour without a failure the count begins anew."""
    stores.failed_tries.begin([Try("a", PERSON), Try("b", TryLimit(3, 5, 6, 600, forget_seconds=7200))], now)
    later = now + timedelta(hours=1)
    assert [tally is None for tally in again.failed_tries.tallies(["a", "b"], later)] == [True, False]
    assert stores.failed_tries.purge(later) == 1
    begun = again.failed_tries.begin([Try("a", PERSON)], later)
    assert begun.tallies[0] is not None
    assert begun.tallies[0].failures == 1


def test_nobody_is_named_at_rest(stores: Stores, database: Database, now: datetime) -> None:
    """A user name may be an NHS number: it cannot be found in the table by trying all of them."""
    stores.failed_tries.begin(of("person/nhs-login/9912003071/password"), now)
    with database.engine.connect() as connection:
        keys = [bytes(row.key) for row in connection.execute(text("SELECT key FROM failed_tries"))]
    assert [len(key) for key in keys] == [32, 32]
    assert not any(b"9912003071" in key for key in keys)


def test_counting_goes_on_while_others_purge(stores: Stores, again: Stores, now: datetime) -> None:
    """A row that is purged between two tries is made anew; nothing fails."""
    steps: list[Callable[[], object]] = [
        lambda: stores.failed_tries.begin([Try("a", PERSON)], now), lambda: again.failed_tries.purge(now + timedelta(days=2))]
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(steps[number % 2]) for number in range(60)]:
            done.result()
