"""The checks of GP Connect's token, in its reference provider's order and words (spine 2.4, 2.6).

1. The header and the token's form, standard base64 first (`read`).
2. No `requested_record` in a new token; every claim there; the embedded resources sound (422); nothing needed absent.
3. The times, the reason, the practitioner, the scope (`CHECKS`, `check`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from wardgate.refusals import Refusal, reason
from wardgate.spine import gp_resources as resources
from wardgate.spine import identifiers as ids
from wardgate.spine.errors import Fault, MalformedClaims, SpineRefused
from wardgate.spine.interactions import Interaction
from wardgate.spine.stated import Expected, Stated
from wardgate.spine.times import is_time
from wardgate.spine.unsecured import UnsecuredClaims, parse, parse_tolerantly
from wardgate.spine.variants import CallerKind, VariantName

TEXTS: Final = ("iss", "sub", "aud", "reason_for_request", "requested_scope")
TIMES: Final = ("exp", "iat")
EMBEDDED: Final[Mapping[str, str]] = MappingProxyType({
    "requesting_device": "Device", "requesting_organization": "Organization", "requesting_practitioner": "Practitioner",
})
REQUIRED: Final = ("iss", "sub", "aud", "exp", "iat", "reason_for_request", "requested_scope", *EMBEDDED)
REASONS: Final = ("directcare", "migration")
SCOPES: Final = ("patient/*.read", "patient/*.write", "organization/*.read", "organization/*.write")
CONFIDENTIALITY: Final = ("conf/N", "conf/R")
OLD_AUDIENCE: Final = "https://authorize.fhir.nhs.net/token"
_STANDARD: Final = re.compile(r"[+/=]")
_PREFIX: Final = "gp-connect-jwt-"
_UNKNOWN: Final = "UNK"


@dataclass(frozen=True, slots=True)
class Reading:
    """The claims under examination."""

    token: UnsecuredClaims
    expected: Expected
    now: float

    @property
    def old(self) -> bool:
        """Whether the token is of the releases before 1."""
        return self.expected.variant.name is VariantName.GP_CONNECT_0

    def embedded(self, name: str) -> Mapping[str, Any]:
        """Return an embedded resource; empty when the claim is none."""
        value = self.token.claims.get(name)
        return value if isinstance(value, dict) else {}

    def time(self, name: str) -> int | None:
        """Return a time, or None where there is none."""
        value = self.token.claims.get(name)
        return value if is_time(value) else None


@dataclass(frozen=True, slots=True)
class Check:
    """One row: `fault` returns None where it holds, else what fills the row's words."""

    row: str
    fault: Callable[[Reading], Mapping[str, str] | None]
    expected: str


def _unless(holds: Callable[[Reading], bool]) -> Callable[[Reading], Mapping[str, str] | None]:
    return lambda r: None if holds(r) else {}


def _first(names: Callable[[Reading], str | None]) -> Callable[[Reading], Mapping[str, str] | None]:
    def fault(r: Reading) -> Mapping[str, str] | None:
        name = names(r)
        return None if name is None else {"claim": name}

    return fault


def _absent(r: Reading) -> str | None:
    allowed = ("exp", "iat") if r.token.trusted_hop else ()
    needed = (*REQUIRED, "requested_record") if r.old else REQUIRED
    return next((name for name in needed if name not in r.token.claims and name not in allowed), None)


def _unsound(r: Reading) -> Mapping[str, str] | None:
    for name, kind in EMBEDDED.items():
        value = r.token.claims.get(name)
        if value is not None and not resources.is_sound(value, kind, old=r.old):
            return {"claim": name, "resource": kind}
    record = r.token.claims.get("requested_record")
    if r.old and record is not None and not any(resources.is_sound(record, kind, old=True) for kind in ("Patient", "Organization")):
        return {"claim": "requested_record", "resource": "Patient or Organization"}
    return None


def _null(r: Reading) -> str | None:
    """Return the first thing that is needed and null or absent, by the name that the reference provider gives it."""
    claims = r.token.claims
    absent: Any = next((name for name in (*REQUIRED, "requested_record") if name in claims and claims[name] is None), None)
    if absent is not None:
        return str(absent)
    ods, user = resources.SYSTEMS[r.old]
    device, organization, practitioner = (r.embedded(name) for name in EMBEDDED)
    identified: Mapping[str, Any] = next(iter(device.get("identifier", ())), {})
    family, given = resources.first_name(practitioner)
    needed: tuple[tuple[str, Any], ...] = (
        ("requesting_device.identifier", device.get("identifier")),
        ("requesting_device.identifier.system", identified.get("system")), ("requesting_device.identifier.value", identified.get("value")),
        ("requesting_device.model", device.get("model")), ("requesting_device.version", device.get("version")),
        ("requesting_organization.name", organization.get("name")),
        ("requesting_organization.identifier (ODS)", resources.identifier_in(organization, ods)),
        ("requesting_practitioner.id", practitioner.get("id")), ("requesting_practitioner.name", practitioner.get("name")),
        ("requesting_practitioner.name.family", family), ("requesting_practitioner.name.given", given),
        ("requesting_practitioner.identifier (SDS)", resources.identifier_in(practitioner, user)),
    )  # fmt: skip
    return next((name for name, value in needed if not value), None)


def _invalid(r: Reading) -> str | None:
    for name in TEXTS:
        if r.token.text(name) is None:
            return name
    for name in TIMES:
        if not (is_time(r.token.claims.get(name)) or (r.token.trusted_hop and name not in r.token.claims)):
            return name
    return "requesting_organization" if not ids.is_ods_code(_ods(r)) else None


def _ods(r: Reading) -> str:
    return resources.identifier_in(r.embedded("requesting_organization"), resources.SYSTEMS[r.old][0]) or ""


def _scope_fault(r: Reading) -> Mapping[str, str] | None:
    text = r.token.text("requested_scope") or ""
    scopes = [part for part in text.split(" ") if part in SCOPES]
    marks = [part for part in text.split(" ") if part in CONFIDENTIALITY]
    known = len(scopes) == 1 and len(marks) <= 1 and len(scopes) + len(marks) == len(text.split(" "))
    restricted = "conf/R" in marks and r.token.text("reason_for_request") != "migration"
    fits = r.expected.interaction is None or scopes == list(r.expected.interaction.scopes)
    return None if known and not restricted and fits else {"scope": ids.shown(text)}


def _audience_holds(r: Reading) -> bool:
    aud = r.token.text("aud")
    if r.old:
        return aud == OLD_AUDIENCE
    return not r.expected.audiences or aud in r.expected.audiences


# fmt: off
CHECKS: Final[tuple[Check, ...]] = (
    Check("requested-record", _unless(lambda r: r.old or "requested_record" not in r.token.claims), "no requested_record"),
    Check("claim-missing", _first(_absent), "every claim of GP Connect"),
    Check("resource", _unsound, "FHIR resources of the right type"),
    Check("claim-null", _first(_null), "a value"),
    Check("claim-invalid", _first(_invalid), "text that is not blank, a whole number of seconds, or an ODS code"),
    Check("iat", _unless(lambda r: r.expected.times.issued(r.time("iat"), r.now)), "iat not too far ahead"),
    Check("lifetime", _unless(lambda r: r.expected.times.lifetime_holds(r.time("iat"), r.time("exp"))), "exp exactly the lifetime after iat"),
    Check("expired", _unless(lambda r: r.expected.times.in_force(r.time("exp"), r.now)), "exp that has not passed"),
    Check("reason", _unless(lambda r: r.token.text("reason_for_request") in REASONS), " or ".join(REASONS)),
    Check("practitioner", _unless(lambda r: r.embedded("requesting_practitioner").get("id") == r.token.text("sub")), "sub equal to the practitioner's id"),
    Check("scope", _scope_fault, "one scope that the interaction needs, and at most one conf token"),
    Check("audience", _unless(_audience_holds), "the endpoint's URL, of old tokens " + OLD_AUDIENCE),
)
# fmt: on
_ROWS: Final[Mapping[Fault, str]] = MappingProxyType({
    Fault.TOO_LONG: "scheme", Fault.SECTIONS: "blocks", Fault.BODY_EMPTY: "blocks", Fault.SIGNED: "blocks", Fault.PADDED: "padded",
    Fault.BASE64: "base64", Fault.HEADER_JSON: "not-json", Fault.CLAIMS_JSON: "not-json", Fault.HEADER_VALUE: "header-value", Fault.HEADER_KEY: "header-key",
})


def read(authorization: str | None, *, trusted_hop: bool = False) -> UnsecuredClaims:
    """Return the claims of an Authorization header. Its value is never repeated. Raises `SpineRefused`."""
    if authorization is None or not authorization.strip():
        raise _refused("missing", "Authorization: Bearer <token>", "no header, or an empty one")
    scheme, _, rest = authorization.partition(" ")
    token = rest.strip(" ")
    if scheme.lower() != "bearer" or not token:
        raise _refused("scheme", "Bearer and a token", "another scheme, or no token")
    if not trusted_hop and _STANDARD.search(token):
        raise _refused("padded", "base64url without padding", "characters of standard base64")
    try:
        return (parse_tolerantly if trusted_hop else parse)(token)
    except MalformedClaims as fault:
        blocks = str(len(token.rstrip(".").split(".", 20)))
        raise _refused(_ROWS[fault.fault], fault.expected, fault.received, {"blocks": blocks, "key": fault.key, "value": fault.value}) from None


def check(token: UnsecuredClaims, expected: Expected, now: datetime) -> Stated:
    """Run the rows in order. Raises `SpineRefused` for the first that does not hold."""
    reading = Reading(token, expected, now.timestamp())
    for row in CHECKS:
        if (refusal := refusal_of(row, reading)) is not None:
            raise SpineRefused(refusal)
    return _stated(reading)


def refusal_of(row: Check, reading: Reading) -> Refusal | None:
    """Return the refusal of a row, or None where it holds."""
    values = row.fault(reading)
    if values is None:
        return None
    received = f"claim {values['claim']}" if "claim" in values else "another value, which is not recorded"
    return Refusal(reason(_PREFIX + row.row), expected=row.expected, received=received, values=values)


def _stated(r: Reading) -> Stated:
    practitioner = r.embedded("requesting_practitioner")
    role = resources.identifier_in(practitioner, ids.ROLE_SYSTEM)
    record = r.embedded("requested_record")
    patient = next((number for system in ids.NHS_NUMBER_SYSTEMS if (number := resources.identifier_in(record, system)) is not None), None)
    names = {"device": r.embedded("requesting_device"), "organisation": r.embedded("requesting_organization")}
    family, given = resources.first_name(practitioner)
    return Stated(
        r.expected.variant.name, CallerKind.PROFESSIONAL, r.token.text("iss") or "", r.token.text("aud") or "", r.token.text("sub") or "",
        r.token.text("reason_for_request") or "", tuple((r.token.text("requested_scope") or "").split()),
        organisation=_ods(r), user=resources.identifier_in(practitioner, resources.SYSTEMS[r.old][1]),
        role=role if role != _UNKNOWN else None, patient=patient,
        extra={"device": str(names["device"]["model"]), "organisation": str(names["organisation"]["name"]), "practitioner": f"{given} {family}"},
    )  # fmt: skip


def scope_of(interaction: Interaction, confidentiality: str = "") -> str:
    """Return `requested_scope` for an interaction of GP Connect, with a conf token where one is asked for (spine 2.5)."""
    return " ".join((*interaction.scopes, *((confidentiality,) if confidentiality else ())))


def _refused(row: str, expected: str, received: str, values: Mapping[str, str] = MappingProxyType({})) -> SpineRefused:
    return SpineRefused(Refusal(reason(_PREFIX + row), expected=expected, received=received, values=values))
