"""The promises of the store of passkeys: what people of the stand-in providers registered. `ports` gives these names on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from wardgate.audit.model import Event


@dataclass(frozen=True, slots=True)
class Passkey:
    """A credential as WebAuthn level 3 section 4 has it ("credential record"). Everything but the counter stays as it was registered."""

    id: bytes = field(repr=False)
    """The credential ID that the authenticator chose."""
    username: str = field(repr=False)
    rp_id: str
    """The host name it was registered for, and is good for."""
    public_key: bytes = field(repr=False)
    """A COSE key."""
    sign_count: int
    label: str
    """What its owner calls it."""
    created: datetime
    used: datetime | None = None
    """When it last signed somebody in."""


class Passkeys(Protocol):
    """Fails closed: a store that cannot answer raises. User names are the same in any case of letters."""

    def add(self, passkey: Passkey, most: int, event: Event) -> bool:
        """Keep it and record `event`; neither, and False, when its owner has `most` of them. Raises `AlreadyExists` for a known id."""

    def get(self, credential_id: bytes) -> Passkey | None: ...
    def of(self, username: str) -> Sequence[Passkey]:
        """Those of one person, oldest first."""

    def use(self, credential_id: bytes, sign_count: int, at: datetime) -> bool:
        """Move the counter on, in one step; False when it is not above the stored one, or the passkey is gone.

        Two zeros are an authenticator that does not count (WebAuthn level 3 section 6.1.1).
        """

    def remove(self, credential_id: bytes, event: Event) -> bool:
        """Forget it and record `event`; neither, and False, when there is none of this id."""
