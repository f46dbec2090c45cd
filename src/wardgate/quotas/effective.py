"""Which limits hold for an application at an API (application-restricted 9)."""

from collections.abc import Iterable
from typing import Final

from wardgate.quotas.model import Quota, RateLimits

PLATFORM_DEFAULT: Final = RateLimits(quota=Quota(limit=300))
"""5 transactions a second, counted as 300 a minute, per application per API."""


def effective(
    application: RateLimits | None, products: Iterable[RateLimits | None], environment: RateLimits | None
) -> RateLimits:
    """Return the application's own limits, else the most generous of its products', else the environment's, else the platform's.

    Each of quota and spike arrest is chosen by itself: a product that states only a spike arrest leaves the quota alone.
    """
    default = environment or PLATFORM_DEFAULT
    stated = [limits for limits in products if limits is not None]
    own = application or RateLimits()
    quotas = [limits.quota for limits in stated if limits.quota is not None]
    spikes = [limits.spike_arrest for limits in stated if limits.spike_arrest is not None]
    return RateLimits(
        quota=own.quota or max(quotas, key=lambda quota: quota.limit / quota.window_seconds, default=default.quota),
        spike_arrest=own.spike_arrest or max(spikes, key=lambda spike: spike.per_second, default=default.spike_arrest),
    )
