"""What every program on an installation must agree on: names in the store, and what settings mean for keys and the CA."""

from typing import Final

from wardgate.keystores.schedule import Rotation
from wardgate.server.settings import Settings

STATUS_KEY: Final = "status-key"
"""The name under which the store keeps the monitoring key of `_status`."""
CA_BASE_URL: Final = "pki-base-url"
"""The name under which the store keeps where `/pki` is reached: fixed by the first start, it is in every certificate."""
MESH_SHARED_KEY: Final = "mesh-shared-key"
"""The name under which the store keeps the key that all mailbox clients of the environment share."""


def default_ca_base_url(settings: Settings) -> str:
    """Return where `/pki` is reached: over plain HTTP where there is such a port (RFC 5280 section 8)."""
    if settings.pki_url is not None:
        return settings.pki_url
    scheme, port = ("http", settings.http_port) if settings.http_port else ("https", settings.port)
    return f"{scheme}://localhost:{port}/pki"


def rotation_of(settings: Settings) -> Rotation:
    """Return how access token keys change; a key's notice is never longer than half of its time."""
    days = settings.token_key_days
    return Rotation(every_seconds=days * 86_400, overlap_seconds=min(settings.token_key_overlap_seconds, days * 43_200))
