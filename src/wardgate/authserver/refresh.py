"""The refresh token grant (RFC 6749 section 6; user-restricted 4.5): every use replaces the token.

In `nhs` a second use is refused and the sign-in goes on; in `strict` a repeated use within a moment gets the same successor, and
one after that ends the sign-in (RFC 9700 section 4.14.2). The store decides in one step; the look before may only refuse.
"""

from dataclasses import dataclass

from wardgate.audit.model import EventType, Outcome
from wardgate.authserver import faults
from wardgate.authserver.addresses import Addresses
from wardgate.authserver.authenticate import Authenticator
from wardgate.authserver.client_secret import ProvedClient, prove_client
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Exchange
from wardgate.authserver.refuse import AlreadyRecorded
from wardgate.authserver.sign_in_record import SignInRecord, hashed
from wardgate.authserver.user_tokens import (
    Made,
    answer,
    check_begun,
    check_trusted,
    details_of,
    make_access_token,
    new_refresh_token,
    still_entitled,
)
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.lifetimes import Lifetimes, lifetimes
from wardgate.refusals.faults import Moment
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.stores.ports import Grant, RefreshToken, Rotated, Rotation, RotationOutcome


@dataclass(frozen=True, slots=True)
class _Asked:
    """A token that may be replaced, as a look found it."""

    token: RefreshToken
    grant: Grant
    record: SignInRecord
    lives: Lifetimes


async def refresh(
    server: AuthServer, authenticator: Authenticator, exchange: Exchange, form: dict[str, str], snapshot: Snapshot,
    addresses: Addresses,
) -> bytes:
    """Return the body of the answer once the token is replaced. Raises `OAuthRefused`."""
    exchange.details["grant_type"] = "refresh_token"
    who = await prove_client(server, authenticator, exchange, form, snapshot, addresses)
    asked = await _look(server, exchange, form, who)
    record = still_entitled(asked.record, who.client)
    made = make_access_token(server, exchange, snapshot, addresses, client=who.client, credential=who.credential, grant=asked.grant.id,
                             record=record, access_ms=asked.lives.access_ms, certificate=who.certificate)
    text, successor = new_refresh_token(server, asked.grant.id, asked.token.count + 1, asked.lives.refresh_until,
                                        keep_text=who.profile.refresh_grace_seconds > 0)
    rotated = await server.sign_ins.rotate(_rotation(exchange, asked, who, successor, made))
    if rotated.outcome is RotationOutcome.ROTATED:
        return answer(made.text, text, asked.lives, successor.count, exchange.at)
    return await _otherwise(server, exchange, asked, made, rotated)


async def _look(server: AuthServer, exchange: Exchange, form: dict[str, str], who: ProvedClient) -> _Asked:
    text = form.get("refresh_token")
    if text is None:
        raise OAuthRefused("refresh-token-missing", "a refresh_token", "none")
    found = await server.sign_ins.refresh_token(hashed(text))
    if found is None or found[1].application != who.client.name:
        raise OAuthRefused("refresh-token-invalid", "the newest refresh token of a sign-in", "none that is known" if found is None else "another application's")
    token, grant = found
    exchange.details["sign_in"] = grant.id
    check_begun(grant.started, exchange.at, "refresh-token-invalid")
    if min(token.until, grant.until) <= exchange.at:
        raise _expired(token)
    record = SignInRecord.read(grant.body)
    check_trusted(record.who, server.trusted(), "refresh-token-invalid")
    await faults.carried(server, exchange, Moment.REFRESH, record.who, record.fault)
    exchange.details |= details_of(record.who, record.auth_grant_type, grant.id)
    lives = lifetimes(form, record.who.kind, grant.started, exchange.at, server.settings.token_lifetime_ms)
    if lives.refresh_until <= exchange.at:
        raise _expired(token)
    return _Asked(token, grant, record, lives)


def _expired(token: RefreshToken) -> OAuthRefused:
    return OAuthRefused("refresh-token-expired", "a refresh token that is not over", f"one that was over at {token.until.isoformat()}")


def _rotation(exchange: Exchange, asked: _Asked, who: ProvedClient, successor: RefreshToken, made: Made) -> Rotation:
    issued = exchange.event(EventType.TOKEN_ISSUED, Outcome.ALLOWED, None, made.details | {"refresh_count": successor.count})
    ended = exchange.event(EventType.SIGN_IN_ENDED, Outcome.REFUSED, "refresh-token-invalid", {
        "cause": "a refresh token was used again", "expected": "the newest refresh token of a sign-in", "received": "one that was used",
    })
    return Rotation(asked.token.hash, who.client.name, exchange.at, successor, issued, who.profile.refresh_grace_seconds,
                    who.profile.ends_family, ended)


async def _otherwise(server: AuthServer, exchange: Exchange, asked: _Asked, made: Made, rotated: Rotated) -> bytes:
    """Answer a rotation that was not the first of its token."""
    token = rotated.token
    if rotated.outcome is RotationOutcome.REPEATED and token is not None and token.text is not None:
        repeated = made.details | {"refresh_count": token.count, "repeated": True}
        await server.record(exchange.event(EventType.TOKEN_ISSUED, Outcome.ALLOWED, None, repeated))
        return answer(made.text, token.text, Lifetimes(asked.lives.access_ms, token.until), token.count, exchange.at)
    if rotated.outcome is RotationOutcome.EXPIRED:
        raise _expired(asked.token)
    refused = OAuthRefused("refresh-token-invalid", "the newest refresh token of a sign-in", "one that was used, or whose sign-in ended")
    if rotated.ended:
        raise AlreadyRecorded(refused)
    raise refused
