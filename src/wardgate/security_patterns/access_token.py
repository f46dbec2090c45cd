"""Bearer access tokens of this environment: the application by itself, or a user through it (application-restricted 7; user-restricted 9).

The order of checks is that of Envoy's token filter: form, time, audience, key, signature; so a token that is both expired
and forged is called expired by both.
"""

from datetime import datetime
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
    unknown = Refusal(reason("access-token-unknown"), expected=_OURS, received="another token")
    try:
        token = UnverifiedJWT.parse(text)
    except JOSEError:
        return unknown
    expires = token.claims.get("exp")
    if isinstance(expires, (int, float)) and not isinstance(expires, bool) and now.timestamp() > expires + LEEWAY_SECONDS:
        passed = int(now.timestamp() - expires)
        return Refusal(reason("access-token-expired"), expected="exp in the future", received=f"exp {passed} s in the past")
    read_token = _by_our_key(token, issuer)
    return read(read_token, issuer.issuers, issuer.audience) or unknown if read_token is not None else unknown


def _by_our_key(token: UnverifiedJWT, issuer: TokenIssuer) -> VerifiedJWT | None:
    kid = token.header.get("kid")
    key = issuer.keys.get(kid) if isinstance(kid, str) else None
    if key is None:
        return None
    try:
        return verify(token, key)
    except JOSEError:
        return None
