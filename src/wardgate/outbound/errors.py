"""What can go wrong outside.

JWKSUnavailable    there is no sound key set to use; nothing may be verified
├── HostDown       the host cannot be reached, is too slow, or answers 5xx: an older copy may still serve
└── NotAKeySet     the host answered, but not with a key set we accept
"""


class JWKSUnavailable(Exception):
    """No key set. `expected` and `received` are safe to record."""

    def __init__(self, expected: str, received: str) -> None:
        super().__init__(f"expected {expected}; received {received}")
        self.expected = expected
        self.received = received


class HostDown(JWKSUnavailable):
    """Asking again later may help."""


class NotAKeySet(JWKSUnavailable):
    """The owner has to change something."""
