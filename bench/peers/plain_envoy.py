"""The baseline: the same Envoy with the same TLS, the same limits of its connection manager and the same log, and no filter.

It is made from our compiled listener by taking out what secures: the filters, the door's header mutations, the refusals' texts,
and our routes, in whose place one prefix leads to the same backend.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench.machine import SERVER_CORE, started, wait_port
from bench.plane import ENVOY, Plane
from wardgate.dataplane.compile import CLUSTERS, LISTENERS, Key
from wardgate.dataplane.resources.bootstrap import bootstrap
from wardgate.dataplane.resources.envoy import plain
from wardgate.dataplane.resources.secrets import TLSMaterial, secrets

_ROUTER: Final = "envoy.filters.http.router"


@contextlib.contextmanager
def running(directory: Path, port: int, plane: Plane, tls: TLSMaterial, *, log: bool) -> Iterator[int]:
    """Run the baseline on a port; yields its process id."""
    configuration = directory / f"plain-{port}.json"
    configuration.write_text(json.dumps(configured(directory, port, plane, tls, log=log)))
    command = [str(ENVOY), "-c", str(configuration), "--disable-hot-restart", "--concurrency", "1", "--file-flush-interval-msec", "200", "--log-level", "error"]
    with started(command, SERVER_CORE, directory / f"plain-{port}.out") as process:
        wait_port(port)
        yield process.pid


def configured(directory: Path, port: int, plane: Plane, tls: TLSMaterial, *, log: bool) -> dict[str, Any]:
    """Return the bootstrap of the baseline."""
    compiled = plane.discovery.resources
    listener = json.loads(json.dumps(next(one for one in compiled[Key(LISTENERS)].resources if one["name"] == "https")))
    cluster = next(one for one in compiled[Key(CLUSTERS)].resources if one["name"] == "api-patients")
    listener["address"]["socket_address"]["port_value"] = port
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    for policy in ("rds", "early_header_mutation_extensions", "local_reply_config"):
        manager.pop(policy)
    manager["http_filters"] = [one for one in manager["http_filters"] if one["name"] == _ROUTER]
    route = {"match": {"prefix": "/"}, "route": {"cluster": cluster["name"], "timeout": "30s"}}
    manager["route_config"] = {"name": "plain", "virtual_hosts": [{"name": "everything", "domains": ["*"], "routes": [route]}]}
    if log:
        for one in manager["access_log"]:
            one["typed_config"]["path"] = str(directory / f"plain-{port}.log")
    else:
        manager.pop("access_log")
    listener.pop("access_log", None)
    for secret in listener["filter_chains"][0]["transport_socket"]["typed_config"]["common_tls_context"]["tls_certificate_sds_secret_configs"]:
        secret.pop("sds_config")
    ours = bootstrap(plane.layout)
    return {
        "node": ours["node"], "stats_config": ours["stats_config"], "layered_runtime": ours["layered_runtime"],
        "static_resources": {"listeners": [plain(listener)], "clusters": [plain(cluster)], "secrets": [plain(one) for one in secrets(tls)[:1]]},
    }
