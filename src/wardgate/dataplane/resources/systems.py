"""ASID, certificate and interaction to yes or no: an overlay of urgent changes, one big map, and the shared sets of interactions.

Two steps. The ASID that a header names and the name in the client certificate are one key, and lead to the set of interactions
that the system may send; set and interaction then are the key of the second map, in which a set stands once however many systems
have it. All of them only say what they found; the route's own rules (`system_rules`) refuse.

The big map has nothing but calls that are as they should be, so that it is small and soon swapped. What is not in it, a wrong
certificate, an unknown ASID, a certificate whose only name is its CN, the decision service judges: it is rare, and wants a reason.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from wardgate.dataplane.resources.door import set_state
from wardgate.dataplane.resources.envoy import (
    JSON,
    Filter,
    State,
    action,
    rbac_matcher,
    state_input,
    tree,
)
from wardgate.security_patterns.snapshot import CallingSystem
from wardgate.spine.headers import NAMES, Family

OVERLAY_PREFIX: Final = "systems_overlay_"
MAP_PREFIX: Final = "systems_"
GRANTS_PREFIX: Final = "grants_"
UNLISTED: Final = "unlisted"
GRANTED: Final = "granted"
NOT_GRANTED: Final = "not-granted"
NOT_OF_ASID: Final = "certificate-not-of-asid"
UNKNOWN: Final = "from-asid-unknown"
"""What is said of a suspended system as well: to its caller there is none."""
ASK: Final = "ask"
SET: Final = "set-"
"""Begins the name of every set, and nothing else that a map says."""
FILTERS: Final[Mapping[Family, Filter]] = {
    Family.REASONABLE_ADJUSTMENTS: Filter.SYSTEM, Family.NRL: Filter.SYSTEM, Family.NEMS: Filter.SYSTEM, Family.PROXY: Filter.SYSTEM_PROXIED,
}
"""The filter that reads the headers of a family. The others' names are the same but for the case of letters, which is not compared."""
ASID_OF_KEY: Final = f"%FILTER_STATE({State.SYSTEM}:PLAIN):12%"
"""The ASID of a call whose sender has its form: it is the beginning of the key."""
INTERACTION_OF_ROUTE: Final = "%METADATA(ROUTE:wardgate:interaction)%"
_ALLOW: Final = {verdict: action(verdict, allow=True) for verdict in (UNLISTED, GRANTED, NOT_GRANTED, NOT_OF_ASID, UNKNOWN, ASK)}


def system_filter(name: Filter) -> JSON:
    """Return the filter that reads a family's headers: into the key of the maps, and for the log."""
    names = NAMES[next(family for family, found in FILTERS.items() if found is name and NAMES[family].trace)]
    return set_state(name, {
        State.SYSTEM: f"%REQ({names.sender.lower()})%|%FILTER_STATE({State.CERTIFICATE_NAME}:PLAIN)%",
        State.TRACE: f"%REQ({names.trace.lower()})%",
    })


def grant_filter() -> JSON:
    """Return the filter that joins what the maps found and the interaction into the key of `grants`."""
    overlay, found = (f"%DYNAMIC_METADATA(envoy.filters.http.rbac:{prefix}enforced_effective_policy_id)%" for prefix in (OVERLAY_PREFIX, MAP_PREFIX))
    return set_state(Filter.SYSTEM_SET, {State.GRANT: f"{overlay} {INTERACTION_OF_ROUTE} {found}"})


def set_name(interactions: frozenset[str]) -> str:
    """Return the name of a set of interactions: it follows from what is in it, so that no map depends on another's numbering."""
    return SET + hashlib.sha256(" ".join(sorted(interactions)).encode()).hexdigest()[:32]


def systems(mapped: Mapping[str, CallingSystem]) -> JSON:
    """Return the big map: every system that may call, with the names of its certificates."""
    return rbac_matcher(tree(state_input(State.SYSTEM), _by_pair(dict(sorted(mapped.items()))), _ALLOW[ASK]), MAP_PREFIX)


def overlay(changed: Mapping[str, CallingSystem | None]) -> JSON:
    """Return the overlay: the systems that differ from the big map that Envoy has (None: removed), and nothing of the others.

    It says by itself why one of them is refused, because the map may still have it.
    """
    known = {asid: found for asid, found in sorted(changed.items()) if found is not None}
    by_pair = _by_pair(known)
    by_pair |= {f"{asid}|{name}": _ALLOW[UNKNOWN] for asid, found in known.items() if found.suspended for name in found.certificate_names}
    by_pair |= {pair.replace("|", "|CN=", 1): found for pair, found in by_pair.items()}  # a certificate that has no other name
    alone = {f"{asid}|": _ALLOW[UNKNOWN if found is None else NOT_OF_ASID] for asid, found in sorted(changed.items())}
    return rbac_matcher(tree(state_input(State.SYSTEM), by_pair, _beginnings(alone, _ALLOW[UNLISTED])), OVERLAY_PREFIX)


def grants(sets: Iterable[frozenset[str]], asked: frozenset[str]) -> JSON:
    """Return which sets have which interactions. Only those of native routes (`asked`) are told.

    NOTE: a key ends in what the overlay did not say, so the keys are beginnings. An interaction has no space in it and a set's
    name is always as long, so that no other key begins so.
    """
    allowed = dict.fromkeys(sorted(_grants(sets, asked)), _ALLOW[GRANTED])
    return rbac_matcher(_beginnings(allowed, _ALLOW[NOT_GRANTED], State.GRANT), GRANTS_PREFIX)


def changed_systems(base: Mapping[str, CallingSystem], current: Mapping[str, CallingSystem]) -> dict[str, CallingSystem | None]:
    """Return what the overlay must say because the big map does not: new and changed systems, None for removed ones."""
    changed: dict[str, CallingSystem | None] = {
        asid: system for asid, system in current.items() if (before := base.get(asid)) is not system and _view(before) != _view(system)
    }
    return changed | {asid: None for asid in base if asid not in current}


def _view(system: CallingSystem | None) -> tuple[Any, ...] | None:
    return (system.suspended, system.certificate_names, system.interactions) if system is not None else None


def _grants(sets: Iterable[frozenset[str]], asked: frozenset[str]) -> Iterator[str]:
    for found in sets:
        name = set_name(found)
        for interaction in found & asked:
            yield f"{UNLISTED} {interaction} {name}"
            yield f"{name} {interaction} "


def _beginnings(entries: Mapping[str, JSON], otherwise: JSON, key: State = State.SYSTEM) -> JSON:
    """Return a tree of which each key is the beginning of what is looked up; `envoy.tree` is of whole keys."""
    if not entries:
        return otherwise
    found = {"input": state_input(key), "prefix_match_map": {"map": dict(entries)}}
    return {"matcher": {"matcher_tree": found, "on_no_match": otherwise}}


def _by_pair(known: Mapping[str, CallingSystem]) -> dict[str, JSON]:
    """Return the sets of those that may call, by ASID and certificate's name."""
    actions: dict[frozenset[str], JSON] = {}
    by_pair: dict[str, JSON] = {}
    for asid, system in known.items():
        if system.suspended:
            continue
        one = actions.get(system.interactions)
        if one is None:
            one = actions[system.interactions] = action(set_name(system.interactions), allow=True)
        by_pair |= {f"{asid}|{name}": one for name in sorted(system.certificate_names)}
    return by_pair
