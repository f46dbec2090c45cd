"""What can go wrong in the data plane.

DataPlaneError
├── EnvoyMissing   the binary is not there or cannot be run
├── PortTaken      another program listens on a port that Envoy is to bind
├── Rejected       Envoy would not take a configuration; nothing was published
└── EnvoyFailed    Envoy ended again and again, or did not come up in time
"""


class DataPlaneError(Exception):
    """The root of this room."""


class EnvoyMissing(DataPlaneError):
    """The Envoy binary is not there, or cannot be run."""


class PortTaken(DataPlaneError):
    """Another program listens on a port that Envoy is to bind."""


class Rejected(DataPlaneError):
    """Envoy would not take a configuration; what was published before stays."""


class EnvoyFailed(DataPlaneError):
    """Envoy did not come up, or ended too often."""
