"""Envoy's refusals in our words: one mapper per reason, dialect and form, chosen by route metadata.

Envoy names a refusal in `response.code_details`; the tables below say which reason that is, under which pattern. A
mapper also sets `x-wardgate-reason`, which the access log reads. Envoy tries them one after the other, so a refusal costs what stands
before it: there are none for shapes that no API has, and those of systems stand on their own port, behind a filter that costs nothing.

NOTE: so listeners change with the first API of a new shape. A connection that was open before keeps the old mappers until it is
drained: its refusals have their status and reason, but the body of the plain gateway.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Self

from wardgate.catalogue import Pattern
from wardgate.catalogue.model import ROUTE_SHAPES
from wardgate.dataplane.resources import asked_form, system_rules, systems
from wardgate.dataplane.resources.asked_form import cel as _cel
from wardgate.dataplane.resources.decision import SAID_AS
from wardgate.dataplane.resources.envoy import (
    EXPLAIN,
    GIVEN_REQUEST_ID,
    JSON,
    MESSAGE_ID,
    PROXIED_CLIENT,
    REASON,
    REFUSED_REASON,
    RULES_NOT_LOADED,
    State,
)
from wardgate.dataplane.resources.limits import COUNTERS
from wardgate.dataplane.resources.route_rules import NOT_GRANTED
from wardgate.dataplane.resources.standing import CLIENTS_PREFIX, OVERLAY_PREFIX, REFUSED_HERE, UNLISTED
from wardgate.dataplane.resources.systems import ASID_OF_KEY, INTERACTION_OF_ROUTE
from wardgate.refusals import Area, Reason, reason
from wardgate.refusals.dialects import CONTENT_TYPES, FORMS, Dialect, body, profile_of, xml_body
from wardgate.refusals.operation_outcome import XML_TYPE
from wardgate.security_patterns.bearer import SHOWN_SCHEMES
from wardgate.security_patterns.facts import Listener
from wardgate.security_patterns.request_id import SHOWN_CHARACTERS
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.security_patterns.standing import REASONS

SHAPES: Final = (*(shape for shape in ROUTE_SHAPES if shape is not Dialect.FAULT and profile_of(shape) is None), Dialect.SPINE, Dialect.FAULT)
"""The one that asks nothing of the route comes last. Shapes with a profile are one here: the route says which profile."""
DETAILS: Final = "response.code_details"
ROUTE: Final = "xds.route_metadata.filter_metadata.wardgate"
REQUEST_ID_CHARACTERS: Final = 36
RBAC_METADATA: Final = "metadata.filter_metadata['envoy.filters.http.rbac']"
_AUTHORIZATION: Final = "request.headers['authorization']"
_HAS_AUTHORIZATION: Final = "'authorization' in request.headers"

NAMED_BY_RULE: Final = (
    "route-not-found", "scope-insufficient", "access-token-revoked", "method-not-allowed", "request-id-missing",
    "application-quota-exceeded", "api-key-unknown", "access-token-unknown", "certificate-not-registered", "certificate-revoked",
    "certificate-missing", "certificate-invalid", "api-quota-exceeded", "api-key-revoked", "api-key-expired",
    "access-token-not-bound", "access-token-wrong-kind", "request-id-invalid", "request-too-large", RULES_NOT_LOADED,
)
"""Reasons that are the name of an RBAC policy or action."""

NAMED_BY_SYSTEM_RULE: Final = (
    "certificate-not-of-asid", "interaction-not-granted", "from-asid-unknown", "from-asid-missing", "to-asid-missing", "to-asid-not-ours",
    "interaction-disagrees", "interaction-unresolved", "interaction-not-granted-reference", "interaction-not-granted-internet",
)
"""The same on routes by ASID, which the mutual-TLS port alone has."""

NAMED_BY_ENVOY: Final = (
    ("api-key-missing", "missing_api_key", 401),
    ("api-key-unknown", "unknown_api_key", 401),
    ("access-token-expired", "Jwt_is_expired", 401),
    ("access-token-unknown", "jwt_authn_access_denied", None),
    ("decision-unavailable", "ext_authz_error", 503),
    ("request-too-large", "request_payload_too_large", 413),
    ("headers-too-large", "headers_too_large", 431),
    ("headers-too-large", "too_many_headers", 431),
    ("request-timeout", "request_header_timeout", 408),
    ("request-timeout", "stream_idle_timeout", None),
    ("request-timeout", "request_overall_timeout", None),
    ("request-timeout", "max_duration_timeout", 408),
    ("backend-timeout", "response_timeout", 504),
    ("backend-timeout", "upstream_response_timeout", 504),
    ("backend-timeout", "upstream_per_try_timeout", 504),
    ("backend-unavailable", "upstream_reset", 503),
    ("backend-unavailable", "no_healthy_upstream", 503),
    ("backend-unavailable", "cluster_not_found", 503),
    (RULES_NOT_LOADED, "route_not_found", 404),
    ("request-malformed", "codec_error", None),
    ("request-malformed", "missing_host_header", None),
    ("request-malformed", "path_normalization_failed", None),
    ("request-malformed", "absolute_path_rejected", 404),
    ("request-malformed", "http.invalid", None),
    ("request-malformed", "http1.", None),
    ("request-malformed", "http2.", None),
    ("request-malformed", "low_version", 426),
    ("request-malformed", "upgrade_failed", 403),
)
"""Reason, part of Envoy's own detail, and Envoy's status when it is always the same. The first that fits counts."""

BEFORE_THE_DOOR: Final = frozenset({
    "headers_too_large", "too_many_headers", "request_header_timeout", "codec_error", "missing_host_header", "path_normalization_failed",
    "absolute_path_rejected", "http.invalid", "http1.", "http2.", "low_version",
})
"""Details of requests that never reached the door (`door`): they have no message id yet, and any X-Request-ID."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A reason and the condition under which a local reply is that refusal.

    `status` is what Envoy was about to answer: looked at first, because an expression costs a hundred times as much.
    None: any.
    """

    reason: Reason
    condition: str
    values: dict[str, str]
    status: int | None = 403
    gate: JSON | None = None
    """A cheap filter in place of the status and the expression."""
    explained: bool = False
    """Wardgate writes the body, so one mapper serves every dialect."""
    early: bool = False
    """The request never reached the door, and no route: it is answered in the shape of no API."""
    writable: str = ""
    """The condition under which the values can stand in XML, whose texts Envoy does not escape; empty: they always can."""
    headers: dict[str, str] = field(default_factory=dict)
    """Headers of this refusal alone."""


@dataclass(frozen=True, slots=True)
class Said:
    """Which mappers there are: for the shapes that some API has, in XML where one speaks it, and for systems."""

    shapes: frozenset[Dialect]
    xml: frozenset[Dialect] = frozenset()
    systems: bool = False

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """Return what the APIs of a snapshot need."""
        used = {(_shape(route.errors or api.errors), api.spine is not None) for api in snapshot.apis for route in api.routes}
        used |= {(_shape(api.errors), api.spine is not None) for api in snapshot.apis}
        xml = {shape for shape, spoken in used if spoken and shape in FORMS}
        native = any(route.pattern is Pattern.ASID_INTERACTION for api in snapshot.apis if not api.relays for route in api.routes)
        return cls(frozenset(shape for shape, _ in used), frozenset(xml), native)


def _shape(dialect: Dialect) -> Dialect:
    """Return the one of `SHAPES` that a dialect is said in."""
    return dialect if profile_of(dialect) is None else Dialect.SPINE


def causes(*, of_systems: bool = True) -> Iterator[Cause]:
    """Yield every reason Envoy can give, with its condition, in the order in which they are tried: common ones early."""
    if of_systems:
        yield from _of_systems()
    for counter in COUNTERS:  # NOTE: the explanation of a limit could not be had: say the limit without it
        yield Cause(_limit(counter.reason), "", _VALUES.get(counter.reason, {}), gate=_header_is(REFUSED_REASON, counter.reason))
    yield _NO_AUTHORIZATION
    for code in NAMED_BY_RULE:
        cause = Cause(_limit(code), f"{DETAILS}.contains('{code}]')", _VALUES.get(code, {}), writable=_WRITABLE.get(code, ""))
        yield from _limit_or_plain(cause)
    yield from _not_granted()
    yield from _bearer()
    for counter in COUNTERS:
        limited = f"{DETAILS} == 'local_rate_limited'"
        yield from _limit_or_plain(Cause(_limit(counter.reason), limited, _VALUES.get(counter.reason, {}), counter.code))
    yield Cause(reason(RULES_NOT_LOADED), "!has(xds.route_name)", {}, 401)  # the routes have not come: every route has a name
    for code, detail, status in NAMED_BY_ENVOY:
        yield Cause(reason(code), f"{DETAILS}.contains('{detail}')", {}, status, early=detail in BEFORE_THE_DOOR)


_JUDGED: Final[JSON] = {"metadata_filter": {"match_if_key_not_found": False, "matcher": {
    "filter": "envoy.filters.http.rbac", "path": [{"key": systems.OVERLAY_PREFIX + "enforced_effective_policy_id"}], "value": {"present_match": True}}}}
"""True of calls that the maps of systems were asked about, and costs next to nothing."""


def _of_systems() -> Iterator[Cause]:
    gate = {"and_filter": {"filters": [_status(403), _JUDGED]}}
    for code in NAMED_BY_SYSTEM_RULE:
        yield Cause(reason(code), f"{DETAILS}.contains('{code}]')", _VALUES.get(code, {}), gate=gate, writable=_WRITABLE.get(code, ""))
    for code in (system_rules.MISSING, system_rules.INVALID):
        for which in (system_rules.SENDER, system_rules.RECEIVER, system_rules.INTERACTION_HEADER, system_rules.TRACE):
            yield Cause(reason(code), f"{DETAILS}.contains('{code}@{which}]')", {"header": f"%METADATA(ROUTE:wardgate:{which})%"}, gate=gate)


def _limit(code: str) -> Reason:
    """Return a reason without the numbers that Envoy does not know."""
    found = reason(code)
    return replace(found, text=found.text.replace(" of {limit} requests every {interval} {timeunit}(s)", ""))


def _limit_or_plain(cause: Cause) -> Iterator[Cause]:
    """Have a limit explained, except to a HEAD request (`listeners` says why); every other cause stays as it is."""
    if cause.reason.area is Area.LIMITS:
        yield replace(cause, condition=f"{cause.condition} && request.method != 'HEAD'", explained=True)
    yield cause


_VALUES: Final[dict[str, dict[str, str]]] = {
    "scope-insufficient": {"scopes": "%METADATA(ROUTE:wardgate:scopes)%"},
    "request-id-invalid": {"value": f"%REQ({GIVEN_REQUEST_ID}):{SHOWN_CHARACTERS}%"},
    "application-quota-exceeded": {"application": f"%REQ({PROXIED_CLIENT})%"},
    "application-spike": {"application": f"%REQ({PROXIED_CLIENT})%"},
    "interaction-not-granted": {"asid": ASID_OF_KEY, "interaction": INTERACTION_OF_ROUTE},
}


IN_XML: Final = frozenset({
    "route-not-found", "method-not-allowed", "request-id-missing", "request-id-invalid", "api-quota-exceeded", "certificate-missing", "certificate-invalid",
    "certificate-revoked", "decision-unavailable", "request-too-large", "request-timeout", "backend-timeout", "backend-unavailable", RULES_NOT_LOADED,
    system_rules.MISSING, system_rules.INVALID, *NAMED_BY_SYSTEM_RULE,
})
"""What Envoy itself can answer on an API of systems. Each form costs memory: what only routes by key or token meet stays JSON."""
IN_XML_ELSEWHERE: Final = frozenset({"route-not-found", "method-not-allowed", "certificate-missing"})
"""The same on the ports that ask for no certificate."""
_PLAIN: Final = "[A-Za-z0-9 ._:|,/;=*+()!?@#$%-]*"
"""What stands in XML as it is."""
_WRITABLE: Final[dict[str, str]] = {
    "request-id-invalid": f"request.headers['{GIVEN_REQUEST_ID}'].matches('^{_PLAIN}$')",
    "interaction-not-granted": f"(!has({ROUTE}.interaction) || {ROUTE}.interaction.matches('^{_PLAIN}$'))",  # another one is of a table of ours
}

_NO_BEARER: Final = f"{DETAILS}.contains('~bearer]')"
_NO_AUTHORIZATION: Final = Cause(reason("authorization-missing"), f"{_NO_BEARER} && !({_HAS_AUTHORIZATION})", {})


def _bearer() -> Iterator[Cause]:
    """Tell apart the ways for an Authorization header not to be a bearer token, as `security_patterns.bearer` does."""
    refused, value = _NO_BEARER, _AUTHORIZATION
    yield Cause(reason("authorization-empty"), f"{refused} && {value} == ''", {})
    # NOTE: a pattern does not match across octets that are not UTF-8, so this is said without one
    yield Cause(reason("access-token-missing"), f"{refused} && (!{value}.contains(' ') || {value}.matches('^[^ ]* $'))", {})
    for scheme in SHOWN_SCHEMES:
        yield Cause(reason("token-type-invalid"), f"{refused} && {value}.startsWith('{scheme} ')", {"scheme": scheme})
    yield Cause(reason("token-type-invalid"), f"{refused} && !{value}.startsWith('Bearer ')", {"scheme": "unknown"})
    yield Cause(reason("access-token-unknown"), refused, {})


def _not_granted() -> Iterator[Cause]:
    """Name what the maps found about an application that was not granted, in the words of the route's pattern."""
    overlay, clients = (f"{RBAC_METADATA}['{prefix}enforced_effective_policy_id']" for prefix in (OVERLAY_PREFIX, CLIENTS_PREFIX))
    refused = f"{DETAILS}.contains('{NOT_GRANTED}]')"
    for code in sorted(set(REASONS.values())):
        found = [
            f"({ROUTE}.pattern == '{pattern}' && ({overlay} == '{REFUSED_HERE}{standing}' || ({overlay} == '{UNLISTED}' && {clients} == '{standing}')))"
            for (pattern, standing), named in REASONS.items() if named == code
        ]
        yield Cause(reason(code), f"{refused} && ({' || '.join(found)})", {})
    yield Cause(reason(RULES_NOT_LOADED), refused, {})


def mappers(listener: Listener, said: Said) -> list[JSON]:
    """Return the local reply mappers of a listener: every reason it can have, in every dialect and form that some API has."""
    mtls = listener is Listener.MTLS
    found = causes(of_systems=said.systems and mtls)
    return [*(mapper for cause in found for mapper in _mappers(cause, said, IN_XML if mtls else IN_XML_ELSEWHERE)), *decided(), *_unforeseen()]


def _mappers(cause: Cause, said: Said, in_both: frozenset[str]) -> Iterator[JSON]:
    if cause.explained or cause.early:
        yield _mapper(cause, Dialect.FAULT)
        return
    for dialect in SHAPES:
        if dialect in said.xml and cause.reason.code in in_both:
            yield from in_xml(cause, dialect, _in_dialect(dialect))
        if dialect in said.shapes or dialect is Dialect.FAULT:
            yield _mapper(cause, dialect)


def _in_dialect(dialect: Dialect) -> str:
    if dialect is Dialect.FAULT:
        return ""
    return f"has({ROUTE}.profile)" if profile_of(dialect) else f"has({ROUTE}.dialect) && {ROUTE}.dialect == '{dialect}'"


def _mapper(cause: Cause, dialect: Dialect) -> JSON:
    return in_json(cause, dialect, _in_dialect(dialect))


def in_json(cause: Cause, dialect: Dialect, in_dialect: str) -> JSON:
    """Return the mapper of a reason in a dialect. `in_dialect`: the condition on the route."""
    return {"filter": _filter(cause, in_dialect), "status_code": cause.reason.status, "headers_to_add": _headers(cause),
            "body_format_override": _body(cause, dialect)}


def in_xml(cause: Cause, dialect: Dialect, in_dialect: str) -> Iterator[JSON]:
    """Yield the mappers of the same in XML: with its values if they can stand there, else without."""
    if not cause.reason.text:
        return
    spoken = f"{in_dialect} && has({asked_form.ROUTE_FORM})" if in_dialect else f"has({asked_form.ROUTE_FORM})"
    forms = [(f"{spoken} && {cause.writable}", cause), (spoken, replace(cause, values={}))] if cause.writable else [(spoken, cause)]
    for condition, one in forms:
        yield {"filter": _filter(one, condition, asked_form.XML), "status_code": one.reason.status, "headers_to_add": _headers(one),
               "body_format_override": {"content_type": XML_TYPE, "text_format_source": {"inline_string": _xml(one, dialect)}}}


def _xml(cause: Cause, dialect: Dialect) -> str:
    text = xml_body(dialect, cause.reason, lambda found: _fill(cause, found), f"%FILTER_STATE({State.MESSAGE_ID}:PLAIN)%").decode()
    profile = profile_of(dialect)
    return text if profile is None else text.replace(profile, "%METADATA(ROUTE:wardgate:profile)%")


def decided() -> list[JSON]:
    """Give the decision service's answers the status that they stand for (`SAID_AS`); headers and body are the service's own."""
    denied = _cel(f"{DETAILS} == 'ext_authz_denied'")
    return [{"filter": {"and_filter": {"filters": [_status(said), denied]}}, "status_code": status} for status, said in SAID_AS.items()]


def _unforeseen() -> list[JSON]:
    """What no row names must still leave with a reason of ours. The decision service's answer, `ext_authz_denied`, has one."""
    ours = f"{DETAILS} == 'ext_authz_denied'"
    rest = (
        Cause(reason(RULES_NOT_LOADED), f"{DETAILS}.startsWith('rbac_access_denied')", {}),
        Cause(reason("request-malformed"), f"response.code >= 400 && response.code < 500 && !({ours})", {}, None),
        Cause(reason("backend-unavailable"), f"response.code >= 500 && !({ours})", {}, None),
    )
    return [_mapper(cause, Dialect.FAULT) for cause in rest]


def _filter(cause: Cause, in_dialect: str, more: Iterable[JSON] = ()) -> JSON:
    gate = cause.gate or (_status(cause.status) if cause.status is not None else None)
    condition = " && ".join(part for part in (cause.condition, in_dialect) if part)
    parts = [part for part in (gate, _cel(condition) if condition else None, *more) if part is not None]
    return parts[0] if len(parts) == 1 else {"and_filter": {"filters": parts}}


def _header_is(name: str, value: str) -> JSON:
    return {"header_filter": {"header": {"name": name, "string_match": {"exact": value}}}}


def _status(code: int) -> JSON:
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": {"default_value": code, "runtime_key": "wardgate.none"}}}}


def _fill(cause: Cause, text: str) -> str:
    for name in cause.reason.placeholders:
        text = text.replace("{" + name + "}", cause.values.get(name, ""))
    return text


def _body(cause: Cause, dialect: Dialect) -> JSON:
    if cause.reason.area is Area.LIMITS and dialect is Dialect.FAULT:
        return {"content_type": CONTENT_TYPES[dialect], "json_format": _short_limit(cause)}
    form = body(dialect, cause.reason, lambda text: _fill(cause, text), f"%FILTER_STATE({State.MESSAGE_ID}:PLAIN)%")
    if profile_of(dialect) is not None:
        form["meta"] = {"profile": ["%METADATA(ROUTE:wardgate:profile)%"]}
    return {"content_type": CONTENT_TYPES[dialect], "json_format": form}


def _short_limit(cause: Cause) -> JSON:
    """Return the 429 body without the members that only Wardgate knows (limit, interval, timeunit, expiry)."""
    scope = "application" if cause.reason.code.startswith("application") else "proxy"
    policy = "spikearrest" if cause.reason.code.endswith("spike") else "quota"
    return {"message": _fill(cause, cause.reason.text), "scope": scope, "policy": policy,
            "message_id": f"%FILTER_STATE({State.MESSAGE_ID}:PLAIN)%"}


def _headers(cause: Cause) -> list[JSON]:
    chosen = cause.reason
    headers = {
        REASON: chosen.code,
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Request-ID": "%REQ(x-request-id)%",
        "X-Correlation-ID": "%REQ(x-correlation-id)%",
        "Cache-Control": "no-store",
    }
    for name, value in chosen.headers:
        headers[name] = value.replace("{error}", chosen.error).replace("{text}", chosen.text)
    if chosen.code == "method-not-allowed":
        headers["Allow"] = "%METADATA(ROUTE:wardgate:allow)%"
    if cause.explained:
        headers[EXPLAIN] = chosen.code
    if cause.early:
        headers |= {MESSAGE_ID: "%UNIQUE_ID%", "X-Request-ID": f"%REQ(x-request-id):{REQUEST_ID_CHARACTERS}%"}
    headers |= cause.headers
    retry = {counter.reason: counter.retry_after_seconds for counter in COUNTERS}
    if chosen.code in retry:
        headers["Retry-After"] = str(retry[chosen.code])
    return [{"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"} for key, value in headers.items()]

