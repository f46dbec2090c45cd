"""The baselines: our own Envoy without what secures, and an Envoy that only proxies.

Both are made from our compiled resources, with the same TLS, the same limits of the connection manager and the same log.
`unsecured` keeps what a gateway does whoever calls: our routes, ids and trace headers, response headers. `bare` keeps nothing: one
prefix leads to the backend.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench.machine import SERVER_CORE, started, wait_port
from bench.plane import ENVOY, Plane
from wardgate.dataplane.compile import CLUSTERS, LISTENERS, ROUTES, Key
from wardgate.dataplane.resources.bootstrap import bootstrap
from wardgate.dataplane.resources.envoy import Filter, plain
from wardgate.dataplane.resources.secrets import TLSMaterial, secrets

_ROUTER: Final = "envoy.filters.http.router"
KEPT_FILTERS: Final = frozenset({Filter.REQUEST_ID, Filter.STATE, _ROUTER})
"""What `unsecured` keeps: every other filter of ours lets somebody in or refuses."""


@contextlib.contextmanager
def running(directory: Path, port: int, plane: Plane, tls: TLSMaterial, *, bare: bool, listener: str = "https") -> Iterator[int]:
    """Run a baseline on a port; yields its process id."""
    configuration = directory / f"plain-{port}.json"
    configuration.write_text(json.dumps(configured(directory, port, plane, tls, bare=bare, name=listener)))
    command = [str(ENVOY), "-c", str(configuration), "--disable-hot-restart", "--concurrency", "1", "--file-flush-interval-msec", "200", "--log-level", "error"]
    with started(command, SERVER_CORE, directory / f"plain-{port}.out") as process:
        wait_port(port)
        yield process.pid


def configured(directory: Path, port: int, plane: Plane, tls: TLSMaterial, *, bare: bool, name: str = "https") -> dict[str, Any]:
    """Return the bootstrap of a baseline of one of our listeners; with mutual TLS it asks for certificates as that does."""
    compiled = plane.discovery.resources
    listener = _copied(next(one for one in compiled[Key(LISTENERS)].resources if one["name"] == name))
    cluster = next(one for one in compiled[Key(CLUSTERS)].resources if one["name"] == "api-patients")
    listener["address"]["socket_address"]["port_value"] = port
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    manager.pop("rds")
    if bare:
        manager.pop("early_header_mutation_extensions")
        manager.pop("local_reply_config")
        manager["http_filters"] = [one for one in manager["http_filters"] if one["name"] == _ROUTER]
        manager["route_config"] = _one_route(cluster["name"])
    else:
        door = manager["early_header_mutation_extensions"][0]["typed_config"]
        door["mutations"] = [one for one in door["mutations"] if "remove_on_match" not in one]
        manager["http_filters"] = [one for one in manager["http_filters"] if one["name"] in KEPT_FILTERS]
        manager["route_config"] = _unsecured(_copied(plain(compiled[Key(ROUTES, f"routes-{name}")].resources[0])))
    for one in manager["access_log"]:
        one["typed_config"]["path"] = str(directory / f"plain-{port}.log")
    listener.pop("access_log", None)
    context = listener["filter_chains"][0]["transport_socket"]["typed_config"]["common_tls_context"]
    trust = context.get("validation_context_sds_secret_config")
    for secret in [*context["tls_certificate_sds_secret_configs"], *([trust] if trust else [])]:
        secret.pop("sds_config")
    ours = bootstrap(plane.layout)
    return {
        "node": ours["node"], "stats_config": ours["stats_config"], "layered_runtime": ours["layered_runtime"],
        "static_resources": {"listeners": [plain(listener)], "clusters": [plain(cluster)], "secrets": [plain(one) for one in secrets(tls)[:2]]},
    }


def _copied(found: dict[str, Any]) -> dict[str, Any]:
    copied: dict[str, Any] = json.loads(json.dumps(found))
    return copied


def _one_route(cluster: str) -> dict[str, Any]:
    route = {"match": {"prefix": "/"}, "route": {"cluster": cluster, "timeout": "30s"}}
    return {"name": "plain", "virtual_hosts": [{"name": "everything", "domains": ["*"], "routes": [route]}]}


def _unsecured(table: dict[str, Any]) -> dict[str, Any]:
    """Return our route table without what its routes say to filters that are not there."""
    lists = table["virtual_hosts"][0]["matcher"]["matcher_tree"]["prefix_match_map"]["map"].values()
    for route in (route for one in lists for route in one["action"]["typed_config"]["routes"]):
        route.pop("typed_per_filter_config", None)
    table["virtual_hosts"][0]["matcher"].pop("on_no_match", None)
    return table | {"validate_clusters": False}
