"""What the LDAP face is set to. Read once, frozen; the defaults are safe for production."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class LDAPSettings:
    """Limits. Raises `ValueError` for limits that nothing fits into. Depth and size of filters are `directory.filter`'s."""

    max_message_bytes: int = 65_536
    max_connections: int = 200
    max_operations: int = 8
    """Searches of one connection at once; a further one is told to come later (`busy`)."""
    max_searches: int = 2
    """Searches of all connections at once; others wait for their turn, which counts as time of theirs."""
    max_attributes: int = 100
    """That one request names."""
    max_entries: int = 1_000
    """Of one answer; what finds more is asked for in pages of at most as many."""
    max_paged_entries: int = 100_000
    """Of one search in pages."""
    max_paged_searches: int = 4
    """That one connection is in the middle of; of more, the oldest is forgotten."""
    search_seconds: float = 5.0
    idle_seconds: float = 120.0
    """How long a connection may say nothing."""
    message_seconds: float = 10.0
    """How long a message may take to arrive once it has begun, and a TLS handshake."""
    write_seconds: float = 30.0
    """How long a caller may leave an answer unread."""

    def __post_init__(self) -> None:
        if any(getattr(self, one.name) <= 0 for one in fields(self)):
            raise ValueError("expected limits above 0; received others")
