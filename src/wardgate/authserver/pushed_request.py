"""POST /oauth2/par (RFC 9126), profile `strict`: an authorization request comes from the client itself, before the browser does."""

from datetime import timedelta
from typing import Final

from wardgate.audit.model import EventType, Outcome
from wardgate.authserver.addresses import Addresses
from wardgate.authserver.authenticate import Authenticator
from wardgate.authserver.authorize import PUSHED
from wardgate.authserver.client_secret import check_standing, profile_of, prove_client
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Exchange
from wardgate.authserver.forms import read_form
from wardgate.authserver.sign_in_record import PushedRecord, hashed
from wardgate.authserver.wire import Receive, Send, respond_json
from wardgate.oauth.authorization_request import REQUEST_URI_PREFIX, check_redirect_uri, check_request
from wardgate.oauth.errors import OAuthRefused
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.stores.ports import LoginState

KEPT: Final = ("redirect_uri", "state", "response_type", "scope", "acr_values", "code_challenge", "code_challenge_method")
"""The parameters that mean something at the authorization endpoint; a client's proof is not among them (section 2.1)."""


async def pushed_request(
    server: AuthServer, authenticator: Authenticator, exchange: Exchange, snapshot: Snapshot, addresses: Addresses,
    receive: Receive, send: Send,
) -> None:
    """Answer 201 with the name under which the request waits (section 2.2). Raises `OAuthRefused`; nothing leaves as a redirect here."""
    exchange.refused_as = EventType.SIGN_IN_REFUSED
    form = await read_form(server, exchange, snapshot, receive)
    if not profile_of(snapshot, form.get("client_id")).pushed_requests:
        exchange.refused_as = EventType.CALL_REFUSED
        raise OAuthRefused("oauth-path-unknown", "a client of the profile strict", "another client")
    who = await prove_client(server, authenticator, exchange, form, snapshot, addresses)
    check_standing(who.client)
    redirect_uri = check_redirect_uri(form.get("redirect_uri"), who.client.callback_urls, who.profile)
    check_request(form, redirect_uri, who.profile)
    name = REQUEST_URI_PREFIX + server.new_secret()
    record = PushedRecord(who.client.name, exchange.base_path, {key: form[key] for key in KEPT if key in form})
    seconds = server.settings.pushed_request_seconds
    await server.sign_ins.hold(LoginState(PUSHED + hashed(name), record.write(), exchange.at + timedelta(seconds=seconds)))
    await server.record(exchange.event(EventType.SIGN_IN_STARTED, Outcome.ALLOWED, None, {"pushed": True}))
    await respond_json(send, 201, {"request_uri": name, "expires_in": seconds})
