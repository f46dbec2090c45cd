"""POST /oauth2/token: the numbered phases of every grant (application-restricted 6.5). A grant fills in only its part."""

from typing import Final

from wardgate.applications import Profile
from wardgate.audit.model import EventType
from wardgate.authserver.addresses import Addresses
from wardgate.authserver.authenticate import Authenticator
from wardgate.authserver.authorization_code import authorization_code
from wardgate.authserver.client_credentials import client_credentials
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Exchange
from wardgate.authserver.forms import read_form
from wardgate.authserver.preflight import cors_headers
from wardgate.authserver.refresh import refresh
from wardgate.authserver.token_exchange import token_exchange
from wardgate.authserver.wire import JSON, NEVER_CACHED, Receive, Send, respond
from wardgate.oauth.token_requests import GrantType, dispatch
from wardgate.security_patterns.snapshot import Snapshot

GRANTS: Final = {
    GrantType.CLIENT_CREDENTIALS: client_credentials, GrantType.TOKEN_EXCHANGE: token_exchange,
    GrantType.AUTHORIZATION_CODE: authorization_code, GrantType.REFRESH_TOKEN: refresh,
}
_ANSWER: Final = (JSON, *NEVER_CACHED)


async def token(
    server: AuthServer, authenticator: Authenticator, exchange: Exchange, snapshot: Snapshot, addresses: Addresses,
    receive: Receive, send: Send,
) -> None:
    """Answer one token request. Raises `OAuthRefused` for every way to be refused; the caller answers and records."""
    exchange.refused_as = EventType.TOKEN_REFUSED
    form = await read_form(server, exchange, snapshot, receive)  # (1)
    grant = dispatch(form, token_exchange=server.settings.token_exchange)  # (2)
    body = await GRANTS[grant](server, authenticator, exchange, form, snapshot, addresses)  # (3) to (14)
    headers = _ANSWER
    if grant is GrantType.AUTHORIZATION_CODE and server.settings.cors_preflight and snapshot.environment.profile is Profile.NHS:
        headers = (*_ANSWER, *cors_headers(exchange))
    await respond(send, 200, headers, body)
