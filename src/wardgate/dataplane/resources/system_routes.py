"""Which calls of a route by ASID Envoy can judge by itself, and what it must know of each kind.

Envoy compares; it does not work out interactions. So a route stays native only where method and path template say which
interaction a call is, whatever stands in the place of `{id}`. What is not plain goes to the decision service, which is never wrong
to ask.
"""

import re
from dataclasses import dataclass
from typing import Final

from wardgate.catalogue import API, Pattern, Route
from wardgate.catalogue.model import METHODS
from wardgate.catalogue.paths import compile_template
from wardgate.dataplane.resources.systems import FILTERS
from wardgate.spine.resolve import RULES, Service, resolve

SAMPLE: Final = "a1"
"""An id like any other."""
ID: Final = "[A-Za-z0-9.-]{1,64}"
"""What an id is (`spine.resolve`). With anything else in its place there is no interaction."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Calls of a route that are judged alike. `interaction`: the one that fits, None when none does."""

    methods: tuple[str, ...]
    """Empty: whatever no other takes."""
    interaction: str | None
    path: str | None = None
    """RE2 of the paths that are the interaction's, the others have none; None: all of the route's."""


def judged(api: API, route: Route) -> tuple[Judged, ...]:
    """Return what Envoy can judge of a route by ASID, methods apart; nothing when the decision service must be asked."""
    spine = api.spine
    if spine is None or route.pattern is not Pattern.ASID_INTERACTION or route.variant is not None or api.relays:
        return ()
    if spine.family not in FILTERS or spine.asid is None or (route.identity_headers and route.identity_headers.organisations):
        return ()
    if route.interaction is not None:
        return (Judged(route.methods, route.interaction),)
    return _by_method(api, route, spine.service) if spine.service in RULES else ()


def asked_interactions(api: API) -> frozenset[str]:
    """Return the interactions that Envoy looks for in the systems' sets."""
    return frozenset(name for route in api.routes for found in judged(api, route) if (name := found.interaction) is not None)


def _by_method(api: API, route: Route, service: Service) -> tuple[Judged, ...]:
    template = compile_template(route.path)
    variable = [index for index, segment in enumerate(template.segments) if segment is None]
    if template.below or variable not in ([], [1]):
        return ()
    sample = "/" + "/".join(SAMPLE if part is None else part for part in template.segments)
    parts = (ID if part is None else re.escape(part) for part in template.segments)
    proper = f"{re.escape(api.base_path)}/{'/'.join(parts)}" if variable else None
    by_fitting: dict[tuple[str, ...], list[str]] = {}
    for method in route.methods or METHODS:
        by_fitting.setdefault(tuple(row.id for row in resolve(service, method, sample)), []).append(method)
    if any(len(fitting) > 1 for fitting in by_fitting):  # only the header tells which
        return ()
    found = [Judged(tuple(methods), fitting[0] if fitting else None, proper if fitting else None) for fitting, methods in by_fitting.items()]
    return tuple(found) if route.methods else (*found, Judged((), None))
