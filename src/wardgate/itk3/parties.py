"""Senders and receivers: the Organization or Practitioner that a header names (itk3-messaging 1.2)."""

from collections.abc import Mapping
from typing import Any, Final

from wardgate.itk3.model import Party
from wardgate.itk3.names import HEADER_ORGANIZATION, HEADER_PRACTITIONER, ODS_ORGANISATION, ODS_SITE, SDS_ROLE, SDS_USER
from wardgate.itk3.report import HEADER, Report

_SYSTEMS: Final[Mapping[str, Mapping[str, str]]] = {
    "Organization": {ODS_ORGANISATION: "ods", ODS_SITE: "site"},
    "Practitioner": {SDS_USER: "user", SDS_ROLE: "role"},
}
_RESOURCE: Final = frozenset({"resourceType", "id", "meta", "implicitRules", "language", "text", "extension", "identifier"})
_MEMBERS: Final = {"Organization": _RESOURCE, "Practitioner": _RESOURCE | {"name"}}


def party_of(resource: Mapping[str, Any]) -> Party | None:
    """Return whom a resource identifies; None for a resource that is neither, or has none of the identifiers."""
    systems = _SYSTEMS.get(resource["resourceType"], {})
    found = {systems[one["system"]]: one["value"] for one in resource.get("identifier", []) if one.get("system") in systems and "value" in one}
    return Party(**found) if found else None


def read_party(resource: Mapping[str, Any], where: str, report: Report) -> Party | None:
    """Return the sender or receiver that a header's resource is; None after a fault."""
    kind = resource["resourceType"]
    if kind not in _SYSTEMS:
        report.fault(HEADER, where, "not an Organization or Practitioner", "structure")
        return None
    for name in sorted(set(resource) - _MEMBERS[kind]):
        report.strict(HEADER, f"{where}.{kind}.{name}", f"a header's {kind} has no such element", "structure")
    systems = [one.get("system") for one in resource.get("identifier", [])]
    if any(systems.count(one) > 1 for one in _SYSTEMS[kind]):
        report.fault(HEADER, f"{where}.{kind}.identifier", "two identifiers of one system", "invalid")
        return None
    party = party_of(resource)
    if party is None and kind == "Organization":
        report.fault(HEADER, f"{where}.{kind}.identifier", "no identifier of an ITK header", "required")
    elif party is None:
        report.strict(HEADER, f"{where}.{kind}.identifier", "no identifier of an ITK header", "required")
        return Party()
    return party


def write_party(party: Party, of: str) -> dict[str, Any]:
    """Return the resource of a sender or receiver, with this id."""
    kind, profile = ("Practitioner", HEADER_PRACTITIONER) if party.is_person else ("Organization", HEADER_ORGANIZATION)
    identifiers = [{"system": system, "value": getattr(party, name)} for system, name in _SYSTEMS[kind].items() if getattr(party, name) is not None]
    resource = {"resourceType": kind, "id": of, "meta": {"profile": [profile]}}
    return resource | ({"identifier": identifiers} if identifiers else {})
