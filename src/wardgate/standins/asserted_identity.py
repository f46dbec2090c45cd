"""Handing a signed-in person from one client to another without cookies (user-restricted 12.7, "SSO hand-over")."""

from typing import Final

from wardgate.identities import Authentication
from wardgate.jose import BadSignature, JWKSet, MalformedJWT, UnsuitableKey, UnverifiedJWT, verify
from wardgate.outbound.errors import JWKSUnavailable
from wardgate.standins import sessions
from wardgate.standins.clients import Client, find_client
from wardgate.standins.dependencies import StandIns
from wardgate.standins.sessions import Session
from wardgate.standins.surfaces import Surface
from wardgate.stores.ports import SingleUse

MAX_SECONDS: Final = 60
SKEW_SECONDS: Final = 10


async def session_of_assertion(deps: StandIns, surface: Surface, text: str) -> Session | None:
    """Return the session that an `asserted_login_identity` speaks of; None when it proves nothing.

    It is a token by the first client's key, of at most a minute, used once, that names by `code` the `jti` of an ID token
    that client got.
    """
    try:
        token = UnverifiedJWT.parse(text)
    except MalformedJWT:
        return None
    claims = token.claims
    issuer, code, jti, iat, exp = (claims.get(name) for name in ("iss", "code", "jti", "iat", "exp"))
    if type(issuer) is not str or type(code) is not str or type(jti) is not str or type(iat) is not int or type(exp) is not int:
        return None
    moment = int(deps.now().timestamp())
    if not (iat <= moment + SKEW_SECONDS and moment <= exp <= iat + MAX_SECONDS) or len(code) > 200 or len(jti) > 200:
        return None
    client = find_client(deps, surface, issuer)
    if client is None or not await _is_signed(deps, client, token):
        return None
    if not await deps.claim(SingleUse(f"asserted/{surface.kind}/{issuer}", jti, deps.until(MAX_SECONDS + SKEW_SECONDS))):
        return None
    entry = await deps.kept_entry(f"id-token/{surface.base}/{issuer}/{code}")
    return await sessions.find(deps, surface, entry.body) if entry is not None else None


async def _is_signed(deps: StandIns, client: Client, token: UnverifiedJWT) -> bool:
    if client.authentication is not Authentication.PRIVATE_KEY_JWT or token.header.get("alg") != "RS512":
        return False
    try:
        key = (await keys_of(deps, client)).get(str(token.header.get("kid")))
        if key is None:
            return False
        verify(token, key)
    except (JWKSUnavailable, UnsuitableKey, BadSignature):
        return False
    return True


async def keys_of(deps: StandIns, client: Client) -> JWKSet:
    """Return a client's public keys. Raises `JWKSUnavailable`."""
    if client.own_keys is not None:
        return client.own_keys()
    if client.jwks is not None:
        return deps.client_keys.inline(f"relying-party/{client.client_id}", client.jwks)
    return await deps.client_keys.get(client.jwks_url or "")
