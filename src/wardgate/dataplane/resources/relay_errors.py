"""Envoy's own refusals at the secure proxy, in the proxy's shape (spine 8.3): what happens between it and an endpoint.

Everything else on its port is decided, and refused, by the decision service.
"""

from collections.abc import Iterator
from typing import Final

from wardgate.dataplane.resources.envoy import JSON, RULES_NOT_LOADED
from wardgate.dataplane.resources.error_mappers import (
    BEFORE_THE_DOOR,
    DETAILS,
    NAMED_BY_ENVOY,
    Cause,
    decided,
    in_json,
    in_xml,
)
from wardgate.dataplane.resources.limits import COUNTERS
from wardgate.refusals import reason
from wardgate.refusals.dialects import Dialect

BY_ENVOY: Final = (
    ("ssp-endpoint-timeout", "response_timeout", 504),
    ("ssp-unavailable", "{overflow", 503),
    ("ssp-endpoint-unreachable", "upstream_reset", 503),
    ("ssp-endpoint-unreachable", "no_healthy_upstream", 503),
    ("ssp-unavailable", "cluster_not_found", 503),
    ("ssp-unavailable", "ext_authz_error", 503),
)
"""Reason, part of Envoy's own detail, and Envoy's status."""
BY_RULE: Final = ("certificate-revoked", "certificate-missing", "certificate-invalid", "route-not-found", "request-too-large", "request-malformed", RULES_NOT_LOADED)
_URL: Final = {"url": "https://%REQ(:authority)%"}
"""The endpoint's name: what is below it may hold an identifier."""


def causes() -> Iterator[Cause]:
    """Yield the reasons of the proxy's port, in the order in which they are tried."""
    for code, detail, status in BY_ENVOY:
        yield Cause(reason(code), f"{DETAILS}.contains('{detail}')", _URL, status)
    for code in BY_RULE:
        yield Cause(reason(code), f"{DETAILS}.contains('{code}]')", {})
    for counter in COUNTERS:
        wait = str(counter.retry_after_seconds)
        yield Cause(reason("ssp-throttled"), f"{DETAILS} == 'local_rate_limited'", {}, counter.code,
                    headers={"Retry-After": wait, "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": wait})
    yield Cause(reason(RULES_NOT_LOADED), "!has(xds.route_name)", {}, 401)
    own = {detail for _, detail, _ in BY_ENVOY}
    for code, detail, general in NAMED_BY_ENVOY:
        if detail not in own:
            yield Cause(reason(code), f"{DETAILS}.contains('{detail}')", {}, general, early=detail in BEFORE_THE_DOOR)
    ours = f"{DETAILS} == 'ext_authz_denied'"
    yield Cause(reason(RULES_NOT_LOADED), f"{DETAILS}.startsWith('rbac_access_denied')", {})
    yield Cause(reason("request-malformed"), f"response.code >= 400 && response.code < 500 && !({ours})", {}, None)
    yield Cause(reason("ssp-unavailable"), f"response.code >= 500 && !({ours})", {}, None)


def mappers() -> list[JSON]:
    """Return the local reply mappers of the proxy's listener."""
    found: list[JSON] = []
    for cause in causes():
        if not cause.early:
            found += in_xml(cause, Dialect.SECURE_PROXY, "")
        found.append(in_json(cause, Dialect.FAULT if cause.early else Dialect.SECURE_PROXY, ""))
    return [*decided(), *found]


