"""Application and API to yes or no: a small overlay of urgent changes in front of one big map.

Both only say what they found (the overlay may refuse at once); the route's own rule (`route_rules`) refuses what neither
admitted. So a new application is admitted by the overlay while the big map is still the old one, and a suspended one
is refused whatever the big map says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from wardgate.dataplane.resources.door import set_state
from wardgate.dataplane.resources.envoy import (
    JSON,
    PROXIED_CLIENT,
    PROXIED_CREDENTIAL,
    PROXIED_JTI,
    PROXIED_LEVEL,
    PROXIED_SESSION,
    Filter,
    State,
    action,
    header_input,
    rbac_matcher,
    state_input,
    tree,
)
from wardgate.security_patterns import standing
from wardgate.security_patterns.snapshot import Client, Snapshot

OVERLAY_PREFIX: Final = "overlay_"
CLIENTS_PREFIX: Final = "clients_"
ADMITTED: Final = "admitted"
UNLISTED: Final = "unlisted"
REFUSED_HERE: Final = "refused:"
"""The overlay's verdict on a changed application: like a standing, but found by the overlay."""


def pair_filter() -> JSON:
    """Return the filter that joins application and API into the key of both maps, and remembers the token's id and level for the log."""
    return set_state(Filter.PAIR, {
        State.PAIR: f"%REQ({PROXIED_CLIENT})%|%METADATA(ROUTE:wardgate:api)%", State.TOKEN_ID: f"%REQ({PROXIED_JTI})%",
        State.LEVEL: f"%REQ({PROXIED_LEVEL})%",
    })


def pair(client: str, api: str) -> str:
    """Return the key of an application at an API."""
    return f"{client}|{api}"


@dataclass(frozen=True, slots=True)
class Overlay:
    """What is urgent. `changed` lists applications whose standing differs from the big map that Envoy has (None: removed)."""

    changed: Mapping[str, Client | None] = field(default_factory=dict)


def overlay(snapshot: Snapshot, urgent: Overlay, now: datetime) -> JSON:
    """Return the overlay: revoked tokens and credentials, ended sign-ins, used-up quotas, changed applications."""
    revoked = action("access-token-revoked", allow=False)
    changed = tree(header_input(PROXIED_CLIENT), _standings(urgent.changed.items(), REFUSED_HERE), action(UNLISTED, allow=True))
    pairs: dict[str, JSON] = {
        pair(client.name, api): action(ADMITTED, allow=True)
        for client in urgent.changed.values() if client is not None
        for api in sorted(client.apis) if standing.standing(client, api) is None
    }
    spent = {key: until for key, until in snapshot.over_quota.items() if until > now}
    pairs |= {pair(*key): action("application-quota-exceeded", allow=False) for key in sorted(spent) if key[0]}
    by_pair = tree(state_input(State.PAIR), pairs, changed)
    by_session = tree(header_input(PROXIED_SESSION), dict.fromkeys(sorted(snapshot.revocations.grants), revoked), by_pair)
    by_credential = tree(header_input(PROXIED_CREDENTIAL),
                         dict.fromkeys(sorted(snapshot.revocations.credentials), revoked), by_session)
    root = tree(header_input(PROXIED_JTI), dict.fromkeys(sorted(snapshot.revocations.tokens), revoked), by_credential)
    return rbac_matcher(root, OVERLAY_PREFIX)


def clients(mapped: Mapping[str, Client]) -> JSON:
    """Return the big map: every application at every API it may call, and the standing of those that may not."""
    granted = {
        pair(client.name, api): action(ADMITTED, allow=True)
        for client in mapped.values()
        for api in client.apis if standing.standing(client, api) is None
    }
    known = tree(header_input(PROXIED_CLIENT), _standings(sorted(mapped.items()), ""),
                 action(standing.UNKNOWN, allow=True))
    return rbac_matcher(tree(state_input(State.PAIR), dict(sorted(granted.items())), known), CLIENTS_PREFIX)


def _standings(found: Iterable[tuple[str, Client | None]], prefix: str) -> dict[str, JSON]:
    return {name: action(prefix + (standing.standing(client, "") or standing.WRONG_PRODUCT), allow=True) for name, client in found}

