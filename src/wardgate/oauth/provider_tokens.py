"""What the tokens of a sign-in provider have in common: how one is taken apart and verified with the provider's keys."""

from wardgate.jose import BadSignature, JWKSet, MalformedJWT, UnsuitableKey, UnverifiedJWT, VerifiedJWT, verify
from wardgate.jose.jwk import shown
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.providers import ID_TOKEN_ALGORITHMS


def take_apart(text: str | None, code: str) -> UnverifiedJWT:
    """Return the token as it was sent; nothing in it is true yet. Raises `OAuthRefused` with `code` for no JWT."""
    if text is None:
        raise OAuthRefused(code, "a JWT", "nothing")
    try:
        return UnverifiedJWT.parse(text)
    except MalformedJWT as fault:
        raise OAuthRefused(code, fault.expected, fault.received) from None


def kid_of(token: UnverifiedJWT) -> str | None:
    """Return the name of the key, if the header has one."""
    kid = token.header.get("kid")
    return kid if type(kid) is str and kid else None


def has_key(token: UnverifiedJWT, keys: JWKSet) -> bool:
    """Whether the set has a usable key of the name that the token gives."""
    kid = kid_of(token)
    return kid is not None and keys.get(kid) is not None


def verify_by(token: UnverifiedJWT, keys: JWKSet, *, unknown: str, wrong: str) -> VerifiedJWT:
    """Verify by RS256 or RS512 with the key that the token names. Raises `OAuthRefused` with `unknown`, then with `wrong`.

    An algorithm swapped for another (`none`, HMAC with our public key as its secret) is `wrong`: it is never tried.
    """
    kid = kid_of(token)
    key = keys.get(kid) if kid is not None else None
    if key is None:
        raise OAuthRefused(unknown, "the kid of a key of the provider", shown(kid) if kid is not None else "no kid")
    alg = token.header.get("alg")
    if type(alg) is not str or alg not in ID_TOKEN_ALGORITHMS:
        raise OAuthRefused(wrong, " or ".join(sorted(ID_TOKEN_ALGORITHMS)), f"alg {shown(alg)}")
    try:
        return verify(token, key)
    except (BadSignature, UnsuitableKey):
        raise OAuthRefused(wrong, f"a signature by the key {shown(kid)}", f"one that does not verify, of {len(token.signature)} bytes") from None
