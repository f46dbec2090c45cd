"""A world for Spine tokens: a directory of two systems, and honest claims to spoil."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

IAT = 1_767_225_900
SYSTEM = "https://fhir.nhs.uk/Id/accredited-system|200000100001"
ROLE = "https://fhir.nhs.uk/Id/sds-role-profile-id|555000000101"
PATIENT = "https://fhir.nhs.net/Id/nhs-number|9990000018"
ACTOR = "https://fhir.nhs.net/Id/nhs-number|9990000026"


@dataclass(frozen=True)
class Directory:
    """What the checks ask: two systems of two organisations, and a third organisation without one."""

    systems: dict[str, frozenset[str]] = field(default_factory=lambda: {
        "200000100001": frozenset({"Z9X01"}), "200000100002": frozenset({"Z9X02"}),
    })
    organisations: frozenset[str] = frozenset({"Z9X01", "Z9X02", "Z9X03"})

    def organisations_of(self, asid: str) -> AbstractSet[str] | None:
        """Return whom a system acts for."""
        return self.systems.get(asid)

    def knows_organisation(self, ods: str) -> bool:
        """Return whether there is such an organisation."""
        return ods in self.organisations


@pytest.fixture(scope="session")
def directory() -> Directory:
    """The directory."""
    return Directory()


@pytest.fixture(scope="session")
def now() -> datetime:
    """A hundred seconds after the tokens are made."""
    return datetime.fromtimestamp(IAT + 100, UTC)


@pytest.fixture
def claims() -> dict[str, Any]:
    """A professional's claims, which every variant but the citizens' takes once scope and reason fit."""
    return {
        "iss": "https://ehr.example-supplier.thirdparty.nhs.uk", "sub": ROLE, "aud": "https://clinicals.spineservices.nhs.uk/STU3",
        "exp": IAT + 300, "iat": IAT, "reason_for_request": "directcare", "scope": "patient/DocumentReference.read",
        "requesting_system": SYSTEM, "requesting_organization": "https://fhir.nhs.uk/Id/ods-organization-code|Z9X01", "requesting_user": ROLE,
    }  # fmt: skip


@pytest.fixture
def unattended(claims: dict[str, Any]) -> dict[str, Any]:
    """The same of a provider's system without anybody behind it."""
    del claims["requesting_user"]
    return claims | {"sub": SYSTEM, "scope": "patient/DocumentReference.write"}


@pytest.fixture
def citizen(claims: dict[str, Any]) -> dict[str, Any]:
    """The same of a citizen."""
    del claims["requesting_user"]
    return claims | {"sub": PATIENT, "requesting_patient": PATIENT, "reason_for_request": "patientaccess"}


@pytest.fixture
def gp_claims() -> dict[str, Any]:
    """A GP Connect consumer's claims."""
    return {
        "iss": "https://consumer.example.thirdparty.nhs.uk", "sub": "10019", "aud": "https://provider.example.thirdparty.nhs.uk/Z9X02/STU3/1/gpconnect",
        "exp": IAT + 300, "iat": IAT, "reason_for_request": "directcare", "requested_scope": "patient/*.read",
        "requesting_device": {"resourceType": "Device", "identifier": [{"system": "https://consumer.example/Id/device", "value": "1"}], "model": "EPR", "version": "5.2"},
        "requesting_organization": {"resourceType": "Organization", "name": "Example Surgery",
                                    "identifier": [{"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "Z9X01"}]},
        "requesting_practitioner": {
            "resourceType": "Practitioner", "id": "10019", "name": [{"family": "Black", "given": ["Sue"], "prefix": ["Dr"]}],
            "identifier": [{"system": "https://fhir.nhs.uk/Id/sds-user-id", "value": "UNK"}, {"system": "https://fhir.nhs.uk/Id/sds-role-profile-id", "value": "UNK"},
                           {"system": "https://consumer.example/Id/user", "value": "sblack"}]},
    }  # fmt: skip
