"""POST /oauth2/backchannel_logout (OpenID Connect Back-Channel Logout 1.0; user-restricted 7.2): NHS CIS2 says that a session has ended.

Every sign-in of that session ends, whoever's application it is for: no refresh, no code, no access token of it counts any more.
Only combined CIS2 sign-ins are found by session.
"""

import ipaddress

from wardgate.audit.model import EventType, Outcome
from wardgate.authserver import faults
from wardgate.authserver.addresses import Addresses
from wardgate.authserver.authenticate import Authenticator
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Exchange
from wardgate.authserver.forms import read_form
from wardgate.authserver.sign_in_record import SignInRecord, session_name
from wardgate.authserver.token_exchange import provider_keys
from wardgate.authserver.wire import Receive, Send, respond_json
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.logout_token import check_claims, verify_logout
from wardgate.oauth.provider_tokens import kid_of
from wardgate.oauth.providers import Provider
from wardgate.oauth.users import ProviderKind
from wardgate.refusals.faults import Moment
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.stores.errors import StoreError


async def backchannel_logout(
    server: AuthServer, _authenticator: Authenticator, exchange: Exchange, snapshot: Snapshot, _addresses: Addresses,
    receive: Receive, send: Send,
) -> None:
    """End the session's sign-ins and answer `{"success": true}`. Raises `OAuthRefused`."""
    exchange.refused_as = EventType.SIGN_OUT_REFUSED
    providers = [found for found in server.trusted() if found.base_path == exchange.base_path and found.kind is ProviderKind.CIS2]
    _check_source(exchange, providers)
    form = await read_form(server, exchange, snapshot, receive, parameters_allowed=True)
    token, provider = check_claims(form.get("logout_token"), providers)
    exchange.details["auth_provider"] = provider.record_name
    keys = await provider_keys(server, provider, [kid_of(token)], "logout-keys-unavailable")
    session = verify_logout(token, keys, exchange.at)
    await _end(server, exchange, session_name(provider.issuer, session))
    await respond_json(send, 200, {"success": True})


async def _end(server: AuthServer, exchange: Exchange, session: str) -> None:
    try:
        grants = await server.sign_ins.of_session(session)
        if not grants:
            raise OAuthRefused("logout-sid-unknown", "the session of a sign-in that goes on", "another session")
        record = SignInRecord.read(grants[0].body)
        await faults.carried(server, exchange, Moment.LOGOUT, record.who, record.fault)
        event = exchange.event(EventType.SIGN_IN_ENDED, Outcome.ALLOWED, None, {
            "cause": "the provider's session ended", "sign_ins": len(grants), "sign_in": grants[0].id if len(grants) == 1 else None,
        })
        await server.sign_ins.end([grant.id for grant in grants], exchange.at, event)
    except StoreError:
        raise OAuthRefused("logout-failed", "the store ends the sign-ins", "the store did not") from None


def _check_source(exchange: Exchange, providers: list[Provider]) -> None:
    """The address is the last of X-Forwarded-For: the one Envoy saw and added itself."""
    limited = [provider for provider in providers if provider.logout_networks]
    if not providers or len(limited) < len(providers):
        return
    last = exchange.headers.get(b"x-forwarded-for", b"").decode("latin-1").rpartition(",")[2].strip()
    try:
        address = ipaddress.ip_address(last)
    except ValueError:
        raise OAuthRefused("logout-source", "an address the provider calls from", "no address") from None
    networks = [ipaddress.ip_network(network) for provider in limited for network in provider.logout_networks]
    if not any(address in network for network in networks):
        raise OAuthRefused("logout-source", "an address the provider calls from", "another address")
