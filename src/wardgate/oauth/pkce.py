"""Proof key for code exchange (RFC 7636), method S256 only."""

import re
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from wardgate.jose import base64url
from wardgate.oauth.errors import OAuthRefused

METHOD: Final = "S256"
IGNORED: Final = ""
"""In place of a challenge: there was one that the platform would not look at (user-restricted 4.6)."""
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (section 4.2)."""
    return base64url.encode(sha256(verifier.encode("ascii")).digest())


def read_challenge(challenge: str | None, method: str | None, *, required: bool) -> str | None:
    """Return the challenge of an authorization request, None when there is none. Raises `OAuthRefused`.

    Without `required`, a challenge of the method `plain` is `IGNORED`, as the platform ignores PKCE (user-restricted 4.6). A
    challenge that claims to be S256 and cannot be one is refused in both profiles.
    """
    if challenge is None:
        if required:
            raise OAuthRefused("code-challenge-missing", "a code_challenge", "none")
        return None
    if method != METHOD:
        if required:
            raise OAuthRefused("code-challenge-invalid", f"code_challenge_method={METHOD}", "another method, or none")
        return IGNORED
    if not _CHALLENGE.fullmatch(challenge):
        raise OAuthRefused("code-challenge-invalid", "43 characters of base64url", f"{len(challenge)} characters")
    return challenge


def check_verifier(challenge: str | None, verifier: str | None) -> None:
    """RFC 7636 section 4.6; a verifier without a challenge was made for another request (RFC 9700 section 2.1.1). Raises `OAuthRefused`."""
    if challenge == IGNORED or (challenge is None and verifier is None):
        return
    proved = challenge is not None and verifier is not None and _VERIFIER.fullmatch(verifier)
    if not proved or not compare_digest(challenge_of(str(verifier)).encode(), str(challenge).encode()):
        raise OAuthRefused("code-verifier-invalid", "the verifier of the code_challenge", "none" if verifier is None else "another")
