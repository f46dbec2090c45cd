"""The last word of a route: an RBAC filter whose policies refuse, tried in the order of their names.

Names are `NN~reason`; the error mappers read the reason after the tilde. Lives in routes, so it holds at once on open
connections.
"""

import re
from typing import Final

from wardgate.catalogue import API, Alternative, Pattern, Route
from wardgate.catalogue.model import RequestIDRule
from wardgate.dataplane.resources.credentials import EXPIRED, REVOKED
from wardgate.dataplane.resources.envoy import (
    GIVEN_REQUEST_ID,
    HTTP,
    JSON,
    PROXIED_BOUND,
    PROXIED_CLIENT,
    PROXIED_ISSUER,
    PROXIED_LEVEL,
    PROXIED_SCOPE,
)
from wardgate.dataplane.resources.standing import ADMITTED, CLIENTS_PREFIX, OVERLAY_PREFIX, UNLISTED
from wardgate.security_patterns import request_id, token_kind
from wardgate.security_patterns.facts import Listener

NOT_GRANTED: Final = "not-granted"
ANY: Final[list[JSON]] = [{"any": True}]


def refuse(reason: str) -> JSON:
    """Return the filter of a route that only refuses, with one reason."""
    return plain({f"00~{reason}": policy(ANY)})


def rules(api: API, route: Route, way: tuple[Alternative, ...], listener: Listener, *,
          issuers: tuple[str, ...], api_over_quota: bool) -> JSON:
    """Return the rules of one route for one kind of credential, in the order of `security_patterns.decide`."""
    pattern = way[0].pattern
    by_token = pattern in token_kind.BEARER
    policies: dict[str, JSON] = {}
    if by_token:
        policies["02~access-token-unknown"] = policy([{"not_id": any_of([_issuer(issuer) for issuer in issuers])}])
    if pattern is Pattern.API_KEY:
        policies["03~api-key-revoked"] = policy([header(PROXIED_CLIENT, {"prefix": REVOKED + ":"})])
        policies["04~api-key-expired"] = policy([header(PROXIED_CLIENT, {"prefix": EXPIRED + ":"})])
    if api_over_quota:
        policies["05~api-quota-exceeded"] = policy(ANY)
    if pattern is not Pattern.OPEN_ACCESS:
        policies[f"10~{NOT_GRANTED}"] = policy([{"not_id": _granted()}])
    if by_token:
        policies["20~access-token-not-bound"] = policy([header(PROXIED_BOUND, present=True)]) | _unless_bound(listener)
        policies[f"30~{token_kind.wrong_scope_reason(route)}"] = policy([{"not_id": any_of([_enough(api, found) for found in way])}])
    return plain(policies | asked_request_id(api, route))


def asked_request_id(api: API, route: Route) -> dict[str, JSON]:
    """Return the policies of a route that asks for an X-Request-ID."""
    if request_id.rule(api, route) is not RequestIDRule.REQUIRED:
        return {}
    proper = header(GIVEN_REQUEST_ID, {"safe_regex": {"regex": f"^{request_id.UUID.pattern}$"}})
    return {
        "40~request-id-missing": policy([{"not_id": header(GIVEN_REQUEST_ID, present=True)}]),
        "41~request-id-invalid": policy([{"not_id": proper}]),
    }


def plain(policies: dict[str, JSON]) -> JSON:
    """Return the filter of a route with these policies, any of which refuses."""
    rbac: JSON = {"rules": {"action": "DENY", "policies": policies}} if policies else {}
    return {"@type": HTTP + "rbac.v3.RBACPerRoute", "rbac": rbac}


def policy(principals: list[JSON]) -> JSON:
    """Return a policy that is about whoever is one of the principals."""
    return {"permissions": ANY, "principals": principals}


def header(name: str, value: JSON | None = None, *, present: bool = False) -> JSON:
    """Return what is true when a header is there, or its value matches."""
    return {"header": {"name": name, "present_match": True} if present else {"name": name, "string_match": value}}


def verdict(prefix: str, value: str) -> JSON:
    """Return what is true when the map with this prefix found this."""
    path = [{"key": prefix + "enforced_effective_policy_id"}]
    matcher = {"filter": "envoy.filters.http.rbac", "path": path, "value": {"string_match": {"exact": value}}}
    return {"sourced_metadata": {"metadata_matcher": matcher}}


def _granted() -> JSON:
    by_map = {"and_ids": {"ids": [verdict(OVERLAY_PREFIX, UNLISTED), verdict(CLIENTS_PREFIX, ADMITTED)]}}
    return {"or_ids": {"ids": [by_map, verdict(OVERLAY_PREFIX, ADMITTED)]}}


def any_of(ids: list[JSON]) -> JSON:
    """Return what is true when one of these is."""
    return ids[0] if len(ids) == 1 else {"or_ids": {"ids": ids}}


def _enough(api: API, alternative: Alternative) -> JSON:
    """Return what is true of a token that is enough for an alternative: the kind of caller, the level, one of the scopes."""
    held = any_of([_scope(scope) for scope in token_kind.scopes_of(api, alternative)])
    levels = [header(PROXIED_LEVEL, {"exact": level}) for level in token_kind.levels_of(alternative)]
    who = any_of(levels) if levels else {"not_id": header(PROXIED_LEVEL, present=True)}
    return {"and_ids": {"ids": [who, held]}}


def _scope(scope: str) -> JSON:
    """RFC 6749 section 3.3: scopes are parted by single spaces."""
    return header(PROXIED_SCOPE, {"safe_regex": {"regex": f"(?:.* )?{re.escape(scope)}(?: .*)?"}})


def _issuer(issuer: str) -> JSON:
    """The token filter has one issuer or none, and we have several: so it is looked at here."""
    return header(PROXIED_ISSUER, {"exact": issuer})


def _unless_bound(listener: Listener) -> JSON:
    """RFC 8705 section 3. A bound token needs its certificate: never on a port without one, else compare with TLS."""
    if listener is not Listener.MTLS:
        return {}
    bound = {"id": 3, "call_expr": {"function": "_[_]", "args": [
        {"id": 4, "select_expr": {"operand": {"id": 5, "ident_expr": {"name": "request"}}, "field": "headers"}},
        {"id": 6, "const_expr": {"string_value": PROXIED_BOUND}}]}}
    presented = {"id": 7, "select_expr": {"operand": {"id": 8, "ident_expr": {"name": "connection"}},
                                          "field": "sha256_peer_certificate_digest"}}
    return {"condition": {"id": 1, "call_expr": {"function": "_!=_", "args": [bound, presented]}}}
