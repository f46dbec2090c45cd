"""A snapshot to Envoy's resources. Pure: the same snapshot, overlay and moment give the same bytes.

Resources are grouped as Envoy subscribes to them; each has a version that is a digest of its content, so what did not
change is not sent again and its buckets and caches are not reset. What a resource is made of is kept beside it: while
that is the same, it is not even made again.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from json.encoder import encode_basestring_ascii
from operator import itemgetter
from typing import Any, Final

from wardgate.catalogue import API
from wardgate.dataplane.layout import Layout
from wardgate.dataplane.resources import (
    clusters,
    credentials,
    limits,
    listeners,
    relay,
    routes,
    secrets,
    standing,
    system_routes,
    systems,
)
from wardgate.dataplane.resources.envoy import JSON, Filter, T
from wardgate.quotas import RateLimits
from wardgate.security_patterns.facts import Listener
from wardgate.security_patterns.snapshot import CallingSystem, Client, Revocations, Snapshot
from wardgate.workflows.key_directory import PublishedKeys
from wardgate.workflows.post_office import PostOffice

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
    """All that it was compiled from, when that is how it is known to be current."""
    only_with: Mapping[Key, frozenset[str]] = field(default_factory=dict)
    """Versions of other resources beside which it may stand in an Envoy; of those it does not name, any (`publish` says why)."""


Resources = Mapping[Key, Resource]
BIG_MAP: Final = Key(EXTENSIONS, str(Filter.CLIENTS))
OVERLAY: Final = Key(EXTENSIONS, str(Filter.OVERLAY))
SYSTEM_MAP: Final = Key(EXTENSIONS, str(Filter.SYSTEMS))
SYSTEM_OVERLAY: Final = Key(EXTENSIONS, str(Filter.SYSTEMS_OVERLAY))
GRANTS: Final = Key(EXTENSIONS, str(Filter.GRANTS))


@dataclass(frozen=True, slots=True)
class Mapped:
    """What the big maps are made of: applications, and systems."""

    clients: Mapping[str, Client] = field(default_factory=dict)
    systems: Mapping[str, CallingSystem] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Mapped":
        """Return what the maps of a snapshot are made of."""
        return cls(dict(snapshot.clients), dict(snapshot.systems))

    def changes(self, snapshot: Snapshot) -> int:
        """Return how many applications and systems the overlays must tell of because these maps do not."""
        return len(changed_clients(self.clients, snapshot.clients)) + len(systems.changed_systems(self.systems, snapshot.systems))


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that is compiled. `mapped`: what the big maps in force are made of.

    `possible`: every pair of big maps that some Envoy may still have, `mapped` among them; the overlays say what any of them does not.
    """

    snapshot: Snapshot
    possible: Sequence[Mapped]
    mapped: Mapped
    tls: secrets.TLSMaterial
    layout: Layout
    now: datetime
    refusal_secret: str
    named: frozenset[frozenset[str]] = frozenset()
    """Sets of interactions that the overlay of some Envoy may name although they are in no map and not in the snapshot."""


def sets_of(known: Mapping[str, CallingSystem]) -> frozenset[frozenset[str]]:
    """Return the different sets of interactions that systems have."""
    return frozenset(system.interactions for system in known.values())


def compile_resources(inputs: Inputs, previous: Resources) -> Resources:
    """Return every resource of the data plane. What is made of the same as in `previous` is taken from there."""
    snapshot, layout = inputs.snapshot, inputs.layout
    shape = listeners.Shape.of(snapshot, layout, inputs.refusal_secret)
    names = snapshot.certificate_names
    found: dict[Key, Resource] = {
        Key(LISTENERS): _kept(previous, Key(LISTENERS), shape, lambda: resource(LISTENERS, listeners.listeners(shape))),
        Key(CLUSTERS): _kept(previous, Key(CLUSTERS), Clustered.of(snapshot), lambda: resource(CLUSTERS, clusters.clusters(snapshot, layout))),
        **big_maps(inputs.mapped, previous),
        GRANTS: _grants(inputs, previous),
        _NAMES: _kept(previous, _NAMES, names, lambda: extension(Filter.CERTIFICATE_NAMES, credentials.certificate_names(snapshot))),
    }
    for secret in secrets.secrets(inputs.tls):
        found[Key(SECRETS, secret["name"])] = resource(SECRETS, [secret])
    found |= {Key(EXTENSIONS, str(name)): extension(name, config) for name, config in urgent(inputs).items()}
    limited = Limited.of(snapshot)
    found |= _limits(limited, previous)
    return found | _routes(inputs, limited, previous)


_NAMES: Final = Key(EXTENSIONS, str(Filter.CERTIFICATE_NAMES))


def _kept(previous: Resources, key: Key, made_of: object, make: Callable[[], Resource]) -> Resource:
    """Return the resource of before while it is made of the same, else a new one."""
    kept = previous.get(key)
    if kept is not None and kept.made_of == made_of:
        return kept
    return replace(make(), made_of=made_of)


@dataclass(frozen=True, slots=True)
class Clustered:
    """All that clusters are made of. A directory is the same only while it is the same object."""

    apis: tuple[API, ...]
    directory: object
    connect_to: Mapping[str, str]

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Clustered":
        """Return what a snapshot says of clusters."""
        return cls(snapshot.apis, snapshot.directory, snapshot.connect_to)


@dataclass(frozen=True, slots=True)
class Limited:
    """All that counters are made of: the limits of each application, and what is not about applications."""

    limits: Mapping[str, Mapping[str, RateLimits]]
    rest: Snapshot

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Limited":
        """Return what a snapshot says of limits."""
        found = {name: client.limits for name, client in snapshot.clients.items()}
        return cls(found, replace(_without_applications(snapshot), generation=0, over_quota={}))

    def snapshot(self) -> Snapshot:
        """Return a snapshot that says nothing else, so that no counter can depend on what is not compared."""
        bare = {
            name: Client(name=name, organisation="", products=frozenset(), apis=frozenset(), scopes=(), limits=found)
            for name, found in self.limits.items()
        }
        return replace(self.rest, clients=bare)


def _limits(limited: Limited, previous: Resources) -> dict[Key, Resource]:
    keys = {Key(EXTENSIONS, str(counter.filter)): counter.filter for counter in limits.COUNTERS}
    if all(key in previous and previous[key].made_of == limited for key in keys):
        return {key: previous[key] for key in keys}
    configs = limits.resources(limited.snapshot())
    return {key: replace(extension(name, configs[name]), made_of=limited) for key, name in keys.items()}


@dataclass(frozen=True, slots=True)
class Routed:
    """All that a route table is made of.

    NOTE: the generation, which an API's `_ping` tells, is that in which its routes were last made: it is not compared, or
    every change of an application would load every route anew.
    """

    snapshot: Snapshot = field(compare=False)
    content: Snapshot
    """The same without generation and applications; what it says is used up is used up."""
    limited: Limited
    refusal_secret: str = field(repr=False)

    @classmethod
    def of(cls, inputs: Inputs, limited: Limited) -> "Routed":
        """Return what a snapshot says of routes at this moment."""
        spent = {key: until for key, until in inputs.snapshot.over_quota.items() if not key[0] and until > inputs.now}
        alone = replace(_without_applications(inputs.snapshot), over_quota=spent)
        return cls(alone, replace(alone, generation=0), limited, inputs.refusal_secret)


def _routes(inputs: Inputs, limited: Limited, previous: Resources) -> dict[Key, Resource]:
    wanted = [listener for listener in Listener if listener is not Listener.HTTP or inputs.layout.http_port is not None]
    keys: dict[Key, Listener | None] = {Key(ROUTES, f"routes-{listener}"): listener for listener in wanted}
    keys |= {Key(ROUTES, relay.ROUTES): None} if relay.listens(inputs.layout, inputs.snapshot) else {}
    routed = Routed.of(inputs, limited)
    if all(key in previous and previous[key].made_of == routed for key in keys):
        return {key: previous[key] for key in keys}
    counters = limits.applies(limited.snapshot())
    always = datetime.min.replace(tzinfo=UTC)

    def table(listener: Listener | None) -> JSON:
        if listener is None:
            return relay.route_configuration(routed.snapshot, counters)
        return routes.route_configuration(routes.Place(routed.snapshot, listener, always, counters, inputs.refusal_secret))

    return {key: replace(resource(ROUTES, [table(listener)]), made_of=routed) for key, listener in keys.items()}


def _without_applications(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot without what it says of applications, systems, people and messages: no route and no counter knows them."""
    return replace(snapshot, clients={}, api_keys={}, certificate_names={}, revocations=Revocations(), roles={}, systems={},
                   organisations=frozenset(), directory=None, post_office=_NO_POST, message_keys=_NO_KEYS)


_NO_POST: Final = PostOffice()
_NO_KEYS: Final = PublishedKeys()


def urgent(inputs: Inputs) -> dict[Filter, JSON]:
    """Return the small resources that carry what cannot wait for the big map."""
    changed: dict[str, Client | None] = {}
    changed_systems: dict[str, CallingSystem | None] = {}
    for base in inputs.possible:
        changed |= changed_clients(base.clients, inputs.snapshot.clients)
        changed_systems |= systems.changed_systems(base.systems, inputs.snapshot.systems)
    overlay = standing.Overlay(changed)
    return {
        Filter.OVERLAY: standing.overlay(inputs.snapshot, overlay, inputs.now),
        Filter.SYSTEMS_OVERLAY: systems.overlay(changed_systems),
        Filter.FINGERPRINTS: credentials.fingerprints(inputs.snapshot),
        Filter.API_KEYS: credentials.api_keys(inputs.snapshot.api_keys, inputs.now),
        Filter.TOKENS: credentials.tokens(inputs.snapshot.tokens),
    }


def big_maps(mapped: Mapped, previous: Resources) -> dict[Key, Resource]:
    """Return the map of every application at every API, and that of every system with every certificate."""
    return {
        BIG_MAP: _kept(previous, BIG_MAP, mapped.clients, lambda: extension(Filter.CLIENTS, standing.clients(mapped.clients))),
        SYSTEM_MAP: _kept(previous, SYSTEM_MAP, mapped.systems, lambda: extension(Filter.SYSTEMS, systems.systems(mapped.systems))),
    }


def _grants(inputs: Inputs, previous: Resources) -> Resource:
    """Return what is in each set that some Envoy may be told of: by a big map or an overlay that it may have, or by the overlay of now."""
    sets = inputs.named.union(sets_of(inputs.snapshot.systems), *(sets_of(base.systems) for base in inputs.possible))
    asked = frozenset(name for api in inputs.snapshot.apis for name in system_routes.asked_interactions(api))
    return _kept(previous, GRANTS, (sets, asked), lambda: extension(Filter.GRANTS, systems.grants(sets, asked)))


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
    items = "".join(_text(found)) if kind == EXTENSIONS else _dumps(found)
    version = hashlib.sha256(items.encode()).hexdigest()[:16]
    body = f'{{"version_info":"{version}","type_url":"{TYPE_URLS[kind]}","resources":{items}}}'
    return Resource(version, body.encode(), tuple(found))


_SLICE: Final = 1000


def _dumps(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _text(value: Any) -> Iterator[str]:
    """Yield the same text as `_dumps`, a big map or list in slices: in one piece it would keep every other thread waiting."""
    if isinstance(value, dict) and len(value) > _SLICE:
        yield from _sliced("{", _texts_of_map(value), "}")
    elif isinstance(value, list) and len(value) > _SLICE:
        items = iter(value)
        yield from _sliced("[", (_dumps(part) for part in iter(lambda: list(islice(items, _SLICE)), [])), "]")
    elif isinstance(value, dict):
        yield "{"
        for number, (name, found) in enumerate(sorted(value.items())):
            yield f"{',' if number else ''}{_dumps(name)}:"
            yield from _text(found)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for number, found in enumerate(value):
            yield "," if number else ""
            yield from _text(found)
        yield "]"
    else:
        yield _dumps(value)


def _texts_of_map(value: dict[str, Any]) -> Iterator[str]:
    """Yield the slices of a big map. One object that stands at many keys, as that of all revoked tokens does, is written once."""
    different = {id(found): found for found in value.values()}
    entries = iter(sorted(value.items(), key=itemgetter(0)))
    slices = iter(lambda: list(islice(entries, _SLICE)), [])
    if len(different) * 10 > len(value):
        yield from (_dumps(dict(part)) for part in slices)
        return
    texts = {one: _dumps(found) for one, found in different.items()}
    for part in slices:
        yield "{" + ",".join(f"{encode_basestring_ascii(name)}:{texts[id(found)]}" for name, found in part) + "}"


def _sliced(opening: str, texts: Iterator[str], closing: str) -> Iterator[str]:
    """Yield texts of maps or lists as one."""
    yield opening
    for number, text in enumerate(texts):
        yield "," if number else ""
        yield text[1:-1]
    yield closing
