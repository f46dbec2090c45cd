"""What can go wrong with keys and signed tokens.

JOSEError
├── MalformedJWT     the text is not a compact JWS of JSON objects, or is too long
├── InvalidJWK       a key breaks a rule; knows what was expected and what was received
├── InvalidJWKSet    the set as a whole is refused
├── UnsuitableKey    the key is sound but not for this algorithm
├── BadSignature     the signature does not verify
├── MalformedJSON    the text is not JSON of one meaning, or has no canonical form
├── MalformedJWS     the text is not a JWS that we read
├── MalformedJWE     the text is not a JWE in the General JSON form
├── AlgorithmRefused an algorithm, a type or a header member is not on the list
├── NoRecipient      none of the recipients is ours
└── Undecryptable    it does not decrypt: one error, and no reason (RFC 7516 section 11.5)

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


class MalformedJSON(JOSEError):
    """The text is not JSON of one meaning."""


class MalformedJWS(JOSEError):
    """The text is not a signature that we can read."""


class MalformedJWE(JOSEError):
    """The text is not an encrypted message that we can read."""


class AlgorithmRefused(JOSEError):
    """What the header asks for is not on the list of what we speak."""


class NoRecipient(JOSEError):
    """It is encrypted to others."""


class Undecryptable(JOSEError):
    """It does not decrypt, for a reason that nobody is told."""

    def __init__(self) -> None:
        super().__init__("what decrypts with our key, unchanged", "something else")
