"""Listeners: sockets, the shape of TLS, the order of filters, error mappers, the log. No policy lives here.

NOTE: after a listener changes, open connections keep the old one until drained; so nothing here depends on the manifest but how
TLS is spoken, whether there is a secure proxy, and which shapes refusals have (`error_mappers` says what an old one does then).
"""

from dataclasses import dataclass, field
from typing import Any, Final, Self

from wardgate.dataplane.layout import Layout
from wardgate.dataplane.resources import (
    credentials,
    decision,
    door,
    error_mappers,
    log_format,
    relay,
    relay_errors,
    smartcard,
    standing,
    systems,
    tls_suites,
)
from wardgate.dataplane.resources.discovery import source
from wardgate.dataplane.resources.envoy import (
    EXPLAIN,
    HTTP,
    JSON,
    RBAC,
    REFUSAL_SECRET,
    REFUSED_API,
    REFUSED_DIALECT,
    REFUSED_PATTERN,
    REFUSED_REASON,
    REFUSED_ROUTE,
    RULES_NOT_LOADED,
    Filter,
    T,
    action,
    deny_all,
    duration,
    named,
)
from wardgate.dataplane.resources.limits import COUNTERS
from wardgate.dataplane.resources.route_parts import REQUEST_SECONDS, USUAL_SECONDS
from wardgate.dataplane.resources.routes import REFUSAL_PATH
from wardgate.dataplane.resources.secrets import CLIENT_TRUST, SERVER_CERTIFICATE
from wardgate.security_patterns.facts import Listener
from wardgate.security_patterns.snapshot import Snapshot

BUFFER_BYTES: Final = 1_048_576
CONNECTION_BUFFER_BYTES: Final = 32_768
"""How much of a body is read while a call is decided about, and one read more. `route_parts.SMALL_BODY_BYTES` is about the same."""
HEADERS_KB: Final = 60
MAX_HEADERS: Final = 100
IDLE_SECONDS: Final = 300
HEADERS_TIMEOUT_SECONDS: Final = 15
STREAM_IDLE_SECONDS: Final = 60

_ECDS_TYPES: Final = {
    Filter.FINGERPRINTS: RBAC, Filter.API_KEYS: HTTP + "api_key_auth.v3.ApiKeyAuth",
    Filter.TOKENS: HTTP + "jwt_authn.v3.JwtAuthentication", Filter.CERTIFICATE_NAMES: RBAC,
    Filter.OVERLAY: RBAC, Filter.CLIENTS: RBAC, Filter.SYSTEMS_OVERLAY: RBAC, Filter.SYSTEMS: RBAC, Filter.GRANTS: RBAC,
    **{counter.filter: HTTP + "local_ratelimit.v3.LocalRateLimit" for counter in COUNTERS},
}


@dataclass(frozen=True, slots=True)
class Shape:
    """All that listeners are made of. While it is the same, they are not even made again."""

    layout: Layout
    refusal_secret: str = field(repr=False)
    said: error_mappers.Said
    tls: JSON
    answer_bad_certificates: bool
    relays: bool

    @classmethod
    def of(cls, snapshot: Snapshot, layout: Layout, refusal_secret: str) -> Self:
        """Return what a snapshot says of listeners."""
        environment = snapshot.environment
        return cls(layout, refusal_secret, error_mappers.Said.of(snapshot), tls_suites.parameters(environment),
                   environment.tls_ma_profile == "answer", relay.listens(layout, snapshot))


def discovered(name: Filter, layout: Layout) -> JSON:
    """Return a filter whose configuration comes by ECDS and which refuses everything until it has come."""
    discovery = {"config_source": source(layout.poll_seconds), "type_urls": sorted({_ECDS_TYPES[name], RBAC}),
                 "default_config": deny_all(RULES_NOT_LOADED)}
    return {"name": str(name), "config_discovery": discovery}


def http_filters(listener: Listener, shape: Shape) -> list[JSON]:
    """Return the filters in the order of `envoy.Filter`."""
    layout, mtls = shape.layout, listener is Listener.MTLS
    chain: dict[Filter, JSON] = {
        Filter.EXPLAINED_LIMIT: _explained_limit(shape.refusal_secret),
        Filter.REQUEST_ID: door.request_id_filter(),
        Filter.STATE: door.state_filter(listener),
        **(_connection_filters(shape) if mtls else {}),
        Filter.API_KEYS: discovered(Filter.API_KEYS, layout),
        Filter.TOKENS: discovered(Filter.TOKENS, layout),
        Filter.EARLY_BODY: named(Filter.EARLY_BODY, HTTP + "buffer.v3.Buffer", max_request_bytes=BUFFER_BYTES),
        **(_certificate_filters(layout) | _system_filters(layout) if mtls else {}),
        Filter.GIVEN: decision.given_filter(),
        Filter.DECISION: decision.filter_(),
        Filter.PAIR: standing.pair_filter(),
        Filter.OVERLAY: discovered(Filter.OVERLAY, layout),
        Filter.CLIENTS: discovered(Filter.CLIENTS, layout),
        Filter.ROUTE: {"name": str(Filter.ROUTE), "typed_config": deny_all(RULES_NOT_LOADED)},
        Filter.BODY: named(Filter.BODY, HTTP + "buffer.v3.Buffer", max_request_bytes=BUFFER_BYTES),
        **{counter.filter: discovered(counter.filter, layout) for counter in COUNTERS},
    }
    return [*chain.values(), named("envoy.filters.http.router", HTTP + "router.v3.Router", suppress_envoy_headers=True, dynamic_stats=False)]


def _connection_filters(shape: Shape) -> dict[Filter, JSON]:
    """Return what looks at a connection's certificate, whatever is asked for."""
    checks = {Filter.CERTIFICATE: named(Filter.CERTIFICATE, RBAC, **_certificate_checks())} if shape.answer_bad_certificates else {}
    return {Filter.FINGERPRINTS: discovered(Filter.FINGERPRINTS, shape.layout), **checks}


def _certificate_filters(layout: Layout) -> dict[Filter, JSON]:
    client = credentials.certificate_client()
    return {
        Filter.CERTIFICATE_NAMES: discovered(Filter.CERTIFICATE_NAMES, layout),
        Filter.CERTIFICATE_CLIENT: {"name": str(Filter.CERTIFICATE_CLIENT), "typed_config": client},
    }


def _system_filters(layout: Layout) -> dict[Filter, JSON]:
    return {
        Filter.SYSTEM: systems.system_filter(Filter.SYSTEM),
        Filter.SYSTEM_PROXIED: systems.system_filter(Filter.SYSTEM_PROXIED),
        Filter.SYSTEMS_OVERLAY: discovered(Filter.SYSTEMS_OVERLAY, layout),
        Filter.SYSTEMS: discovered(Filter.SYSTEMS, layout),
        Filter.SYSTEM_DECISION: decision.filter_(name=Filter.SYSTEM_DECISION, unless=(systems.MAP_PREFIX, systems.SET)),
        Filter.SYSTEM_SET: systems.grant_filter(),
        Filter.GRANTS: discovered(Filter.GRANTS, layout),
    }


def _certificate_checks() -> dict[str, Any]:
    """Return the RBAC filter that answers a missing certificate with 496 and a bad one with 495 (`answer` profile)."""
    checks = [_unless("mtls", "certificate-missing", 10), _unless("peer_certificate_valid", "certificate-invalid", 20)]
    return {"matcher": {"matcher_list": {"matchers": checks}, "on_no_match": action("valid", allow=True)}}


def _unless(attribute: str, reason: str, number: int) -> JSON:
    """Return a matcher that refuses unless a connection attribute is true. RBAC takes CEL as a syntax tree only."""
    connection = {"id": number + 2, "ident_expr": {"name": "connection"}}
    value = {"id": number + 1, "select_expr": {"operand": connection, "field": attribute}}
    expression = {"id": number, "call_expr": {"function": "!_", "args": [value]}}
    matcher = {"@type": T + "xds.type.matcher.v3.CelMatcher", "expr_match": {"cel_expr_parsed": {"expr": expression}}}
    single = {"input": named("cel", T + "xds.type.matcher.v3.HttpAttributesCelMatchInput"),
              "custom_match": {"name": "cel", "typed_config": matcher}}
    return {"predicate": {"single_predicate": single}, "on_match": action(reason, allow=False)}


def _explained_limit(refusal_secret: str) -> JSON:
    """Return the filter that lets Wardgate write the body of a 429, which needs what Envoy does not know.

    The mappers have named the reason by then, in a header of its own: never for HEAD, because the redirected request is
    a GET and its body would be sent to a caller who expects none. NOTE: `%RESP(…)%` is empty in a redirect, so the reason is a constant of
    one policy per reason.
    """
    actions = {counter.reason: {"action": {"name": "explain", "typed_config": _redirect(counter.reason, refusal_secret)}} for counter in COUNTERS}
    reason = named("reason", T + "envoy.type.matcher.v3.HttpResponseHeaderMatchInput", header_name=EXPLAIN)
    return named(Filter.EXPLAINED_LIMIT, HTTP + "custom_response.v3.CustomResponse",
                 custom_response_matcher={"matcher_tree": {"input": reason, "exact_match_map": {"map": actions}}})


def _redirect(reason: str, refusal_secret: str) -> JSON:
    added = {REFUSAL_SECRET: refusal_secret, REFUSED_REASON: reason,
             REFUSED_API: "%METADATA(ROUTE:wardgate:api)%", REFUSED_ROUTE: "%METADATA(ROUTE:wardgate:route)%",
             REFUSED_PATTERN: "%METADATA(ROUTE:wardgate:pattern)%", REFUSED_DIALECT: "%METADATA(ROUTE:wardgate:dialect)%"}
    headers = [{"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"} for key, value in added.items()]
    return {"@type": T + "envoy.extensions.http.custom_response.redirect_policy.v3.RedirectPolicy",
            "status_code": 429, "uri": f"http://wardgate{REFUSAL_PATH}", "request_headers_to_add": headers}


def connection_manager(listener: Listener, shape: Shape) -> JSON:
    """Return the HTTP connection manager of a listener."""
    layout = shape.layout
    options = {"idle_timeout": duration(IDLE_SECONDS), "headers_with_underscores_action": "REJECT_REQUEST", "max_headers_count": MAX_HEADERS}
    if listener is Listener.MTLS:
        options["max_connection_duration"] = duration(tls_suites.CERTIFICATE_RECHECK_SECONDS)
        options["max_stream_duration"] = duration(REQUEST_SECONDS + USUAL_SECONDS)
    config: JSON = {
        "@type": T + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": str(listener),
        "rds": {"config_source": source(layout.poll_seconds), "route_config_name": f"routes-{listener}"},
        "http_filters": http_filters(listener, shape),
        "early_header_mutation_extensions": [door.header_mutations(str(listener))],
        "local_reply_config": {"mappers": error_mappers.mappers(listener, shape.said)},
        "access_log": log_format.request_logs(str(layout.access_log)),
        "use_remote_address": True, "skip_xff_append": False,
        "preserve_external_request_id": True, "always_set_request_id_in_response": True,
        "normalize_path": True, "merge_slashes": True, "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "server_header_transformation": "PASS_THROUGH",
        "max_request_headers_kb": HEADERS_KB, "common_http_protocol_options": options,
        "request_headers_timeout": duration(HEADERS_TIMEOUT_SECONDS), "request_timeout": duration(REQUEST_SECONDS),
        "stream_idle_timeout": duration(STREAM_IDLE_SECONDS),
        "http2_protocol_options": {"max_concurrent_streams": 100, "initial_stream_window_size": 65536, "initial_connection_window_size": 1048576},
        "http_protocol_options": {"accept_http_10": False},
        "strip_trailing_host_dot": True,
    }
    if listener is Listener.MTLS:
        # NOTE: a limit of the request alone cannot be switched off for one route, as mailboxes need it;
        # that of the whole call can, and routes that take longer have their own (`route_parts.at_most`).
        config |= {"request_timeout": duration(0), "forward_client_cert_details": "SANITIZE_SET", "set_current_client_cert_details": {"subject": True, "dns": True}}
    return config


def tls_context(listener: Listener, shape: Shape, *, answer_bad_certificates: bool) -> JSON:
    """Return the TLS shape of a listener; certificate and trust come by SDS (application-restricted 8.3)."""
    def secret(name: str) -> JSON:
        return {"name": name, "sds_config": source(shape.layout.poll_seconds)}

    common: JSON = {
        "tls_params": shape.tls,
        "tls_certificate_sds_secret_configs": [secret(SERVER_CERTIFICATE)],
        "alpn_protocols": ["h2", "http/1.1"],
    }
    context: JSON = {"@type": T + "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", "common_tls_context": common}
    if listener is Listener.MTLS:
        trust = secret(CLIENT_TRUST)
        if answer_bad_certificates:
            accept = {"trust_chain_verification": "ACCEPT_UNTRUSTED"}
            common["combined_validation_context"] = {"default_validation_context": accept, "validation_context_sds_secret_config": trust}
            # NOTE: on a resumed session the peer counts as not valid, so good clients would get 495
            context |= {"disable_stateless_session_resumption": True, "disable_stateful_session_resumption": True}
        else:
            common["validation_context_sds_secret_config"] = trust
        context["require_client_certificate"] = not answer_bad_certificates
    return context


def listeners(shape: Shape) -> list[JSON]:
    """Return the listeners: TLS, TLS with client certificates, and if they are asked for plain HTTP on loopback, smartcards, the secure proxy."""
    layout = shape.layout
    ports = {Listener.HTTPS: layout.https_port, Listener.MTLS: layout.mtls_port, Listener.HTTP: layout.http_port}
    found = []
    for listener, port in ports.items():
        if port is None:
            continue
        manager = connection_manager(listener, shape)
        chain: JSON = {"filters": [{"name": "http", "typed_config": manager}]}
        if listener is not Listener.HTTP:
            chain |= _tls(tls_context(listener, shape, answer_bad_certificates=shape.answer_bad_certificates))
        address = "127.0.0.1" if listener is Listener.HTTP else layout.address
        found.append(_listener(str(listener), layout, address, port, chain))
    return [*found, *_smartcard(shape), *_relay(shape)]


def _tls(context: JSON) -> JSON:
    return {"transport_socket": {"name": "tls", "typed_config": context}, "transport_socket_connect_timeout": "10s"}


def _relay(shape: Shape) -> list[JSON]:
    """Return the listener of the secure proxy, if there is to be one."""
    port = shape.layout.relay_port
    if port is None or not shape.relays:
        return []
    filters = relay.http_filters(list(_connection_filters(shape).values()), [discovered(name, shape.layout) for name in sorted(relay.COUNTED)])
    manager = relay.untidied(connection_manager(Listener.MTLS, shape)) | {
        "http_filters": filters, "local_reply_config": {"mappers": relay_errors.mappers()},
        "rds": {"config_source": source(shape.layout.poll_seconds), "route_config_name": relay.ROUTES},
        "request_timeout": duration(REQUEST_SECONDS),
    }
    manager["common_http_protocol_options"].pop("max_stream_duration")
    context = tls_context(Listener.MTLS, shape, answer_bad_certificates=shape.answer_bad_certificates)
    chain = {"filters": [{"name": "http", "typed_config": manager}], **_tls(context)}
    return [_listener(relay.NAME, shape.layout, shape.layout.address, port, chain)]


def _smartcard(shape: Shape) -> list[JSON]:
    """Return the listener of smartcards, if there is to be one."""
    layout = shape.layout
    if layout.smartcard_port is None:
        return []
    trust = {"name": CLIENT_TRUST, "sds_config": source(layout.poll_seconds)}
    context = smartcard.accepting(tls_context(Listener.HTTPS, shape, answer_bad_certificates=False), trust)
    chain = {"filters": [{"name": "http", "typed_config": smartcard.connection_manager(layout)}], **_tls(context)}
    return [_listener(smartcard.NAME, layout, layout.address, layout.smartcard_port, chain)]


def _listener(name: str, layout: Layout, address: str, port: int, chain: JSON) -> JSON:
    logs = [log_format.file_log(str(layout.access_log), log_format.HANDSHAKE_LINE, _FAILED)] if "transport_socket" in chain else None
    return {
        "@type": T + "envoy.config.listener.v3.Listener", "name": name,
        "address": {"socket_address": {"address": address, "port_value": port}},
        "filter_chains": [chain], "per_connection_buffer_limit_bytes": CONNECTION_BUFFER_BYTES,
        "listener_filters_timeout": "5s",
        **({"access_log": logs} if logs else {}),
    }


_FAILED: Final = {"extension_filter": {"name": "cel", "typed_config": {
    "@type": T + "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
    "expression": "connection.transport_failure_reason != ''"}}}
"""Handshakes that failed."""
