"""New entries, as they are registered here: what the schema asks for beyond what people say (spine 6, 7.2)."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from wardgate.directory.accredited_system import AccreditedSystem
from wardgate.directory.endpoint import Endpoint
from wardgate.directory.errors import InvalidEntries, Problem, shown
from wardgate.directory.forms import URL, moment
from wardgate.directory.message_set import MessageSet
from wardgate.spine.interaction_catalogue import message_sets
from wardgate.spine.interactions import PREFIX

HERE: Final = "wardgate"
"""The product and contract key of what was registered here, and the role of those who did it without one of their own."""
_HL7: Final = re.compile(r"[A-Z]{4}_[A-Z]{2}[0-9]{6}(UK[0-9]{2})?")
_NAMED: Final = re.compile(rf"({PREFIX}[^:]+|.+):([^:].*)")
_NO_UID: Final = re.compile(r"[,=\s]")
_LONGEST_UID: Final = 40


def role_dn(by: str) -> str:
    """Return the name in the tree of somebody who took a step here, and is known to Wardgate only."""
    uid = _NO_UID.sub("_", by)[:_LONGEST_UID] or HERE
    return f"uniqueIdentifier={HERE},uniqueIdentifier={HERE},uid={uid},ou=people,o=nhs"


def service_and_name(interaction: str) -> tuple[str, str]:
    """Return the two parts of an interaction: Spine's services are one word, others end at the last colon. The name may be missing."""
    found = _NAMED.fullmatch(interaction)
    return (found[1], found[2]) if found is not None else (interaction, "")


def type_of(name: str) -> str:
    """Return how an interaction is spoken, by its name."""
    return "HL7" if _HL7.fullmatch(name) else "FHIR"


def sets_known(names: Iterable[str] = ()) -> tuple[MessageSet, ...]:
    """Return the national message sets. Of `names`, an interaction of Spine that is in none, such as an event's, is a set of its own."""
    found = {name: MessageSet(name, tuple(row.id for row in rows)) for name, rows in message_sets().items()}
    return (*found.values(), *(MessageSet(name, (name,)) for name in dict.fromkeys(names) if name.startswith(PREFIX) and name not in found))


def new_system(asid: str, organisation: str, party_key: str, interactions: Iterable[str], *, role: str, at: datetime) -> AccreditedSystem:
    """Return the entry of a system that asks for interactions. Nobody has approved it: until then its approver is who asked."""
    return AccreditedSystem(
        asid=asid, organisation=organisation, party_key=party_key, interactions=tuple(interactions), requestor=role, requested_at=moment(at),
        approver=role, approved_at=moment(at), clients=(organisation,), product_key=HERE,
    )  # fmt: skip


def approved(system: AccreditedSystem, *, role: str, at: datetime) -> AccreditedSystem:
    """Return an entry with who approved it, and when."""
    return replace(system, approver=role, approved_at=moment(at))


def new_endpoint(system: AccreditedSystem, interaction: str, url: str, contract: str, *, role: str, at: datetime) -> Endpoint:
    """Return the entry of an interaction that a system's message handler serves; its name is the URL's host. Raises `InvalidEntries`."""
    if not URL.holds(url):
        raise InvalidEntries([Problem("endpoint", "nhsMHSEndPoint", URL.said, shown(url))])
    service, name = service_and_name(interaction)
    return Endpoint(
        identifier=contract, cpa_id=contract, organisation=system.organisation, party_key=system.party_key, interaction=interaction, service=service,
        interaction_name=name, urls=(url,), fqdn=urlsplit(url).hostname or "", template_key=HERE, interaction_type=type_of(name), authenticated="none",
        product_key=system.product_key or HERE, requestor=role, requested_at=moment(at), approver=role, approved_at=moment(at), dns_approver=role,
        dns_approved_at=moment(at), manufacturer=system.manufacturer, product_name=system.product_name, product_version=system.product_version,
    )  # fmt: skip
