"""What can go wrong outside.

OutsideFailed          somebody else's server did not do its part; `expected` and `received` are safe to record
├── JWKSUnavailable    there is no sound key set, or other document, to use; nothing may be verified
│   ├── HostDown       the host cannot be reached, is too slow, or answers 5xx: an older copy may still serve
│   └── NotAKeySet     the host answered, but not with a document we accept
└── ProviderRefused    a sign-in provider answered that it will not
"""


class OutsideFailed(Exception):
    """Another server failed us. `expected` and `received` are safe to record."""

    def __init__(self, expected: str, received: str) -> None:
        super().__init__(f"expected {expected}; received {received}")
        self.expected = expected
        self.received = received


class JWKSUnavailable(OutsideFailed):
    """No key set, or no document that says where it is."""


class HostDown(JWKSUnavailable):
    """Asking again later may help."""


class NotAKeySet(JWKSUnavailable):
    """The owner has to change something."""


class ProviderRefused(OutsideFailed):
    """The provider understood and said no."""
