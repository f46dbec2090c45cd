"""Who did it: a Provenance from the role profile that a token states, by look-up in a directory (spine 9.4)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from wardgate.fhir import Resource
from wardgate.samples.outcomes import Refused
from wardgate.samples.references import ORGANISATION, PRACTITIONER
from wardgate.spine.authorization import examine
from wardgate.spine.errors import SpineRefused
from wardgate.spine.stated import Expected
from wardgate.spine.variants import VARIANTS, VariantName

CONTAINED_ID: Final = "provenance"
ROLES: Final = "https://fhir.hl7.org.uk/STU3/CodeSystem/CareConnect-SDSJobRoleName-1"
ACTIVITIES: Final = "http://hl7.org/fhir/v3/DataOperation"
_EXPECTED: Final = Expected(VARIANTS[VariantName.REASONABLE_ADJUSTMENTS])


@dataclass(frozen=True, slots=True)
class RoleProfile:
    """One role of one person at one organisation, as the directory has it."""

    user: str = field(repr=False)
    """The person's identifier."""
    name: str = field(repr=False)
    job_role: str
    """The code of the job role, `R0260`."""
    job_role_name: str
    organisation: str
    """ODS code."""
    organisation_name: str


Roles = Callable[[str], RoleProfile | None]
"""The directory: a role profile by its number."""


def author_of(authorization: str | None, roles: Roles, now: datetime) -> RoleProfile:
    """Return who acts, from the token of a hop that we trust: either alphabet of Base64, times or none (spine 2.1). Raises `Refused`."""
    try:
        stated = examine(authorization, _EXPECTED, now, trusted_hop=True)
    except SpineRefused as refused:
        raise Refused("MISSING_OR_INVALID_HEADER", refused.refusal.fill(refused.refusal.reason.text)) from None
    profile = roles(stated.role) if stated.role is not None else None
    if profile is None:
        raise Refused("AUTHOR_CREDENTIALS_ERROR", "The role profile of the token is not in the directory")
    return profile


def with_provenance(resource: Resource, author: RoleProfile, activity: str, recorded: datetime) -> Resource:
    """Return a resource with the one Provenance that the server has filled, in place of any that came."""
    rest = [one for one in resource.get("contained", []) if one["resourceType"] != "Provenance"]
    return {**resource, "contained": [*rest, _provenance(author, activity, recorded)]}


def _provenance(author: RoleProfile, activity: str, recorded: datetime) -> dict[str, Any]:
    role = {"system": ROLES, "code": author.job_role} | ({"display": author.job_role_name} if author.job_role_name else {})
    who = {"reference": PRACTITIONER + author.user, "display": author.name}
    for_whom = {"reference": ORGANISATION + author.organisation} | ({"display": author.organisation_name} if author.organisation_name else {})
    return {
        "resourceType": "Provenance", "id": CONTAINED_ID, "target": [{"reference": "#"}],
        "recorded": recorded.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "activity": {"system": ACTIVITIES, "code": activity},
        "agent": [{"role": [{"coding": [role]}], "whoReference": who, "onBehalfOfReference": for_whom}],
    }  # fmt: skip


def check_filled(resource: Resource) -> None:
    """Raise `Refused` unless a Condition has the one Provenance that its writer fills (spine 9.4)."""
    found = [one for one in resource.get("contained", []) if one["resourceType"] == "Provenance"]
    if len(found) != 1 or not {"recorded", "activity", "agent"}.issubset(found[0]):
        raise Refused("INVALID_RESOURCE", "A Condition contains one Provenance with recorded, activity and agent")
    if not all("onBehalfOfReference" in agent for agent in found[0]["agent"]):
        raise Refused("INVALID_RESOURCE", "Provenance.agent has onBehalfOfReference")
