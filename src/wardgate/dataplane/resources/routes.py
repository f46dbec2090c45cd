"""Routes: the manifest's routes, each as one Envoy route per way of presenting a credential.

An Envoy route switches on the filters of its one pattern. Which of a route's alternatives applies is told by the
headers present; a request that presents several credentials is judged by the decision service, because Envoy's filters
cannot be joined by "or". Everything that matches nothing gets a named refusal.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Final

from wardgate import __version__
from wardgate.catalogue import API, Alternative, Audit, Enforcement, IdentityHeaders, Pattern, Route
from wardgate.catalogue.model import AccessMode, RoleRule
from wardgate.catalogue.paths import HEALTH_PATHS, MatchKind, PathMatch, allowed_methods, by_precedence
from wardgate.dataplane.resources import decision, messaging, route_rules, system_routes, system_rules
from wardgate.dataplane.resources.envoy import (
    HTTP,
    INTERNAL_HEADERS,
    JSON,
    PROXIED_ASID,
    PROXIED_CLIENT,
    PROXIED_INTERACTION,
    PROXIED_ORGANISATIONS,
    PROXIED_PATIENT,
    PROXIED_PROVIDER,
    PROXIED_ROLE,
    PROXIED_SYSTEM,
    PROXIED_USER,
    REASON,
    REFUSAL_SECRET,
    Filter,
    State,
    T,
    header_input,
    named,
)
from wardgate.dataplane.resources.route_parts import (
    at_most,
    body_limit,
    longer_than,
    match_of,
    metadata,
    present,
    set_header,
    state,
    switches,
    token_metadata,
)
from wardgate.dataplane.resources.systems import ASID_OF_KEY, FILTERS, INTERACTION_OF_ROUTE
from wardgate.security_patterns import access_token, api_key, role, token_kind
from wardgate.security_patterns.bearer import BEARER
from wardgate.security_patterns.facts import Listener
from wardgate.security_patterns.snapshot import Snapshot

PUBLIC_PREFIXES: Final = ("/oauth2/", "/oauth2-mock/", "/.well-known/", "/pki/", "/mock-jwks/", "/realms/", "/standins/")
REFUSAL_PATH: Final = "/refusal"
EXPLAINED_PER_SECOND: Final = 200
"""How many refusals of limits a second are explained in full; a flood gets Envoy's own short body."""

NOT_FORWARDED: Final = (
    "authorization", "apikey", "x-request-id", "x-correlation-id", "x-forwarded-client-cert", "wardgate-fault", *INTERNAL_HEADERS,
)
"""What a backend never sees: credentials, the trace headers it gets under their NHSD names, and our own."""
TRACED: Final = frozenset({"x-request-id", "x-correlation-id"})
"""What of these Wardgate's own APIs see: they judge them."""

WARDGATE_BODY_BYTES: Final = 1_100_000
"""Above the limits of Wardgate's own endpoints, so that they answer with their own words."""

_MAPS: Final = frozenset({Filter.PAIR, Filter.OVERLAY, Filter.CLIENTS, Filter.ROUTE})
FILTERS_OF: Final[Mapping[Pattern, frozenset[Filter]]] = {
    Pattern.OPEN_ACCESS: frozenset({Filter.ROUTE}),
    Pattern.API_KEY: _MAPS | {Filter.API_KEYS},
    Pattern.SIGNED_JWT: _MAPS | {Filter.TOKENS},
    Pattern.USER_RESTRICTED: _MAPS | {Filter.TOKENS},
    Pattern.TLS_MA: _MAPS | {Filter.CERTIFICATE_NAMES, Filter.CERTIFICATE_CLIENT},
}
_APPLICATION_COUNTERS: Final = frozenset({Filter.APPLICATION_QUOTA, Filter.APPLICATION_SPIKE})
_BY_SYSTEM: Final = frozenset({Filter.SYSTEMS_OVERLAY, Filter.SYSTEMS, Filter.SYSTEM_DECISION, Filter.SYSTEM_SET, Filter.GRANTS, Filter.ROUTE})
_WITHOUT_APPLICATION: Final = frozenset({Pattern.OPEN_ACCESS, Pattern.ASID_INTERACTION})
_NOTHING_MORE: Final[Mapping[str, str]] = {}
_API_COUNTERS: Final = frozenset({Filter.API_QUOTA, Filter.API_SPIKE})
_TRACE: Final = (
    set_header("NHSD-Request-ID", state(State.REQUEST_ID)),
    set_header("NHSD-Correlation-ID", ".".join(state(key) for key in (State.REQUEST_ID, State.CORRELATION_ID, State.MESSAGE_ID))),
)
"""What a backend gets in place of the trace headers; on a translated route the service has said it already."""


Way = tuple[Alternative, ...]
"""Alternatives that read the same credential (`token_kind.ways`)."""


@dataclass(frozen=True, slots=True)
class Place:
    """What routes are compiled for: one listener, one snapshot, one moment."""

    snapshot: Snapshot
    listener: Listener
    now: datetime
    counters: Mapping[str, frozenset[Filter]]
    refusal_secret: str
    """Set by our own redirects only: a caller cannot ask for the refusal page itself."""


def route_configuration(place: Place) -> JSON:
    """Return the route table of one listener.

    The beginning of the path chooses a short list of routes, so that many APIs cost a request nothing. NOTE: the longest
    beginning decides alone, so every list ends in an answer for what is not in it.
    """
    lists: dict[str, list[JSON]] = {prefix: [route] for prefix, route in (_explained_limit(place), *_public(), *messaging.routes(place.listener))}
    for api in place.snapshot.apis:
        for match, route in _api_routes(api, place) if not api.relays else ():
            lists.setdefault(_list_of(api, match), []).append(route)
    nothing = _refusal(PathMatch(MatchKind.PREFIX, "/"), "route-not-found", None)
    by_beginning = {prefix: _routes([*routes, nothing]) for prefix, routes in sorted(lists.items())}
    tree = {"input": header_input(":path"), "prefix_match_map": {"map": by_beginning}}
    return {
        "@type": T + "envoy.config.route.v3.RouteConfiguration",
        "name": f"routes-{place.listener}",
        "response_headers_to_add": [
            set_header("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
            set_header("X-Request-ID", state(State.REQUEST_ID)),
            set_header("X-Correlation-ID", state(State.CORRELATION_ID)),
        ],
        "virtual_hosts": [{"name": "everything", "domains": ["*"], "matcher": {"matcher_tree": tree, "on_no_match": _routes([nothing, _connect(nothing)])}}],
    }


def _connect(nothing: JSON) -> JSON:
    """Return the same answer for CONNECT, which has no path."""
    return nothing | {"match": {"connect_matcher": {}}}


def _routes(routes: list[JSON]) -> JSON:
    return {"action": named("routes", T + "envoy.config.route.v3.RouteList", routes=routes)}


def _list_of(api: API, match: PathMatch) -> str:
    """Return the beginning under which a route is found: the base path itself, or all below it."""
    alone = match.kind is MatchKind.EXACT and match.value == api.base_path
    return api.base_path if alone else api.base_path + "/"


def _api_routes(api: API, place: Place) -> Iterator[tuple[PathMatch, JSON]]:
    """Yield the routes of one API with what they match, most specific first."""
    yield from _health(api, place)
    for template, group in by_precedence(api.routes):
        for match in template.as_matches(api.base_path):
            for route in group:
                for found in _native_or_asked(api, route, match, place):
                    yield match, found
            if any(route.methods for route in group):
                allow = ", ".join(allowed_methods(group))
                yield match, _refusal(match, "method-not-allowed", api, allow=allow)
    for match in (PathMatch(MatchKind.EXACT, api.base_path), PathMatch(MatchKind.PREFIX, api.base_path + "/")):
        yield match, _refusal(match, "route-not-found", api)


def _native_or_asked(api: API, route: Route, match: PathMatch, place: Place) -> Iterator[JSON]:
    alternatives = route.alternatives
    opened = any(alternative.pattern is Pattern.OPEN_ACCESS for alternative in alternatives)
    if must_ask(route, place.snapshot):
        yield from _asked(api, route, match, place, ())
    elif route.pattern is Pattern.ASID_INTERACTION:
        yield from _by_system(api, route, match, place)
    elif opened:
        yield _native(api, route, match, place, (Alternative(pattern=Pattern.OPEN_ACCESS),))
    else:
        yield from _by_credentials(api, route, match, place)


def must_ask(route: Route, snapshot: Snapshot) -> bool:
    """Return whether the decision service judges every request of this route.

    Envoy goes by the real time, so it judges no token while a virtual clock is ahead. It cannot choose a role, nor tell an application's ASID by its key or certificate, nor a worker's identifier (the
    claim `sub`) from what `sub` is in the tokens of others.
    """
    audit = route.audit or snapshot.environment.audit
    identity = route.identity_headers or IdentityHeaders()
    needs_asid = identity.asid is not None and any(
        alternative.pattern in {Pattern.API_KEY, Pattern.TLS_MA} for alternative in route.alternatives)
    needs_user = identity.user is not None and any(
        alternative.access_mode is not AccessMode.HEALTHCARE_WORKER for alternative in token_kind.by_token(route))
    turned = bool(snapshot.clock_shift) and any(alternative.pattern in token_kind.BEARER for alternative in route.alternatives)
    return (turned or route.enforcement is Enforcement.DECISION or audit is Audit.BEFORE or route.role is not RoleRule.NONE
            or needs_asid or needs_user)


def _by_system(api: API, route: Route, match: PathMatch, place: Place) -> Iterator[JSON]:
    """Yield a route by ASID as Envoy routes, one for each kind of call; those that it cannot judge ask the decision service."""
    judged = system_routes.judged(api, route)
    if not judged or api.spine is None:
        yield from _asked(api, route, match, place, ())
    elif place.listener is not Listener.MTLS:
        yield _refusal(match, "certificate-missing", api, route=route)
    else:
        on = _BY_SYSTEM | {FILTERS[api.spine.family]}
        for one in judged:
            part = route.model_copy(update={"methods": one.methods})
            rules = system_rules.rules(api, route, one, api_over_quota=_spent(api, place))
            yield _forwarded(api, part, match, place, (), Pattern.ASID_INTERACTION, on, {Filter.ROUTE: rules}, system_rules.told(api, one))


def _spent(api: API, place: Place) -> bool:
    spent = place.snapshot.over_quota.get(("", api.name))
    return spent is not None and spent > place.now


def _by_credentials(api: API, route: Route, match: PathMatch, place: Place) -> Iterator[JSON]:
    ways = token_kind.ways(route)
    by_certificate = next((way for way in ways if way[0].pattern is Pattern.TLS_MA), None)
    certificate = place.listener is Listener.MTLS and by_certificate is not None
    by_header = sorted((way for way in ways if way is not by_certificate), key=_is_bearer)
    several = 1 if certificate else 2  # the certificate is presented by every request of this listener
    for size in range(several, len(by_header) + 1):
        for subset in combinations(by_header, size):
            yield from _asked(api, route, match, place, tuple(present(_header_of(way)) for way in subset))
    if certificate and by_certificate is not None:
        yield _native(api, route, match, place, by_certificate)
        return
    first = ways[0]
    for way in sorted(by_header, key=lambda way: way is first):  # the first also answers "nothing presented"
        required = () if way is first else (present(_header_of(way)),)
        if _is_bearer(way):
            formed = {"name": access_token.HEADER, "string_match": {"safe_regex": {"regex": f"^{BEARER.pattern}$"}}}
            yield _native(api, route, match, place, way, (formed,))
            yield _refusal(match, "bearer", api, route=route, headers=required)
        else:
            yield _refusal(match, "api-key-unknown", api, route=route, headers=(_REPEATED_KEY,))
            yield _native(api, route, match, place, way, required)
    if first is by_certificate:
        yield _refusal(match, "certificate-missing", api, route=route)


def _is_bearer(way: Way) -> bool:
    return way[0].pattern in token_kind.BEARER


def _header_of(way: Way) -> str:
    return access_token.HEADER if _is_bearer(way) else api_key.HEADER


_REPEATED_KEY: Final[JSON] = {"name": api_key.HEADER, "string_match": {"contains": ","}}
"""Envoy would judge the first of several; together, joined by commas, they are no key."""


def _native(api: API, route: Route, match: PathMatch, place: Place, way: Way, headers: Iterable[JSON] = ()) -> JSON:
    pattern = way[0].pattern
    rules = route_rules.rules(api, route, way, place.listener, issuers=place.snapshot.tokens.issuers, api_over_quota=_spent(api, place))
    return _forwarded(api, route, match, place, headers, pattern, FILTERS_OF[pattern], {Filter.ROUTE: rules})


def _asked(api: API, route: Route, match: PathMatch, place: Place, headers: Iterable[JSON]) -> Iterator[JSON]:
    """Yield a route of the decision service. NOTE: Envoy reads on while it waits for the decision, and would not notice a body that is too big."""
    wanted = tuple(headers)
    yield _refusal(match, "request-too-large", api, route=route, headers=(*wanted, longer_than(route.max_body_bytes)))
    yield _forwarded(api, route, match, place, wanted, None, frozenset({Filter.GIVEN, Filter.DECISION, Filter.PAIR}),
                     {Filter.DECISION: decision.with_first_byte()} if route.translate is not None else {})


def _forwarded(
    api: API, route: Route, match: PathMatch, place: Place, headers: Iterable[JSON], pattern: Pattern | None,
    on: frozenset[Filter], configs: Mapping[Filter, JSON], told: Mapping[str, str] = _NOTHING_MORE,
) -> JSON:
    counters = place.counters[api.name] & (_API_COUNTERS if pattern in _WITHOUT_APPLICATION else _API_COUNTERS | _APPLICATION_COUNTERS)
    body = body_limit(route, asked=bool(on & _ASKING))
    return {
        "name": f"{api.name} {route.path}",
        "match": match_of(match, headers, route.methods),
        "metadata": metadata(api, route, pattern=pattern or "decision", **token_metadata(api, route), **told),
        "route": {**_destination(api, route, pattern), **at_most(route.timeout_seconds, place.listener)},
        "request_headers_to_remove": _not_forwarded(api, route, asked=pattern is None),
        "response_headers_to_remove": [] if api.ours else [REASON],  # what a backend calls a reason is none of ours
        "request_headers_to_add": [header | {"append_action": "ADD_IF_ABSENT"} for header in _TRACE] if route.translate else list(_TRACE),
        "typed_per_filter_config": switches(on | counters | body.keys(), {**configs, **body}),
    }


_ASKING: Final = frozenset({Filter.DECISION, Filter.SYSTEM_DECISION})


def _not_forwarded(api: API, route: Route, *, asked: bool) -> list[str]:
    """Return what the backend never sees. The Authorization of a translated route is the service's by then (`_destination`).

    A Spine JWT that was judged goes on: it is no credential, and the backend's audit and provenance are made of it (spine 9.4, 9.5).
    """
    kept = {access_token.HEADER} if route.variant is not None else set()
    kept |= set(TRACED) if api.ours else set()
    names = [*(name for name in NOT_FORWARDED if name not in kept), *(decision.given() if asked else ())]
    if route.translate is None:
        return names
    return [name for name in names if name != access_token.HEADER] + list(decision.replacements().values())


def _destination(api: API, route: Route, pattern: Pattern | None) -> JSON:
    """Return where a route's requests go and, where it says so, who they are from.

    NOTE: a route removes headers before it adds any, so the identity headers, which are made of headers it removes, are
    added one level before: by the only one of its weighted clusters. So are those that a translated call gets instead of its own.
    """
    identity = route.identity_headers or IdentityHeaders()
    sources = [(identity.application, PROXIED_CLIENT), (identity.asid, PROXIED_ASID), (identity.user, PROXIED_USER),
               (identity.issuer, PROXIED_PROVIDER), (identity.patient, PROXIED_PATIENT), (identity.system, PROXIED_SYSTEM),
               (identity.organisations, PROXIED_ORGANISATIONS), (identity.interaction, PROXIED_INTERACTION)]
    in_role = route.role is not RoleRule.NONE
    sources += [(identity.role or role.TOLD_AS, PROXIED_ROLE)] if in_role else []
    sources += decision.replacements().items() if route.translate is not None else []
    told = [(name, source) for name, source in sources if name]
    removed = [name for name, _ in told] + ([role.HEADER] if in_role else [])
    if not told:
        return {"cluster": cluster_name(api)}
    only = {"name": cluster_name(api), "weight": 1, "request_headers_to_remove": removed,
            "request_headers_to_add": [set_header(name, _known(source, pattern)) for name, source in told]}
    return {"weighted_clusters": {"clusters": [only]}}


def _known(source: str, pattern: Pattern | None) -> str:
    """Return where the value of an identity header is: of a system that Envoy has judged by itself, it is in its state."""
    kept = {PROXIED_SYSTEM: ASID_OF_KEY, PROXIED_INTERACTION: INTERACTION_OF_ROUTE} if pattern is Pattern.ASID_INTERACTION else {}
    return kept.get(source, f"%REQ({source})%")


def _refusal(
    match: PathMatch, reason: str, api: API | None, *, route: Route | None = None,
    headers: Iterable[JSON] = (), allow: str = "",
) -> JSON:
    return {
        "name": f"{api.name} {route.path}" if api and route else f"{api.name if api else 'no-api'} {reason}",
        "match": match_of(match, headers, route.methods if route else ()),
        "metadata": metadata(api, route, pattern="refusal", allow=allow),
        "direct_response": {"status": 404},
        "typed_per_filter_config": switches(frozenset({Filter.ROUTE}), {Filter.ROUTE: route_rules.refuse(reason)}),
    }


def _health(api: API, place: Place) -> Iterator[tuple[PathMatch, JSON]]:
    get = ("GET", "HEAD")
    ping, status = (PathMatch(MatchKind.EXACT, api.base_path + path) for path in HEALTH_PATHS)
    fields = f'{{"version":"{__version__}","revision":"{place.snapshot.generation}","releaseId":"{__version__}","commitId":"{__version__}"}}'
    yield ping, {
        "name": f"{api.name} _ping", "match": match_of(ping, (), get),
        "metadata": metadata(api, None, pattern="health"),
        "direct_response": {"status": 200, "body": {"inline_string": fields}},
        "response_headers_to_add": [set_header("Content-Type", "application/json")],
        "typed_per_filter_config": switches(frozenset(), {}),
    }
    yield status, _to_wardgate(f"{api.name} _status", match_of(status, (), get), "wardgate-public", "30s", api)
    for path in (ping, status):
        yield path, _refusal(path, "method-not-allowed", api, allow="GET, HEAD")


def _public() -> Iterator[tuple[str, JSON]]:
    for prefix in PUBLIC_PREFIXES:
        yield prefix, _to_wardgate(f"wardgate {prefix}", {"prefix": prefix}, "wardgate-public", "30s", None)


def _to_wardgate(name: str, match: JSON, cluster: str, timeout: str, api: API | None) -> JSON:
    """Return a route to Wardgate itself, which gets the original headers, trace headers and certificate included."""
    body = {"@type": HTTP + "buffer.v3.BufferPerRoute", "buffer": {"max_request_bytes": WARDGATE_BODY_BYTES}}
    return {
        "name": name, "match": match, "route": {"cluster": cluster, "timeout": timeout},
        "metadata": metadata(api, None, pattern="wardgate"),
        "typed_per_filter_config": switches(frozenset({Filter.BODY}), {Filter.BODY: body}),
    }


def _explained_limit(place: Place) -> tuple[str, JSON]:
    flood: JSON = {
        "@type": HTTP + "local_ratelimit.v3.LocalRateLimit", "stat_prefix": "explained",
        "token_bucket": {"max_tokens": EXPLAINED_PER_SECOND, "tokens_per_fill": EXPLAINED_PER_SECOND, "fill_interval": "1s"},
        "filter_enabled": {"default_value": {"numerator": 100}}, "filter_enforced": {"default_value": {"numerator": 100}},
    }
    ours = {"name": REFUSAL_SECRET, "string_match": {"exact": place.refusal_secret}}
    route = _to_wardgate("wardgate refusal", {"path": REFUSAL_PATH, "headers": [ours]}, "wardgate-decisions", "2s", None)
    route["typed_per_filter_config"] = switches(frozenset({Filter.APPLICATION_QUOTA}), {Filter.APPLICATION_QUOTA: flood})
    return REFUSAL_PATH, route


def cluster_name(api: API) -> str:
    """Return the name of an API's backend cluster."""
    return "wardgate-public" if api.ours else f"api-{api.name}"
