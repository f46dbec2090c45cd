"""The parts of a route: what it matches, what it tells the mappers and the log, which filters it switches on, headers."""

from collections.abc import Iterable, Mapping
from typing import Final

from wardgate.catalogue import API, Route
from wardgate.catalogue.paths import MatchKind, PathMatch
from wardgate.dataplane.resources import asked_form
from wardgate.dataplane.resources.envoy import HTTP, JSON, Filter, State, T, duration
from wardgate.refusals.dialects import Dialect, profile_of
from wardgate.security_patterns import token_kind
from wardgate.security_patterns.facts import Listener

SWITCHED: Final = frozenset(Filter) - {Filter.EXPLAINED_LIMIT, Filter.REQUEST_ID, Filter.CERTIFICATE, Filter.FINGERPRINTS, Filter.STATE}
"""Filters that routes switch; the others run for every request. A route that forgets one is refused by it."""


def match_of(path: PathMatch, headers: Iterable[JSON], methods: Iterable[str]) -> JSON:
    """Return what requests a route is for."""
    forms: Mapping[MatchKind, JSON] = {
        MatchKind.EXACT: {"path": path.value},
        MatchKind.PREFIX: {"prefix": path.value},
        MatchKind.REGEX: {"safe_regex": {"regex": path.value}},
    }
    taken = tuple(methods)
    wanted = [*headers]
    if taken:
        wanted.append({"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(taken)}}})
    return forms[path.kind] | ({"headers": wanted} if wanted else {})


def present(name: str) -> JSON:
    """Return what is true of a request that has a header."""
    return {"name": name, "present_match": True}


def longer_than(size_bytes: int) -> JSON:
    """Return what is true of a request that says its body has more bytes than these."""
    return {"name": "content-length", "range_match": {"start": size_bytes + 1, "end": 2**63 - 1}}


def metadata(api: API | None, route: Route | None, **more: str) -> JSON:
    """Return what the mappers and the log are told of a route; what is empty is left out."""
    dialect = (route.errors if route else None) or (api.errors if api else Dialect.FAULT)
    facts = {"api": api.name if api else "", "route": route.path if route else "", "dialect": str(dialect)}
    told = {"profile": profile_of(dialect), **asked_form.told(api), **more}
    return {"filter_metadata": {"wardgate": facts | {key: str(value) for key, value in told.items() if value}}}


def token_metadata(api: API, route: Route) -> dict[str, str]:
    """Return what refusals and the log say of a route by token: the scopes, and the kinds of callers it is for."""
    found = token_kind.by_token(route)
    return {"scopes": " ".join(token_kind.required_scopes(api, found)),
            "callers": " ".join(alternative.access_mode or "application" for alternative in found)}


def switches(on: frozenset[Filter], configs: Mapping[Filter, JSON]) -> JSON:
    """Return which filters are on, with their configuration for the route; every other one is off."""
    off = {str(name): {"@type": T + "envoy.config.route.v3.FilterConfig", "disabled": True} for name in sorted(SWITCHED - on)}
    return off | {str(name): config for name, config in configs.items()}


SMALL_BODY_BYTES: Final = 262_144
"""Well over twice what Envoy reads of a body while it waits (`listeners.CONNECTION_BUFFER_BYTES`, and one read more)."""


def body_limit(route: Route, *, asked: bool) -> dict[Filter, JSON]:
    """Return the filter that holds a body to the route's limit, with its configuration.

    NOTE: while a call is decided about Envoy reads on, until it has more than a connection's buffer, and stops. Afterwards the route's
    limit takes the buffer's place, and reading goes on only if what is there is less than half of that: a body without a length
    would wait for ever at a route with a small limit. There bodies are read before anybody is asked.
    """
    early = asked and route.max_body_bytes < SMALL_BODY_BYTES
    return {Filter.EARLY_BODY if early else Filter.BODY: {
        "@type": HTTP + "buffer.v3.BufferPerRoute", "buffer": {"max_request_bytes": max(1, route.max_body_bytes)},
    }}


REQUEST_SECONDS: Final = 120
"""How long a request may take to arrive."""
USUAL_SECONDS: Final = 30
"""What a backend has for its answer where the route does not say more."""


def at_most(timeout_seconds: float, listener: Listener) -> JSON:
    """Return how long the backend of a route may take.

    NOTE: on the port of certificates Envoy bounds no request by itself, for the sake of mailboxes: it bounds the whole call, by REQUEST_SECONDS and
    USUAL_SECONDS. A route that takes longer has a bound of its own, and where it has, Envoy leaves out `timeout`: the time of the
    only try, until the answer begins, is in its place.
    """
    if listener is not Listener.MTLS or timeout_seconds <= USUAL_SECONDS:
        return {"timeout": duration(timeout_seconds)}
    return {
        "max_stream_duration": {"max_stream_duration": duration(REQUEST_SECONDS + timeout_seconds)},
        "retry_policy": {"num_retries": 0, "per_try_timeout": duration(timeout_seconds)},
    }


def set_header(key: str, value: str) -> JSON:
    """Return a header that is set, whatever was there."""
    return {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def state(key: State) -> str:
    """Return the value of a filter state object, as a header's value holds it."""
    return f"%FILTER_STATE({key}:PLAIN)%"
