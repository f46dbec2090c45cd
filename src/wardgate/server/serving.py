"""Where the server of a data directory answers: written when it is ready, read by the commands that call it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from wardgate.server.settings import Settings

FILE: Final = Path("run") / "serving.json"
MAX_BYTES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Serving:
    """Addresses on this machine: scheme, host and port."""

    https: str = "https://localhost:8443"
    mtls: str = "https://localhost:8444"
    relay: str | None = None
    """The secure proxy's; None: it is not served."""

    @classmethod
    def of(cls, settings: Settings) -> "Serving":
        """Return the addresses that these settings mean."""
        relay = f"https://localhost:{settings.relay_port}" if settings.relay_port is not None else None
        return cls(f"https://localhost:{settings.port}", f"https://localhost:{settings.mtls_port}", relay)


def write(settings: Settings) -> None:
    """Leave the addresses for commands. Raises `OSError`."""
    (settings.data / FILE).write_text(json.dumps(asdict(Serving.of(settings))))


def read(data: Path) -> Serving:
    """Return where the server of this directory answered last; the default ports where none has, or where that cannot be read."""
    try:
        with (data / FILE).open("rb") as file:
            found = json.loads(file.read(MAX_BYTES))
        relay = found.get("relay")
        return Serving(str(found["https"]), str(found["mtls"]), str(relay) if relay is not None else None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Serving()
