"""How long the next try waits: every sequence of short tries, and any sequence of steps of the clock."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.quotas.failed_tries import Begun, Tally, TryLimit, begin, give_back

NOW = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)
LIMIT = TryLimit(free=3, first_wait_seconds=5, lock_after=10, lock_seconds=1800)
SMALL = TryLimit(free=1, first_wait_seconds=2, lock_after=4, lock_seconds=8, forget_seconds=20)


def seconds(number: float) -> timedelta:
    """So many seconds."""
    return timedelta(seconds=number)


def test_the_waits_grow_until_the_lock_out() -> None:
    """Three free failures, then 5 s doubling, then half an hour each time."""
    assert [LIMIT.wait_seconds(failures) for failures in range(13)] == [0, 0, 0, 0, 5, 10, 20, 40, 80, 160, 1800, 1800, 1800]
    assert [failures for failures in range(13) if LIMIT.locks(failures)] == [10, 11, 12]


def test_a_wait_is_never_longer_than_the_lock_out() -> None:
    """However many failures there may be before it."""
    patient = TryLimit(free=0, first_wait_seconds=60, lock_after=100, lock_seconds=600)
    assert max(patient.wait_seconds(failures) for failures in range(200)) == 600
    assert patient.wait_seconds(10**9) == 600


@pytest.mark.parametrize("wrong", [{"free": -1}, {"free": 10}, {"first_wait_seconds": 0}, {"lock_seconds": 0}, {"forget_seconds": 0}])
def test_limits_that_limit_nothing_are_refused(wrong: dict[str, Any]) -> None:
    """A wait of no seconds, a lock-out that never comes."""
    with pytest.raises(ValueError, match="a limit has"):
        TryLimit(**({"free": 3, "first_wait_seconds": 5, "lock_after": 10, "lock_seconds": 60} | wrong))


def test_a_try_counts_before_it_is_judged() -> None:
    """Each that begins is one failure more, until one has to wait; that one does not count."""
    tally: Tally | None = None
    for failures in (1, 2, 3, 4):
        begun = begin(tally, LIMIT, NOW)
        assert begun.allowed
        tally = begun.tally
        assert tally.failures == failures
    refused = begin(tally, LIMIT, NOW + seconds(4.9))
    assert refused == Begun(False, tally)  # type: ignore[arg-type]  # it is a tally by now
    assert begin(tally, LIMIT, NOW + seconds(5)).tally.failures == 5


def test_a_lock_out_ends_by_itself_and_the_next_failure_locks_again() -> None:
    """One try each half hour, until a day has passed without one."""
    locked = Tally(10, NOW + seconds(1800), NOW + timedelta(days=1))
    assert not begin(locked, LIMIT, NOW + seconds(1799)).allowed
    again = begin(locked, LIMIT, NOW + seconds(1800))
    assert again.allowed
    assert again.tally == Tally(11, NOW + seconds(3600), NOW + seconds(1800) + timedelta(days=1))
    assert begin(locked, LIMIT, NOW + timedelta(days=1)).tally.failures == 1


def test_what_was_right_is_given_back() -> None:
    """One failure less; below the first wait nobody waits; the last one leaves nothing."""
    assert give_back(None, LIMIT, NOW) is None
    assert give_back(Tally(1, NOW, NOW + seconds(60)), LIMIT, NOW) is None
    assert give_back(Tally(5, NOW, NOW), LIMIT, NOW) is None
    assert give_back(Tally(4, NOW + seconds(5), NOW + seconds(60)), LIMIT, NOW) == Tally(3, NOW, NOW + seconds(60))
    assert give_back(Tally(6, NOW + seconds(20), NOW + seconds(60)), LIMIT, NOW) == Tally(5, NOW + seconds(20), NOW + seconds(60))


@pytest.mark.parametrize("back", [timedelta(minutes=1), timedelta(days=1), timedelta(days=4000)])
def test_a_clock_that_is_set_back_lengthens_no_wait(back: timedelta) -> None:
    """From the new time, nobody waits longer than their failures give; the try after that is judged."""
    locked = Tally(10, NOW + seconds(1800), NOW + timedelta(days=1))
    refused = begin(locked, LIMIT, NOW - back)
    assert not refused.allowed
    assert refused.tally.open_from == NOW - back + seconds(1800)
    assert refused.tally.until == NOW - back + timedelta(days=1)
    assert begin(refused.tally, LIMIT, NOW - back + seconds(1800)).allowed


def test_a_clock_that_is_set_forward_ends_waits() -> None:
    """As a virtual clock does on purpose."""
    assert begin(Tally(10, NOW + seconds(1800), NOW + timedelta(days=1)), LIMIT, NOW + timedelta(hours=1)).tally.failures == 11


def test_a_limit_that_became_milder_holds_at_once() -> None:
    """A wait that the new limit does not give is not served."""
    assert begin(Tally(2, NOW + seconds(100), NOW + seconds(200)), LIMIT, NOW).allowed


def test_every_way_of_trying_for_twelve_seconds() -> None:
    """All 4096 choices of trying or not in each second: never more judged tries than the waits allow, and none is refused early."""
    for tries in product((False, True), repeat=12):
        tally: Tally | None = None
        judged: list[int] = []
        for second, trying in enumerate(tries):
            if not trying:
                continue
            begun = begin(tally, SMALL, NOW + seconds(second))
            allowed = not judged or second - judged[-1] >= SMALL.wait_seconds(len(judged))
            assert begun.allowed is allowed
            tally = begun.tally
            if allowed:
                judged.append(second)
                assert tally.failures == len(judged)


@given(st.lists(st.tuples(st.integers(-100, 100), st.sampled_from(["try", "right"])), max_size=60))
def test_any_steps_of_the_clock(steps: list[tuple[int, str]]) -> None:
    """However the clock moves, no wait from now exceeds the lock-out, counts rise by one, and memory ends."""
    now, tally = NOW, None
    for step, what in steps:
        now += seconds(step)
        if what == "right":
            before = tally.failures if tally is not None and tally.until > now else 0
            tally = give_back(tally, SMALL, now)
            assert (tally.failures if tally is not None else 0) == max(0, before - 1)
            continue
        before = tally.failures if tally is not None and tally.until > now else 0
        begun = begin(tally, SMALL, now)
        tally = begun.tally
        assert tally.failures == before + begun.allowed
        assert tally.open_from - now <= seconds(SMALL.lock_seconds)
        assert tally.until - now <= seconds(SMALL.forget_seconds)
        assert begun.allowed or tally.open_from > now
