"""POST /oauth2/introspect (RFC 7662): a public extra for authenticated clients; no NHS client needs it."""

from typing import Any

from wardgate.audit.model import Event, EventType, Outcome
from wardgate.authserver import own_tokens
from wardgate.authserver.addresses import Addresses
from wardgate.authserver.authenticate import Authenticated, Authenticator
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Details, Exchange
from wardgate.authserver.forms import read_form
from wardgate.authserver.refuse import AlreadyRecorded
from wardgate.authserver.wire import Receive, Send, respond_json
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.introspection import INACTIVE, active, may_see
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.stores.ports import TokenIssue


async def authenticated_form(
    server: AuthServer, authenticator: Authenticator, exchange: Exchange, snapshot: Snapshot, addresses: Addresses,
    receive: Receive, endpoint: str,
) -> tuple[Authenticated, str]:
    """Return who asks and the token they ask about; shared with revocation. Raises `OAuthRefused`.

    The assertion may name this endpoint, the token endpoint or, in `strict`, the issuer (RFC 7523 section 3).
    """
    form = await read_form(server, exchange, snapshot, receive)
    if not form.keys() & {"client_assertion", "client_assertion_type", "client_id"}:
        raise OAuthRefused("client-authentication-missing", "a client assertion or a client certificate", "neither")
    who = await authenticator.authenticate(
        exchange, form, snapshot, addresses, limited=False,
        more_audiences=frozenset(f"{issuer}/{endpoint}" for issuer in addresses.issuers),
    )
    token = form.get("token")
    if token is None:
        raise OAuthRefused("token-parameter-missing", "a token", "none")
    return who, token


async def introspect(
    server: AuthServer, authenticator: Authenticator, exchange: Exchange, snapshot: Snapshot, addresses: Addresses,
    receive: Receive, send: Send,
) -> None:
    """Answer `{"active": false}` for every token the caller may not see (RFC 7662 section 2.2)."""
    exchange.details["pattern"] = "introspection"
    who, text = await authenticated_form(server, authenticator, exchange, snapshot, addresses, receive, "introspect")
    answer: dict[str, Any] = INACTIVE
    details: Details = {"active": False, "assertion_jti": who.use.id}
    unverified = own_tokens.parse(text)
    token = own_tokens.verified(unverified, server.keys, snapshot, exchange.real_at) if unverified is not None else None
    if token is not None and may_see(who.client.name, token, server.settings.resource_servers):
        details |= {"jti": token.jti, "token_application": token.application}
        if own_tokens.is_active(token, snapshot, exchange.at):
            answer = active(token)
            details["active"] = True
    introspected = exchange.event(EventType.TOKEN_INTROSPECTED, Outcome.ALLOWED, None, details)
    await claim_with(server, authenticator, exchange, who, introspected)
    await respond_json(send, 200, answer)


async def claim_with(server: AuthServer, authenticator: Authenticator, exchange: Exchange, who: Authenticated, event: Event) -> None:
    """Use the assertion up and store `event`, in one step. Raises `AlreadyRecorded` with row 17 when it was used."""
    lost = OAuthRefused("assertion-jti-replayed", "a jti this client has not used", "a jti that another request used")
    replayed = exchange.event(exchange.refused_as, Outcome.REFUSED, lost.code, {"expected": lost.expected, "received": lost.received})
    first = await server.issue(TokenIssue(who.use, event, replayed))
    authenticator.claimed(who.use)
    if not first:
        raise AlreadyRecorded(lost)
