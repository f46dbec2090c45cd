"""A quota and a spike arrest (application-restricted 9)."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from wardgate.directory.model import Document, Flag, Whole


class TimeUnit(StrEnum):
    """The unit of a quota's interval."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


SECONDS: Final = {
    TimeUnit.MINUTE: 60,
    TimeUnit.HOUR: 3600,
    TimeUnit.DAY: 86400,
    TimeUnit.WEEK: 604800,
    TimeUnit.MONTH: 2592000,
}


class Quota(Document):
    """At most `limit` requests in every `interval` units."""

    limit: Annotated[Whole, Field(ge=1, le=1_000_000_000)]
    """How many requests."""
    interval: Annotated[Whole, Field(ge=1, le=1000)] = 1
    """How many time units the window is long."""
    timeunit: TimeUnit = TimeUnit.MINUTE
    """The unit of the interval; a month counts as 30 days."""
    enabled: Flag = True
    """false: not counted, as if the quota were absent."""

    @property
    def window_seconds(self) -> int:
        """The length of the window in seconds; a month counts as 30 days."""
        return self.interval * SECONDS[self.timeunit]


class SpikeArrest(Document):
    """A rate such as `5ps` or `300pm`, smoothed: 300pm is one request every 200 ms."""

    rate: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}(ps|pm)$")]
    """Requests per second (`ps`) or per minute (`pm`)."""
    enabled: Flag = True
    """false: not enforced, as if it were absent."""

    @property
    def per_second(self) -> float:
        """Requests per second."""
        number = int(self.rate[:-2])
        return float(number) if self.rate.endswith("ps") else number / 60


class RateLimits(Document):
    """The limits of one scope: an application at an API, or an API as a whole."""

    quota: Quota | None = None
    """How many requests in a window."""
    spike_arrest: SpikeArrest | None = None
    """How fast requests may follow each other."""
