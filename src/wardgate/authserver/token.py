"""POST /oauth2/token: the numbered phases of every grant (application-restricted 6.5). A grant fills in only its part."""

from typing import Final

from wardgate.audit.model import EventType
from wardgate.authserver.addresses import Addresses
from wardgate.authserver.authenticate import Authenticator
from wardgate.authserver.client_credentials import client_credentials
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Exchange
from wardgate.authserver.wire import JSON, NEVER_CACHED, Receive, Send, read_body, respond
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.profiles import PROFILES
from wardgate.oauth.requests import check_content_type, parse_form
from wardgate.security_patterns.snapshot import Snapshot

GRANTS: Final = {"client_credentials": client_credentials}
_ANSWER: Final = (JSON, *NEVER_CACHED)


async def read_form(server: AuthServer, exchange: Exchange, snapshot: Snapshot, receive: Receive) -> dict[str, str]:
    """6.5 step 1, then the form. The client is not known yet, so the environment's profile says what is tolerated."""
    value = exchange.headers.get(b"content-type")
    profile = PROFILES[snapshot.environment.profile]
    check_content_type(None if value is None else value.decode("latin-1"), parameters_allowed=profile.content_type_parameters)
    return parse_form(await read_body(receive, exchange.headers, server.settings.body_timeout_seconds))


async def token(
    server: AuthServer, authenticator: Authenticator, exchange: Exchange, snapshot: Snapshot, addresses: Addresses,
    receive: Receive, send: Send,
) -> None:
    """Answer one token request. Raises `OAuthRefused` for every way to be refused; the caller answers and records."""
    exchange.refused_as = EventType.TOKEN_REFUSED
    form = await read_form(server, exchange, snapshot, receive)  # (1)
    grant_type = form.get("grant_type")  # (2)
    if grant_type is None:
        raise OAuthRefused("grant-type-missing", "a grant_type", "none")
    grant = GRANTS.get(grant_type)
    if grant is None:
        raise OAuthRefused("grant-type-unknown", " or ".join(GRANTS), ascii(grant_type[:80]))
    body = await grant(server, authenticator, exchange, form, snapshot, addresses)  # (3) to (14)
    await respond(send, 200, _ANSWER, body)
