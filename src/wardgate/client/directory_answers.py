"""What the directory's FHIR API is asked, and its bundles read with care (spine 7.4, 7.5). Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wardgate.client.spine_errors import DirectoryAmbiguous, DirectoryAnswerInvalid, NotInDirectory
from wardgate.jose.strict_json import decode_object
from wardgate.spine.identifiers import ODS_SYSTEM, is_asid, is_ods_code

INTERACTION_SYSTEM: Final = "https://fhir.nhs.uk/Id/nhsServiceInteractionId"
PARTY_KEY_SYSTEM: Final = "https://fhir.nhs.uk/Id/nhsMhsPartyKey"
ASID_SYSTEM: Final = "https://fhir.nhs.uk/Id/nhsSpineASID"
FQDN_SYSTEM: Final = "https://fhir.nhs.uk/Id/nhsMhsFQDN"
MAX_ANSWER_BYTES: Final = 2_000_000
MAX_ENTRIES: Final = 1_000
MAX_VALUE_CHARS: Final = 1_000

Query = tuple[str, tuple[tuple[str, str], ...]]
"""Kind of resource, and the parameters."""


@dataclass(frozen=True, slots=True)
class FoundEndpoint:
    """An endpoint as the directory has it."""

    url: str
    organisation: str
    party_key: str
    fqdn: str


@dataclass(frozen=True, slots=True)
class ResolvedEndpoint:
    """Where to send an interaction, and to which ASID."""

    url: str
    """The service root, byte for byte."""
    asid: str
    party_key: str
    fqdn: str


def endpoints_of(ods: str | None, interaction: str, party_key: str | None) -> Query:
    """Return the question who serves an interaction: an organisation, a party key, or both in one."""
    return "Endpoint", (*_parameter("organization", ODS_SYSTEM, ods), *_parameter("identifier", INTERACTION_SYSTEM, interaction),
                        *_parameter("identifier", PARTY_KEY_SYSTEM, party_key))


def systems_of(ods: str, interaction: str, party_key: str | None = None, manufacturer: str | None = None) -> Query:
    """Return the question which systems of an organisation have an interaction."""
    return "Device", (*_parameter("organization", ODS_SYSTEM, ods), *_parameter("identifier", INTERACTION_SYSTEM, interaction),
                      *_parameter("identifier", PARTY_KEY_SYSTEM, party_key), *_parameter("manufacturing-organization", ODS_SYSTEM, manufacturer))


def _parameter(name: str, system: str, value: str | None) -> Iterator[tuple[str, str]]:
    if value is not None:
        yield name, f"{system}|{value}"


def read_endpoints(body: bytes) -> tuple[FoundEndpoint, ...]:
    """Return the endpoints of a bundle. Raises `DirectoryAnswerInvalid`."""
    return tuple(_endpoint(resource) for resource in _resources(body, "Endpoint"))


def read_asids(body: bytes) -> tuple[str, ...]:
    """Return the ASIDs of a bundle of systems, each once. Raises `DirectoryAnswerInvalid`."""
    found = [_identifier(resource, ASID_SYSTEM) for resource in _resources(body, "Device")]
    if not all(is_asid(asid) for asid in found):
        raise DirectoryAnswerInvalid("a system of the directory has no ASID")
    return tuple(dict.fromkeys(found))


def the_endpoint(found: Sequence[FoundEndpoint], fqdn: str | None) -> FoundEndpoint:
    """Return the one endpoint; of several, the one with the FQDN (spine 7.4, 5). Raises `NotInDirectory`, `DirectoryAmbiguous`."""
    fitting = list(dict.fromkeys(one for one in found if fqdn is None or one.fqdn.lower() == fqdn.lower()))
    if not fitting:
        raise NotInDirectory("the directory has no endpoint for this interaction" + (" with this FQDN" if found else " there"))
    if len(fitting) > 1:
        raise DirectoryAmbiguous(f"the directory has {len(fitting)} endpoints for this interaction: name the party key or the FQDN")
    return fitting[0]


def the_asid(found: Sequence[str], what: str) -> str:
    """Return the one ASID. Raises `NotInDirectory`, `DirectoryAmbiguous`."""
    if not found:
        raise NotInDirectory(f"the directory has no system for {what}")
    if len(found) > 1:
        raise DirectoryAmbiguous(f"the directory has {len(found)} systems for {what}: name the party key or the manufacturer")
    return found[0]


def _endpoint(resource: Mapping[str, Any]) -> FoundEndpoint:
    address, owner = resource.get("address"), _member(resource, "managingOrganization", "identifier", "value")
    if not isinstance(address, str) or not 0 < len(address) <= MAX_VALUE_CHARS or not address.isascii() or not address.isprintable():
        raise DirectoryAnswerInvalid("an endpoint of the directory has no address")
    if not isinstance(owner, str) or not is_ods_code(owner):
        raise DirectoryAnswerInvalid("an endpoint of the directory has no organisation")
    return FoundEndpoint(address, owner, _identifier(resource, PARTY_KEY_SYSTEM), _identifier(resource, FQDN_SYSTEM))


def _resources(body: bytes, kind: str) -> Iterator[Mapping[str, Any]]:
    try:
        bundle = decode_object(body)
    except ValueError:
        raise DirectoryAnswerInvalid("the directory's answer is not JSON") from None
    entries = bundle.get("entry", [])
    if bundle.get("resourceType") != "Bundle" or not isinstance(entries, list) or len(entries) > MAX_ENTRIES:
        raise DirectoryAnswerInvalid("the directory's answer is no bundle, or too large a one")
    for entry in entries:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or resource.get("resourceType") != kind:
            raise DirectoryAnswerInvalid(f"the directory's answer has something else than {kind}")
        yield resource


def _identifier(resource: Mapping[str, Any], system: str) -> str:
    identifiers = resource.get("identifier")
    for item in identifiers if isinstance(identifiers, list) else ():
        if isinstance(item, dict) and item.get("system") == system and isinstance(item.get("value"), str):
            return str(item["value"])[:MAX_VALUE_CHARS]
    return ""


def _member(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
