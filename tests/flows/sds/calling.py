"""Calling the directory's FHIR API as the gateway calls it, and the answers that are expected of it."""

from collections.abc import Callable
from itertools import count
from typing import Any
from urllib.parse import quote

import httpx2

from unit.directory.samples import CONTENT, DIRECTORY, READ, SLOTS
from wardgate.directory import Directory
from wardgate.directory.index import DirectoryIndex
from wardgate.sds import SDSSettings, create_app

BASE = "/spine-directory/FHIR/R4"
URL = "https://gateway.example"
ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
INTERACTION = "https://fhir.nhs.uk/Id/nhsServiceInteractionId"
PARTY_KEY = "https://fhir.nhs.uk/Id/nhsMhsPartyKey"
CORRELATION = "0f7a3c2e-9b41-4d0e-8f1a-2b6c1d5e7a90"
OUR_TRACE = {"X-Correlation-ID": CORRELATION}
SPINE_CODES = "https://fhir.nhs.uk/STU3/ValueSet/Spine-ErrorOrWarningCode-1"
UUID_RULE = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"


def client(directory: Directory = DIRECTORY, **settings: Any) -> httpx2.AsyncClient:
    """A client of the API over a directory, without a network."""

    async def index() -> DirectoryIndex:
        return DirectoryIndex(directory)

    return client_of(index, **settings)


def client_of(index: Callable[[], Any], **settings: Any) -> httpx2.AsyncClient:
    """A client of the API over whatever gives a directory; its ids count from 1."""
    numbers = count(1)
    app = create_app(index, SDSSettings(**settings), lambda: URL, lambda: f"00000000-0000-4000-8000-{next(numbers):012}")
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1:9001")


def asked(*pairs: tuple[str, str]) -> str:
    """A query."""
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)


def an_id(number: int) -> str:
    """The id that the API made at this place."""
    return f"00000000-0000-4000-8000-{number:012}"


ORGANISATION = ("organization", f"{ODS}|Z9X01")
SENDS = ("identifier", f"{INTERACTION}|{READ}")
HAS_KEY = ("identifier", f"{PARTY_KEY}|Z9X01-850001")
OF_SUPPLIER = ("manufacturing-organization", f"{ODS}|Z9S99")


def about(name: str, system: str, value: str) -> dict[str, Any]:
    """An extension that refers to something by its identifier."""
    return {"url": f"https://fhir.nhs.uk/StructureDefinition/Extension-SDS-{name}", "valueReference": {"identifier": {"system": system, "value": value}}}


def device(number: int) -> dict[str, Any]:
    """The consumer of the samples as a Device."""
    return {
        "resourceType": "Device", "id": an_id(number),
        "extension": [
            about("ManufacturingOrganisation", ODS, "Z9S99"), about("NhsServiceInteractionId", INTERACTION, READ),
            about("NhsServiceInteractionId", INTERACTION, SLOTS),
        ],
        "identifier": [{"system": "https://fhir.nhs.uk/Id/nhsSpineASID", "value": "200000100001"}, {"system": PARTY_KEY, "value": "Z9X01-850001"}],
        "owner": {"identifier": {"system": ODS, "value": "Z9X01"}},
    }  # fmt: skip


def endpoint(number: int, address: str = "https://nrl-Z9X02.example.thirdparty.nhs.uk/Z9X02") -> dict[str, Any]:
    """The first endpoint of the samples as an Endpoint."""
    return {
        "resourceType": "Endpoint", "id": an_id(number),
        "extension": [
            {"url": "https://fhir.nhs.uk/StructureDefinition/Extension-SDS-ReliabilityConfiguration", "extension": [
                {"url": "nhsMHSSyncReplyMode", "valueString": "MSHSignalsOnly"}, {"url": "nhsMHSRetryInterval", "valueString": "PT1M"},
                {"url": "nhsMHSRetries", "valueInteger": 2}, {"url": "nhsMHSPersistDuration", "valueString": "PT5M"},
                {"url": "nhsMHSDuplicateElimination", "valueString": "never"}, {"url": "nhsMHSAckRequested", "valueString": "always"},
                {"url": "nhsMHSActor", "valueString": "urn:oasis:names:tc:ebxml-msg:actor:toPartyMSH"},
            ]},
            about("NhsServiceInteractionId", INTERACTION, CONTENT),
        ],
        "identifier": [
            {"system": "https://fhir.nhs.uk/Id/nhsMhsFQDN", "value": "nrl-Z9X02.example.thirdparty.nhs.uk"}, {"system": PARTY_KEY, "value": "Z9X02-850002"},
            {"system": "https://fhir.nhs.uk/Id/nhsMhsCPAId", "value": "S918999000001"}, {"system": "https://fhir.nhs.uk/Id/nhsMHSId", "value": "S918999000001"},
        ],
        "status": "active",
        "connectionType": {"system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type", "code": "hl7-fhir-msg", "display": "HL7 FHIR Messaging"},
        "managingOrganization": {"identifier": {"system": ODS, "value": "Z9X02"}},
        "payloadType": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/endpoint-payload-type", "code": "any", "display": "Any"}]}],
        "address": address,
    }  # fmt: skip


def bundle(kind: str, query: str, number: int, *resources: dict[str, Any]) -> dict[str, Any]:
    """A searchset."""
    entries = [{"fullUrl": f"{URL}{BASE}/{kind}/{found['id']}", "resource": found, "search": {"mode": "match"}} for found in resources]
    whole = {
        "resourceType": "Bundle", "id": an_id(number), "type": "searchset", "total": len(entries),
        "link": [{"relation": "self", "url": f"{URL}{BASE}/{kind}?{query}"}],
    }  # fmt: skip
    return whole | {"entry": entries} if entries else whole


def outcome(issue: str, code: str, display: str, diagnostics: str, identifier: str = CORRELATION) -> dict[str, Any]:
    """A refusal."""
    details = {"coding": [{"system": SPINE_CODES, "code": code, "display": display}]}
    return {"resourceType": "OperationOutcome", "id": identifier, "issue": [{"severity": "error", "code": issue, "details": details, "diagnostics": diagnostics}]}
PROVIDED = ("organization", f"{ODS}|Z9X02")
SERVES = ("identifier", f"{INTERACTION}|{CONTENT}")
OF_KEY = ("identifier", f"{PARTY_KEY}|Z9X02-850002")
