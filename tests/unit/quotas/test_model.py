"""Quotas and spike arrests (application-restricted 9)."""

from typing import Any

import pytest
from pydantic import ValidationError

from wardgate.quotas import Quota, SpikeArrest, TimeUnit
from wardgate.quotas.model import SECONDS


@pytest.mark.parametrize(("interval", "unit", "seconds"), [
    (1, "minute", 60), (5, "minute", 300), (1, "hour", 3600), (2, "day", 172800), (1, "week", 604800), (1, "month", 2592000)])
def test_windows(interval: int, unit: str, seconds: int) -> None:
    """A window is interval times unit."""
    assert Quota(limit=1, interval=interval, timeunit=TimeUnit(unit)).window_seconds == seconds


def test_every_unit_has_a_length() -> None:
    """The table of seconds has every unit."""
    assert set(SECONDS) == set(TimeUnit)


@pytest.mark.parametrize(("rate", "per_second"), [("5ps", 5.0), ("300pm", 5.0), ("6pm", 0.1), ("999999999ps", 999999999.0)])
def test_rates(rate: str, per_second: float) -> None:
    """300pm is one request every 200 ms."""
    assert SpikeArrest(rate=rate).per_second == pytest.approx(per_second)


@pytest.mark.parametrize("rate", ["0ps", "5", "5ph", "05ps", "-5ps", "5 ps", "1.5ps", "9999999999ps", "5PS", ""])
def test_refused_rates(rate: str) -> None:
    """The platform's pattern, with at most nine digits."""
    with pytest.raises(ValidationError):
        SpikeArrest(rate=rate)


@pytest.mark.parametrize("changes", [{"limit": 0}, {"limit": 10**9 + 1}, {"limit": "5"}, {"limit": 1.0}, {"limit": True},
                                     {"interval": 0}, {"interval": 1001}, {"timeunit": "second"}, {"enabled": "no"}])
def test_refused_quotas(changes: dict[str, Any]) -> None:
    """Whole numbers within bounds, written as numbers."""
    with pytest.raises(ValidationError):
        Quota.model_validate({"limit": 1} | changes)
