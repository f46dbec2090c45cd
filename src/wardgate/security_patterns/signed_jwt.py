"""Signed JWT: a bearer access token of this environment (application-restricted 7).

The order of checks is that of Envoy's token filter: form, time, audience, key, signature; so a token that is both expired
and forged is called expired by both.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from wardgate.catalogue import API, Alternative, Pattern, Route
from wardgate.jose import JOSEError, UnverifiedJWT, VerifiedJWT, base64url, verify
from wardgate.oauth.access_token import AccessToken, read
from wardgate.oauth.scopes import APPLICATION_SCOPE
from wardgate.refusals import Refusal, reason
from wardgate.security_patterns.bearer import malformed
from wardgate.security_patterns.facts import Facts
from wardgate.security_patterns.proof import Proof
from wardgate.security_patterns.snapshot import Snapshot, TokenIssuer

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
    values = {"application": token.application}
    if token.jti in snapshot.revocations.tokens or token.credential in snapshot.revocations.credentials:
        what = f"token {token.jti}" if token.jti in snapshot.revocations.tokens else f"key {token.credential}"
        return Refusal(reason("access-token-revoked"), expected="a token in force", received=f"{what}, revoked", values=values)
    return Proof(Pattern.SIGNED_JWT, token.application, (f"token {token.jti} was issued to {token.application}",),
                 scopes=tuple(token.scope.split()), jti=token.jti, certificate_sha256=token.certificate_sha256)


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


def scopes_of(api: API, alternative: Alternative) -> tuple[str, ...]:
    """Return the scopes of which a token needs one: those of the manifest, else the API's application scope."""
    return alternative.scopes or (f"{APPLICATION_SCOPE}{api.name}",)


def wrong_scope_reason(route: Route) -> str:
    """Return the reason a route gives for a token without its scopes (spec README rule 14)."""
    return "access-token-wrong-kind" if route.wrong_token_status == 401 else "scope-insufficient"


def check_scopes(proof: Proof, api: API, route: Route, alternative: Alternative) -> Refusal | None:
    """Return why the token's scopes are not enough; any one of the route's is (application-restricted 6.8)."""
    required: Sequence[str] = scopes_of(api, alternative)
    held = proof.scopes or ()
    if set(required) & set(held):
        return None
    return Refusal(reason(wrong_scope_reason(route)), expected=" or ".join(required), received=" ".join(held) or "no scope",
                   values={"scopes": " ".join(required), "application": proof.application})
