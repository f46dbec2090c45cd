"""The checks of a Spine JWT in the reference implementation's order, as a table (spine 2.3).

1. The header and the token's form: rows 1 to 4 (`read`).
2. The claims: rows 5 to 17 but 10 and 14 (`CHECKS`, `check`).
3. What needs the headers and the interaction that was granted: rows 14 and 10 (`check_from_asid`, `check_scopes`).

An expectation and what came are told without personal data; values that an answer repeats are bounded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from wardgate.refusals import Refusal, reason
from wardgate.spine import identifiers as ids
from wardgate.spine.errors import Fault, MalformedClaims, SpineRefused
from wardgate.spine.interactions import Interaction
from wardgate.spine.stated import Expected, Stated
from wardgate.spine.times import is_time
from wardgate.spine.unsecured import UnsecuredClaims, parse, parse_tolerantly
from wardgate.spine.variants import CallerKind, CallerRules, ScopeRule

NONE: Final[Mapping[str, str]] = MappingProxyType({})
USER: Final = ("requesting_user", "requesting_practitioner")


@dataclass(slots=True)
class Reading:
    """The claims under examination, read once."""

    token: UnsecuredClaims
    expected: Expected
    now: float
    sub: str | None = None
    user: Any = None
    patient: Any = None
    act: Any = None
    system: str | None = None
    organisation: Any = None
    scope: str | None = None
    asid: str = ""
    """The ASID of `requesting_system`; empty where it has another form."""
    ods: str = ""
    """The same of `requesting_organization`."""
    kind: CallerKind = field(init=False, default=CallerKind.UNATTENDED)

    def __post_init__(self) -> None:
        claims = self.token.claims
        self.sub, self.system, self.scope = (self.token.text(name) for name in ("sub", "requesting_system", "scope"))
        self.user, self.patient, self.organisation = _given(claims, *USER), _given(claims, "requesting_patient"), _given(claims, "requesting_organization")
        self.act = claims.get("act")
        self.asid = ids.asid_of(self.system or "") or ""
        self.ods = ids.ods_of(self.organisation) or "" if type(self.organisation) is str else ""
        if self.user is not None:
            self.kind = CallerKind.PROFESSIONAL
        elif self.patient is not None:
            self.kind = CallerKind.CITIZEN if self.act is None else CallerKind.DELEGATED
        elif self.act is not None:
            self.kind = CallerKind.DELEGATED

    @property
    def rules(self) -> CallerRules | None:
        """The rules of this kind of caller; None: the variant has no such caller, or not for reading."""
        found = self.expected.variant.callers.get(self.kind)
        return None if found is not None and found.writes_only and not self.writes else found

    @property
    def writes(self) -> bool:
        """Whether the call writes: the interaction says so, else the scope."""
        known = self.expected.interaction
        return known.writes if known is not None else (self.scope or "").endswith(".write")

    def time(self, name: str) -> int | None:
        """Return a time, or None where there is none."""
        value = self.token.claims.get(name)
        return value if is_time(value) else None


def _given(claims: Mapping[str, Any], *names: str) -> Any:
    """Return the first of these claims that is there: null and blank text are not (spine 2.3 #5)."""
    return next((value for name in names if (value := claims.get(name)) is not None and not (type(value) is str and not value.strip())), None)


@dataclass(frozen=True, slots=True)
class Check:
    """One row: its code without the variant's prefix, when it holds, and what is said where it does not."""

    row: str
    holds: Callable[[Reading], bool]
    expected: Callable[[Reading], str]
    received: Callable[[Reading], str]
    values: Callable[[Reading], Mapping[str, str]] = lambda _r: NONE


def _says(text: str) -> Callable[[Reading], str]:
    return lambda _r: text


def _needed(name: str, holds: Callable[[Reading], bool]) -> Check:
    return Check("claim-missing", holds, _says(f"the claim {name}"), _says("none that counts"), lambda _r: {"claim": name})


def _text(name: str) -> Check:
    return _needed(name, lambda r: r.token.text(name) is not None)


def _time(name: str) -> Check:
    def holds(r: Reading) -> bool:
        value = r.token.claims.get(name)
        return is_time(value) or (value is None and r.token.trusted_hop)

    return _needed(name, holds)


# --- the rules that take more than a line

def _in_time(r: Reading) -> bool:
    return r.expected.times.issued(r.time("iat"), r.now) and r.expected.times.in_force(r.time("exp"), r.now)


def _times(r: Reading) -> Mapping[str, str]:
    return {"iat": str(r.time("iat")), "exp": str(r.time("exp")), "lifetime": r.expected.times.lifetime}


def _has_user(r: Reading) -> bool:
    """A user is needed where sub names a role, and where the variant has no caller without one."""
    return r.user is not None or not (ids.names_a_role(r.sub or "") or r.rules is None)


def _user_is_sub(r: Reading) -> bool:
    return all(value == r.sub for name in USER if (value := _given(r.token.claims, name)) is not None)


def _user_is_formed(r: Reading) -> bool:
    if r.user is None:
        return True
    local = r.expected.variant.local_users and not ids.names_a_role(str(r.user))
    return type(r.user) is str and (ids.role_of(r.user) is not None or (local and ids.is_local_user(r.user)))


def _patient_is_formed(r: Reading) -> bool:
    """Somebody who acts, and is no professional, acts for a patient."""
    if r.patient is None:
        return r.act is None or r.user is not None
    return type(r.patient) is str and ids.nhs_number_of(r.patient) is not None


def _actor_is_formed(r: Reading) -> bool:
    return r.act is None or (type(r.act) is dict and type(r.act.get("sub")) is str and ids.nhs_number_of(r.act["sub"]) is not None)


def _forbidden(r: Reading) -> str | None:
    return next((name for name in (r.rules.forbids if r.rules else ()) if name in r.token.claims), None)


def _asid(r: Reading) -> str:
    return r.asid


def _ods(r: Reading) -> str:
    return r.ods


def _asid_is_known(r: Reading) -> bool:
    return r.expected.register is None or r.expected.register.organisations_of(_asid(r)) is not None


def _ods_is_known(r: Reading) -> bool:
    return r.expected.register is None or r.organisation is None or r.expected.register.knows_organisation(_ods(r))


def _asid_acts_for_ods(r: Reading) -> bool:
    if r.expected.register is None or r.organisation is None:
        return True
    return _ods(r) in (r.expected.register.organisations_of(_asid(r)) or ())


def _reasons(r: Reading) -> tuple[str, ...]:
    return r.rules.reasons if r.rules is not None else ()


def _allowed(r: Reading) -> str:
    quoted = [f"'{found}'" for found in _reasons(r)]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _exact_scopes(r: Reading) -> tuple[str, ...]:
    variant = r.expected.variant
    if r.expected.interaction is None:
        return variant.exact_scopes
    return (variant.exact_scopes[r.expected.interaction.writes],)


def _scope_in_words(r: Reading) -> str:
    wanted = _exact_scopes(r)
    return wanted[0] if len(wanted) == 1 else r.expected.variant.scopes_in_words


def _scope_is_exact(r: Reading) -> bool:
    return r.expected.variant.scope_rule is not ScopeRule.EXACT or r.scope in _exact_scopes(r)


def _value(name: str, value: Callable[[Reading], Any]) -> Callable[[Reading], Mapping[str, str]]:
    return lambda r: {name: ids.shown(value(r))}


_PERSONAL: Final = _says("another value, which is not recorded")
_PATIENT_SYSTEM: Final[Callable[[Reading], Mapping[str, str]]] = lambda r: {"system": r.expected.variant.nhs_number_system}  # noqa: E731 - a row of the table

# fmt: off
CHECKS: Final[tuple[Check, ...]] = (
    _text("iss"),
    _text("aud"),
    _time("iat"),
    _time("exp"),
    Check("lifetime", lambda r: r.expected.times.lifetime_holds(r.time("iat"), r.time("exp")),
          lambda r: f"exp {r.expected.times.lifetime} after iat", lambda r: f"{(r.time('exp') or 0) - (r.time('iat') or 0)} s", _times),
    Check("time", _in_time, lambda r: f"a token in force at {int(r.now)}", lambda r: f"iat {r.time('iat')}, exp {r.time('exp')}", _times),
    Check("audience", lambda r: not r.expected.audiences or r.token.text("aud") in r.expected.audiences,
          lambda r: " or ".join(sorted(r.expected.audiences)), lambda r: ascii(ids.shown(r.token.text("aud")))),
    _text("sub"),
    _needed("requesting_user", _has_user),
    Check("user-not-sub", _user_is_sub, _says("requesting_user equal to sub"), _PERSONAL,
          lambda r: {"user": ids.shown(r.user), "sub": ids.shown(r.sub)}),
    Check("user-form", _user_is_formed, lambda r: "a role profile" + (", or a user of the caller's own system" if r.expected.variant.local_users else ""),
          _PERSONAL, _value("user", lambda r: r.user)),
    Check("patient-form", _patient_is_formed, lambda r: f"an NHS number in {r.expected.variant.nhs_number_system}", _PERSONAL, _PATIENT_SYSTEM),
    Check("patient-not-sub", lambda r: r.user is not None or r.patient is None or r.patient == r.sub, _says("requesting_patient equal to sub"), _PERSONAL),
    Check("actor-form", _actor_is_formed, lambda r: f"an NHS number in {r.expected.variant.nhs_number_system}", _PERSONAL, _PATIENT_SYSTEM),
    _text("requesting_system"),
    Check("system-not-sub", lambda r: r.user is not None or r.patient is not None or r.system == r.sub, _says("requesting_system equal to sub"), _PERSONAL,
          lambda r: {"system": ids.shown(r.system), "sub": ids.shown(r.sub)}),
    Check("system-form", lambda r: _asid(r) != "", _says(f"{ids.ASID_SYSTEM}|ASID"), lambda r: ascii(ids.shown(r.system)), _value("system", lambda r: r.system)),
    Check("claim-forbidden", lambda r: _forbidden(r) is None, lambda r: f"no claim that a {r.kind} caller must not have", lambda r: f"the claim {_forbidden(r)}",
          lambda r: {"claim": _forbidden(r) or ""}),
    Check("asid-unknown", _asid_is_known, _says("the ASID of a system of this environment"), _asid, _value("asid", _asid)),
    _text("reason_for_request"),
    Check("reason", lambda r: r.token.text("reason_for_request") in _reasons(r), _allowed, lambda r: ascii(ids.shown(r.token.text("reason_for_request"))),
          lambda r: {"reason": ids.shown(r.token.text("reason_for_request")), "allowed": _allowed(r)}),
    _text("scope"),
    Check("scope", _scope_is_exact, _scope_in_words, lambda r: ascii(ids.shown(r.scope)),
          lambda r: {"scope": ids.shown(r.scope), "wanted": _scope_in_words(r)}),
    _needed("requesting_organization", lambda r: r.organisation is not None or not r.expected.variant.organisation_needed),
    Check("organisation-form", lambda r: r.organisation is None or _ods(r) != "", _says(f"{ids.ODS_SYSTEM}|ODS code"), lambda r: ascii(ids.shown(r.organisation)),
          _value("organisation", lambda r: r.organisation)),
    Check("ods-unknown", _ods_is_known, _says("the ODS code of an organisation of this environment"), _ods, _value("ods", _ods)),
    Check("asid-not-of-ods", _asid_acts_for_ods, _says("an organisation that the system acts for"), lambda r: f"ASID {_asid(r)}, ODS code {_ods(r)}",
          lambda r: {"asid": _asid(r), "ods": _ods(r)}),
)
# fmt: on
_ROWS: Final[Mapping[Fault, str]] = MappingProxyType({Fault.SECTIONS: "sections", Fault.SIGNED: "sections", Fault.BODY_EMPTY: "body-empty"})
"""The faults of form that have a row of their own; every other is row 4."""


def read(authorization: str | None, *, trusted_hop: bool = False, refusals: str = "spine-jwt") -> UnsecuredClaims:
    """Return the claims of an Authorization header: rows 1 to 4. The header's value is never repeated.

    Behind a `trusted_hop` the token may be in the tolerant form. Raises `SpineRefused`.
    """
    if authorization is None or not authorization.strip():
        raise SpineRefused(Refusal(reason(f"{refusals}-missing"), expected="Authorization: Bearer <token>", received="no header, or an empty one"))
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise SpineRefused(Refusal(reason(f"{refusals}-malformed"), expected="Bearer and a token", received="another scheme"))
    try:
        return (parse_tolerantly if trusted_hop else parse)(token.strip(" "))
    except MalformedClaims as fault:
        row = _ROWS.get(fault.fault, "malformed")
        raise SpineRefused(Refusal(reason(f"{refusals}-{row}"), expected=fault.expected, received=fault.received)) from None


def check(token: UnsecuredClaims, expected: Expected, now: datetime) -> Stated:
    """Run the rows in order. Raises `SpineRefused` for the first that does not hold."""
    reading = Reading(token, expected, now.timestamp())
    for row in CHECKS:
        if not row.holds(reading):
            raise SpineRefused(refusal_of(row, reading))
    return _stated(reading)


def refusal_of(row: Check, reading: Reading) -> Refusal:
    """Return the refusal of a row that does not hold."""
    code = f"{reading.expected.variant.refusals}-{row.row}"
    return Refusal(reason(code), expected=row.expected(reading), received=row.received(reading), values=row.values(reading))


def _stated(r: Reading) -> Stated:
    return Stated(
        r.expected.variant.name, r.kind, r.token.text("iss") or "", r.token.text("aud") or "", r.sub or "",
        r.token.text("reason_for_request") or "", tuple((r.scope or "").split()),
        asid=_asid(r), organisation=_ods(r) or None, user=r.user, role=ids.role_of(r.user) if r.user is not None else None,
        patient=ids.nhs_number_of(r.patient) if r.patient is not None else None,
        actor=ids.nhs_number_of(r.act["sub"]) if r.act is not None else None,
    )  # fmt: skip


def check_from_asid(stated: Stated, from_asid: str, refusals: str = "spine-jwt") -> None:
    """Row 14, asked once the header is known to be an ASID (spine 11). Raises `SpineRefused`."""
    if stated.asid != from_asid:
        values = {"asid": stated.asid or ""}
        raise SpineRefused(Refusal(reason(f"{refusals}-asid-not-from"), expected=f"ASID {from_asid}", received=f"ASID {stated.asid}", values=values))


def check_scopes(stated: Stated, interaction: Interaction, *, any_one: bool = False, refusals: str = "spine-jwt") -> None:
    """Row 10, asked once the interaction is granted (spine 11): the token has all of its scopes, or with `any_one` one of them.

    Raises `SpineRefused`.
    """
    missing = [scope for scope in interaction.scopes if scope not in stated.scopes]
    enough = len(missing) < len(interaction.scopes) if any_one and interaction.scopes else not missing
    if not enough:
        wanted = " ".join(interaction.scopes)
        raise SpineRefused(Refusal(reason(f"{refusals}-scope-missing"), expected=wanted, received=ascii(ids.shown(" ".join(stated.scopes))),
                                   values={"scope": wanted}))
