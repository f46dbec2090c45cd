"""Where the data plane is: ports, sockets and files. Made once by the server's wiring."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

HOLD_SECONDS: Final = 4.5
"""How long a question for rules is held when there is nothing new."""
ANSWER_SECONDS: Final = 10.0
"""How long an Envoy waits for the answer; it is longer than the hold."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Ports and paths of one Envoy. `http_port` None: no plain listener. Paths are absolute."""

    node: str
    address: str
    https_port: int
    mtls_port: int
    http_port: int | None
    control_socket: Path
    """Where xDS is served: private, never routed to from outside."""
    decision_socket: Path
    """Where decisions and explained refusals are served: private as well."""
    public_socket: Path
    """Where the authorisation server and the PKI's endpoints are served."""
    admin_socket: Path
    access_log: Path
    run_directory: Path
    envoy_binary: Path
    poll_seconds: float = 0.2
    """The longest pause between an answer to an Envoy and its next question for the same."""
    log_flush_seconds: float = 0.2
    worker_threads: int = 2
    smartcard_port: int | None = None
    """Where the stand-in NHS CIS2 asks browsers for a certificate; None: nowhere."""
    relay_port: int | None = None
    """Where the secure proxy listens; None: nowhere, and its APIs are not served."""

    @property
    def messaging_socket(self) -> Path:
        """Where mailboxes are served: bodies of many megabytes keep nobody else waiting there."""
        return self.run_directory / "messaging.sock"
