"""The promises of a key store that signs. `DatabaseKeys` keeps them; a hardware module may as well."""

from datetime import datetime
from typing import Any, Protocol


class Signer(Protocol):
    """A key that may sign now. The private half need not be in this process."""

    @property
    def kid(self) -> str: ...
    def sign(self, data: bytes) -> bytes:
        """Return the ES256 signature: 64 bytes, R and S (RFC 7518 section 3.4)."""


class KeyStore(Protocol):
    """Signing keys by use: `access-token` and `audit`."""

    def signer(self, use: str, now: datetime) -> Signer:
        """Return the key that signs now. Raises `NoSigningKey`."""

    def public_jwks(self, use: str, now: datetime) -> dict[str, list[dict[str, Any]]]:
        """Return the public keys that verify now, those that will sign soon included (RFC 7517 section 5)."""

    def verify(self, use: str, kid: str, data: bytes, signature: bytes) -> bool:
        """Return whether the key `kid`, past ones included, made this ES256 signature."""

    def rotate_if_due(self, use: str, now: datetime) -> str | None:
        """Make the next key when the current one is old enough; return its kid."""
