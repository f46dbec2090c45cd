"""Clusters: the backends of APIs, and Wardgate's sockets."""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from wardgate.catalogue import API
from wardgate.dataplane.layout import Layout
from wardgate.dataplane.resources import messaging, relay, tls_suites
from wardgate.dataplane.resources.discovery import source
from wardgate.dataplane.resources.envoy import JSON, T, duration, named
from wardgate.dataplane.resources.routes import cluster_name
from wardgate.dataplane.resources.secrets import RELAY_CERTIFICATE, RELAY_TRUST
from wardgate.dataplane.resources.tls_suites import CERTIFICATE_RECHECK_SECONDS
from wardgate.security_patterns.snapshot import Snapshot

CONNECT_TIMEOUT: Final = "5s"
MAX_CONNECTIONS: Final = 4096
MAX_WAITING: Final = 4096
BACKEND_IDLE_SECONDS: Final = 4
"""How long a connection to a backend may lie idle: less than the 5 s after which many servers (uvicorn, Node, Apache) hang up. A
request that meets such a hang-up on its way is lost, and cannot be sent again for the caller."""
UPSTREAM: Final = T + "envoy.extensions.upstreams.http.v3."
PROTOCOL_OPTIONS: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
SYSTEM_ROOTS: Final = "/etc/ssl/certs/ca-certificates.crt"


def _endpoint(name: str, address: JSON) -> JSON:
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]}


def _cluster(name: str, kind: str, address: JSON, **more: object) -> JSON:
    threshold = {"max_connections": MAX_CONNECTIONS, "max_pending_requests": MAX_WAITING, "max_requests": MAX_WAITING * 4, "max_retries": 0}
    return {"@type": T + "envoy.config.cluster.v3.Cluster", "name": name, "type": kind, "connect_timeout": CONNECT_TIMEOUT,
            "load_assignment": _endpoint(name, address), "circuit_breakers": {"thresholds": [threshold]}, **more}


def pipe_cluster(name: str, path: str) -> JSON:
    """Return a cluster that is a Unix socket of ours."""
    return _cluster(name, "STATIC", {"pipe": {"path": path}})


def wardgate_clusters(layout: Layout) -> list[JSON]:
    """Return Wardgate's own clusters; they are part of the bootstrap."""
    return [
        pipe_cluster("wardgate-control", str(layout.control_socket)), pipe_cluster("wardgate-decisions", str(layout.decision_socket)),
        pipe_cluster("wardgate-public", str(layout.public_socket)), pipe_cluster(*messaging.socket(layout)),
    ]


def _protocol(**more: str) -> JSON:
    common = {"idle_timeout": duration(BACKEND_IDLE_SECONDS), **more}
    return {PROTOCOL_OPTIONS: {"@type": UPSTREAM + "HttpProtocolOptions", "common_http_protocol_options": common,
                               "explicit_http_config": {"http_protocol_options": {}}}}


_KEPT: Final = _protocol()
_RENEWED: Final = _protocol(max_connection_duration=duration(CERTIFICATE_RECHECK_SECONDS))


def backend(api: API) -> JSON:
    """Return the cluster of an API's backend: http, https (verified) or a Unix socket."""
    name = cluster_name(api)
    more: JSON = {"typed_extension_protocol_options": _KEPT}
    if api.backend.startswith("unix:"):
        return _cluster(name, "STATIC", {"pipe": {"path": api.backend.removeprefix("unix:")}}, **more)
    url = urlsplit(api.backend)
    host = url.hostname or ""
    port = url.port or (443 if url.scheme == "https" else 80)
    address = {"socket_address": {"address": host, "port_value": port}}
    if url.scheme == "https":
        trusted = {"inline_string": api.backend_ca} if api.backend_ca else {"filename": SYSTEM_ROOTS}
        name_check = [{"san_type": "IP_ADDRESS" if _is_address(host) else "DNS", "matcher": {"exact": host}}]
        context = {"validation_context": {"trusted_ca": trusted, "match_typed_subject_alt_names": name_check}}
        tls = T + "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
        more["transport_socket"] = named("tls", tls, sni=host, common_tls_context=context)
    return _found_at(name, host, address, more)


def _found_at(name: str, host: str, address: JSON, more: JSON) -> JSON:
    if _is_address(host):
        return _cluster(name, "STATIC", address, **more)
    return _cluster(name, "STRICT_DNS", address, dns_lookup_family="V4_PREFERRED", **more)


def endpoint(target: relay.Target, layout: Layout) -> JSON:
    """Return the cluster of an endpoint that the secure proxy relays to.

    It is shown our certificate, and its own must end in the trusted authorities, be on no list, and carry the name in the endpoint's URL.
    """
    def secret(name: str) -> JSON:
        return {"name": name, "sds_config": source(layout.poll_seconds)}

    named_so = {"match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": target.host}}]}
    common = {
        "tls_params": tls_suites.upstream(), "tls_certificate_sds_secret_configs": [secret(RELAY_CERTIFICATE)],
        "combined_validation_context": {"default_validation_context": named_so, "validation_context_sds_secret_config": secret(RELAY_TRUST)},
    }
    context = named("tls", T + "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", sni=target.host, common_tls_context=common)
    host, port = target.address
    address = {"socket_address": {"address": host, "port_value": port}}
    return _found_at(target.cluster, host, address, {"typed_extension_protocol_options": _RENEWED, "transport_socket": context})


def clusters(snapshot: Snapshot, layout: Layout) -> list[JSON]:
    """Return one cluster per API with a backend of its own, and one per endpoint that may be relayed to."""
    own = [backend(api) for api in snapshot.apis if not (api.relays or api.ours)]
    return [*own, *(endpoint(target, layout) for target in (relay.targets(snapshot) if relay.listens(layout, snapshot) else ()))]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
