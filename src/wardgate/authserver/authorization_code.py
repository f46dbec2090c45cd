"""The authorization code grant (RFC 6749 section 4.1.3; user-restricted 4.4): the checks in the platform's order, the code used once."""

from wardgate.audit.model import Event, EventType, Outcome
from wardgate.authserver import faults
from wardgate.authserver.addresses import Addresses
from wardgate.authserver.authenticate import Authenticator
from wardgate.authserver.client_secret import ProvedClient, prove_client
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Exchange
from wardgate.authserver.refuse import AlreadyRecorded
from wardgate.authserver.sign_in_record import SignInRecord, hashed
from wardgate.authserver.user_tokens import (
    AUTHORIZATION_CODE,
    answer,
    check_begun,
    check_trusted,
    details_of,
    make_access_token,
    new_refresh_token,
    still_entitled,
)
from wardgate.oauth.authorization_request import check_redirect_uri
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.lifetimes import lifetimes
from wardgate.oauth.pkce import check_verifier
from wardgate.refusals.faults import Moment
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.stores.ports import AuthorizationCode, CodeRedemption, RefreshToken

_EXPECTED = "a code of this application and redirect_uri, unused and in its time"


async def authorization_code(
    server: AuthServer, authenticator: Authenticator, exchange: Exchange, form: dict[str, str], snapshot: Snapshot,
    addresses: Addresses,
) -> bytes:
    """Return the body of the answer once the code is used up. Raises `OAuthRefused`."""
    exchange.details["grant_type"] = AUTHORIZATION_CODE
    who = await prove_client(server, authenticator, exchange, form, snapshot, addresses)
    redirect_uri = check_redirect_uri(form.get("redirect_uri"), who.client.callback_urls, who.profile)
    code = form.get("code")
    if code is None:
        raise OAuthRefused("code-missing", "a code", "none")
    found = await _look(server, exchange, who, code, redirect_uri)
    check_verifier(found.challenge, form.get("code_verifier"))
    grant = await server.sign_ins.get(found.grant)
    if grant is None or grant.ended is not None:
        raise _invalid("one whose sign-in has ended")
    check_begun(grant.started, exchange.at, "code-invalid")
    found_record = SignInRecord.read(grant.body)
    exchange.details["sign_in"] = grant.id
    check_trusted(found_record.who, server.trusted(), "code-invalid")
    await faults.carried(server, exchange, Moment.CODE, found_record.who, found_record.fault)
    record = still_entitled(found_record, who.client)
    exchange.details |= details_of(record.who, record.auth_grant_type, grant.id)
    lives = lifetimes(form, record.who.kind, grant.started, exchange.at, server.settings.token_lifetime_ms)
    made = make_access_token(server, exchange, snapshot, addresses, client=who.client, credential=who.credential, grant=grant.id,
                             record=record, access_ms=lives.access_ms, certificate=who.certificate)
    text, refresh = new_refresh_token(server, grant.id, 0, lives.refresh_until, keep_text=who.profile.refresh_grace_seconds > 0)
    issued = exchange.event(EventType.TOKEN_ISSUED, Outcome.ALLOWED, None, made.details | {"refresh_count": 0})
    if await server.sign_ins.redeem(_redemption(exchange, who, code, refresh, issued)) is None:
        raise AlreadyRecorded(_invalid("one that was used"))
    return answer(made.text, text, lives, 0, exchange.at)


async def _look(server: AuthServer, exchange: Exchange, who: ProvedClient, code: str, redirect_uri: str) -> AuthorizationCode:
    found = await server.sign_ins.code(hashed(code), exchange.at)
    if found is None and who.profile.ends_family:
        await _end_if_used(server, exchange, who, code)
    if found is None:
        raise _invalid("one that is unknown, used or over")
    if found.application != who.client.name:
        raise _invalid("another application's")
    if found.redirect_uri != redirect_uri:
        raise _invalid("one for another redirect_uri")
    return found


async def _end_if_used(server: AuthServer, exchange: Exchange, who: ProvedClient, code: str) -> None:
    """RFC 6749 section 4.1.2: a code that comes a second time takes its sign-in with it. Raises `AlreadyRecorded`.

    NOTE: the store was asked a moment ago and knows no such unused code, so this redemption cannot succeed; were it to, its
    refresh token leaves with nobody.
    """
    _, unused = new_refresh_token(server, "none", 0, exchange.at, keep_text=False)
    refused = _invalid("one that is unknown, used or over")
    event = exchange.event(EventType.TOKEN_REFUSED, Outcome.REFUSED, refused.code, {"expected": refused.expected, "received": refused.received})
    await server.sign_ins.redeem(_redemption(exchange, who, code, unused, event))
    raise AlreadyRecorded(refused)


def _redemption(exchange: Exchange, who: ProvedClient, code: str, refresh: RefreshToken, issued: Event) -> CodeRedemption:
    words = {"expected": _EXPECTED, "received": "one that was used"}
    refused = exchange.event(EventType.TOKEN_REFUSED, Outcome.REFUSED, "code-invalid", dict(words))
    ended = exchange.event(EventType.SIGN_IN_ENDED, Outcome.REFUSED, "code-invalid", {**words, "cause": "a code was used again"})
    return CodeRedemption(hashed(code), who.client.name, exchange.at, refresh, issued, refused, who.profile.ends_family, ended)


def _invalid(received: str) -> OAuthRefused:
    return OAuthRefused("code-invalid", _EXPECTED, received)
