"""The sample APIs of the demo: which paths they have, what they are told of the world, and what is fixed about them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.routing import BaseRoute, Mount

from wardgate.demo.fhir_resources import PEOPLE
from wardgate.identities import User
from wardgate.samples import adjustment_app, pointer_app
from wardgate.samples.practice import Person, Practice
from wardgate.samples.provenance import RoleProfile, Roles
from wardgate.samples.records import Records

FILE: Final = "samples.db"
POINTERS: Final = "/nrl/STU3"
ADJUSTMENTS: Final = ("/raflags/STU3", "/reasonable-adjustments/STU3")
"""One record behind both doors."""
SNOMED: Final = "http://snomed.info/sct|"
CRISIS_PLAN, END_OF_LIFE = SNOMED + "736253002", SNOMED + "861421000000109"
"""Mental health crisis plan; end of life care coordination summary."""
POINTER_TYPES: Final[Mapping[str, frozenset[str]]] = {
    "Z9X01": frozenset({CRISIS_PLAN, END_OF_LIFE}), "Z9X02": frozenset({CRISIS_PLAN}),
}
"""The types of pointers that each organisation is approved for."""
_ALLERGIES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {"9000000009": (("91936005", "Allergy to penicillin"),)}
PRACTICE_FQDN: Final = "gp.example.thirdparty.nhs.uk"
PRACTICE: Final = Practice.of(
    "Z9X03", "Example Surgery", "200000000118", "/Z9X03/STU3/1/gpconnect",
    [Person(one.nhs_number, one.family, one.given, one.gender, one.birth_date, _ALLERGIES.get(one.nhs_number, ())) for one in PEOPLE],
)


@dataclass(frozen=True, slots=True)
class Samples:
    """What the samples keep, and what they ask of the world."""

    records: Records
    knows_organisation: Callable[[str], bool]
    roles: Roles
    clock: Callable[[], datetime]


def routes(samples: Samples) -> tuple[BaseRoute, ...]:
    """Return where the samples are among the backends."""
    pointers = pointer_app.create_app(samples.records, samples.knows_organisation, lambda ods: POINTER_TYPES.get(ods, frozenset()))
    adjustments = adjustment_app.create_app(samples.records, samples.roles, samples.clock)
    return (Mount(POINTERS, pointers), *(Mount(path, adjustments) for path in ADJUSTMENTS))


def profiles_of(users: Iterable[User]) -> dict[str, RoleProfile]:
    """Return the role profiles of made-up workers, by number: the directory that a Provenance is filled from."""
    found = {}
    for user in users:
        for role in user.worker.roles if user.worker is not None else ():
            job_role = role.role_code.rpartition(":")[2]
            name = role.role_name.rpartition(":")[2].strip('"')
            found[role.person_roleid] = RoleProfile(user.username, user.name, job_role, name, role.org_code, role.org_name)
    return found
