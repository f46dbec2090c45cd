"""Systems as the directory will have them, and the routes that know them: what the schema and its rules do not allow is told here."""

from collections.abc import Iterator, Mapping
from typing import Final

from wardgate.catalogue import API, Pattern, Route
from wardgate.catalogue.model import METHODS
from wardgate.catalogue.paths import compile_template
from wardgate.directory import System, errors
from wardgate.directory.entry import name_of
from wardgate.directory.stated import cpa_id_of, directory_of, party_key_of, stated
from wardgate.directory.whole import check as check_entries
from wardgate.manifest.draft import Draft, Entry
from wardgate.manifest.errors import Problem
from wardgate.manifest.locate import Location
from wardgate.spine.interactions import PREFIX
from wardgate.spine.resolve import Service, resolve

_KEYS: Final[Mapping[str, str]] = {
    "uniqueIdentifier": "asid", "nhsIDCode": "organisation", "nhsMHSPartyKey": "party_key", "nhsAsSvcIA": "interactions", "nhsAsClient": "clients",
    "nhsMhsManufacturerOrg": "manufacturer",
}  # fmt: skip
"""Attributes of a system's entry and the keys of the manifest they come from; others follow from the section itself."""
_ENDPOINT_KEYS: Final[Mapping[str, str]] = {
    "uniqueIdentifier": "cpa_id", "nhsMhsCPAId": "cpa_id", "nhsMhsSvcIA": "interaction", "nhsMhsSN": "interaction", "nhsMhsIN": "interaction",
    "nhsMHSEndPoint": "url",
}  # fmt: skip
_OWN_RULES: Final = frozenset({"fqdn"})
"""Attributes whose rules are asked elsewhere, with the place of the other entry."""
_SAMPLE: Final = "x"
_EVENT: Final = f"{PREFIX}events:pds-birth-notification-1.Write"


def check_systems(draft: Draft) -> Iterator[Problem]:
    """Systems make a directory that can be, each has a party key of its own, and routes by ASID have interactions."""
    yield from _with_names(draft)
    yield from _made_party_keys(draft)
    yield from _entries(draft)
    for entry, api in draft.models("apis", API):
        for index, route in enumerate(api.routes):
            if route.pattern is Pattern.ASID_INTERACTION and not _has_interaction(api, route):
                yield entry.place("routes", index, "path").problem(
                    f"no request to `{route.label}` is an interaction of the service {api.spine.service if api.spine else ''}", "state the route's `interaction`")


def _with_names(draft: Draft) -> Iterator[Problem]:
    for entry, system in draft.models("systems", System):
        if system.endpoints and system.fqdn is None:
            yield entry.place("endpoints").problem("a system with endpoints has an `fqdn`: their URLs are below it")


def _made_party_keys(draft: Draft) -> Iterator[Problem]:
    """Two systems share a party key, and so their certificates, only where both say so."""
    owners: dict[str, Entry] = {}
    systems = sorted(draft.models("systems", System), key=lambda found: found[1].party_key is None)
    for entry, system in systems:
        key = party_key_of(system).lower()
        if system.party_key is None and key in owners:
            yield entry.place("asid").problem(
                f"its party key would be `{party_key_of(system)}`, which is that of `{owners[key].place('asid').key}`", "state a `party_key`")
        owners.setdefault(key, entry)


def _entries(draft: Draft) -> Iterator[Problem]:
    environment = draft.environment.name if draft.environment is not None else "manifest"
    placed: dict[str, tuple[Entry, Location]] = {}
    found = []
    for entry, system in draft.models("systems", System):
        found.append(stated(system, environment))
        placed[name_of(system.asid)] = (entry, ())
        placed |= {name_of(cpa_id_of(system.asid, one)): (entry, ("endpoints", index)) for index, one in enumerate(system.endpoints)}
        if system.endpoints:
            placed.setdefault(f"nhsIDCode={system.organisation}", (entry, ()))
    try:
        check_entries(directory_of({one.asid: one for one in found}.values()))
    except errors.InvalidEntries as invalid:
        yield from (_placed(problem, placed) for problem in invalid.problems if problem.attribute not in _OWN_RULES)


def _placed(problem: errors.Problem, placed: Mapping[str, tuple[Entry, Location]]) -> Problem:
    """The problem at its line; of those that are of no one entry, the message says of which."""
    message = f"expected {problem.expected}; received {problem.received}"
    at = placed.get(problem.entry)
    if at is None:
        return Problem("systems", 0, problem.entry, f"{problem.attribute}: {message}")
    entry, inner = at
    key = (_ENDPOINT_KEYS if inner else _KEYS).get(problem.attribute)
    return entry.place(*inner, *((key,) if key else ())).problem(message)


def _has_interaction(api: API, route: Route) -> bool:
    """Whether some request to the route has an interaction: its own, one of the headers', or one of method and path."""
    if route.interaction is not None or api.relays or api.spine is None:
        return True
    template = compile_template(route.path)
    if template.below:
        return True
    supplied = _EVENT if api.spine.service is Service.NEMS_PUBLISH else None
    path = "/" + "/".join(_SAMPLE if segment is None else segment for segment in template.segments)
    return any(resolve(api.spine.service, method, path, supplied) for method in route.methods or METHODS)
