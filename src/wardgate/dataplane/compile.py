"""A snapshot to Envoy's resources. Pure: the same snapshot, overlay and moment give the same bytes.

Resources are grouped as Envoy subscribes to them; each has a version that is a digest of its content, so what did not
change is not sent again and its buckets and caches are not reset.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from wardgate.dataplane.layout import Layout
from wardgate.dataplane.resources import clusters, credentials, limits, listeners, routes, secrets, standing
from wardgate.dataplane.resources.envoy import JSON, Filter, T
from wardgate.security_patterns.facts import Listener
from wardgate.security_patterns.snapshot import Client, Snapshot

LISTENERS: Final = "listeners"
CLUSTERS: Final = "clusters"
ROUTES: Final = "routes"
SECRETS: Final = "secrets"
EXTENSIONS: Final = "extension_configs"

TYPE_URLS: Final = {
    LISTENERS: T + "envoy.config.listener.v3.Listener",
    CLUSTERS: T + "envoy.config.cluster.v3.Cluster",
    ROUTES: T + "envoy.config.route.v3.RouteConfiguration",
    SECRETS: T + "envoy.extensions.transport_sockets.tls.v3.Secret",
    EXTENSIONS: T + "envoy.config.core.v3.TypedExtensionConfig",
}


@dataclass(frozen=True, slots=True)
class Key:
    """What Envoy asks for: a kind and, except for listeners and clusters, one name."""

    kind: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """A ready answer: `body` is the whole DiscoveryResponse, `version` a digest of its resources."""

    version: str
    body: bytes
    resources: tuple[JSON, ...]
    made_of: object = None
    """The very object this was compiled from, when that is how it is known to be current."""
    only_with: frozenset[str] = frozenset()
    """Versions of the big map beside which it may stand in an Envoy; empty: any (`publish` says why)."""


Resources = Mapping[Key, Resource]
BIG_MAP: Final = Key(EXTENSIONS, str(Filter.CLIENTS))
OVERLAY: Final = Key(EXTENSIONS, str(Filter.OVERLAY))


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that is compiled. `mapped`: what the big map in force is made of.

    `possible`: every big map that some Envoy may still have, `mapped` among them; the overlay says what any of them does not.
    """

    snapshot: Snapshot
    possible: Sequence[Mapping[str, Client]]
    mapped: Mapping[str, Client]
    tls: secrets.TLSMaterial
    layout: Layout
    now: datetime
    refusal_secret: str


def compile_resources(inputs: Inputs, previous: Resources) -> Resources:
    """Return every resource of the data plane. The big map is taken from `previous` while `mapped` is what it was made of."""
    snapshot, layout = inputs.snapshot, inputs.layout
    answer = snapshot.environment.tls_ma_profile == "answer"
    found: dict[Key, Resource] = {
        Key(LISTENERS): _listeners(Shape(layout, answer, inputs.refusal_secret), previous),
        Key(CLUSTERS): resource(CLUSTERS, clusters.clusters(snapshot)),
    }
    for secret in secrets.secrets(inputs.tls):
        found[Key(SECRETS, secret["name"])] = resource(SECRETS, [secret])
    configs = urgent(inputs) | limits.resources(snapshot)
    found |= {Key(EXTENSIONS, str(name)): extension(name, config) for name, config in configs.items()}
    found[BIG_MAP] = _big_map(inputs, previous)
    counters = limits.applies(snapshot)
    for listener in Listener:
        if listener is Listener.HTTP and layout.http_port is None:
            continue
        place = routes.Place(snapshot, listener, inputs.now, counters, inputs.refusal_secret)
        table = routes.route_configuration(place)
        found[Key(ROUTES, table["name"])] = resource(ROUTES, [table])
    return found


@dataclass(frozen=True, slots=True)
class Shape:
    """All that listeners are made of."""

    layout: Layout
    answer_bad_certificates: bool
    refusal_secret: str = field(repr=False)


def _listeners(shape: Shape, previous: Resources) -> Resource:
    """Return the listeners: a megabyte of error mappers, which is not made again while the shape is the same."""
    kept = previous.get(Key(LISTENERS))
    if kept is not None and kept.made_of == shape:
        return kept
    found = listeners.listeners(shape.layout, answer_bad_certificates=shape.answer_bad_certificates, refusal_secret=shape.refusal_secret)
    return replace(resource(LISTENERS, found), made_of=shape)


def urgent(inputs: Inputs) -> dict[Filter, JSON]:
    """Return the small resources that carry what cannot wait for the big map."""
    changed: dict[str, Client | None] = {}
    for base in inputs.possible:
        changed |= changed_clients(base, inputs.snapshot.clients)
    overlay = standing.Overlay(changed)
    return {
        Filter.OVERLAY: standing.overlay(inputs.snapshot, overlay, inputs.now),
        Filter.FINGERPRINTS: credentials.fingerprints(inputs.snapshot),
        Filter.API_KEYS: credentials.api_keys(inputs.snapshot.api_keys, inputs.now),
        Filter.TOKENS: credentials.tokens(inputs.snapshot.tokens),
        Filter.CERTIFICATE_NAMES: credentials.certificate_names(inputs.snapshot),
    }


def _big_map(inputs: Inputs, previous: Resources) -> Resource:
    kept = previous.get(BIG_MAP)
    if kept is not None and kept.made_of is inputs.mapped:
        return kept
    made = extension(Filter.CLIENTS, standing.clients(inputs.mapped))
    return replace(made, made_of=inputs.mapped)


def changed_clients(base: Mapping[str, Client], current: Mapping[str, Client]) -> dict[str, Client | None]:
    """Return what the overlay must say because the big map does not: new and changed clients, None for removed ones."""
    changed: dict[str, Client | None] = {
        name: client for name, client in current.items() if name not in base or _gateway_view(base[name]) != _gateway_view(client)
    }
    return changed | {name: None for name in base if name not in current}


def _gateway_view(client: Client) -> tuple[object, ...]:
    return client.refused, client.products != frozenset(), client.apis


def extension(name: Filter, config: JSON) -> Resource:
    """Return one ECDS resource."""
    kind = T + "envoy.config.core.v3.TypedExtensionConfig"
    return resource(EXTENSIONS, [{"@type": kind, "name": str(name), "typed_config": config}])


def resource(kind: str, found: list[JSON]) -> Resource:
    """Return the ready DiscoveryResponse of these resources, with their digest as version."""
    items = json.dumps(found, separators=(",", ":"), sort_keys=True)
    version = hashlib.sha256(items.encode()).hexdigest()[:16]
    body = f'{{"version_info":"{version}","type_url":"{TYPE_URLS[kind]}","resources":{items}}}'
    return Resource(version, body.encode(), tuple(found))
