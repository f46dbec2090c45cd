"""Logout tokens (OpenID Connect Back-Channel Logout 1.0 section 2.4; user-restricted 7.2), checked in the platform's order.

Claims are checked first, the signature after them: what fails early was not proved, and nothing is done until all holds.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from wardgate.jose import JWKSet, UnverifiedJWT
from wardgate.jose.jwk import shown
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.provider_tokens import take_apart, verify_by
from wardgate.oauth.providers import Provider

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
MAX_SESSION_CHARS: Final = 255


def _audience(token: UnverifiedJWT, provider: Provider) -> bool:
    aud = token.claims.get("aud")
    first = aud[0] if isinstance(aud, list) and aud else aud
    return type(first) is str and first == provider.client_id


def _issuer(token: UnverifiedJWT, provider: Provider) -> bool:
    issuer = token.claims.get("iss")
    return type(issuer) is str and issuer.casefold() == provider.issuer.casefold()


def _session(token: UnverifiedJWT, _provider: Provider) -> bool:
    sid = token.claims.get("sid")
    return type(sid) is str and 0 < len(sid) <= MAX_SESSION_CHARS


def _event(token: UnverifiedJWT, _provider: Provider) -> bool:
    events = token.claims.get("events")
    return isinstance(events, dict) and EVENT in events


def _no_nonce(token: UnverifiedJWT, _provider: Provider) -> bool:
    return "nonce" not in token.claims


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the refusal's code, whether it holds, and the claim it is about."""

    code: str
    holds: Callable[[UnverifiedJWT, Provider], bool]
    claim: str
    expected: str


CLAIMS: Final[tuple[Row, ...]] = (
    Row("logout-aud", _audience, "aud", "our client_id, first"),
    Row("logout-iss", _issuer, "iss", "the provider's issuer"),
    Row("logout-sid", _session, "", f"a sid of at most {MAX_SESSION_CHARS} characters"),
    Row("logout-events", _event, "", f"the event {EVENT}"),
    Row("logout-nonce", _no_nonce, "", "no nonce"),
)


def check_claims(text: str | None, providers: Iterable[Provider]) -> tuple[UnverifiedJWT, Provider]:
    """Return the token and the provider it names. Raises `OAuthRefused` with the first row that holds of no provider."""
    token = take_apart(text, "logout-malformed")
    candidates = list(providers)
    for row in CLAIMS:
        candidates = [provider for provider in candidates if row.holds(token, provider)]
        if not candidates:
            received = shown(token.claims.get(row.claim)) if row.claim else "a token without"
            raise OAuthRefused(row.code, row.expected, "a nonce" if row.code == "logout-nonce" else received)
    return token, candidates[0]


def verify_logout(token: UnverifiedJWT, keys: JWKSet, now: datetime) -> str:
    """Return the session that has ended. `exp` is not required; one that is past refuses. Raises `OAuthRefused`."""
    proof = verify_by(token, keys, unknown="logout-kid-unknown", wrong="logout-signature")
    exp = proof.claims.get("exp")
    if exp is not None and not (type(exp) in {int, float} and now.timestamp() <= exp):
        raise OAuthRefused("logout-signature", "no exp, or one that is not past", shown(exp))
    return str(proof.claims["sid"])
