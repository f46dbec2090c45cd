"""What can go wrong with keys and signed tokens.

JOSEError
├── MalformedJWT     the text is not a compact JWS of JSON objects, or is too long
├── InvalidJWK       a key breaks a rule; knows what was expected and what was received
├── InvalidJWKSet    the set as a whole is refused
├── UnsuitableKey    the key is sound but not for this algorithm
└── BadSignature     the signature does not verify

Messages never hold key material, tokens or signatures.
"""


class JOSEError(Exception):
    """The root of this room: `expected` and `received` are short and safe to log."""

    def __init__(self, expected: str, received: str) -> None:
        super().__init__(f"expected {expected}; received {received}")
        self.expected = expected
        self.received = received


class MalformedJWT(JOSEError):
    """The text is not a token we can read."""


class InvalidJWK(JOSEError):
    """A key breaks a rule of RFC 7517, RFC 7518 or ours."""


class InvalidJWKSet(JOSEError):
    """The set breaks a rule, or holds no usable key."""


class UnsuitableKey(JOSEError):
    """The key must not be used with this algorithm."""


class BadSignature(JOSEError):
    """The signature is not the key holder's."""
