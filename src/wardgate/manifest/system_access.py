"""Which systems may use a route by ASID, and for which interactions, as a manifest states it (spine 4.3, 4.4).

Below `/*` every interaction of the service that goes with the method counts; through the secure proxy each data-sharing rule
under which the sender has an interaction.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from wardgate.catalogue import API, Pattern, Route
from wardgate.catalogue.paths import compile_template
from wardgate.directory import AccreditedSystem
from wardgate.directory.stated import rule_of, stated
from wardgate.manifest.model import Manifest
from wardgate.spine.errors import UnknownInteraction
from wardgate.spine.interactions import Style, parse
from wardgate.spine.resolve import GP_REQUESTS, RULES, Service, resolve

Right = tuple[str, str]
"""(caller, pattern): an application, of users with mode and level, `user-restricted, patient at P9`; or a system and its interaction."""
_SAMPLE: Final = "x"


class SystemAccess:
    """The live systems of one manifest and of the store, and what they have been granted."""

    def __init__(self, manifest: Manifest | None, registered: Iterable[AccreditedSystem]) -> None:
        found = [*(_entries(manifest) if manifest is not None else ()), *registered]
        self._granted: dict[str, set[str]] = {}
        self._by_asid = {system.asid: system for system in found}
        for system in found:
            for interaction in system.interactions:
                self._granted.setdefault(interaction, set()).add(named(system))
        self._events = tuple(sorted(name for name in self._granted if _is_event(name)))
        self._rules = [rule_of(rule) for rule in manifest.sharing_rules] if manifest is not None else []
        self._known: dict[tuple[str, str, str], frozenset[Right]] = {}

    def at(self, api: API, route: Route, method: str) -> frozenset[Right]:
        """Return which systems may use a route with a method, for which interaction."""
        key = (api.name, route.path, method)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = frozenset(self._made(api, route, method))
        return found

    def _made(self, api: API, route: Route, method: str) -> Iterator[Right]:
        if api.relays and route.interaction is None:
            for rule in self._rules:
                sender = self._by_asid.get(rule.from_asid)
                if sender is not None and any(map(rule.covers, sender.interactions)):
                    yield named(sender), f"{Pattern.ASID_INTERACTION}, {rule.service} of {rule.to_asid}"
            return
        for interaction in self._interactions(api, route, method):
            yield from ((name, f"{Pattern.ASID_INTERACTION}, {interaction}") for name in self._granted.get(interaction, ()))

    def _interactions(self, api: API, route: Route, method: str) -> Iterable[str]:
        if route.interaction is not None:
            return (route.interaction,)
        if api.spine is None:
            return ()
        template, service = compile_template(route.path), api.spine.service
        if service is Service.NEMS_PUBLISH:
            return self._events if method == "POST" else ()
        if not template.below:
            path = "/" + "/".join(_SAMPLE if segment is None else segment for segment in template.segments)
            return [row.id for row in resolve(service, method, path)]
        if service is Service.GP_CONNECT:
            return [row.interaction.id for row in GP_REQUESTS.values() if row.method == method]
        return dict.fromkeys(name for (wanted, _), names in RULES[service].items() if wanted == method for name in names)


def named(system: AccreditedSystem) -> str:
    """Return a system as people know it."""
    return f"{system.product_name} ({system.asid})" if system.product_name else system.asid


def _entries(manifest: Manifest) -> Iterator[AccreditedSystem]:
    """The systems of a manifest whose organisation is active."""
    closed = {organisation.ods for organisation in manifest.organisations if not organisation.active}
    for system in manifest.systems:
        entry = stated(system, manifest.environment.name).system
        if entry is not None and entry.organisation not in closed:
            yield entry


def _is_event(interaction: str) -> bool:
    try:
        return parse(interaction).style is Style.EVENT
    except UnknownInteraction:
        return False
