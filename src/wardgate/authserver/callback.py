"""GET /oauth2/callback (user-restricted 4.3): the user comes back from the provider, and leaves with a code of ours.

1. The state is taken, once, and must be of this browser, this base path and the provider that answers (RFC 9207 section 2.4).
2. The provider's code is redeemed at that provider only. 3. Its ID token is checked. 4. Scopes of the user's level are found.
5. A code of ours is issued.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Final

from wardgate.audit.model import EventType, Outcome
from wardgate.authserver import faults
from wardgate.authserver.client_secret import check_standing
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Details, Exchange
from wardgate.authserver.redirects import BrowserCookie, SentBack, redirect
from wardgate.authserver.sign_in_record import LoginRecord, SignInRecord, hashed, session_name
from wardgate.authserver.token_exchange import provider_keys
from wardgate.authserver.user_tokens import AUTHORIZATION_CODE, check_begun, details_of, scopes_for
from wardgate.authserver.userinfo import roles_of
from wardgate.authserver.wire import Send
from wardgate.oauth.authorization_request import check_redirect_uri, with_parameters
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.id_token import check_external, verify_external
from wardgate.oauth.lifetimes import grant_until
from wardgate.oauth.profiles import SIGN_IN_PROFILES, SignInProfile
from wardgate.oauth.provider_tokens import kid_of
from wardgate.oauth.providers import Provider
from wardgate.oauth.requests import parse_query
from wardgate.oauth.users import ProviderKind, SignedIn
from wardgate.outbound.errors import OutsideFailed, ProviderRefused
from wardgate.outbound.providers import ProviderTokens
from wardgate.refusals.faults import Moment
from wardgate.security_patterns.snapshot import Client, Snapshot
from wardgate.stores.ports import AuthorizationCode, Grant, GrantStart

_ERROR: Final = re.compile(r"[\x20\x21\x23-\x5B\x5D-\x7E]{1,60}")
_DESCRIPTION: Final = re.compile(r"[\x20\x21\x23-\x5B\x5D-\x7E]{1,200}")
"""RFC 6749 section 4.1.2.1: what the two may be made of."""


async def callback(server: AuthServer, exchange: Exchange, snapshot: Snapshot, query: bytes, send: Send) -> None:
    """Send the browser back to the application with a code. Raises `OAuthRefused`."""
    exchange.refused_as = EventType.SIGN_IN_REFUSED
    asked = parse_query(query)
    try:
        login, cookie = await _login(server, exchange, asked.get("state"))  # (1)
    except OAuthRefused:
        faults.settle(server, exchange)
        raise
    client = snapshot.clients.get(login.application)
    if client is None or login.credential in snapshot.revocations.credentials:
        raise OAuthRefused("client-not-approved-or-revoked", "an application with an approved key", "one that went away or was revoked")
    check_standing(client)
    profile = SIGN_IN_PROFILES[client.profile]
    check_redirect_uri(login.redirect_uri, client.callback_urls, profile)  # it may have been taken back meanwhile
    _check_browser(exchange, login, cookie, profile)
    issuer = login.callback.removesuffix("/callback") if profile.issuer_in_response else None
    back = partial(SentBack, redirect_uri=login.redirect_uri, state=login.state, issuer=issuer)
    faults.settle(server, exchange, back)
    await faults.carried(server, exchange, Moment.CALLBACK, None, login.fault, back)
    provider = _provider(server, exchange, login, asked, issuer)
    tokens = await _redeem(server, provider, login, asked)  # (2)
    user = await _user(server, exchange, provider, tokens, login.nonce)  # (3)
    await faults.carried(server, exchange, Moment.CALLBACK, user, None, back)
    scopes = scopes_for(client, user)  # (4)
    roles = await _roles(server, exchange, provider, tokens, user)
    keeps_token = user.kind is ProviderKind.CIS2
    record = SignInRecord(user, scopes, AUTHORIZATION_CODE, roles, tokens.access_token if keeps_token else None, login.fault)
    code = await _issue_code(server, exchange, client, login, record)  # (5)
    location = with_parameters(login.redirect_uri, {"code": code, "state": login.state, "iss": issuer})
    await redirect(send, location, (cookie.forget(),))


async def _login(server: AuthServer, exchange: Exchange, state: str | None) -> tuple[LoginRecord, BrowserCookie]:
    held = await server.sign_ins.take(hashed(state), exchange.at) if state is not None else None
    login = LoginRecord.read(held.body) if held is not None else None
    if held is None or login is None or login.base_path != exchange.base_path or state is None:
        raise OAuthRefused("callback-state", "a state that waits", "none" if state is None else "one that is unknown, used or over")
    check_begun(held.until - timedelta(seconds=server.settings.state_seconds), exchange.at, "callback-state")
    exchange.application = login.application
    exchange.details["credential"] = login.credential
    return login, BrowserCookie.of(state, login.callback)


def _check_browser(exchange: Exchange, login: LoginRecord, cookie: BrowserCookie, profile: SignInProfile) -> None:
    """user-restricted 17: a wrong cookie refuses always, a missing one where the profile says so."""
    right = cookie.is_right(exchange, login.browser)
    if right is False or (right is None and profile.bound_to_browser):
        raise OAuthRefused("callback-browser", "the cookie that was set when the sign-in began", "none" if right is None else "another")


def _provider(server: AuthServer, exchange: Exchange, login: LoginRecord, asked: Mapping[str, str], issuer: str | None) -> Provider:
    """Return the provider the browser was sent to. Raises `OAuthRefused`, as `SentBack` for what the application should learn."""
    provider = next((found for found in server.trusted() if found.name == login.provider and found.issuer == login.issuer), None)
    if provider is None:
        gone = OAuthRefused("provider-not-configured", "the provider the sign-in began with", "none of that name and issuer")
        raise SentBack(gone, login.redirect_uri, login.state, issuer)
    exchange.details["auth_provider"] = provider.record_name
    named = asked.get("iss")
    if named is not None and named.casefold() != provider.issuer.casefold():
        raise OAuthRefused("callback-issuer", provider.issuer, "another issuer")
    if "error" in asked:
        error = asked["error"] if _ERROR.fullmatch(asked["error"]) else "server_error"
        described = asked.get("error_description", "")
        values = {"error": error, "description": described if _DESCRIPTION.fullmatch(described) else ""}
        raise SentBack(OAuthRefused("provider-refused", "a code", f"the error {error}", values), login.redirect_uri, login.state, issuer)
    return provider


async def _redeem(server: AuthServer, provider: Provider, login: LoginRecord, asked: Mapping[str, str]) -> ProviderTokens:
    code = asked.get("code")
    if code is None:
        raise OAuthRefused("callback-code-missing", "a code", "none")
    try:
        return await server.providers.redeem(provider, code, login.callback)
    except ProviderRefused as fault:
        raise OAuthRefused("provider-code-refused", fault.expected, fault.received) from None
    except OutsideFailed as fault:
        raise OAuthRefused("provider-unreachable", fault.expected, fault.received) from None


async def _user(server: AuthServer, exchange: Exchange, provider: Provider, tokens: ProviderTokens, nonce: str | None) -> SignedIn:
    token = check_external(tokens.id_token, provider)
    keys = await provider_keys(server, provider, [kid_of(token)])
    user = verify_external(token, provider, keys, exchange.at, nonce)
    exchange.details |= details_of(user, AUTHORIZATION_CODE)
    return user


async def _roles(
    server: AuthServer, exchange: Exchange, provider: Provider, tokens: ProviderTokens, user: SignedIn
) -> tuple[str, ...] | None:
    """Return the worker's role profiles. A provider that cannot tell them now does not stop the sign-in: the choice of a role will say so."""
    if user.kind is not ProviderKind.CIS2 or tokens.access_token is None:
        return None
    try:
        return roles_of(await server.providers.userinfo(provider, tokens.access_token), user.subject)
    except (OutsideFailed, OAuthRefused) as fault:
        exchange.details["roles_fault"] = f"expected {fault.expected}; received {fault.received}"
        return None


async def _issue_code(server: AuthServer, exchange: Exchange, client: Client, login: LoginRecord, record: SignInRecord) -> str:
    code, user = server.new_secret(), record.who
    session = session_name(user.issuer, user.session) if user.session is not None and user.kind is ProviderKind.CIS2 else None
    grant = Grant(server.new_token_id(), client.name, login.credential, exchange.at, grant_until(user.kind, exchange.at), record.write(), session)
    until = exchange.at + timedelta(seconds=SIGN_IN_PROFILES[client.profile].code_seconds)
    issued = AuthorizationCode(hashed(code), grant.id, client.name, login.redirect_uri, until, login.challenge)
    more: Details = {"sign_in": grant.id, "scope": " ".join(record.scopes)}
    if record.roles is not None:
        more["roles"] = len(record.roles)
    event = exchange.event(EventType.SIGN_IN_COMPLETED, Outcome.ALLOWED, None, more)
    await server.sign_ins.start(GrantStart(grant, event, code=issued))
    return code
