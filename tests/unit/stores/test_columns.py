"""Times in the database."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.stores.sql.columns import from_micros, to_micros


@given(at=st.datetimes(timezones=st.timezones()))
def test_round_trip_is_exact(at: datetime) -> None:
    """To the microsecond, from any zone, for any year."""
    assert from_micros(to_micros(at)) == at.astimezone(UTC)


def test_zone_does_not_matter() -> None:
    """One moment is one number."""
    at = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    assert to_micros(at) == to_micros(at.astimezone(timezone(timedelta(hours=5, minutes=30)))) == 1_795_253_400_000_000


def test_time_without_a_zone_is_refused() -> None:
    """Nobody knows which moment it is."""
    with pytest.raises(ValueError, match="time zone"):
        to_micros(datetime(2026, 11, 21))  # noqa: DTZ001 - the point of the test
