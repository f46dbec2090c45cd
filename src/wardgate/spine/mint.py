"""Making a Spine JWT for one request: the claims of its variant, unsigned, with the dot at the end (spine 2.1, 2.2, 2.7).

What is made has passed the checks that read it: a context that does not fit its variant is told by the row it would break.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from wardgate.refusals import reason
from wardgate.spine import checks, gp_connect
from wardgate.spine import identifiers as ids
from wardgate.spine.errors import CannotMint, SpineRefused
from wardgate.spine.gp_mint import GPContext, gp_claims
from wardgate.spine.interactions import Interaction
from wardgate.spine.stated import Expected
from wardgate.spine.unsecured import UnsecuredClaims, compact
from wardgate.spine.variants import CallerKind, ScopeRule, Variant

LIFETIME_SECONDS: Final = 300
_USUAL_REASONS: Final[Mapping[CallerKind, str]] = {CallerKind.CITIZEN: "patientaccess", CallerKind.DELEGATED: "patientaccess"}


@dataclass(frozen=True, slots=True)
class CoreContext:
    """One call with claims of Spine Core: which system, for which organisation, and who is behind it. GP Connect has `GPContext`.

    A role or a user makes it a professional's, a patient a citizen's, neither an unattended one.
    """

    issuer: str
    audience: str
    """The API's endpoint as the directory has it, without query."""
    asid: str
    organisation: str | None = None
    """ODS code of the originating organisation."""
    role: str | None = field(default=None, repr=False)
    """The user's role profile."""
    local_user: str | None = field(default=None, repr=False)
    """A user without a national identity: an URI of the caller's own, a bar and a value."""
    patient: str | None = field(default=None, repr=False)
    """NHS number of the citizen who calls."""
    actor: str | None = field(default=None, repr=False)
    """NHS number of the citizen who acts for the patient."""
    reason: str | None = None
    scopes: tuple[str, ...] = ()
    """When empty, those of the interaction, in the words of the variant."""


def build_spine_jwt(variant: Variant, context: CoreContext | GPContext, now: datetime, interaction: Interaction | None = None) -> str:
    """Return a token for one request, good for five minutes from `now`. Raises `CannotMint`; ValueError for a context of another family."""
    issued = int(now.timestamp())
    if isinstance(context, GPContext) != variant.is_gp_connect:
        raise ValueError("GP Connect has a context of its own")
    if isinstance(context, GPContext):
        claims = gp_claims(variant, context, issued, issued + LIFETIME_SECONDS, interaction)
    else:
        claims = _claims(variant, context, issued, interaction)
    _check(variant, claims, now, interaction)
    return compact(claims)


def _claims(variant: Variant, context: CoreContext, issued: int, interaction: Interaction | None) -> dict[str, Any]:
    system = f"{ids.ASID_SYSTEM}|{context.asid}"
    user = f"{ids.ROLE_SYSTEM}|{context.role}" if context.role is not None else context.local_user
    patient = f"{variant.nhs_number_system}|{context.patient}" if context.patient is not None else None
    kind = _kind(context, user, patient)
    claims: dict[str, Any] = {
        "iss": context.issuer, "sub": user or patient or system, "aud": context.audience,
        "exp": issued + LIFETIME_SECONDS, "iat": issued,
        "reason_for_request": context.reason or _USUAL_REASONS.get(kind, "directcare"),
        "scope": " ".join(context.scopes or _scopes(variant, interaction)),
        "requesting_system": system,
        "requesting_organization": f"{ids.ODS_SYSTEM}|{context.organisation}" if context.organisation is not None else None,
        "requesting_user": user,
        "requesting_patient": patient,
        "act": {"sub": f"{variant.nhs_number_system}|{context.actor}"} if context.actor is not None else None,
    }  # fmt: skip
    return {name: value for name, value in claims.items() if value is not None}


def _kind(context: CoreContext, user: str | None, patient: str | None) -> CallerKind:
    if user is not None:
        return CallerKind.PROFESSIONAL
    if patient is not None:
        return CallerKind.CITIZEN if context.actor is None else CallerKind.DELEGATED
    return CallerKind.UNATTENDED


def _scopes(variant: Variant, interaction: Interaction | None) -> tuple[str, ...]:
    if interaction is None or not interaction.scopes:
        raise CannotMint("scope: name the scopes, or an interaction that they follow from")
    return (variant.exact_scopes[interaction.writes],) if variant.scope_rule is ScopeRule.EXACT else interaction.scopes


def _check(variant: Variant, claims: Mapping[str, Any], now: datetime, interaction: Interaction | None) -> None:
    token, expected = UnsecuredClaims(claims), Expected(variant, interaction=interaction)
    try:
        if variant.is_gp_connect:
            gp_connect.check(token, expected, now)
            return
        stated = checks.check(token, expected, now)
        if interaction is not None and variant.scope_rule is ScopeRule.INCLUDED:
            checks.check_scopes(stated, interaction, refusals=variant.refusals)
    except SpineRefused as refused:
        row = refused.refusal.reason
        claim = refused.refusal.values.get("claim", "")
        raise CannotMint(f"{row.code}: {reason(row.code).check}" + (f" ({claim})" if claim else "")) from None
