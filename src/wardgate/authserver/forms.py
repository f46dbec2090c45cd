"""Reading the form of a request, in every endpoint that takes one (application-restricted 6.5 step 1)."""

from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Exchange
from wardgate.authserver.wire import Receive, read_body
from wardgate.oauth.profiles import PROFILES
from wardgate.oauth.requests import check_content_type, parse_form
from wardgate.security_patterns.snapshot import Snapshot


async def read_form(
    server: AuthServer, exchange: Exchange, snapshot: Snapshot, receive: Receive, *, parameters_allowed: bool | None = None
) -> dict[str, str]:
    """Return the parameters. Raises `OAuthRefused`.

    The client is not known yet, so the environment's profile says what is tolerated of the media type, unless the endpoint does.
    """
    value = exchange.headers.get(b"content-type")
    if parameters_allowed is None:
        parameters_allowed = PROFILES[snapshot.environment.profile].content_type_parameters
    check_content_type(None if value is None else value.decode("latin-1"), parameters_allowed=parameters_allowed)
    return parse_form(await read_body(receive, exchange.headers, server.settings.body_timeout_seconds))
