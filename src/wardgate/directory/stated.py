"""What the manifest states of systems, as entries of the directory (spine 7.2, 7.3).

The schema wants more of an entry than a manifest says. What it does not say is made here, always the same from the same
statement: role profiles and the moment of approval are `MANIFEST`'s, the party key is the organisation and the end of the
ASID, the contract's id is a digest. A system with neither interactions nor endpoints is accredited for nothing, and is no entry.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from wardgate.directory import model
from wardgate.directory.accredited_system import AccreditedSystem
from wardgate.directory.endpoint import Endpoint
from wardgate.directory.entry import Item
from wardgate.directory.forms import LINE, moment
from wardgate.directory.onboarding import Enrolment, take_over
from wardgate.directory.registering import service_and_name, type_of
from wardgate.directory.sharing_rule import SharingRule
from wardgate.directory.whole import Directory

MANIFEST: Final = "manifest"
"""Who approved what the manifest states; its products and contracts have this key too."""
ROLE: Final = f"uniqueIdentifier={MANIFEST},uniqueIdentifier={MANIFEST},uid={MANIFEST},ou=people,o=nhs"
STATED_AT: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Since when; a manifest says nothing of it."""
PARTY_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Stated:
    """One system of the manifest."""

    asid: str
    party_key: str
    fqdn: str | None
    system: AccreditedSystem | None
    endpoints: tuple[Endpoint, ...]
    enrolment: Enrolment
    connect_to: Mapping[str, str] = field(default_factory=dict)
    """An endpoint's identifier to the host and port that stand for its URL's."""

    @property
    def items(self) -> tuple[Item, ...]:
        """Its entries."""
        return (*((self.system,) if self.system is not None else ()), *self.endpoints)


def stated(system: model.System, environment: str) -> Stated:
    """Return what the manifest's system is in the directory of an environment."""
    party_key = party_key_of(system)
    endpoints = tuple(_endpoint(system, party_key, found) for found in system.endpoints) if system.fqdn is not None else ()
    entry = _entry(system, party_key)
    enrolment = take_over(system.asid, environment, by=MANIFEST, at=STATED_AT, fqdn=system.fqdn)
    to = {cpa_id_of(system.asid, found): found.connect_to for found in system.endpoints if found.connect_to is not None}
    return Stated(system.asid, party_key, system.fqdn, entry, endpoints, enrolment, to)


def party_key_of(system: model.System) -> str:
    """Return its party key; when none is stated, its organisation, a hyphen and the last digits of the ASID."""
    return system.party_key or f"{system.organisation}-{system.asid[-PARTY_DIGITS:]}"


def interactions_of(system: model.System) -> tuple[str, ...]:
    """Return what it may send; when nothing is stated, what it serves: providers are registered with both (spine 7.4)."""
    return system.interactions or tuple(dict.fromkeys(found.interaction for found in system.endpoints))


def cpa_id_of(asid: str, endpoint: model.SystemEndpoint) -> str:
    """Return an endpoint's contract id; when none is stated, 20 digits that follow from ASID and interaction."""
    return endpoint.cpa_id or sha256(f"{asid} {endpoint.interaction}".encode()).hexdigest()[:20]


def rule_of(rule: model.SharingRule) -> SharingRule:
    """Return a data-sharing rule of the manifest as the directory has it."""
    return SharingRule(rule.from_asid, rule.to_asid, rule.service)


def directory_of(systems: Iterable[Stated], rules: Iterable[SharingRule] = ()) -> Directory:
    """Return the directory of what is stated alone."""
    found = [one for one in systems if one.items]
    return Directory(
        systems=tuple(one.system for one in found if one.system is not None), endpoints=tuple(entry for one in found for entry in one.endpoints),
        sharing_rules=tuple(dict.fromkeys(rules)), enrolments=tuple(one.enrolment for one in found),
    )  # fmt: skip


def standing(one: Stated, enrolled: Enrolment | None) -> Enrolment:
    """Return the enrolment in force of a stated system: the store's, if it has one; its name is always the manifest's."""
    return one.enrolment if enrolled is None else replace(enrolled, fqdn=one.fqdn)


def merged(systems: Iterable[Stated], rules: Iterable[SharingRule], kept: Directory) -> Directory:
    """Return what is stated and what is kept in the store, together; enrolments of systems that are gone count for nothing."""
    enrolled = {found.asid: found for found in kept.enrolments}
    own = {found.asid for found in kept.systems}
    present = [one for one in systems if one.items]
    alone = directory_of(present, rules)
    return Directory(
        systems=(*alone.systems, *kept.systems), endpoints=(*alone.endpoints, *kept.endpoints),
        sharing_rules=tuple(dict.fromkeys((*alone.sharing_rules, *kept.sharing_rules))),
        enrolments=(*(standing(one, enrolled.get(one.asid)) for one in present if one.asid not in own), *(found for found in kept.enrolments if found.asid in own)),
    )  # fmt: skip


def _entry(system: model.System, party_key: str) -> AccreditedSystem | None:
    interactions = interactions_of(system)
    if not interactions:
        return None
    return AccreditedSystem(
        asid=system.asid, organisation=system.organisation, party_key=party_key, interactions=interactions, requestor=ROLE,
        requested_at=moment(STATED_AT), approver=ROLE, approved_at=moment(STATED_AT), clients=system.clients or (system.organisation,),
        manufacturer=system.manufacturer, product_name=_product(system),
    )  # fmt: skip


def _endpoint(system: model.System, party_key: str, found: model.SystemEndpoint) -> Endpoint:
    service, name = service_and_name(found.interaction)
    contract = cpa_id_of(system.asid, found)
    return Endpoint(
        identifier=contract, cpa_id=contract, organisation=system.organisation, party_key=party_key, interaction=found.interaction,
        service=service, interaction_name=name, urls=(found.url,), fqdn=system.fqdn or "", template_key=MANIFEST,
        interaction_type=type_of(name), authenticated="none", product_key=MANIFEST,
        requestor=ROLE, requested_at=moment(STATED_AT), approver=ROLE, approved_at=moment(STATED_AT), dns_approver=ROLE,
        dns_approved_at=moment(STATED_AT), manufacturer=system.manufacturer, product_name=_product(system),
    )  # fmt: skip


def _product(system: model.System) -> str | None:
    product = system.product.strip()
    return product if LINE.holds(product) else None
