"""Which client asks at the token endpoint (RFC 6749 section 2.3, RFC 7523; user-restricted 11.4 and 12.4)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any, Final

from starlette.concurrency import run_in_threadpool

from wardgate.identities import Authentication
from wardgate.jose import BadSignature, MalformedJWT, UnsuitableKey, UnverifiedJWT, verify
from wardgate.oauth.client_assertion import ASSERTION_TYPE
from wardgate.oauth.users import ProviderKind
from wardgate.outbound.errors import JWKSUnavailable
from wardgate.standins.asserted_identity import keys_of
from wardgate.standins.clients import Client, find_client
from wardgate.standins.dependencies import StandIns
from wardgate.standins.errors import TokenRefused
from wardgate.standins.surfaces import Endpoint, Surface
from wardgate.stores.ports import SingleUse

ASSERTION_ALGORITHMS: Final = {ProviderKind.CIS2: frozenset({"RS512", "RS256"}), ProviderKind.NHS_LOGIN: frozenset({"RS512"})}
MAX_AHEAD_SECONDS: Final = {ProviderKind.CIS2: 300, ProviderKind.NHS_LOGIN: 3_600}
"""NHS login takes the platform's assertion, which lasts an hour and has no `jti` (user-restricted 4.3)."""
GRACE_SECONDS: Final = 10
MAX_JTI_CHARS: Final = 256


def refused_token(code: str, surface: Surface) -> TokenRefused:
    """Return a refusal of the token endpoint. NHS login answers every one with 400 (user-restricted 12.4)."""
    refused = TokenRefused.by(code)
    if surface.kind is ProviderKind.NHS_LOGIN and refused.status == 401:
        refused.status = 400
    return refused


def invalid_client(surface: Surface) -> TokenRefused:
    """Return the refusal: the same whatever is wrong."""
    return refused_token("idp-client-authentication", surface)


def bad_assertion(surface: Surface) -> TokenRefused:
    """Return the refusal of an assertion (user-restricted 11.4)."""
    return refused_token("idp-assertion-invalid", surface)


async def authenticate(deps: StandIns, surface: Surface, form: Mapping[str, str]) -> Client:
    """Return the client that proved itself, in the one way it is registered with. Raises `TokenRefused`."""
    if "client_assertion" in form or "client_assertion_type" in form:
        return await _by_assertion(deps, surface, form)
    client = find_client(deps, surface, form.get("client_id", ""))
    secret = form.get("client_secret", "")
    if client is None or client.authentication is not Authentication.CLIENT_SECRET_POST or not secret:
        raise invalid_client(surface)
    known = await run_in_threadpool(client.secret)
    if not compare_digest(known.encode(), secret.encode()):
        raise invalid_client(surface)
    return client


async def _by_assertion(deps: StandIns, surface: Surface, form: Mapping[str, str]) -> Client:
    if form.get("client_assertion_type") != ASSERTION_TYPE or "client_secret" in form:
        raise TokenRefused.by("idp-two-proofs")
    try:
        token = UnverifiedJWT.parse(form.get("client_assertion", ""))
    except MalformedJWT:
        raise bad_assertion(surface) from None
    subject = token.claims.get("sub")
    client = find_client(deps, surface, subject) if type(subject) is str else None
    if client is None or client.authentication is not Authentication.PRIVATE_KEY_JWT:
        raise bad_assertion(surface)
    if form.get("client_id", client.client_id) != client.client_id or not _claims_hold(deps, surface, client, token.claims):
        raise bad_assertion(surface)
    if token.header.get("alg") not in ASSERTION_ALGORITHMS[surface.kind] or not await _is_signed(deps, client, token):
        raise bad_assertion(surface)
    jti = token.claims.get("jti")
    if jti is not None:
        remembered = datetime.fromtimestamp(token.claims["exp"] + GRACE_SECONDS, UTC)
        if not await deps.claim(SingleUse(f"stand-in/{surface.kind}/{client.client_id}", jti, remembered)):
            raise bad_assertion(surface)
    return client


def _claims_hold(deps: StandIns, surface: Surface, client: Client, claims: Mapping[str, Any]) -> bool:
    """RFC 7523 section 3: issuer and subject, audience, times, and an id where the provider wants one."""
    moment = deps.now().timestamp()
    exp, jti = claims.get("exp"), claims.get("jti")
    if claims.get("iss") != client.client_id or type(exp) is not int:
        return False
    if not moment < exp <= moment + MAX_AHEAD_SECONDS[surface.kind] + GRACE_SECONDS:
        return False
    for name in ("nbf", "iat"):
        if name in claims and not (type(claims[name]) in {int, float} and claims[name] <= moment + GRACE_SECONDS):
            return False
    if jti is None:
        if surface.kind is ProviderKind.CIS2:
            return False
    elif type(jti) is not str or not 0 < len(jti) <= MAX_JTI_CHARS:
        return False
    named = claims.get("aud")
    audiences = named if isinstance(named, list) and len(named) <= 10 else [named]
    ours = {address for origin in deps.origins() for address in (surface.url(origin, Endpoint.TOKEN), surface.issuer(origin))}
    return any(type(one) is str and one in ours for one in audiences)


async def _is_signed(deps: StandIns, client: Client, token: UnverifiedJWT) -> bool:
    kid = token.header.get("kid")
    try:
        keys = await keys_of(deps, client)
        key = keys.get(kid) if type(kid) is str else None
        if key is None and client.jwks_url is not None and type(kid) is str:
            key = (await deps.client_keys.refetched(client.jwks_url)).get(kid)
        if key is None:
            return False
        verify(token, key)
    except (JWKSUnavailable, UnsuitableKey, BadSignature):
        return False
    return True
