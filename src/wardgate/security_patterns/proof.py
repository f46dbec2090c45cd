"""What a credential proved: which application calls, by which pattern."""

from dataclasses import dataclass

from wardgate.catalogue import Pattern
from wardgate.oauth.access_token import TokenUser


@dataclass(frozen=True, slots=True)
class Proof:
    """An identified application. `scopes` are those of its token; `statements` explain how it was identified."""

    pattern: Pattern
    application: str
    statements: tuple[str, ...]
    scopes: tuple[str, ...] | None = None
    jti: str | None = None
    certificate_sha256: str | None = None
    """Base64url SHA-256 of the certificate its token is bound to (RFC 8705 section 3.1)."""
    user: TokenUser | None = None
    """Who signed in; None: the application calls by itself."""
