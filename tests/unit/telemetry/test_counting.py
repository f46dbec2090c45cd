"""Tests of `telemetry.counting`: which calls fall into which windows, and which windows are full."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.audit.model import Event, EventType
from wardgate.quotas import Quota
from wardgate.stores.ports import QuotaCount
from wardgate.telemetry.counting import count, long_quota, over, window_start

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOURLY = Quota(limit=2, timeunit="hour")


def allowed(at: datetime, application: str | None = "a", api: str = "x", kind: EventType = EventType.CALL_ALLOWED) -> Event:
    """Return a call."""
    return Event(kind, at, application=application, details={"api": api})


@pytest.mark.parametrize(("quota", "is_long"), [
    (None, False), (Quota(limit=1), False), (Quota(limit=1, interval=2), True), (Quota(limit=1, timeunit="hour"), True),
    (Quota(limit=1, timeunit="month"), True), (Quota(limit=1, timeunit="hour", enabled=False), False),
])
def test_long_is_longer_than_envoy_counts(quota: Any, is_long: bool) -> None:
    """Up to a minute Envoy counts; a quota that is off is not counted."""
    assert (long_quota(quota) is not None) == is_long


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.sampled_from([120, 3600, 86_400, 604_800, 2_592_000]))  # noqa: DTZ001 - made aware below
def test_windows_hold_their_moment_and_meet(naive: datetime, seconds: int) -> None:
    """A window begins at or before its moment, less than its length ago, at a multiple of its length."""
    at = naive.replace(tzinfo=UTC)
    start = window_start(at, seconds)
    assert start <= at < start + timedelta(seconds=seconds)
    assert start.timestamp() % seconds == 0
    assert window_start(start, seconds) == start


def test_calls_are_counted_for_the_application_and_for_everyone() -> None:
    """By window; refused calls, other APIs and other applications do not count."""
    quotas = {("a", "x"): HOURLY, ("", "x"): Quota(limit=100, timeunit="day")}
    counted = count([
        allowed(NOON), allowed(NOON + timedelta(minutes=59)), allowed(NOON + timedelta(hours=1)), allowed(NOON, "b"), allowed(NOON, None),
        allowed(NOON, api="y"), allowed(NOON, kind=EventType.CALL_REFUSED), allowed(NOON, kind=EventType.CALL_DECIDED),
    ], quotas)
    midnight = NOON.replace(hour=0)
    assert sorted(counted, key=lambda entry: (entry.application, entry.window_start)) == [
        QuotaCount("", "x", 86_400, midnight, 5), QuotaCount("a", "x", 3600, NOON, 2), QuotaCount("a", "x", 3600, NOON + timedelta(hours=1), 1),
    ]
    assert count([allowed(NOON)], {}) == []


def test_a_full_window_is_over_until_its_end() -> None:
    """At the limit, not above it: that many were let through. A count of another length or of nobody's quota is none."""
    quotas = {("a", "x"): HOURLY}
    full = QuotaCount("a", "x", 3600, NOON, 2)
    assert over([full], quotas) == {("a", "x"): NOON + timedelta(hours=1)}
    for other in (QuotaCount("a", "x", 3600, NOON, 1), QuotaCount("a", "x", 86_400, NOON, 9), QuotaCount("b", "x", 3600, NOON, 9)):
        assert over([other], quotas) == {}
