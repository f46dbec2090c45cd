"""The secure proxy: a listener that takes the target of a call as it is, and a cluster for each endpoint it may relay to (spine 8.3, 10).

The decision service finds the target's endpoint in the directory and answers cluster, host and path; Envoy goes there and nowhere
else. The listener has a port of its own, because a connection manager tidies paths up before anything looks at them: here nothing is
tidied, so the target that is judged is the target that was sent, byte for byte, and no route but the proxy's is here to be confused by it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from wardgate.catalogue import API, Route
from wardgate.catalogue.paths import MatchKind, PathMatch
from wardgate.dataplane.layout import Layout
from wardgate.dataplane.resources import asked_form, decision, door, route_rules
from wardgate.dataplane.resources.envoy import (
    HTTP,
    INTERNAL_HEADERS,
    JSON,
    REASON,
    RELAY_CLUSTER,
    RELAY_HOST,
    RELAY_PATH,
    RULES_NOT_LOADED,
    Filter,
    State,
    T,
    deny_all,
    duration,
    named,
)
from wardgate.dataplane.resources.route_parts import body_limit, longer_than, match_of, state
from wardgate.refusals.dialects import Dialect
from wardgate.security_patterns.facts import Listener
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.security_patterns.system_call import Relay

NAME: Final = "relay"
ROUTES: Final = f"routes-{NAME}"
TARGET_FILTER: Final = "wg.target"
"""The filter that keeps the endpoint's name and path until the route puts them in place of the target."""
HOST: Final = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
"""A name on the network, and no address."""
COUNTED: Final = frozenset({Filter.API_QUOTA, Filter.API_SPIKE})
"""The limits of the API as a whole; no application is known here."""
PORT: Final = 443
"""Endpoints have no port of their own (spine 5.2)."""


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """Where a cluster leads: the endpoint's name, and `host:port` to connect to in place of it, if so configured."""

    host: str
    connect_to: str = ""

    @property
    def cluster(self) -> str:
        """The cluster's name."""
        return f"{NAME}-{self.host}" + (f"@{self.connect_to}" if self.connect_to else "")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the connection."""
        host, _, port = self.connect_to.rpartition(":")
        return (host, int(port)) if self.connect_to else (self.host, PORT)


def cluster_of(relay: Relay, snapshot: Snapshot) -> str:
    """Return the cluster of a decided call, for `RELAY_CLUSTER`. One that no endpoint has leads nowhere: 503."""
    return Target(relay.host.lower(), snapshot.connect_to.get(relay.endpoint, "")).cluster


def targets(snapshot: Snapshot) -> list[Target]:
    """Return every place a call may be relayed to: the endpoints of systems that a data-sharing rule leads to."""
    directory = snapshot.directory
    if directory is None or not any(api.relays for api in snapshot.apis):
        return []
    receivers = (directory.system(asid) for asid in directory.receivers())
    party_keys = {system.party_key for system in receivers if system is not None}
    found = {
        Target(host, snapshot.connect_to.get(endpoint.identifier, ""))
        for party_key in party_keys
        for endpoint in directory.endpoints(party_key=party_key)
        for host in _hosts(endpoint.urls)
    }
    return sorted(found)


def _hosts(urls: tuple[str, ...]) -> Iterator[str]:
    """Yield the names in endpoints' URLs. An URL of another scheme, with a port, a user or an address is nobody's endpoint."""
    for url in urls:
        host = url.removeprefix("https://").partition("/")[0].lower() if url.startswith("https://") else ""
        if HOST.fullmatch(host):
            yield host


def http_filters(connection: list[JSON], limits: list[JSON]) -> list[JSON]:
    """Return the filters of the listener, in the order of `envoy.Filter`. `connection`: those that look at the certificate, as on every mutual-TLS port."""
    refusing = {"name": str(Filter.ROUTE), "typed_config": deny_all(RULES_NOT_LOADED)}
    return [
        door.state_filter(Listener.MTLS), *connection, named(Filter.EARLY_BODY, HTTP + "buffer.v3.Buffer", max_request_bytes=1_048_576),
        decision.given_filter(), decision.filter_(route_anew=True), refusing,
        named(Filter.BODY, HTTP + "buffer.v3.Buffer", max_request_bytes=1_048_576), *limits,
        _target_filter(),
        named("envoy.filters.http.router", HTTP + "router.v3.Router", suppress_envoy_headers=True, dynamic_stats=False),
    ]


def _target_filter() -> JSON:
    found = door.set_state(TARGET_FILTER, {
        State.RELAY_HOST: f"%REQ({RELAY_HOST})%", State.RELAY_PATH: f"%REQ({RELAY_PATH})%", State.RELAY_PATH_ALONE: f"%REQ_WITHOUT_QUERY({RELAY_PATH})%",
    })
    operator = named("envoy.formatter.req_without_query", T + "envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery")
    for value in found["typed_config"]["on_request_headers"]:
        value["format_string"]["formatters"] = [operator]
    return found


def untidied(manager: JSON) -> JSON:
    """Return a connection manager that passes on paths and headers as they came."""
    return manager | {
        "stat_prefix": NAME, "normalize_path": False, "merge_slashes": False, "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "generate_request_id": False, "always_set_request_id_in_response": False, "skip_xff_append": True,
    }


def listens(layout: Layout, snapshot: Snapshot) -> bool:
    """Return whether there is anything for the listener to do, and a port for it."""
    return layout.relay_port is not None and any(api.relays for api in snapshot.apis)


def route_configuration(snapshot: Snapshot, counters: Mapping[str, frozenset[Filter]]) -> JSON:
    """Return the route table: of the APIs that are the secure proxy, and of nothing else."""
    routes = [route for api in snapshot.apis if api.relays for route in _api_routes(api, counters[api.name] & COUNTED)]
    nothing = _refusal("no-api route-not-found", {"prefix": "/"}, _metadata(None, None, "refusal"), "route-not-found")
    return {
        "@type": T + "envoy.config.route.v3.RouteConfiguration", "name": ROUTES,
        "response_headers_to_add": [_put("Strict-Transport-Security", "max-age=31536000; includeSubDomains", "ADD_IF_ABSENT")],
        "virtual_hosts": [{"name": "everything", "domains": ["*"], "routes": [*routes, nothing, nothing | {"match": {"connect_matcher": {}}}]}],
    }


def _api_routes(api: API, counters: frozenset[Filter]) -> Iterator[JSON]:
    """Yield the routes of an API. A method that none takes is the decision service's to refuse, as everything else is.

    NOTE: where a path is rewritten, Envoy adds the query of the request to it. The target has it from there, if it is not encoded. A
    query of nothing would take the place of an encoded target's own, which was judged and recorded: it is refused.
    """
    below = PathMatch(MatchKind.PREFIX, api.base_path + "/")
    with_query = {"name": ":path", "string_match": {"contains": "?"}}
    nothing_asked = {"name": ":path", "string_match": {"safe_regex": {"regex": r"[^?]*\?"}}}
    for route in (*api.routes, api.routes[0].model_copy(update={"methods": ()})):
        yield _refusal(f"{api.name} {route.path}", match_of(below, (longer_than(route.max_body_bytes),), route.methods), _metadata(api, route, "refusal"), "request-too-large")
        yield _refusal(f"{api.name} {route.path}", match_of(below, (nothing_asked,), route.methods), _metadata(api, route, "refusal"), "request-malformed")
        yield _relayed(api, route, match_of(below, (with_query,), route.methods), counters, State.RELAY_PATH_ALONE)
        yield _relayed(api, route, match_of(below, (), route.methods), counters, State.RELAY_PATH)


def _relayed(api: API, route: Route, match: JSON, counters: frozenset[Filter], path: State) -> JSON:
    """Return the route of a call."""
    body = body_limit(route, asked=True)
    added = {"header": {"key": "Forwarded", "value": FORWARDED}, "append_action": "APPEND_IF_EXISTS_OR_ADD"}
    return {
        "name": f"{api.name} {route.path}", "match": match,
        "metadata": _metadata(api, route, "decision"),
        "route": {"cluster_header": RELAY_CLUSTER, "timeout": duration(route.timeout_seconds),
                  "host_rewrite": state(State.RELAY_HOST), "path_rewrite": state(path)},
        "request_headers_to_remove": list(OURS), "request_headers_to_add": [added], "response_headers_to_remove": [REASON],
        "typed_per_filter_config": _switches(frozenset({Filter.GIVEN, Filter.DECISION}) | body.keys() | counters) | {str(name): found for name, found in body.items()},
    }


OURS: Final = (
    *INTERNAL_HEADERS, *decision.given(), RELAY_CLUSTER, RELAY_HOST, RELAY_PATH, "x-forwarded-client-cert", "x-forwarded-proto",
    "x-envoy-external-address", "x-envoy-internal",
)
"""What was put in for ourselves. Everything else goes on as it came."""


def _address(attribute: str) -> str:
    """RFC 7239 section 6: an IPv6 address stands in brackets and quotes."""
    bare = rf"re.extract({attribute}.address, '^(.*):[0-9]+$', '\\1')"
    quoted = rf"""re.extract({attribute}.address, '^(.*):[0-9]+$', '"\\1"')"""
    return f"%CEL({attribute}.address.startsWith('[') ? {quoted} : {bare})%"


FORWARDED: Final = f"by={_address('destination')};for={_address('source')};host={state(State.RELAY_HOST)};proto=https"
"""RFC 7239, as the secure proxy adds it (spine 3)."""


def _refusal(name: str, match: JSON, told: JSON, reason: str) -> JSON:
    return {
        "name": name, "match": match, "metadata": told, "direct_response": {"status": 404},
        "typed_per_filter_config": _switches(frozenset()) | {str(Filter.ROUTE): route_rules.refuse(reason)},
    }


_SWITCHED: Final = frozenset({Filter.GIVEN, Filter.DECISION, Filter.ROUTE, Filter.EARLY_BODY, Filter.BODY, Filter.API_QUOTA, Filter.API_SPIKE})


def _switches(on: frozenset[Filter]) -> JSON:
    off = sorted([*map(str, _SWITCHED - on), *(() if Filter.DECISION in on else (TARGET_FILTER,))])
    return {name: {"@type": T + "envoy.config.route.v3.FilterConfig", "disabled": True} for name in off}


def _metadata(api: API | None, route: Route | None, pattern: str) -> JSON:
    found = {"api": api.name if api else "", "route": route.path if route else "", "dialect": str(Dialect.SECURE_PROXY), "pattern": pattern}
    return {"filter_metadata": {"wardgate": found | asked_form.told(api)}}


def _put(key: str, value: str, action: str) -> JSON:
    return {"header": {"key": key, "value": value}, "append_action": action}
