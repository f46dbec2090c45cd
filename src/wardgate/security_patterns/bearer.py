"""The Authorization header of a call, read the way the platform's diagnostics name its faults (application-restricted 7)."""

import re
from typing import Final

from wardgate.refusals import Refusal, reason

BEARER: Final = re.compile(r"Bearer [A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]")
"""The only form that reaches token verification; the compiler gives Envoy the same expression.

An ES256 signature is 64 octets, in base64url 85 characters and one of four (RFC 7518 section 3.4; RFC 4648 section 3.5).
NOTE: Envoy by itself takes a token with characters added to its signature for the same token.
"""
SHOWN_SCHEMES: Final = ("Basic", "Digest", "Negotiate", "Token", "ApiKey", "JWT", "bearer", "BEARER")
"""Schemes that are repeated in an answer; any other word could be a credential."""


def malformed(header: str | None) -> Refusal | None:
    """Return why the header is no bearer token, or None when it has the form of one. The header's value is not repeated."""
    if header is None:
        return Refusal(reason("authorization-missing"), expected="Authorization: Bearer <token>", received="no header")
    if header == "":
        return Refusal(reason("authorization-empty"), expected="Authorization: Bearer <token>", received="an empty header")
    scheme, space, rest = header.partition(" ")
    if not space or not rest:
        return Refusal(reason("access-token-missing"), expected="Bearer and a token", received="a single word")
    if scheme != "Bearer":
        shown = scheme if scheme in SHOWN_SCHEMES else "unknown"
        return Refusal(reason("token-type-invalid"), expected="Bearer", received=shown, values={"scheme": shown})
    if not BEARER.fullmatch(header):
        return Refusal(reason("access-token-unknown"), expected="an access token of this environment",
                       received="text that is not one")
    return None
