"""The promises of the store of private message keys. `ports` gives these names on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from wardgate.audit.model import Event
from wardgate.sealing.keys import Use


@dataclass(frozen=True, slots=True)
class HeldMessageKey:
    """A key that an organisation of ours signs with or opens messages with. All of it is encrypted at rest but the kid."""

    kid: str
    organisation: str
    use: Use
    created: datetime
    private_pem: str | None = field(default=None, repr=False)
    """PKCS #8; None: it is in a hardware module, or was erased."""
    hardware: str | None = None
    """Where it is in a hardware module: a URI of RFC 7512, without a PIN."""
    certificate_pem: str | None = field(default=None, repr=False)
    """Its certificate and those between it and an anchor; None: it has not been certified yet."""
    retired_at: datetime | None = None
    opens_until: datetime | None = None
    """Of a retired encryption key: how long messages to it are opened."""

    @property
    def is_erased(self) -> bool:
        """Whether nothing is left of it but its id, which stays taken."""
        return self.private_pem is None and self.hardware is None


class MessageKeyStore(Protocol):
    """Fails closed. A row is never removed: a kid is never used again. Every write raises the generation."""

    def add(self, key: HeldMessageKey, event: Event) -> None:
        """Keep it and record `event`. Raises `AlreadyExists` for a known kid, an erased one's too."""

    def get(self, kid: str) -> HeldMessageKey | None: ...
    def all(self) -> Sequence[HeldMessageKey]:
        """Return every key, the oldest first."""

    def change(self, kid: str, change: Callable[[HeldMessageKey], HeldMessageKey | None], event: Event) -> HeldMessageKey | None:
        """Replace a key by what `change` makes of it, in one step, and record `event`; neither, and None, when there is no such key or nothing to change."""
