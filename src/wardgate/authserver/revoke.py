"""POST /oauth2/revoke (RFC 7009): a client takes back one of its own tokens; every data plane refuses it within a second.

A refresh token takes its sign-in with it, and so every access token that came of it (section 2.1).
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from wardgate.audit.model import EventType, Outcome
from wardgate.authserver import own_tokens
from wardgate.authserver.addresses import Addresses
from wardgate.authserver.authenticate import Authenticator
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Exchange
from wardgate.authserver.introspect import authenticated_form
from wardgate.authserver.sign_in_record import hashed
from wardgate.authserver.wire import NEVER_CACHED, Receive, Send, respond
from wardgate.jose import MalformedJWT, UnverifiedJWT
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.introspection import may_revoke
from wardgate.security_patterns.snapshot import Snapshot

REMEMBER_GRACE: Final = timedelta(minutes=5)
"""A revoked id is kept this long past the token's end, for gateways whose clocks are behind."""


async def revoke(
    server: AuthServer, authenticator: Authenticator, exchange: Exchange, snapshot: Snapshot, addresses: Addresses,
    receive: Receive, send: Send,
) -> None:
    """Answer 200 when the token is revoked, or was never worth anything (RFC 7009 section 2.2). Raises `OAuthRefused`.

    Raises for a token of another kind, and for one of another client (section 2.1).
    """
    exchange.details["pattern"] = "revocation"
    who, text = await authenticated_form(server, authenticator, exchange, snapshot, addresses, receive, "revoke")
    if not await server.claim(who.use):
        authenticator.claimed(who.use)
        raise OAuthRefused("assertion-jti-replayed", "a jti this client has not used", "a jti that another request used")
    authenticator.claimed(who.use)
    unverified = own_tokens.parse(text)
    if unverified is None and _is_another_kind(text):
        raise OAuthRefused("token-type-unsupported", "an access token of this server", "a token of another kind")
    token = own_tokens.verified(unverified, server.keys, snapshot, exchange.real_at) if unverified is not None else None
    sign_in = await _sign_in_of(server, text, who.client.name) if unverified is None else None
    if sign_in is not None:
        event = exchange.event(EventType.SIGN_IN_ENDED, Outcome.ALLOWED, None, {"cause": "the application revoked a refresh token", "sign_in": sign_in})
        await server.sign_ins.end([sign_in], exchange.at, event)
    elif token is None:
        event = exchange.event(EventType.TOKEN_REVOKED, Outcome.ALLOWED, None, {"known": False})
        await server.record(event)
    elif not may_revoke(who.client.name, token):
        raise OAuthRefused("token-of-another-client", f"a token of {who.client.name}", f"a token of {token.application}")
    else:
        event = exchange.event(EventType.TOKEN_REVOKED, Outcome.ALLOWED, None, {"known": True, "jti": token.jti})
        await server.revoke(token.jti, datetime.fromtimestamp(token.expires_at, UTC) + REMEMBER_GRACE, event)
    await respond(send, 200, NEVER_CACHED, b"")


async def _sign_in_of(server: AuthServer, text: str, client: str) -> str | None:
    """Return the sign-in of a refresh token, used or not, if it goes on. Raises `OAuthRefused` for another client's."""
    found = await server.sign_ins.refresh_token(hashed(text))
    if found is None:
        return None
    _, grant = found
    if grant.application != client:
        raise OAuthRefused("token-of-another-client", f"a token of {client}", f"a token of {grant.application}")
    return grant.id


def _is_another_kind(text: str) -> bool:
    """A well-formed JWT that is no access token of ours, such as an ID token or an assertion."""
    try:
        UnverifiedJWT.parse(text)
    except MalformedJWT:
        return False
    return True
