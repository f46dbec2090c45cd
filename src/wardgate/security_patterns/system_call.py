"""A call between systems as it was decided: who calls whom, for what, and what the backend is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from wardgate.spine.stated import Stated


@dataclass(frozen=True, slots=True)
class SystemCall:
    """What is known of a call as soon as it is known, refused or not. An ASID is here when the directory has it."""

    sender: str | None = None
    """ASID of the calling system."""
    receiver: str | None = None
    """ASID of the system that is called."""
    interaction: str | None = None
    trace: str | None = None
    organisations: tuple[str, ...] = ()
    """ODS codes that the calling system acts for."""
    stated: Stated | None = field(default=None, repr=False)
    """What its token states. Personal."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Headers that the backend gets in place of the caller's: on a translated route, a token and the system's."""
    relay: "Relay | None" = None
    """Where the secure proxy sends the call."""


@dataclass(frozen=True, slots=True)
class Relay:
    """One endpoint of the directory, and the rest of the target. `host` is the FQDN in the endpoint's URL."""

    host: str
    path: str
    """Path and query that the endpoint gets, byte for byte as in the target."""
    endpoint: str
    """The endpoint's identifier in the directory."""
