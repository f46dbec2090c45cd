"""The parties of a call between systems as FHIR R4 names them: identifiers of systems, organisations, users and the patient.

People are their keyed hashes, in a naming system of our own: two records of one person have the same one.
"""

from collections.abc import Mapping
from typing import Any, Final

from wardgate.audit.patients import MAX_PATIENTS
from wardgate.spine.identifiers import ASID_SYSTEM, ODS_SYSTEM

KEYED_HASH: Final = "urn:wardgate:hmac-sha256"


def identified(system: str, value: str, **more: str) -> dict[str, Any]:
    """Return a reference by identifier (hl7.org/fhir/R4/references.html#logical)."""
    return {"identifier": {"system": system, "value": value}, **more}


def system(details: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Return the accredited system of a detail, `from_asid` or `to_asid`."""
    asid = details.get(name)
    return identified(ASID_SYSTEM, asid, type="Device", display=f"ASID {asid}") if asid else None


def organisations(details: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the organisations that the caller acts for."""
    return [identified(ODS_SYSTEM, ods, type="Organization", display=ods) for ods in str(details.get("ods") or "").split(",") if ods]


def person(details: Mapping[str, Any], *names: str) -> dict[str, Any] | None:
    """Return whoever the first of these details is about."""
    found = next((details[name] for name in names if isinstance(details.get(name), Mapping)), None)
    return identified(KEYED_HASH, found["hmac_sha256"]) if found is not None else None


def patients(details: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the patients that the call is about."""
    names = ["patient", *(f"patient_{number}" for number in range(2, MAX_PATIENTS + 1))]
    found = [person(details, name) for name in names]
    return [one | {"type": "Patient"} for one in found if one is not None]
