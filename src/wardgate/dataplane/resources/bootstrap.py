"""The bootstrap: who this Envoy is, where its rules come from, and its admin socket. It holds no policy and no secret."""

from typing import Final

from wardgate.dataplane.layout import Layout
from wardgate.dataplane.resources.clusters import wardgate_clusters
from wardgate.dataplane.resources.discovery import source
from wardgate.dataplane.resources.envoy import JSON, T, plain

MAX_DOWNSTREAM_CONNECTIONS: Final = 20_000
KEPT_STATS: Final = (
    r"listener_manager\..*", r"cluster_manager\.cds\..*", r"http\..*\.rds\..*\.(update_.*|config_reload)",
    r"extension_config_discovery\..*", r"sds\..*", r"server\.(uptime|memory_.*|live|total_connections)",
    r"http\.[^.]*\.(downstream_rq_total|downstream_rq_[1-5]xx|downstream_cx_total|downstream_cx_active)",
    r"listener\.[^.]*\.ssl\.(connection_error|fail_verify_.*|handshake)",
)
"""Counters that somebody reads; every other costs time on each request."""

RUNTIME: Final[JSON] = {"layers": [{"name": "static", "static_layer": {
    # NOTE: routes must see a repeated header as one value joined by commas: matched one by one, a second API key would go unseen
    "envoy.reloadable_features.match_headers_individually": False,
    "envoy.reloadable_features.rbac_match_headers_individually": False,  # and so must rules: of two ASIDs, each would have the form of one
    "re2.max_program_size.error_level": 2000, "re2.max_program_size.warn_level": 2000,  # the door's list of headers is long
}}]}


def bootstrap(layout: Layout) -> JSON:
    """Return the bootstrap of one Envoy."""
    maximum = {"@type": T + "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
               "max_active_downstream_connections": MAX_DOWNSTREAM_CONNECTIONS}
    matcher = {"inclusion_list": {"patterns": [{"safe_regex": {"regex": pattern}} for pattern in KEPT_STATS]}}
    return {
        "node": {"id": layout.node, "cluster": "wardgate"},
        "admin": {"address": {"pipe": {"path": str(layout.admin_socket), "mode": 0o600}}},
        "dynamic_resources": {"lds_config": source(layout.poll_seconds), "cds_config": source(layout.poll_seconds)},
        "static_resources": {"clusters": [plain(cluster) for cluster in wardgate_clusters(layout)]},
        "stats_config": {"stats_matcher": matcher},
        "overload_manager": {"resource_monitors": [{"name": "envoy.resource_monitors.global_downstream_max_connections", "typed_config": maximum}]},
        "layered_runtime": RUNTIME,
    }
