"""What can go wrong with Spine tokens and interactions.

SpineError
├── SpineRefused        a check of a request failed; `refusal` is its row in the catalogue with what was expected and received
├── MalformedClaims     the text is no unsecured JWT; `fault` names the rule
├── UnknownInteraction  the text is no interaction id, or of no service that we know
└── CannotMint          a context lacks what its variant needs, or has what it forbids

Messages never hold tokens, claims, NHS numbers or role profiles.
"""

from enum import StrEnum

from wardgate.refusals import Refusal


class SpineError(Exception):
    """The root of this room."""


class SpineRefused(SpineError):
    """One check of one request failed. The values in `refusal.values` are for the answer only: they are never recorded."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason.code)
        self.refusal = refusal


class Fault(StrEnum):
    """The rules of an unsecured JWT, in the order in which they are looked at."""

    TOO_LONG = "too long"
    SECTIONS = "sections"
    BODY_EMPTY = "empty body"
    PADDED = "standard base64"
    BASE64 = "base64"
    HEADER_JSON = "header JSON"
    HEADER_VALUE = "header value"
    HEADER_KEY = "header key"
    SIGNED = "signed"
    CLAIMS_JSON = "claims JSON"


class MalformedClaims(SpineError):
    """The text is no unsecured JWT. `key` and `value` are a member of its header, bounded, where that is the fault: for the answer only."""

    def __init__(self, fault: Fault, expected: str, received: str, key: str = "", value: str = "") -> None:
        super().__init__(f"expected {expected}; received {received}")
        self.fault = fault
        self.expected = expected
        self.received = received
        self.key = key
        self.value = value


class UnknownInteraction(SpineError):
    """No interaction of ours."""


class CannotMint(SpineError):
    """The context does not fit the variant; the message names the claim, never a value."""
