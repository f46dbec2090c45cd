"""Base paths and routes: that at most one route can be meant by a request."""

from collections.abc import Iterator
from itertools import combinations

from wardgate.catalogue import API, Route
from wardgate.catalogue.model import RESERVED_BASE_PATHS
from wardgate.catalogue.paths import HEALTH_PATHS, compile_template
from wardgate.catalogue.platform import PLATFORM_APIS
from wardgate.manifest.draft import Draft, Entry
from wardgate.manifest.errors import Problem

_RESERVED = frozenset(RESERVED_BASE_PATHS)
_NAMES = frozenset(api.name for api in PLATFORM_APIS)
_HEALTH = frozenset(path[1:] for path in HEALTH_PATHS)


def check_routing(draft: Draft) -> Iterator[Problem]:
    """No base path is reserved or below another's; no two routes of an API are equally specific and share a method."""
    owners = {api.base_path: (entry, api) for entry, api in reversed(list(draft.models("apis", API)))}
    for entry, api in draft.models("apis", API):
        yield from _base_path(entry, api, owners)
        if api.name.casefold() in _NAMES:
            yield entry.place("name").problem(f"`{api.name}` is the name of an API that every environment has")
        yield from _reserved_routes(entry, api)
        yield from _overlaps(entry, api)


def _base_path(entry: Entry, api: API, owners: dict[str, tuple[Entry, API]]) -> Iterator[Problem]:
    parts = api.base_path[1:].split("/")
    above = ["/" + "/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    reserved = next((path for path in above if path in _RESERVED), None)
    if reserved is not None:
        yield entry.place("base_path").problem(f"`{reserved}` is reserved for the gateway itself")
    outer = next((owners[path] for path in above[:-1] if path in owners), None)
    if outer is not None:
        at = outer[0].place("base_path")
        yield entry.place("base_path").problem(
            f"the base path is below `{outer[1].base_path}` of the API `{outer[1].name}` ({at.file}, line {at.line})")


def _reserved_routes(entry: Entry, api: API) -> Iterator[Problem]:
    for index, route in enumerate(api.routes):
        first = next(iter(compile_template(route.path).segments), None)
        if first in _HEALTH:
            yield entry.place("routes", index, "path").problem(
                f"`/{first}` below a base path is reserved: the gateway answers it")


def _overlaps(entry: Entry, api: API) -> Iterator[Problem]:
    by_shape: dict[object, list[tuple[int, Route]]] = {}
    for index, route in enumerate(api.routes):
        by_shape.setdefault(compile_template(route.path).shape, []).append((index, route))
    for routes in by_shape.values():
        for (_, earlier), (index, later) in combinations(routes, 2):
            shared = _shared_methods(earlier, later)
            if shared:
                yield entry.place("routes", index, "path").problem(
                    f"`{later.label}` and `{earlier.label}` match the same requests ({shared}) and neither is more specific",
                    "give them different methods, or make one route with `any_of`")


def _shared_methods(one: Route, other: Route) -> str:
    if not one.methods and not other.methods:
        return "every method"
    if not one.methods or not other.methods:
        return ", ".join(one.methods or other.methods)
    return ", ".join(method for method in one.methods if method in other.methods)
