"""Bearer access tokens of this environment: the application by itself, or a user through it (application-restricted 7; user-restricted 9).

The order of checks is that of Envoy's token filter: form, time, audience, key, signature; so a token that is both expired
and forged is called expired by both.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final

from wardgate.catalogue import Pattern
from wardgate.jose import JOSEError, UnverifiedJWT, VerifiedJWT, base64url, verify
from wardgate.oauth.access_token import AccessToken, read
from wardgate.refusals import Refusal, reason
from wardgate.security_patterns.bearer import malformed
from wardgate.security_patterns.facts import Facts
from wardgate.security_patterns.proof import Proof
from wardgate.security_patterns.snapshot import Revocations, Snapshot, TokenIssuer

HEADER: Final = "authorization"
LEEWAY_SECONDS: Final = 1
"""Envoy's smallest clock skew; its 0 means 60."""
REMEMBERED_TOKENS: Final = 10_000
"""As many as Envoy's token filter remembers."""
_FAR_SECONDS: Final = 10**11
_OURS: Final = "an access token of this environment"


def identify(facts: Facts, snapshot: Snapshot) -> Proof | Refusal:
    """Return the application the token was issued to, or why the token does not count. The token is never repeated."""
    header = facts.headers.get(HEADER)
    if (refusal := malformed(header)) is not None or header is None:
        return refusal or Refusal(reason("authorization-missing"))
    token = _verified(header.removeprefix("Bearer "), snapshot.tokens, facts.now)
    if isinstance(token, Refusal):
        return token
    if (ended := _ended(token, snapshot.revocations)) is not None:
        return Refusal(reason("access-token-revoked"), expected="a token in force", received=ended, values={"application": token.application})
    pattern = Pattern.SIGNED_JWT if token.user is None else Pattern.USER_RESTRICTED
    return Proof(pattern, token.application, (f"token {token.jti} was issued to {token.application}",),
                 scopes=tuple(token.scope.split()), jti=token.jti, certificate_sha256=token.certificate_sha256, user=token.user)


def _ended(token: AccessToken, revocations: Revocations) -> str | None:
    """Return what of the token has been taken back: itself, the key it was got with, the sign-in it came of."""
    if token.jti in revocations.tokens:
        return f"token {token.jti}, revoked"
    if token.credential in revocations.credentials:
        return f"key {token.credential}, revoked"
    if token.user is not None and token.user.grant in revocations.grants:
        return f"sign-in {token.user.grant}, ended"
    return None


def check_bound(proof: Proof, facts: Facts) -> Refusal | None:
    """Return why a certificate-bound token may not be used on this connection (RFC 8705 section 3)."""
    if proof.certificate_sha256 is None or _bound_here(proof.certificate_sha256, facts):
        return None
    return Refusal(reason("access-token-not-bound"), expected="the certificate the token is bound to",
                   received="another one, or none", values={"application": proof.application})


def _bound_here(thumbprint: str, facts: Facts) -> bool:
    """RFC 8705 section 3: the connection's certificate is the one whose SHA-256 the token carries."""
    return facts.certificate is not None and base64url.encode(bytes.fromhex(facts.certificate.fingerprint)) == thumbprint


def _verified(text: str, issuer: TokenIssuer, now: datetime) -> AccessToken | Refusal:
    try:
        token = _ours(text, issuer)
    except _NotOurs:
        claimed = _claimed_times(text)
        return _early(claimed.get("nbf"), now) or _expired(claimed.get("exp"), now) or Refusal(
            reason("access-token-unknown"), expected=_OURS, received="another token")
    return _early(token.not_before, now) or _expired(token.expires_at, now) or token


def _early(not_before: object, now: datetime) -> Refusal | None:
    """A token that was issued under a virtual clock, and whose time has not come by this one."""
    if isinstance(not_before, (int, float)) and not isinstance(not_before, bool) and now.timestamp() + LEEWAY_SECONDS < not_before:
        ahead = _seconds_between(now, not_before)
        return Refusal(reason("access-token-unknown"), expected="nbf that has come", received=f"nbf {ahead} s ahead")
    return None


def _expired(expires: object, now: datetime) -> Refusal | None:
    if isinstance(expires, (int, float)) and not isinstance(expires, bool) and now.timestamp() > expires + LEEWAY_SECONDS:
        passed = -_seconds_between(now, expires)
        return Refusal(reason("access-token-expired"), expected="exp in the future", received=f"exp {passed} s in the past")
    return None


def _claimed_times(text: str) -> Mapping[str, object]:
    try:
        return UnverifiedJWT.parse(text).claims
    except JOSEError:
        return {}


def _seconds_between(now: datetime, time: float) -> int:
    """Return how far ahead a time is. What is not signed may say any number: one that no clock shows is cut."""
    return int(max(-_FAR_SECONDS, min(time, _FAR_SECONDS)) - now.timestamp())


class _NotOurs(Exception):
    """The text is no access token of the issuer's; an exception, because only what is a token is remembered."""


@lru_cache(maxsize=REMEMBERED_TOKENS)
def _ours(text: str, issuer: TokenIssuer) -> AccessToken:
    """Return what a token of the issuer's says, expired or not. Raises `_NotOurs`.

    The same text by the same keys says the same, so a token that is sent again is not verified again; that is most of
    what a decision costs. Other keys are another issuer.
    """
    try:
        token = _by_our_key(UnverifiedJWT.parse(text), issuer)
    except JOSEError:
        token = None
    found = read(token, issuer.issuers, issuer.audience) if token is not None else None
    if found is None:
        raise _NotOurs
    return found


def _by_our_key(token: UnverifiedJWT, issuer: TokenIssuer) -> VerifiedJWT | None:
    kid = token.header.get("kid")
    key = issuer.keys.get(kid) if isinstance(kid, str) else None
    if key is None:
        return None
    try:
        return verify(token, key)
    except JOSEError:
        return None
