"""The client credentials grant (RFC 6749 section 4.4; application-restricted 6.5 steps 3 to 14, 6.6, 6.8)."""

from wardgate.audit.model import EventType, Outcome
from wardgate.authserver.addresses import Addresses
from wardgate.authserver.authenticate import Authenticated, Authenticator
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Exchange
from wardgate.authserver.refuse import AlreadyRecorded
from wardgate.jose.jws import sign_encoded
from wardgate.oauth.access_token import AccessToken
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.requests import lifetime_ms
from wardgate.oauth.scopes import granted_scopes
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.stores.ports import TokenIssue


async def client_credentials(
    server: AuthServer, authenticator: Authenticator, exchange: Exchange, form: dict[str, str], snapshot: Snapshot,
    addresses: Addresses,
) -> bytes:
    """Return the body of the answer once the assertion is claimed and the event stored. Raises `OAuthRefused`."""
    exchange.details["pattern"] = "signed-jwt"
    exchange.details["grant_type"] = "client_credentials"
    who = await authenticator.authenticate(exchange, form, snapshot, addresses, limited=True)  # (3) to (11)
    life_ms = lifetime_ms(form, server.settings.token_lifetime_ms)  # (12)
    scope = " ".join(granted_scopes(who.client.scopes))  # (13)
    now_ms = int(exchange.at.timestamp() * 1000)
    token = _access_token(server, who, snapshot, addresses, scope, now_ms, life_ms, exchange.not_before)
    signer = server.keys.signer(exchange.real_at)
    text = sign_encoded(signer.header, token.claims(), signer.key)  # (14), but it leaves only after the claim
    await claim(server, authenticator, exchange, who, token, signer.key.kid, life_ms)
    return (
        f'{{"access_token":"{text}","expires_in":"{(life_ms - 1) // 1000}","token_type":"Bearer","issued_at":"{now_ms}"}}'
    ).encode("ascii")


def _access_token(
    server: AuthServer, who: Authenticated, snapshot: Snapshot, addresses: Addresses, scope: str, now_ms: int, life_ms: int,
    not_before: int | None,
) -> AccessToken:
    return AccessToken(
        issuer=addresses.issuer, audience=snapshot.tokens.audience, application=who.client.name, credential=who.credential,
        organisation=who.client.organisation, scope=scope, jti=server.new_token_id(), issued_at=now_ms // 1000,
        expires_at=(now_ms + life_ms) // 1000, asid=who.client.asid,
        certificate_sha256=who.certificate.thumbprint if who.certificate is not None else None, not_before=not_before,
    )


async def claim(
    server: AuthServer, authenticator: Authenticator, exchange: Exchange, who: Authenticated, token: AccessToken,
    signing_kid: str, life_ms: int,
) -> None:
    """Claim the assertion and store the event that applies, in one durable step (rule 4).

    Raises `AlreadyRecorded` with row 17 when another request was first.
    """
    received = "a jti that another request used"
    issued = exchange.event(EventType.TOKEN_ISSUED, Outcome.ALLOWED, None, {
        "jti": token.jti, "scope": token.scope, "lifetime_ms": life_ms, "issuer": token.issuer, "signing_kid": signing_kid,
        "assertion_jti": who.use.id,
    })
    replayed = exchange.event(EventType.TOKEN_REFUSED, Outcome.REFUSED, "assertion-jti-replayed", {
        "expected": "a jti this client has not used", "received": received, "assertion_jti": who.use.id,
    })
    first = await server.issue(TokenIssue(who.use, issued, replayed))
    authenticator.claimed(who.use)
    if not first:
        raise AlreadyRecorded(OAuthRefused("assertion-jti-replayed", "a jti this client has not used", received))
