"""The token exchange grant (RFC 8693; user-restricted 3): an ID token of a provider for tokens of ours, the 37 rows in order."""

from collections.abc import Iterable
from typing import Any

from wardgate.audit.model import EventType, Outcome
from wardgate.authserver import faults
from wardgate.authserver.addresses import Addresses
from wardgate.authserver.authenticate import Authenticated, Authenticator
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Exchange
from wardgate.authserver.refuse import AlreadyRecorded
from wardgate.authserver.sign_in_record import SignInRecord
from wardgate.authserver.user_tokens import (
    TOKEN_EXCHANGE,
    Made,
    answer,
    details_of,
    make_access_token,
    new_refresh_token,
    scopes_for,
)
from wardgate.jose import JWKSet
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.lifetimes import grant_until, lifetimes
from wardgate.oauth.profiles import SIGN_IN_PROFILES
from wardgate.oauth.provider_tokens import kid_of
from wardgate.oauth.providers import Provider, by_issuer
from wardgate.oauth.subject_token import Subject, check_audience, check_subject, provider_of, verify_subject
from wardgate.oauth.token_requests import check_exchange
from wardgate.oauth.users import SignedIn
from wardgate.outbound.errors import OutsideFailed
from wardgate.refusals.faults import Moment
from wardgate.security_patterns.snapshot import Client, Snapshot
from wardgate.stores.ports import Grant, GrantStart, RefreshToken


async def token_exchange(
    server: AuthServer, authenticator: Authenticator, exchange: Exchange, form: dict[str, str], snapshot: Snapshot,
    addresses: Addresses,
) -> bytes:
    """Return the body of the answer once the assertion is claimed and the sign-in stored. Raises `OAuthRefused`."""
    exchange.details |= {"pattern": "signed-jwt", "grant_type": TOKEN_EXCHANGE}
    check_exchange(form, by_certificate=authenticator.shows_certificate(form, snapshot))  # rows 1, 2
    who = await authenticator.authenticate(exchange, form, snapshot, addresses, limited=True)  # rows 3 to 21
    user = await _user(server, exchange, form.get("subject_token"), who.client)  # rows 22 to 36
    await faults.carried(server, exchange, Moment.EXCHANGE, user, None)
    scopes = scopes_for(who.client, user)  # row 37
    record = SignInRecord(user, scopes, TOKEN_EXCHANGE)
    lives = lifetimes(form, user.kind, exchange.at, exchange.at, server.settings.token_lifetime_ms)
    grant = Grant(server.new_token_id(), who.client.name, who.credential, exchange.at, grant_until(user.kind, exchange.at), record.write())
    made = make_access_token(server, exchange, snapshot, addresses, client=who.client, credential=who.credential, grant=grant.id,
                             record=record, access_ms=lives.access_ms, certificate=who.certificate)
    strict = SIGN_IN_PROFILES[who.profile.name].refresh_grace_seconds > 0
    text, refresh = new_refresh_token(server, grant.id, 0, lives.refresh_until, keep_text=strict)
    await _start(server, authenticator, exchange, who, grant, refresh, made)
    return answer(made.text, text, lives, 0, exchange.at, exchanged=True)


async def _user(server: AuthServer, exchange: Exchange, text: str | None, client: Client) -> SignedIn:
    trusted = server.trusted()

    def find(issuer: Any) -> Provider | None:
        return by_issuer(trusted, exchange.base_path, issuer)

    def leeway(issuer: Any) -> int:
        provider = find(issuer)
        return provider.leeway_seconds if provider is not None else 0

    subject = check_subject(text, exchange.at, leeway)  # rows 22 to 32
    provider = provider_of(subject, find)  # row 33
    exchange.details["auth_provider"] = provider.record_name
    keys = await provider_keys(server, provider, _kids(subject))  # row 34
    user = verify_subject(subject, provider, keys, exchange.at)  # rows 35, 36
    check_audience(subject, client.provider_client_ids)
    exchange.details |= details_of(user, TOKEN_EXCHANGE)
    return user


def _kids(subject: Subject) -> Iterable[str | None]:
    return [kid_of(token) for token in (subject.token, subject.actor) if token is not None]


async def provider_keys(server: AuthServer, provider: Provider, kids: Iterable[str | None], code: str = "provider-keys-unavailable") -> JWKSet:
    """Return the provider's keys. Raises `OAuthRefused` with `code` when there are none to trust."""
    try:
        return await server.providers.keys(provider, kids)
    except OutsideFailed as fault:
        raise OAuthRefused(code, fault.expected, fault.received) from None


async def _start(
    server: AuthServer, authenticator: Authenticator, exchange: Exchange, who: Authenticated, grant: Grant, refresh: RefreshToken, made: Made
) -> None:
    """Claim the assertion and keep the sign-in, in one durable step. Raises `AlreadyRecorded` with row 14 when another request was first."""
    lost = OAuthRefused("assertion-jti-replayed", "a jti this client has not used", "a jti that another request used")
    issued = exchange.event(EventType.TOKEN_ISSUED, Outcome.ALLOWED, None, made.details | {"assertion_jti": who.use.id, "refresh_count": 0})
    replayed = exchange.event(EventType.TOKEN_REFUSED, Outcome.REFUSED, lost.code, {
        "expected": lost.expected, "received": lost.received, "assertion_jti": who.use.id,
    })
    first = await server.sign_ins.start(GrantStart(grant, issued, refresh=refresh, use=who.use, if_replayed=replayed))
    authenticator.claimed(who.use)
    if not first:
        raise AlreadyRecorded(lost)
