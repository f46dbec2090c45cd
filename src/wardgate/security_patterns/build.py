"""Make a snapshot: the manifest's documents and the store's records, joined and indexed for deciding."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from wardgate.applications import Application, Approval, Product, entitlements
from wardgate.catalogue import API, Environment
from wardgate.directory import Organisation, System
from wardgate.quotas import RateLimits
from wardgate.quotas.effective import effective
from wardgate.security_patterns.snapshot import APIKey, Client, Revocations, Snapshot, TokenIssuer


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


def build(world: World, known: Mapping[str, Client] | None = None) -> Snapshot:
    """Join the world into a snapshot; `known` are the clients when they have been made already.

    References that do not resolve count for nothing; `manifest.check` refuses them earlier.
    """
    clients = known if known is not None else {name: client(found, world) for name, found in world.applications.items()}
    return Snapshot(
        generation=world.generation,
        environment=world.environment,
        apis=tuple(world.apis[name] for name in sorted(world.apis)),
        clients=clients,
        api_keys={key.key: key for key in world.api_keys},
        certificate_names={found.certificate_name: name for name, found in sorted(clients.items()) if found.certificate_name},
        tokens=world.tokens,
        revocations=world.revocations,
        over_quota=world.over_quota,
        roles=world.roles,
        connect_to=world.connect_to,
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
    return effective(application.limits, covering, world.environment.default_limits)
