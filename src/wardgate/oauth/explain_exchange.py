"""What token exchange would say of an ID token, told check by check: what `wardgate doctor token` prints.

The checks are the server's own functions, called in its order; which of them held follows from the one that refused.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from wardgate.jose import JWKSet
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.providers import Provider
from wardgate.oauth.subject_token import (
    ACTOR,
    SUBJECT,
    Subject,
    check_audience,
    check_subject,
    provider_of,
    verify_subject,
)
from wardgate.oauth.users import ProviderKind, SignedIn, granted_user_scopes

NUMBERED: Final = (
    ("assertion-type-invalid",), ("exchange-grant-type",), ("assertion-missing",), ("assertion-malformed",),
    ("assertion-alg", "assertion-alg-strict"), ("assertion-expired",), ("assertion-kid-missing",), ("assertion-typ",),
    ("assertion-exp-missing",), ("assertion-exp-type",), ("assertion-iss-sub",), ("assertion-jti-missing",), ("assertion-jti-type",),
    ("assertion-jti-replayed",), ("assertion-exp-too-far",), ("client-unknown", "client-not-approved", "client-not-subscribed"),
    ("public-key-not-registered",), ("jwks-unreachable",), ("assertion-kid-unknown",), ("assertion-aud",), ("assertion-signature",),
    ("subject-token-missing",), ("subject-token-malformed",), ("subject-token-kid-missing",), ("subject-token-typ",),
    ("subject-token-alg-missing",), ("subject-token-exp-missing",), ("subject-token-exp-type",), ("subject-token-expired",),
    ("subject-token-iss-missing",), ("subject-token-aud-missing",),
    (
        "actor-token-malformed", *(row.code for row in ACTOR), "actor-token-signature", "actor-token-expired", "actor-token-iss",
    ),
    ("subject-token-iss",), ("provider-keys-unavailable",), ("subject-token-kid-unknown",), ("subject-token-signature",),
    ("scope-none-for-user",),
)
"""The codes of each row of user-restricted 3.3, the first row first. The audience, which the platform does not compare, is in none."""
ROW_OF: Final = {code: number for number, codes in enumerate(NUMBERED, start=1) for code in codes}

_FORM: Final = ("subject-token-missing", "subject-token-malformed", *(row.code for row in SUBJECT))
_ACTOR_FORM: Final = ("actor-token-malformed", *(row.code for row in ACTOR))
_PROOF: Final = ("subject-token-iss", "provider-keys-unavailable", "subject-token-kid-unknown", "subject-token-signature")
_ACTOR_PROOF: Final = ("actor-token-signature", "actor-token-expired", "actor-token-iss")
_AUDIENCE: Final = "subject-token-aud"
_SCOPES: Final = "scope-none-for-user"


@dataclass(frozen=True, slots=True)
class Explained:
    """Codes of the checks that held, in order; the refusal that followed, if one did; who signed in, once that was proved."""

    held: tuple[str, ...]
    refused: OAuthRefused | None = None
    who: SignedIn | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ()


def explain_exchange(
    text: str, now: datetime, find: Callable[[Any], Provider | None], keys_of: Callable[[Provider], JWKSet], product_scopes: Iterable[str] | None,
    own_names: Collection[str] = (),
) -> Explained:
    """Run rows 22 to 37 on an ID token. `keys_of` may raise `OAuthRefused` (row 34); without `product_scopes` row 37 is not asked.

    `own_names` are the application's `provider_client_ids`: with none, the audience is not compared.
    """
    order = _FORM
    try:
        subject = check_subject(text or None, now, lambda issuer: _leeway(find(issuer)))
        order = (*_order(subject, find), *((_AUDIENCE,) if own_names else ()))
        provider = provider_of(subject, find)
        who = verify_subject(subject, provider, keys_of(provider), now)
        check_audience(subject, own_names)
    except OAuthRefused as refused:
        order = order if refused.code in order else (*_FORM, *_ACTOR_FORM)
        return Explained(order[:order.index(refused.code)], refused)
    if product_scopes is None:
        return Explained(order, None, who)
    scopes = granted_user_scopes(product_scopes, who)
    refusal = None if scopes else OAuthRefused(_SCOPES, f"a product scope with :{who.level or 'a level'}:", "no such scope")
    return Explained((*order, _SCOPES) if scopes else order, refusal, who, scopes)


def _order(subject: Subject, find: Callable[[Any], Provider | None]) -> tuple[str, ...]:
    """Return the checks of this token: those of `act.sub` when there is one."""
    if subject.actor is None:
        return (*_FORM, *_PROOF)
    provider = find(subject.token.claims.get("iss"))
    proved = provider is not None and provider.kind is ProviderKind.NHS_LOGIN
    return (*_FORM, *_ACTOR_FORM, *_PROOF, *(_ACTOR_PROOF if proved else ()))


def _leeway(provider: Provider | None) -> int:
    return provider.leeway_seconds if provider is not None else 0
