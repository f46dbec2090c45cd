"""Tokens of users: what every grant of theirs has in common (user-restricted 3.5, 4.4, 6).

A grant proves the client and the user; this makes the access token, the refresh token, the answer and the event's details.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from wardgate.audit.model import Personal
from wardgate.authserver.addresses import Addresses
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Details, Exchange
from wardgate.authserver.sign_in_record import SignInRecord, hashed
from wardgate.jose.jws import sign_encoded
from wardgate.oauth.access_token import AccessToken, TokenUser
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.lifetimes import Lifetimes, seconds_left, seconds_of
from wardgate.oauth.mtls_binding import ClientCertificate
from wardgate.oauth.providers import Provider
from wardgate.oauth.token_requests import ACCESS_TOKEN_TYPE
from wardgate.oauth.users import SignedIn, granted_user_scopes
from wardgate.security_patterns.snapshot import Client, Snapshot
from wardgate.stores.ports import RefreshToken

TOKEN_EXCHANGE: Final = "token_exchange"  # noqa: S105 - the name of a grant
AUTHORIZATION_CODE: Final = "authorization_code"
AHEAD: Final = timedelta(seconds=60)
"""By so much the clocks of two machines may differ."""


@dataclass(frozen=True, slots=True)
class Made:
    """An access token, ready to leave once its event is stored, with what the event says of it."""

    text: str = field(repr=False)
    details: Details


def scopes_for(client: Client, who: SignedIn) -> tuple[str, ...]:
    """Return the products' scopes of exactly the user's level. Raises `OAuthRefused` row 37 when there is none."""
    scopes = granted_user_scopes(client.scopes, who)
    if not scopes:
        raise _no_scope(who)
    return scopes


def check_begun(started: datetime, now: datetime, code: str) -> None:
    """Raise `OAuthRefused` with `code` for a sign-in of the future: it began under a virtual clock that was turned back since."""
    if started - now > AHEAD:
        raise OAuthRefused(code, "a sign-in that has begun", "one of a virtual clock that was turned back")


def check_trusted(who: SignedIn, trusted: Iterable[Provider], code: str) -> None:
    """Raise `OAuthRefused` with `code` for a sign-in at a provider that the manifest no longer names: what it said counts no more.

    So nobody whom a stand-in let in stays when the environment becomes live.
    """
    if not any(found.issuer == who.issuer and found.kind is who.kind for found in trusted):
        raise OAuthRefused(code, "a sign-in at a provider that is trusted", "one that is not trusted any more")


def still_entitled(record: SignInRecord, client: Client) -> SignInRecord:
    """Return the record with the scopes the application still has. Raises `OAuthRefused` row 37 when there is none."""
    kept = record.within(client.scopes)
    if not kept.scopes:
        raise _no_scope(record.who)
    return kept


def _no_scope(who: SignedIn) -> OAuthRefused:
    return OAuthRefused("scope-none-for-user", f"a product scope with :{who.level or 'a level'}:", "no such scope")


def details_of(who: SignedIn, auth_grant_type: str, grant: str | None = None) -> Details:
    """Return what records say of a user's sign-in (user-restricted 6); the user only as `Personal`."""
    found: Details = {
        "auth_type": "user", "auth_grant_type": auth_grant_type, "auth_level": (who.level or "unknown").lower(),
        "auth_provider": who.record_name, "auth_user_id": Personal(who.user),
    }
    if grant is not None:
        found["sign_in"] = grant
    if who.actor is not None:
        found |= {"actor_user_id": Personal(who.actor), "actor_delegated": True}
    return found


def make_access_token(
    server: AuthServer, exchange: Exchange, snapshot: Snapshot, addresses: Addresses, *, client: Client, credential: str,
    grant: str, record: SignInRecord, access_ms: int, certificate: ClientCertificate | None,
) -> Made:
    """Return a signed token for the user of `record`. It leaves only after its event is stored."""
    now_ms = int(exchange.at.timestamp() * 1000)
    signer = server.keys.signer(exchange.real_at)
    token = AccessToken(
        issuer=addresses.issuer, audience=snapshot.tokens.audience, application=client.name, credential=credential,
        organisation=client.organisation, scope=" ".join(record.scopes), jti=server.new_token_id(), issued_at=now_ms // 1000,
        expires_at=(now_ms + access_ms) // 1000, asid=client.asid,
        certificate_sha256=certificate.thumbprint if certificate is not None else None, user=_user(record, grant),
        not_before=exchange.not_before,
    )
    details = details_of(record.who, record.auth_grant_type, grant) | {
        "jti": token.jti, "scope": token.scope, "lifetime_ms": access_ms, "issuer": token.issuer, "signing_kid": signer.key.kid,
    }
    return Made(sign_encoded(signer.header, token.claims(), signer.key), details)


def _user(record: SignInRecord, grant: str) -> TokenUser:
    who = record.who
    return TokenUser(
        user=who.user, grant=grant, issuer=who.issuer, level=who.level or "", separate=record.auth_grant_type == TOKEN_EXCHANGE,
        role=who.role, roles=record.roles, patient=f"{who.level}:{who.patient}" if who.patient is not None else None, actor=who.actor,
    )


def new_refresh_token(server: AuthServer, grant: str, count: int, until: datetime, *, keep_text: bool) -> tuple[str, RefreshToken]:
    """Return a new refresh token in clear, and as the store keeps it. `keep_text`: a repeated use may get it again (`strict`)."""
    text = server.new_secret()
    return text, RefreshToken(hashed(text), grant, count, until, text if keep_text else None)


def answer(access_token: str, refresh_token: str, lives: Lifetimes, count: int, now: datetime, *, exchanged: bool = False) -> bytes:
    """Return the body of the answer: every value is a text, the numbers as well (user-restricted 3.5, 4.4, 4.5)."""
    issued = f'"issued_token_type":"{ACCESS_TOKEN_TYPE}",' if exchanged else ""
    return (
        f'{{"access_token":"{access_token}","expires_in":"{seconds_of(lives.access_ms)}","token_type":"Bearer",{issued}'
        f'"refresh_token":"{refresh_token}","refresh_token_expires_in":"{seconds_left(lives.refresh_until, now)}","refresh_count":"{count}"}}'
    ).encode("ascii")
