"""The explained 429: the platform's eight-member body, Retry-After and RateLimit headers (application-restricted 9).

Envoy counts and refuses; it sends the refusal here because its own words cannot hold the limit of one application.
"""

import json
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from wardgate.decisions.answer import Answer
from wardgate.quotas import Quota, RateLimits, TimeUnit
from wardgate.refusals import Refusal, reason
from wardgate.refusals.dialects import CONTENT_TYPES, Dialect, body, rate_limit_body
from wardgate.security_patterns.snapshot import Snapshot

REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "application-quota-exceeded": ("application", "quota"),
    "application-spike": ("application", "spikearrest"),
    "api-quota-exceeded": ("proxy", "quota"),
    "api-spike": ("proxy", "spikearrest"),
}
"""Reason to `scope` and `policy` of the body."""
_SHAPES: Final = {str(dialect): dialect for dialect in Dialect}


def explain(headers: Mapping[str, str], snapshot: Snapshot, now: datetime) -> Answer:
    """Return the whole answer for a refused request that Envoy redirected here."""
    code = headers.get("x-wardgate-refused-reason", "")
    scope, policy = REASONS.get(code, REASONS["application-quota-exceeded"])
    found = reason(code if code in REASONS else "application-quota-exceeded")
    application, api = headers.get("x-wardgate-client", ""), headers.get("x-wardgate-refused-api", "")
    limits = _limits(snapshot, application if scope == "application" else None, api)
    quota = _as_quota(limits, policy)
    seconds = _seconds_to_wait(snapshot, application if scope == "application" else "", api, quota, policy, now)
    values = {"application": application, "limit": str(quota.limit), "interval": str(quota.interval), "timeunit": str(quota.timeunit)}
    refusal = Refusal(found, values=values)
    dialect = _SHAPES.get(headers.get("x-wardgate-refused-dialect", ""), Dialect.FAULT)
    message_id = headers.get("x-wardgate-message-id", "")
    expiry = int((now + timedelta(seconds=seconds)).timestamp() * 1000)
    if dialect is Dialect.FAULT:
        content = rate_limit_body(refusal.fill(found.text), scope=scope, policy=policy, limit=quota.limit, interval=quota.interval,
                                  timeunit=str(quota.timeunit), expiry_ms=expiry, message_id=message_id)
    else:
        content = body(dialect, found, refusal.fill, message_id)
    wait = str(max(1, math.ceil(seconds)))
    return _answer(json.dumps(content).encode(), CONTENT_TYPES[dialect], found.code, {
        "retry-after": wait, "ratelimit-limit": str(quota.limit), "ratelimit-remaining": "0", "ratelimit-reset": wait,
    })


def _limits(snapshot: Snapshot, application: str | None, api: str) -> RateLimits:
    if application is not None:
        client = snapshot.clients.get(application)
        return (client.limits.get(api) if client else None) or RateLimits()
    found = next((item for item in snapshot.apis if item.name == api), None)
    return (found.limits if found else None) or RateLimits()


def _as_quota(limits: RateLimits, policy: str) -> Quota:
    """Return the limit in the words of a quota; a spike arrest of 300pm is 300 every 1 minute."""
    if policy == "quota":
        return limits.quota or Quota(limit=300)
    spike = limits.spike_arrest
    per_minute = max(1, round(spike.per_second * 60)) if spike else 300
    return Quota(limit=per_minute, interval=1, timeunit=TimeUnit.MINUTE)


def _seconds_to_wait(snapshot: Snapshot, application: str, api: str, quota: Quota, policy: str, now: datetime) -> float:
    """Return when one more request fits: buckets refill smoothly, long quotas at the end of their window."""
    until = snapshot.over_quota.get((application, api))
    if policy == "quota" and until is not None and until > now:
        return (until - now).total_seconds()
    return quota.window_seconds / quota.limit


def _answer(content: bytes, content_type: str, code: str, more: Mapping[str, str]) -> Answer:
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(content)).encode()),
               (b"cache-control", b"no-store"), (b"x-wardgate-reason", code.encode())]
    return Answer(429, headers + [(name.encode(), value.encode()) for name, value in more.items()], content)
