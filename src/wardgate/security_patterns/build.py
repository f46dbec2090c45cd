"""Make a snapshot: the manifest's documents and the store's records, joined and indexed for deciding."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from wardgate.applications import Application, Approval, Product, entitlements
from wardgate.catalogue import API, Environment
from wardgate.catalogue.platform import PLATFORM_APIS
from wardgate.directory import AccreditedSystem, Directory, Organisation, System
from wardgate.directory.index import DirectoryIndex
from wardgate.directory.onboarding import State
from wardgate.quotas import RateLimits
from wardgate.quotas.effective import effective
from wardgate.security_patterns.snapshot import APIKey, CallingSystem, Client, Revocations, Snapshot, TokenIssuer

ENROLLED: Final = frozenset({State.LIVE, State.SUSPENDED})
"""The states of systems that the gateway knows; others have no ASID there yet."""
_DEFAULTS: Final = {api.name: api.default_limits for api in PLATFORM_APIS}


@dataclass(frozen=True, slots=True)
class World:
    """What a snapshot is made of. Documents are by their own name; `api_keys` is every credential of the store."""

    generation: int
    environment: Environment
    organisations: Mapping[str, Organisation]
    systems: Mapping[str, System]
    apis: Mapping[str, API]
    products: Mapping[str, Product]
    applications: Mapping[str, Application]
    api_keys: Iterable[APIKey]
    tokens: TokenIssuer
    revocations: Revocations = field(default_factory=Revocations)
    over_quota: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    connect_to: Mapping[str, str] = field(default_factory=dict)
    """As in a snapshot: an endpoint's identifier to the `host:port` that the secure proxy connects to."""
    directory: Directory = field(default_factory=Directory)
    """Every system, endpoint, rule and enrolment: those of the manifest and those of the store."""
    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By party key in lower case, the FQDNs of systems beside those of endpoints: consumers have no endpoint."""
    index: DirectoryIndex | None = None
    """The index over `directory`, when it has been made already."""
    calling: Mapping[str, CallingSystem] | None = None
    """The calling systems of `directory`, when they have been made already."""
    known_codes: frozenset[str] | None = None
    """Every ODS code, when they have been put together already."""


def build(world: World, known: Mapping[str, Client] | None = None) -> Snapshot:
    """Join the world into a snapshot; `known` are the clients when they have been made already.

    References that do not resolve count for nothing; `manifest.check` refuses them earlier.
    """
    clients = known if known is not None else {name: client(found, world) for name, found in world.applications.items()}
    return Snapshot(
        generation=world.generation,
        environment=world.environment,
        apis=tuple(sorted((*world.apis.values(), *PLATFORM_APIS), key=lambda api: api.name)),
        clients=clients,
        api_keys={key.key: key for key in world.api_keys},
        certificate_names={found.certificate_name: name for name, found in sorted(clients.items()) if found.certificate_name},
        tokens=world.tokens,
        revocations=world.revocations,
        over_quota=world.over_quota,
        roles=world.roles,
        connect_to=world.connect_to,
        systems=world.calling if world.calling is not None else calling_systems(world.directory, world.names, inactive(world.organisations)),
        organisations=world.known_codes if world.known_codes is not None else known_organisations(world.organisations, world.directory),
        directory=world.index if world.index is not None else DirectoryIndex(world.directory),
    )


def inactive(organisations: Mapping[str, Organisation]) -> frozenset[str]:
    """Return the ODS codes of organisations whose systems may not call."""
    return frozenset(code for code, found in organisations.items() if not found.active)


def known_organisations(organisations: Mapping[str, Organisation], directory: Directory) -> frozenset[str]:
    """Return every ODS code that is known: the manifest's, and those of the directory's entries and their clients."""
    stated = {found.ods for found in directory.organisations or ()}
    entries = {item.organisation for item in directory.items}
    return frozenset(stated.union(organisations, entries, *(system.clients for system in directory.systems)))


def calling_systems(
    directory: Directory, names: Mapping[str, frozenset[str]] | None = None, closed: frozenset[str] = frozenset()
) -> Mapping[str, CallingSystem]:
    """Return every enrolled system by ASID, live or suspended; those of the organisations in `closed` are suspended.

    `names` are FQDNs beside those of endpoints, by party key in lower case.
    """
    states = {enrolment.asid: enrolment.state for enrolment in directory.enrolments if enrolment.state in ENROLLED}
    fqdns = {key.lower(): {name.lower() for name in found} for key, found in (names or {}).items()}
    for endpoint in directory.endpoints:
        fqdns.setdefault(endpoint.party_key.lower(), set()).add(endpoint.fqdn.lower())
    by_key = {key: frozenset(found) for key, found in fqdns.items()}
    return {
        system.asid: calling_system(system, by_key.get(system.party_key.lower(), frozenset()),
                                    suspended=states[system.asid] is State.SUSPENDED or system.organisation in closed)
        for system in directory.systems if system.asid in states
    }  # fmt: skip


def calling_system(system: AccreditedSystem, names: frozenset[str], *, suspended: bool) -> CallingSystem:
    """Return one system as the gateway sees it; `names` are the FQDNs of its party key, in lower case."""
    return CallingSystem(
        asid=system.asid, organisation=system.organisation, acts_for=frozenset(system.clients or (system.organisation,)),
        party_key=system.party_key, certificate_names=names, interactions=frozenset(system.interactions), suspended=suspended,
    )


def client(application: Application, world: World) -> Client:
    """Return the application as the gateway sees it."""
    entitled = entitlements(application, world.products)
    system = world.systems.get(application.asid) if application.asid else None
    profile = application.profile or world.environment.profile
    return Client(
        name=application.name,
        organisation=application.organisation,
        products=entitled.products,
        apis=entitled.apis,
        scopes=entitled.scopes,
        refused=_refused(application, world.organisations.get(application.organisation)),
        asid=application.asid,
        certificate_name=application.tls_client_auth_san_dns or (system.fqdn if system else None),
        limits={api: _limits(application, api, entitled.products, world) for api in sorted(entitled.apis)},
        profile=profile,
        jwks_url=application.jwks_url,
        jwks=application.jwks,
        certificate_bound_tokens=application.certificate_bound_tokens,
        callback_urls=application.callback_urls,
        provider_client_ids=application.provider_client_ids,
    )


def _refused(application: Application, organisation: Organisation | None) -> str | None:
    if application.status is not Approval.APPROVED:
        return "application-not-approved"
    if not application.developer_active:
        return "developer-inactive"
    if organisation is not None and not organisation.active:
        return "company-inactive"
    return None


def _limits(application: Application, api: str, products: frozenset[str], world: World) -> RateLimits:
    covering = (world.products[name].limits for name in sorted(products) if api in world.products[name].apis)
    return effective(application.limits, covering, world.environment.default_limits or _DEFAULTS.get(api))
