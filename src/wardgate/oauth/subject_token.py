"""The ID token that is exchanged (RFC 8693 section 2.1; user-restricted 3.3 rows 22 to 36, 3.4, 14).

Two tables in the server's order: the token's own rows 24 to 31, then those of `act.sub`, the ID token of the person who
acts for the patient (row 32). They run before the provider is known. Rows 33 to 36 follow with the provider's keys:
`provider_of`, then `verify_subject`, which also verifies signature, issuer and expiry of `act.sub` (spec README rule 33; the
platform only decodes it), then `check_audience`.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from wardgate.jose import JWKSet, UnverifiedJWT
from wardgate.jose.jwk import shown
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.id_token import signed_in, text_of
from wardgate.oauth.provider_tokens import kid_of, take_apart, verify_by
from wardgate.oauth.providers import Provider
from wardgate.oauth.users import ProviderKind, SignedIn

Members = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the refusal's code, and whether it holds of a token at a time with a leeway, in seconds."""

    code: str
    holds: Callable[[UnverifiedJWT, float, int], bool]
    expected: str
    looked_at: str
    """The header member or claim it is about; empty: what came is not told."""


def is_number(value: Any) -> bool:
    """Whether JSON said a number; true and false are none."""
    return type(value) is int or type(value) is float


def _typ_is_jwt(token: UnverifiedJWT, _now: float, _leeway: int) -> bool:
    typ = token.header.get("typ")
    return type(typ) is str and typ.upper() == "JWT"


def _has_alg(token: UnverifiedJWT, _now: float, _leeway: int) -> bool:
    alg = token.header.get("alg")
    return type(alg) is str and alg != ""


def _has(claim: str) -> Callable[[UnverifiedJWT, float, int], bool]:
    return lambda token, _now, _leeway: token.claims.get(claim) not in (None, "", [])


def _not_expired(token: UnverifiedJWT, now: float, leeway: int) -> bool:
    return bool(now <= token.claims["exp"] + leeway)


def _rows(whose: str) -> tuple[Row, ...]:
    return (
        Row(f"{whose}-kid-missing", lambda token, _now, _leeway: kid_of(token) is not None, "a kid in the header, as text", "kid"),
        Row(f"{whose}-typ", _typ_is_jwt, "'JWT', in any case of letters", "typ"),
        Row(f"{whose}-alg-missing", _has_alg, "an alg in the header, as text", "alg"),
        Row(f"{whose}-exp-missing", _has("exp"), "an exp", ""),
        Row(f"{whose}-exp-type", lambda token, _now, _leeway: is_number(token.claims["exp"]), "exp as a JSON number of seconds", "exp"),
    )


EXPIRED: Final = Row("subject-token-expired", _not_expired, "exp not before the server's clock", "exp")
SUBJECT: Final[tuple[Row, ...]] = (
    *_rows("subject-token"),
    EXPIRED,
    Row("subject-token-iss-missing", _has("iss"), "an iss", ""),
    Row("subject-token-aud-missing", _has("aud"), "an aud", ""),
)
ACTOR: Final[tuple[Row, ...]] = (
    *_rows("actor-token"),
    Row("actor-token-iss-missing", _has("iss"), "an iss in act.sub", ""),
    Row("actor-token-aud-missing", _has("aud"), "an aud in act.sub", ""),
    Row("actor-token-nhs-number-missing", _has("nhs_number"), "an nhs_number in act.sub", ""),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """An ID token as it was sent, well formed, with the actor's if there is one. Nothing in them is true yet."""

    token: UnverifiedJWT
    actor: UnverifiedJWT | None


def check_subject(text: str | None, now: datetime, leeway_of: Callable[[Any], int] = lambda _issuer: 0) -> Subject:
    """Run rows 22 to 32. `leeway_of` gives the leeway of an issuer that is not proved yet. Raises `OAuthRefused`."""
    if text is None:
        raise OAuthRefused("subject-token-missing", "a subject_token", "none")
    token = take_apart(text, "subject-token-malformed")
    _check(SUBJECT, token, now.timestamp(), leeway_of(token.claims.get("iss")))
    return Subject(token, _actor(token, now.timestamp()))


def _check(rows: tuple[Row, ...], token: UnverifiedJWT, now: float, leeway: int) -> None:
    for row in rows:
        if not row.holds(token, now, leeway):
            member = token.header.get(row.looked_at, token.claims.get(row.looked_at)) if row.looked_at else None
            raise OAuthRefused(row.code, row.expected, shown(member) if member is not None else "nothing of the kind")


def _actor(token: UnverifiedJWT, now: float) -> UnverifiedJWT | None:
    """Row 32. A patient's token that says somebody acts, but not readably who, is refused: it must not pass as the patient's own."""
    act = token.claims.get("act")
    if act is None or token.claims.get("nhs_number") is None:
        return None
    text = act.get("sub") if isinstance(act, dict) else None
    if type(text) is not str:
        raise OAuthRefused("actor-token-malformed", "act.sub, a JWT", "another value")
    actor = take_apart(text, "actor-token-malformed")
    _check(ACTOR, actor, now, 0)
    return actor


def provider_of(subject: Subject, find: Callable[[Any], Provider | None]) -> Provider:
    """Return the provider whose issuer the token names, byte for byte. Raises `OAuthRefused` row 33."""
    issuer = subject.token.claims.get("iss")
    provider = find(issuer) if type(issuer) is str else None
    if provider is None:
        raise OAuthRefused("subject-token-iss", "the issuer of a provider of this environment", shown(issuer))
    return provider


def verify_subject(subject: Subject, provider: Provider, keys: JWKSet, now: datetime) -> SignedIn:
    """Run rows 35 and 36, the actor's proof after the subject's, and return who signed in. Raises `OAuthRefused`."""
    proof = verify_by(subject.token, keys, unknown="subject-token-kid-unknown", wrong="subject-token-signature")
    actor = None
    if subject.actor is not None and provider.kind is ProviderKind.NHS_LOGIN:
        actor = _verified_actor(subject.actor, provider, keys, now)
    return signed_in(provider, proof.claims, actor)


def check_audience(subject: Subject, own_names: Collection[str]) -> None:
    """Check that a verified token is for one of these clients, if there are any (user-restricted 3.4, optional). Raises `OAuthRefused`."""
    aud = subject.token.claims["aud"]
    named = aud if isinstance(aud, list) else [aud]
    if own_names and not any(type(name) is str and name in own_names for name in named):
        raise OAuthRefused("subject-token-aud", "one of the application's names at the provider", shown(aud))


def _verified_actor(token: UnverifiedJWT, provider: Provider, keys: JWKSet, now: datetime) -> str:
    proof = verify_by(token, keys, unknown="actor-token-signature", wrong="actor-token-signature")
    if not _not_expired(token, now.timestamp(), provider.leeway_seconds):
        raise OAuthRefused("actor-token-expired", "exp of act.sub not before the server's clock", shown(proof.claims["exp"]))
    if proof.claims["iss"] != provider.issuer:
        raise OAuthRefused("actor-token-iss", "the issuer of the subject token", "another issuer")
    number = text_of(proof.claims["nhs_number"])
    if number is None:
        raise OAuthRefused("actor-token-nhs-number-missing", "an nhs_number in act.sub, as text", "another value")
    return number
