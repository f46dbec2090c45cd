"""The filter that asks Wardgate's decision service, for what Envoy cannot judge by itself.

NOTE: it fails closed with 503. The service judges the whole request by `security_patterns.decide`; the native filters are
off on such routes.
"""

from types import MappingProxyType
from typing import Final

from wardgate.dataplane.resources.envoy import GIVEN_PREFIX, HTTP, JSON, REASON, RECORD, SET_PREFIX, Filter, named

DECISION_PATH: Final = "/decide"
TIMEOUT: Final = "5s"
ASKED_WITH: Final = (
    "authorization", "apikey", "x-request-id", "x-correlation-id", "accept", "x-forwarded-client-cert", "user-agent",
    "nhsd-session-urid", "content-type", "if-match", "fromasid", "toasid", "interactionid", "traceid",
    "ssp-from", "ssp-to", "ssp-interactionid", "ssp-traceid", "ssp-version", "nhsd-asid",
)
ANSWERED_WITH: Final = ("content-type", "www-authenticate", "retry-after", "allow", "cache-control", REASON)
SAID_AS: Final = MappingProxyType({400: 417, 500: 424})
"""How the service says a status that Envoy would take for more; mappers make it itself again. For this filter every 5xx is a
service that failed, and after a 400 of its own Envoy hangs up on HTTP/1 callers, as after a request it could not read."""


FRAMING: Final = ("content-length",)
"""What says how long a body is. In the question it is about the question itself: so it goes by another name, `x-wardgate-given-content-length`."""
REPLACED: Final = (
    "Authorization", "FromASID", "ToASID", "InteractionID", "TraceID", "NHSD-ASID", "NHSD-Request-ID", "NHSD-Correlation-ID",
)
"""Headers that the service may give a translated call in place of the caller's, each as `x-wardgate-set-<name>`."""


def given_filter() -> JSON:
    """Return the filter that copies the headers of `FRAMING`, for the question. The door has dropped the caller's own copies."""
    mutations = [
        {"append": {"header": {"key": GIVEN_PREFIX + name, "value": f"%REQ({name})%"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
        for name in FRAMING
    ]
    return named(Filter.GIVEN, HTTP + "header_mutation.v3.HeaderMutation", mutations={"request_mutations": mutations})


def with_first_byte() -> JSON:
    """Return the configuration of a route whose question has the first byte of the request's body, if there is one.

    A body may come without a length (chunks, HTTP/2), and nothing else tells then that there is one.
    """
    body = {"max_request_bytes": 1, "allow_partial_message": True, "pack_as_bytes": True}
    return {"@type": HTTP + "ext_authz.v3.ExtAuthzPerRoute", "check_settings": {"with_request_body": body}}


def given() -> tuple[str, ...]:
    """Return the names of the copies, which no backend gets."""
    return tuple(GIVEN_PREFIX + name for name in FRAMING)


def replacements() -> dict[str, str]:
    """Return the headers that a translated call may get, and under which name the service answers each."""
    return {name: SET_PREFIX + name.lower() for name in REPLACED}


def _exactly(names: tuple[str, ...]) -> JSON:
    return {"patterns": [{"exact": name, "ignore_case": True} for name in names]}


def filter_(*, name: Filter = Filter.DECISION, route_anew: bool = False, unless: tuple[str, str] | None = None) -> JSON:
    """Return the ext_authz filter over HTTP on its private socket. `route_anew`: what it answers says where the route leads.

    It asks about every call; with `unless`, a verdict's prefix and a beginning, not about those for which a map found such a thing.
    """
    asked = {"patterns": [*_exactly(ASKED_WITH)["patterns"], {"prefix": "x-wardgate-"}]}
    service = {
        "server_uri": {"uri": "http://wardgate", "cluster": "wardgate-decisions", "timeout": TIMEOUT},
        "path_prefix": DECISION_PATH,
        "authorization_response": {
            "allowed_upstream_headers": {"patterns": [{"prefix": "x-wardgate-"}]},
            "allowed_client_headers": _exactly(ANSWERED_WITH),
            "dynamic_metadata_from_headers": _exactly((RECORD,)),
        },
    }
    found = {"filter": "envoy.filters.http.rbac", "path": [{"key": f"{unless[0]}enforced_effective_policy_id"}],
             "value": {"string_match": {"prefix": unless[1]}}, "invert": True} if unless is not None else None
    return named(name, HTTP + "ext_authz.v3.ExtAuthz", transport_api_version="V3", http_service=service,
                 allowed_headers=asked, failure_mode_allow=False, status_on_error={"code": "ServiceUnavailable"},
                 clear_route_cache=route_anew, **({"filter_enabled_metadata": found} if found is not None else {}))


