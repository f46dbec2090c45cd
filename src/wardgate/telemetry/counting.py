"""Counting quotas that are longer than a minute: which windows a call falls into, and which are used up.

application-restricted 9. Windows are aligned to the epoch, so every Wardgate counts in the same ones. Only calls that
were let through count.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from wardgate.audit.model import Event, EventType
from wardgate.quotas import Quota
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.stores.ports import QuotaCount

SHORT_SECONDS = 60


def long_quota(quota: Quota | None) -> Quota | None:
    """Return the quota if it is enabled and its window is too long for Envoy to count."""
    return quota if quota is not None and quota.enabled and quota.window_seconds > SHORT_SECONDS else None


def quotas_of(snapshot: Snapshot) -> dict[tuple[str, str], Quota]:
    """Return every long quota by (application, API); application `` is the API as a whole."""
    found = {
        (client.name, api): quota
        for client in snapshot.clients.values()
        for api, limits in client.limits.items() if (quota := long_quota(limits.quota)) is not None
    }
    for api in snapshot.apis:
        if api.limits is not None and (quota := long_quota(api.limits.quota)) is not None:
            found["", api.name] = quota
    return found


def window_start(at: datetime, seconds: int) -> datetime:
    """Return when the window that holds `at` began."""
    epoch = int(at.timestamp())
    return datetime.fromtimestamp(epoch - epoch % seconds, UTC)


def count(events: Iterable[Event], quotas: Mapping[tuple[str, str], Quota]) -> list[QuotaCount]:
    """Return how many calls of these events fall into each window of each quota."""
    if not quotas:
        return []
    used: dict[tuple[str, str, int, datetime], int] = {}
    for event in events:
        if event.type is not EventType.CALL_ALLOWED:
            continue
        api = str(event.details.get("api") or "")
        for application in {event.application or "", ""}:
            quota = quotas.get((application, api))
            if quota is not None:
                key = (application, api, quota.window_seconds, window_start(event.at, quota.window_seconds))
                used[key] = used.get(key, 0) + 1
    return [QuotaCount(application, api, seconds, start, number) for (application, api, seconds, start), number in used.items()]


def over(counts: Iterable[QuotaCount], quotas: Mapping[tuple[str, str], Quota]) -> dict[tuple[str, str], datetime]:
    """Return the quotas that are used up, and when their windows end."""
    found: dict[tuple[str, str], datetime] = {}
    for item in counts:
        quota = quotas.get((item.application, item.api))
        if quota is not None and quota.window_seconds == item.window_seconds and item.used >= quota.limit:
            found[item.application, item.api] = item.window_start + timedelta(seconds=item.window_seconds)
    return found
