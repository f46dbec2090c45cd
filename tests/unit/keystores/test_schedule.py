"""When a signing key signs, and until when it is believed."""

from datetime import UTC, datetime, timedelta

import pytest

from wardgate.keystores.schedule import Rotation, is_due, published, sign_from, signing, verify_until
from wardgate.stores.ports import SigningKey

NOW = datetime(2026, 11, 21, 9, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ROTATION = Rotation()


def key(kid: str, signs_from: datetime, until: datetime | None = None) -> SigningKey:
    """A key; its PEM is of no interest here."""
    return SigningKey(kid, "access-token", "", signs_from, signs_from, until)


def test_first_key_signs_at_once() -> None:
    """Nothing was signed before it, so nobody has to learn of it first."""
    assert is_due([], NOW, ROTATION)
    assert sign_from([], NOW, ROTATION) <= NOW
    assert signing([key("a", sign_from([], NOW, ROTATION))], NOW) is not None


def test_next_key_is_published_before_it_signs() -> None:
    """It is due a notice before the month is up, and signs after the notice."""
    keys = [key("a", NOW)]
    due = NOW + 29 * DAY
    assert not is_due(keys, due - timedelta(seconds=1), ROTATION)
    assert is_due(keys, due, ROTATION)
    starts = sign_from(keys, due, ROTATION)
    assert DAY <= starts - due <= DAY + timedelta(seconds=60)
    keys.append(key("b", starts))
    assert not is_due(keys, due, ROTATION)
    before, after = signing(keys, starts - timedelta(microseconds=1)), signing(keys, starts)
    assert (before and before.kid, after and after.kid) == ("a", "b")


def test_old_key_is_believed_until_its_last_token_is_over() -> None:
    """Its last signing time, the life of a token, and the skew."""
    starts = NOW + DAY
    until = verify_until(starts, Rotation(token_seconds=600, skew_seconds=60))
    assert until == starts + timedelta(seconds=660)
    keys = [key("a", NOW, until), key("b", starts)]
    assert [k.kid for k in published(keys, until - timedelta(microseconds=1))] == ["a", "b"]
    assert [k.kid for k in published(keys, until)] == ["b"]


def test_a_server_that_was_off_for_long_keeps_the_notice() -> None:
    """A year later the old key still signs until the new one was published long enough."""
    keys = [key("a", NOW)]
    late = NOW + 365 * DAY
    assert is_due(keys, late, ROTATION)
    assert sign_from(keys, late, ROTATION) >= late + DAY


def test_no_key_signs_when_all_are_over() -> None:
    """A retired key does not come back; a new one may sign at once."""
    keys = [key("a", NOW - DAY, NOW)]
    assert signing(keys, NOW) is None
    assert is_due(keys, NOW, ROTATION)
    assert sign_from(keys, NOW, ROTATION) <= NOW


def test_processes_that_rotate_within_a_minute_agree() -> None:
    """The store takes one key per moment, so one of them wins."""
    keys = [key("a", NOW)]
    assert sign_from(keys, NOW, ROTATION) == sign_from(keys, NOW + timedelta(seconds=30), ROTATION)


@pytest.mark.parametrize("times", [{"every_seconds": 0}, {"token_seconds": 0}, {"overlap_seconds": -1}, {"skew_seconds": -1}, {"every_seconds": 60, "overlap_seconds": 60}])
def test_impossible_times_are_refused(times: dict[str, int]) -> None:
    """A key signs longer than it is announced, and no time is negative."""
    with pytest.raises(ValueError, match=r"times are positive|less time"):
        Rotation(**times)
