"""Where what changes comes from: REST xDS on the private socket."""

from wardgate.dataplane.layout import ANSWER_SECONDS
from wardgate.dataplane.resources.envoy import JSON, duration


def source(poll_seconds: float) -> JSON:
    """Return the config source of everything that changes: REST xDS on the private socket, where questions are held (`xds`).

    NOTE: Envoy adds to the delay a random part of up to the same length, so half of it makes `poll_seconds` the longest pause.
    """
    rest = {"api_type": "REST", "transport_api_version": "V3", "cluster_names": ["wardgate-control"],
            "refresh_delay": duration(poll_seconds / 2), "request_timeout": duration(ANSWER_SECONDS)}
    return {"resource_api_version": "V3", "initial_fetch_timeout": "3s", "api_config_source": rest}
