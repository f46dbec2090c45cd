"""The filter that asks Wardgate's decision service, for what Envoy cannot judge by itself.

NOTE: it fails closed with 503. The service judges the whole request by `security_patterns.decide`; the native filters are
off on such routes.
"""

from typing import Final

from wardgate.dataplane.resources.envoy import HTTP, JSON, REASON, Filter, named

DECISION_PATH: Final = "/decide"
TIMEOUT: Final = "5s"
ASKED_WITH: Final = (
    "authorization", "apikey", "x-request-id", "x-correlation-id", "accept", "x-forwarded-client-cert", "user-agent",
    "nhsd-session-urid",
)
ANSWERED_WITH: Final = ("content-type", "www-authenticate", "retry-after", "allow", "cache-control", REASON)
SERVER_ERROR_AS: Final = 424
"""How the service says 500: for this filter every 5xx is a service that failed. A mapper makes it 500 again."""


def _exactly(names: tuple[str, ...]) -> JSON:
    return {"patterns": [{"exact": name, "ignore_case": True} for name in names]}


def filter_() -> JSON:
    """Return the ext_authz filter over HTTP on its private socket."""
    asked = {"patterns": [*_exactly(ASKED_WITH)["patterns"], {"prefix": "x-wardgate-"}]}
    service = {
        "server_uri": {"uri": "http://wardgate", "cluster": "wardgate-decisions", "timeout": TIMEOUT},
        "path_prefix": DECISION_PATH,
        "authorization_response": {
            "allowed_upstream_headers": {"patterns": [{"prefix": "x-wardgate-"}]},
            "allowed_client_headers": _exactly(ANSWERED_WITH),
        },
    }
    return named(Filter.DECISION, HTTP + "ext_authz.v3.ExtAuthz", transport_api_version="V3", http_service=service,
                 allowed_headers=asked, failure_mode_allow=False, status_on_error={"code": "ServiceUnavailable"},
                 clear_route_cache=False)


