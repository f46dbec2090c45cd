"""GET /oauth2/authorize (user-restricted 4.1, 4.2): the request is checked, remembered, and the browser sent to the provider.

In `strict` the request was pushed beforehand (RFC 9126): the browser brings only its name.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final

from wardgate.audit.model import EventType, Outcome
from wardgate.authserver import faults
from wardgate.authserver.addresses import Addresses
from wardgate.authserver.authenticate import Authenticator
from wardgate.authserver.client_secret import named_client, profile_of
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Exchange
from wardgate.authserver.redirects import BrowserCookie, SentBack, redirect
from wardgate.authserver.sign_in_record import LoginRecord, PushedRecord, hashed
from wardgate.authserver.user_tokens import check_begun
from wardgate.authserver.wire import Send
from wardgate.oauth.authorization_request import (
    REQUEST_URI_PREFIX,
    AuthorizationRequest,
    check_redirect_uri,
    check_request,
    with_parameters,
)
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.profiles import SignInProfile
from wardgate.oauth.providers import MAX_AGE_SECONDS, SCOPES, Endpoints, Provider, by_kind
from wardgate.oauth.requests import parse_query
from wardgate.oauth.users import ProviderKind
from wardgate.outbound.errors import OutsideFailed
from wardgate.refusals.faults import PARAMETER
from wardgate.security_patterns.snapshot import APIKey, Client, Snapshot
from wardgate.stores.ports import LoginState

PUSHED: Final = "pushed:"
"""Before the hash of a pushed request's name: it can never be taken for a state."""


async def authorize(
    server: AuthServer, authenticator: Authenticator, exchange: Exchange, snapshot: Snapshot, addresses: Addresses, query: bytes, send: Send
) -> None:
    """Send the browser to the provider. Raises `OAuthRefused`, as `SentBack` once the callback URL is known to be the application's."""
    exchange.refused_as = EventType.SIGN_IN_REFUSED
    asked: Mapping[str, str] = parse_query(query)
    with suppress(OAuthRefused):
        named_client(exchange, snapshot, asked.get("client_id"), "authorize-client-id-invalid")  # whose a fault is
    fault = faults.of_sign_in(server, exchange, snapshot, asked.get(PARAMETER))
    client, key = named_client(exchange, snapshot, asked.get("client_id"), "authorize-client-id-invalid")
    authenticator.take_sign_in(client, exchange.at)
    profile = profile_of(snapshot, key.key)
    if profile.pushed_requests:
        asked = await _pushed(server, exchange, client, asked)
    redirect_uri = check_redirect_uri(asked.get("redirect_uri"), client.callback_urls, profile)
    issuer = addresses.for_host(exchange.headers.get(b"host"))
    try:
        faults.settle(server, exchange)
        request = check_request(asked, redirect_uri, profile)
        provider, endpoints = await _provider(server, exchange, request)
    except OAuthRefused as refused:
        state = asked.get("state") if refused.code != "state-missing" else None  # asked for, it has no state as well
        raise SentBack(refused, redirect_uri, state, issuer if profile.issuer_in_response else None) from None
    await _send_away(server, exchange, key, profile, request, provider, endpoints, issuer + "/callback", send, fault)


async def _pushed(server: AuthServer, exchange: Exchange, client: Client, asked: Mapping[str, str]) -> Mapping[str, str]:
    """Return the parameters that were pushed; the name is used up. Raises `OAuthRefused`."""
    name = asked.get("request_uri")
    if name is None:
        raise OAuthRefused("request-not-pushed", "a request_uri", "none")
    held = await server.sign_ins.take(PUSHED + hashed(name), exchange.at) if name.startswith(REQUEST_URI_PREFIX) else None
    record = PushedRecord.read(held.body) if held is not None else None
    if held is None or record is None or record.application != client.name or record.base_path != exchange.base_path:
        raise OAuthRefused("request-uri-invalid", "a request_uri of this application that waits", "another, or one that was used or is over")
    check_begun(held.until - timedelta(seconds=server.settings.pushed_request_seconds), exchange.at, "request-uri-invalid")
    return record.parameters


async def _provider(server: AuthServer, exchange: Exchange, request: AuthorizationRequest) -> tuple[Provider, Endpoints]:
    provider = by_kind(server.trusted(), exchange.base_path, request.kind)
    if provider is None:
        raise OAuthRefused("provider-not-configured", f"a provider of the kind {request.kind}", "none")
    exchange.details["auth_provider"] = provider.record_name
    try:
        return provider, await server.providers.endpoints(provider)
    except OutsideFailed as fault:
        raise OAuthRefused("provider-unavailable", fault.expected, fault.received) from None


async def _send_away(
    server: AuthServer, exchange: Exchange, key: APIKey, profile: SignInProfile, request: AuthorizationRequest, provider: Provider,
    endpoints: Endpoints, callback: str, send: Send, fault: str | None,
) -> None:
    for_provider = faults.check_provider(fault, provider)
    state, browser = server.new_secret(), server.new_secret()
    nonce = server.new_secret() if profile.nonce else None
    record = LoginRecord(
        application=key.application, credential=key.id, redirect_uri=request.redirect_uri, state=request.state, base_path=exchange.base_path,
        callback=callback, provider=provider.name, issuer=provider.issuer, challenge=request.challenge, nonce=nonce, browser=hashed(browser),
        fault=fault if for_provider is None else None,
    )
    until = exchange.at + timedelta(seconds=server.settings.state_seconds)
    await server.sign_ins.hold(LoginState(hashed(state), record.write(), until))
    await server.record(exchange.event(EventType.SIGN_IN_STARTED, Outcome.ALLOWED, None, {}))
    location = with_parameters(endpoints.authorization, {
        "response_type": "code", "client_id": provider.client_id, "redirect_uri": callback, "scope": SCOPES[provider.kind], "state": state,
        "max_age": str(MAX_AGE_SECONDS), "acr_values": request.acr_values if provider.kind is ProviderKind.CIS2 else None, "nonce": nonce,
        PARAMETER: for_provider,
    })
    await redirect(send, location, (BrowserCookie.of(state, callback).set(browser, server.settings.state_seconds),))
