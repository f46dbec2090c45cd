"""The variants of the Spine JWT, as data: who may call, what each claim must be, which refusals are said (spine 2.2, 2.4).

Spine Core's claims are common to all but GP Connect, whose own are in `gp_connect`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from wardgate.spine.identifiers import NRL_NHS_NUMBER, SPINE_NHS_NUMBER


class VariantName(StrEnum):
    """The names of variants: a route's `spine_jwt:`."""

    SPINE_CORE = "spine-core"
    REASONABLE_ADJUSTMENTS = "reasonable-adjustments"
    NRL = "nrl"
    NRL_RETRIEVAL = "nrl-retrieval"
    NEMS_SUBSCRIBE = "nems-subscribe"
    NEMS_PUBLISH = "nems-publish"
    BOOKING = "booking"
    GP_CONNECT_1 = "gp-connect-1"
    GP_CONNECT_0 = "gp-connect-0"


class CallerKind(StrEnum):
    """Who is behind a call, as its claims state it: a user comes before a patient, and either before the system."""

    PROFESSIONAL = "professional"
    CITIZEN = "citizen"
    DELEGATED = "delegated citizen"
    UNATTENDED = "unattended"


class ScopeRule(StrEnum):
    """How `scope` is compared."""

    EXACT = "exact"
    """One scope, in its place among the checks (row 11)."""
    INCLUDED = "included"
    """Every scope of the interaction is among those of the token; asked once the interaction is granted (row 10)."""


DIRECT_CARE: Final = ("directcare",)
PATIENT_ACCESS: Final = ("patientaccess",)
ANY_REASON: Final = ("directcare", "secondaryuses", "patientaccess")
MANDATORY: Final = ("iss", "aud", "iat", "exp", "sub", "requesting_system", "reason_for_request", "scope")
"""Of every Spine token, in the order in which they are looked for."""


@dataclass(frozen=True, slots=True)
class CallerRules:
    """What one kind of caller must and must not state."""

    reasons: tuple[str, ...]
    forbids: tuple[str, ...] = ()
    writes_only: bool = False
    """A provider's system without anybody behind it may write, and needs a user to read."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One published way to make the token. `exact_scopes` are (read, write) where the scope rule is exact."""

    name: VariantName
    callers: Mapping[CallerKind, CallerRules]
    organisation_needed: bool = True
    local_users: bool = False
    nhs_number_system: str = SPINE_NHS_NUMBER
    scope_rule: ScopeRule = ScopeRule.INCLUDED
    exact_scopes: tuple[str, str] = ("", "")
    scopes_in_words: str = ""
    """How the refusal says an exact scope while it is not known whether the call reads or writes."""
    refusals: str = "spine-jwt"

    @property
    def is_gp_connect(self) -> bool:
        """Whether the claims are GP Connect's own."""
        return self.name in {VariantName.GP_CONNECT_0, VariantName.GP_CONNECT_1}


_USER_CLAIMS: Final = ("requesting_user", "requesting_practitioner")
_EVERYBODY: Final[Mapping[CallerKind, CallerRules]] = MappingProxyType({kind: CallerRules(ANY_REASON) for kind in CallerKind})
_NRL_CALLERS: Final[Mapping[CallerKind, CallerRules]] = MappingProxyType({
    CallerKind.PROFESSIONAL: CallerRules(DIRECT_CARE, forbids=("requesting_patient", "act")),
    CallerKind.CITIZEN: CallerRules(PATIENT_ACCESS, forbids=_USER_CLAIMS),
    CallerKind.DELEGATED: CallerRules(PATIENT_ACCESS, forbids=_USER_CLAIMS),
    CallerKind.UNATTENDED: CallerRules(DIRECT_CARE, forbids=(*_USER_CLAIMS, "requesting_patient", "act"), writes_only=True),
})
_SYSTEMS_AND_USERS: Final[Mapping[CallerKind, CallerRules]] = MappingProxyType(
    {kind: CallerRules(ANY_REASON) for kind in (CallerKind.PROFESSIONAL, CallerKind.CITIZEN, CallerKind.UNATTENDED)}
)
_VARIANTS: Final = (
    Variant(VariantName.SPINE_CORE, _EVERYBODY, organisation_needed=False, local_users=True),
    Variant(VariantName.REASONABLE_ADJUSTMENTS, MappingProxyType({CallerKind.PROFESSIONAL: CallerRules(DIRECT_CARE)})),
    Variant(VariantName.NRL, _NRL_CALLERS, nhs_number_system=NRL_NHS_NUMBER, scope_rule=ScopeRule.EXACT,
            exact_scopes=("patient/DocumentReference.read", "patient/DocumentReference.write"),
            scopes_in_words="patient/DocumentReference.[read or write]"),
    Variant(VariantName.NRL_RETRIEVAL, _NRL_CALLERS, nhs_number_system=NRL_NHS_NUMBER, scope_rule=ScopeRule.EXACT,
            exact_scopes=("patient/*.read", "patient/*.write"), scopes_in_words="patient/*.read"),
    Variant(VariantName.NEMS_SUBSCRIBE, _SYSTEMS_AND_USERS, local_users=True),
    Variant(VariantName.NEMS_PUBLISH, _SYSTEMS_AND_USERS, local_users=True),
    Variant(VariantName.BOOKING, _EVERYBODY, organisation_needed=False, local_users=True, refusals="booking-jwt"),
    Variant(VariantName.GP_CONNECT_1, MappingProxyType({}), refusals="gp-connect-jwt"),
    Variant(VariantName.GP_CONNECT_0, MappingProxyType({}), refusals="gp-connect-jwt"),
)  # fmt: skip
VARIANTS: Final[Mapping[VariantName, Variant]] = MappingProxyType({row.name: row for row in _VARIANTS})
