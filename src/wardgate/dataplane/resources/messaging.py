"""The mailbox server behind the mutual-TLS port: bodies of any length pass through, and nothing is judged but the headers.

A request is bounded by pauses, not by its duration: a chunk may take as long as its line needs. Its size is counted by the
server as it comes. Nothing is sent twice: only the client knows what it may repeat.
"""

from typing import Final

from wardgate.dataplane.layout import Layout
from wardgate.dataplane.resources.envoy import JSON, duration
from wardgate.dataplane.resources.route_parts import metadata, switches
from wardgate.security_patterns.facts import Listener

PREFIX: Final = "/messageexchange/"
CLUSTER: Final = "wardgate-messaging"
IDLE_SECONDS: Final = 150
"""More than the server's own patience (`messaging.settings`), so that it is the server who says that nothing came."""


def routes(listener: Listener) -> list[tuple[str, JSON]]:
    """Return the route with its beginning. On other ports there are no mailboxes: their callers show no certificate."""
    return [(PREFIX, _route())] if listener is Listener.MTLS else []


def socket(layout: Layout) -> tuple[str, str]:
    """Return the cluster's name and the path of its socket."""
    return CLUSTER, str(layout.messaging_socket)


def _route() -> JSON:
    return {
        "name": "wardgate messaging", "match": {"prefix": PREFIX},
        "metadata": metadata(None, None, pattern="wardgate"),
        "route": {"cluster": CLUSTER, "timeout": duration(0), "idle_timeout": duration(IDLE_SECONDS), "max_stream_duration": {"max_stream_duration": duration(0)}},
        "typed_per_filter_config": switches(frozenset(), {}),
    }
