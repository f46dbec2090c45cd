"""An ID token that the application asked a provider for itself, verified (OpenID Connect Core section 3.1.3.7).

RS256 and RS512 alone: what NHS CIS2 and NHS login sign with. An algorithm of another kind is never tried.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest
from typing import Any, Final

from wardgate.client.errors import IDTokenInvalid
from wardgate.jose import JOSEError, JWKSet, UnverifiedJWT, verify
from wardgate.oauth.providers import ID_TOKEN_ALGORITHMS

ISSUED_AHEAD_SECONDS: Final = 60
"""How far in our future a provider's clock may be."""


@dataclass(frozen=True, slots=True)
class IDToken:
    """Proof of who signed in, made by `verify_id_token` only. `text` is what token exchange takes."""

    text: str = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    """Personal."""


def kid_of(text: str) -> str | None:
    """Return the name of the key an ID token says it was signed with; nothing of it is true yet."""
    try:
        kid = UnverifiedJWT.parse(text).header.get("kid")
    except JOSEError:
        return None
    return kid if isinstance(kid, str) else None


def verify_id_token(
    text: str, keys: JWKSet, *, issuer: str, client_id: str, nonce: str | None, now: datetime, leeway_seconds: int = 0
) -> IDToken:
    """Return the token when every claim is as it must be. Raises `IDTokenInvalid`."""
    try:
        token = UnverifiedJWT.parse(text)
    except JOSEError:
        raise IDTokenInvalid("the ID token is not a JWT") from None
    kid, alg = token.header.get("kid"), token.header.get("alg")
    key = keys.get(kid) if isinstance(kid, str) else None
    if key is None or alg not in ID_TOKEN_ALGORITHMS:
        raise IDTokenInvalid("the ID token is not signed by RS256 or RS512 with a key of the provider")
    try:
        claims = verify(token, key).claims
    except JOSEError:
        raise IDTokenInvalid("the ID token's signature does not verify") from None
    for holds, said in (
        (claims.get("iss") == issuer, f"the ID token is not from {issuer}"),
        (claims.get("aud") in (client_id, [client_id]) and claims.get("azp", client_id) == client_id, "the ID token is for another client"),
        (_is_time(claims.get("exp")) and now.timestamp() < claims["exp"] + leeway_seconds, "the ID token has expired"),
        (_is_time(claims.get("iat")) and claims["iat"] <= now.timestamp() + ISSUED_AHEAD_SECONDS, "the ID token is from the future"),
        (isinstance(claims.get("sub"), str) and claims["sub"] != "", "the ID token is about nobody"),
        (nonce is None or compare_digest(str(claims.get("nonce", "")).encode("utf-8", "replace"), nonce.encode()), "the ID token is an answer to another request"),
    ):
        if not holds:
            raise IDTokenInvalid(said)
    return IDToken(text, claims)


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
