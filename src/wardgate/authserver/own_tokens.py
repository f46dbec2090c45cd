"""Our own access tokens, shown to us by somebody: whether they are ours, in time, and not taken back."""

from datetime import datetime

from wardgate.authserver.keys import SigningKeyRing
from wardgate.jose import BadSignature, MalformedJWT, UnsuitableKey, UnverifiedJWT, verify
from wardgate.oauth.access_token import AccessToken, looks_like_ours, read
from wardgate.security_patterns.snapshot import Snapshot


def parse(text: str) -> UnverifiedJWT | None:
    """Return the token if it has the form of one of ours; proves nothing."""
    try:
        token = UnverifiedJWT.parse(text)
    except MalformedJWT:
        return None
    return token if looks_like_ours(token) else None


def verified(token: UnverifiedJWT, keys: SigningKeyRing, snapshot: Snapshot, now: datetime) -> AccessToken | None:
    """Return the content of a token that one of our keys signed for this environment, expired or not; `now` is the real time, which keys go by."""
    key = keys.verifier(token.header["kid"], now)
    if key is None:
        return None
    try:
        return read(verify(token, key), snapshot.tokens.issuers, snapshot.tokens.audience)
    except (BadSignature, UnsuitableKey):
        return None


def is_active(token: AccessToken, snapshot: Snapshot, now: datetime) -> bool:
    """Whether a gateway would take the token: in time, not revoked, its user still signed in, of an application that still may call."""
    client = snapshot.clients.get(token.application)
    return (
        (token.not_before or 0) <= now.timestamp() < token.expires_at
        and token.jti not in snapshot.revocations.tokens
        and token.credential not in snapshot.revocations.credentials
        and (token.user is None or token.user.grant not in snapshot.revocations.grants)
        and client is not None
        and client.refused is None
    )
