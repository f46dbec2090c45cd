"""Who to call, and as whom: the look-up recipes of the directory (spine 7.4), over an index.

Each recipe returns all it found: none and several are the caller's to judge, because only it knows whether one was to be expected.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from wardgate.directory.accredited_system import AccreditedSystem
from wardgate.directory.endpoint import Endpoint
from wardgate.directory.index import DirectoryIndex


@dataclass(frozen=True, slots=True)
class Receiver:
    """A system to call, and the endpoint where it answers."""

    system: AccreditedSystem
    endpoint: Endpoint


def national_endpoints(index: DirectoryIndex, party_key: str, interaction: str) -> tuple[Endpoint, ...]:
    """Recipe 1, a national API: the endpoints of Spine's own party key."""
    return index.endpoints(party_key=party_key, interaction=interaction)


def receivers_by_system(index: DirectoryIndex, organisation: str, interaction: str) -> tuple[Receiver, ...]:
    """Recipe 2, brokered as it was, and HL7 V3: the system by organisation and interaction, then the endpoint of its party key."""
    systems = index.systems(organisation=organisation, interaction=interaction)
    return tuple(found for system in systems for found in _served_by(index, system, interaction))


def receivers_by_endpoint(index: DirectoryIndex, organisation: str, interaction: str) -> tuple[Receiver, ...]:
    """Recipe 3, brokered as it is: the endpoint by organisation and interaction, then the systems of its party key.

    Consumers have interactions at systems only, providers at endpoints too, so that the endpoint finds the provider.
    """
    return tuple(
        Receiver(system, endpoint)
        for endpoint in index.endpoints(organisation=organisation, interaction=interaction)
        for system in index.systems(organisation=organisation, party_key=endpoint.party_key)
    )


def own_systems(index: DirectoryIndex, organisation: str, interaction: str, manufacturer: str) -> tuple[AccreditedSystem, ...]:
    """Recipe 4: a caller's own ASID, by its organisation, interaction and supplier."""
    return index.systems(organisation=organisation, interaction=interaction, manufacturer=manufacturer)


def record_holders(index: DirectoryIndex, owner: str, interaction: str, record_url: str) -> tuple[Receiver, ...]:
    """Recipe 5, retrieval of a record: by the organisation that owns the information; of several, those at the record's host."""
    found = receivers_by_endpoint(index, owner, interaction)
    if len(found) <= 1:
        return found
    host = _host_of(record_url)
    return tuple(one for one in found if one.endpoint.fqdn.lower() == host)


def receivers_of_asid(index: DirectoryIndex, asid: str, interaction: str) -> tuple[Receiver, ...]:
    """Recipe 6, bookings: by an ASID that is known already."""
    system = index.system(asid)
    return _served_by(index, system, interaction) if system is not None else ()


def _served_by(index: DirectoryIndex, system: AccreditedSystem, interaction: str) -> tuple[Receiver, ...]:
    return tuple(Receiver(system, endpoint) for endpoint in index.endpoints(party_key=system.party_key, interaction=interaction))


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
