"""Rate limits in Envoy: four counters, each its own filter, so that the answer can name the one exceeded.

application-restricted 9. Buckets are per Envoy: with N Envoys a caller can get up to N times the limit. A bucket refills
smoothly. Windows longer than a minute are counted in the store and refused by the overlay instead.
NOTE: any update of such a resource refills its buckets, so these change only when limits change.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from wardgate.dataplane.resources.envoy import HTTP, JSON, PROXIED_CLIENT, Filter, duration
from wardgate.quotas import Quota, RateLimits, SpikeArrest
from wardgate.security_patterns.snapshot import Snapshot

LONGEST_BUCKET_SECONDS: Final = 60
SHORTEST_FILL_SECONDS: Final = 0.05
UNLIMITED: Final[JSON] = {"max_tokens": 1_000_000_000, "tokens_per_fill": 1_000_000_000, "fill_interval": "1s"}
DYNAMIC_BUCKETS: Final = 50_000


@dataclass(frozen=True, slots=True)
class Counter:
    """One of the four: which filter, the marker status Envoy answers with, and the reason it stands for."""

    filter: Filter
    status: str
    code: int
    reason: str
    retry_after_seconds: int


COUNTERS: Final = (
    Counter(Filter.APPLICATION_QUOTA, "TooManyRequests", 429, "application-quota-exceeded", 60),
    Counter(Filter.APPLICATION_SPIKE, "InsufficientStorage", 507, "application-spike", 1),
    Counter(Filter.API_QUOTA, "LoopDetected", 508, "api-quota-exceeded", 60),
    Counter(Filter.API_SPIKE, "NetworkAuthenticationRequired", 511, "api-spike", 1),
)
"""The marker statuses tell the mappers which filter refused; every one leaves as 429."""

_API_ACTION: Final[JSON] = {
    "metadata": {"descriptor_key": "api", "metadata_key": {"key": "wardgate", "path": [{"key": "api"}]}, "source": "ROUTE_ENTRY"}
}
_CLIENT_ACTION: Final[JSON] = {"request_headers": {"header_name": PROXIED_CLIENT, "descriptor_key": "client"}}


def quota_bucket(quota: Quota | None) -> JSON | None:
    """Return the bucket of a quota whose window Envoy can count, else None."""
    if quota is None or not quota.enabled or quota.window_seconds > LONGEST_BUCKET_SECONDS:
        return None
    return {"max_tokens": quota.limit, "tokens_per_fill": quota.limit, "fill_interval": duration(quota.window_seconds)}


def spike_bucket(spike: SpikeArrest | None) -> JSON | None:
    """Return the bucket of a spike arrest: as many at once as arrive in the shortest interval Envoy knows, 50 ms, at least one."""
    if spike is None or not spike.enabled:
        return None
    tokens = max(1, math.ceil(spike.per_second * SHORTEST_FILL_SECONDS))
    return {"max_tokens": tokens, "tokens_per_fill": tokens, "fill_interval": duration(max(SHORTEST_FILL_SECONDS, tokens / spike.per_second))}


def _quota(limits: RateLimits) -> JSON | None:
    return quota_bucket(limits.quota)


def _spike(limits: RateLimits) -> JSON | None:
    return spike_bucket(limits.spike_arrest)


def applies(snapshot: Snapshot) -> Mapping[str, frozenset[Filter]]:
    """Return which counters each API needs; routes switch the others off."""
    needed: dict[str, set[Filter]] = {api.name: set() for api in snapshot.apis}
    for client in snapshot.clients.values():
        for api, limits in client.limits.items():
            if api in needed:
                needed[api] |= {Filter.APPLICATION_QUOTA} if _quota(limits) else set()
                needed[api] |= {Filter.APPLICATION_SPIKE} if _spike(limits) else set()
    for found in snapshot.apis:
        limits = found.limits or RateLimits()
        needed[found.name] |= {Filter.API_QUOTA} if _quota(limits) else set()
        needed[found.name] |= {Filter.API_SPIKE} if _spike(limits) else set()
    return {api: frozenset(filters) for api, filters in needed.items()}


def resources(snapshot: Snapshot) -> dict[Filter, JSON]:
    """Return the four filters."""
    buckets: Mapping[Filter, Callable[[RateLimits], JSON | None]] = {
        Filter.APPLICATION_QUOTA: _quota, Filter.APPLICATION_SPIKE: _spike, Filter.API_QUOTA: _quota, Filter.API_SPIKE: _spike,
    }
    found: dict[Filter, JSON] = {}
    for counter in COUNTERS:
        bucket = buckets[counter.filter]
        per_application = counter.filter in {Filter.APPLICATION_QUOTA, Filter.APPLICATION_SPIKE}
        descriptors = _per_application(snapshot, bucket) if per_application else _per_api(snapshot, bucket)
        found[counter.filter] = _filter(counter, descriptors, [_CLIENT_ACTION, _API_ACTION] if per_application else [_API_ACTION])
    return found


def _per_application(snapshot: Snapshot, bucket: Callable[[RateLimits], JSON | None]) -> list[JSON]:
    return [
        {"entries": [{"key": "client", "value": client.name}, {"key": "api", "value": api}], "token_bucket": found}
        for _, client in sorted(snapshot.clients.items())
        for api, limits in client.limits.items()
        if (found := bucket(limits)) is not None
    ]


def _per_api(snapshot: Snapshot, bucket: Callable[[RateLimits], JSON | None]) -> list[JSON]:
    return [
        {"entries": [{"key": "api", "value": api.name}], "token_bucket": found}
        for api in snapshot.apis
        if api.limits is not None and (found := bucket(api.limits)) is not None
    ]


def _filter(counter: Counter, descriptors: list[JSON], actions: list[JSON]) -> JSON:
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return {
        "@type": HTTP + "local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": counter.filter.removeprefix("wg."),
        "status": {"code": counter.status},
        "token_bucket": UNLIMITED,
        "filter_enabled": always,
        "filter_enforced": always,
        "rate_limits": [{"actions": actions}],
        "descriptors": descriptors,
        "always_consume_default_token_bucket": False,
        "enable_x_ratelimit_headers": "OFF",
    }
