"""Systems as Device and endpoints as Endpoint, and the Bundle around them (spine 7.5; hl7.org/fhir/R4). Pure.

Identifiers of resources are fresh in every answer: they stand for nothing. What an entry lacks is left out, because FHIR
has no empty elements.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from wardgate.directory import AccreditedSystem, Endpoint
from wardgate.sds.query import INTERACTION, ODS, PARTY_KEY

ASID: Final = "https://fhir.nhs.uk/Id/nhsSpineASID"
FQDN: Final = "https://fhir.nhs.uk/Id/nhsMhsFQDN"
CPA_ID: Final = "https://fhir.nhs.uk/Id/nhsMhsCPAId"
ENDPOINT_ID: Final = "https://fhir.nhs.uk/Id/nhsMHSId"
_EXTENSION: Final = "https://fhir.nhs.uk/StructureDefinition/Extension-SDS-"
_CONNECTION: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type", "code": "hl7-fhir-msg", "display": "HL7 FHIR Messaging",
}  # fmt: skip
_PAYLOAD: Final = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/endpoint-payload-type", "code": "any", "display": "Any"}]}

Resource = dict[str, Any]


def device(system: AccreditedSystem, new_id: Callable[[], str]) -> Resource:
    """Return a system. Its owner is the organisation it acts for; of several, or of none, the one that runs it."""
    extensions = [_about("ManufacturingOrganisation", ODS, system.manufacturer)] if system.manufacturer is not None else []
    extensions += [_about("NhsServiceInteractionId", INTERACTION, interaction) for interaction in system.interactions]
    owner = system.clients[0] if len(system.clients) == 1 else system.organisation
    return {
        "resourceType": "Device",
        "id": new_id(),
        "extension": extensions,
        "identifier": [_identifier(ASID, system.asid), _identifier(PARTY_KEY, system.party_key)],
        "owner": {"identifier": _identifier(ODS, owner)},
    }


def endpoints(found: Endpoint, new_id: Callable[[], str]) -> list[Resource]:
    """Return an endpoint: one resource for each of its addresses."""
    return [
        {
            "resourceType": "Endpoint",
            "id": new_id(),
            "extension": [*_reliability(found), _about("NhsServiceInteractionId", INTERACTION, found.interaction)],
            "identifier": [
                _identifier(FQDN, found.fqdn), _identifier(PARTY_KEY, found.party_key),
                _identifier(CPA_ID, found.cpa_id), _identifier(ENDPOINT_ID, found.identifier),
            ],
            "status": "active",
            "connectionType": _CONNECTION,
            "managingOrganization": {"identifier": _identifier(ODS, found.organisation)},
            "payloadType": [_PAYLOAD],
            "address": address,
        }
        for address in found.urls
    ]  # fmt: skip


def bundle(resources: Iterable[Resource], *, own_url: str, base_url: str, new_id: Callable[[], str]) -> Resource:
    """Return the searchset; `own_url` is the address that was asked, `base_url` the one of the kind of resource."""
    entries = [{"fullUrl": f"{base_url}/{found['id']}", "resource": found, "search": {"mode": "match"}} for found in resources]
    whole: Resource = {
        "resourceType": "Bundle", "id": new_id(), "type": "searchset", "total": len(entries), "link": [{"relation": "self", "url": own_url}],
    }  # fmt: skip
    return whole | {"entry": entries} if entries else whole


def _reliability(found: Endpoint) -> list[Resource]:
    terms: list[Resource] = [
        {"url": name, "valueString": value}
        for name, value in (("nhsMHSSyncReplyMode", found.sync_reply_mode), ("nhsMHSRetryInterval", found.retry_interval))
        if value is not None
    ]
    terms += [{"url": "nhsMHSRetries", "valueInteger": int(found.retries)}] if found.retries is not None else []
    rest = (
        ("nhsMHSPersistDuration", found.persist_duration), ("nhsMHSDuplicateElimination", found.duplicate_elimination),
        ("nhsMHSAckRequested", found.ack_requested), *(("nhsMHSActor", actor) for actor in found.actors),
    )  # fmt: skip
    terms += [{"url": name, "valueString": value} for name, value in rest if value is not None]
    return [{"url": f"{_EXTENSION}ReliabilityConfiguration", "extension": terms}] if terms else []


def _about(name: str, system: str, value: str) -> Resource:
    return {"url": f"{_EXTENSION}{name}", "valueReference": {"identifier": _identifier(system, value)}}


def _identifier(system: str, value: str) -> Resource:
    return {"system": system, "value": value}
