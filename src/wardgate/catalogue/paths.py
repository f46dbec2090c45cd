"""Path templates: how a route's `path` matches a request, and which route wins.

One structure (`PathTemplate`) is the source of both the match made here and the form Envoy is given, so that the two
cannot differ. The rules:

- Paths are matched raw: percent-encoding is kept, never decoded; letters' case counts; there is no query.
- A literal segment matches itself, `{name}` one segment of at least one character.
- `/x/*` matches `/x/` and everything below it, and not `/x`. `/*` matches every path of the API.
- The base path alone means `/`: with base path `/a`, both `/a` and `/a/` are the route path `/`.
- A trailing slash is a character like others: `/x/` is not `/x`.
- Precedence, segment by segment from the left: a literal beats `{name}` beats `/*`. The most specific template that
  matches the path decides alone. When its routes do not take the method the answer is "method not allowed": a less
  specific template, perhaps with a weaker pattern, never steps in.
- `_ping` and `_status` below a base path belong to the gateway.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wardgate.catalogue.model import API, METHODS, Route

HEALTH_PATHS: Final = ("/_ping", "/_status")
"""Below every base path; routes cannot have them."""

_PARAMETER: Final = re.compile(r"\{[a-z_]+\}")
_META: Final = re.compile(r"([.$])")
"""The characters of a literal segment that mean something in a regular expression."""
_ONE_SEGMENT: Final = "[^/]+"


class MatchKind(StrEnum):
    """How Envoy is told to compare a path."""

    EXACT = "exact"
    PREFIX = "prefix"
    REGEX = "regex"


@dataclass(frozen=True, slots=True)
class PathMatch:
    """One comparison of a whole path; `regex` is RE2 and must match all of it."""

    kind: MatchKind
    value: str


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """A route's path, taken apart: `segments` in order, None for `{name}`; `below` when it ends in `/*`."""

    text: str
    segments: tuple[str | None, ...]
    below: bool

    @property
    def literal(self) -> bool:
        """Whether exactly one path matches."""
        return not self.below and None not in self.segments

    @property
    def shape(self) -> tuple[tuple[str | None, ...], bool]:
        """Equal for templates that match the same paths: the names of parameters do not count."""
        return self.segments, self.below

    @property
    def specificity(self) -> tuple[tuple[int, str], ...]:
        """A sort key: of two templates that match one path, the smaller is the more specific."""
        ranks = [(1, "") if segment is None else (0, segment) for segment in self.segments]
        return (*ranks, (2, "")) if self.below else tuple(ranks)

    def matches(self, route_path: str) -> bool:
        """Return whether `route_path` (what follows the base path, beginning with `/`) is one of this template's."""
        return self.matches_segments(segments_of(route_path))

    def matches_segments(self, given: Sequence[str]) -> bool:
        """Return the same for a path taken apart by `segments_of`."""
        wanted = self.segments
        if self.below:
            if len(given) <= len(wanted) and (given or wanted):
                return False
        elif len(given) != len(wanted):
            return False
        for part, segment in zip(given, wanted, strict=False):
            if part != segment if segment is not None else not part:
                return False
        return True

    def as_regex(self, base_path: str = "") -> str:
        """Return the RE2 form of this template below `base_path`; it must match the whole path."""
        if not self.segments:
            return _quoted(base_path) + ("(/.*)?" if self.below else "/?") if base_path else ("/.*" if self.below else "/")
        parts = (_ONE_SEGMENT if segment is None else _quoted(segment) for segment in self.segments)
        return _quoted(base_path) + "/" + "/".join(parts) + ("/.*" if self.below else "")

    def as_matches(self, base_path: str) -> tuple[PathMatch, ...]:
        """Return the cheapest comparisons that together mean the same as `as_regex`; any one is enough."""
        if None in self.segments:
            return (PathMatch(MatchKind.REGEX, self.as_regex(base_path)),)
        path = "".join(f"/{segment}" for segment in self.segments)
        if not self.segments:
            below = PathMatch(MatchKind.PREFIX if self.below else MatchKind.EXACT, f"{base_path}/")
            return (PathMatch(MatchKind.EXACT, base_path), below)
        if self.below:
            return (PathMatch(MatchKind.PREFIX, f"{base_path}{path}/"),)
        return (PathMatch(MatchKind.EXACT, base_path + path),)


def segments_of(route_path: str) -> Sequence[str]:
    """Take a request's path apart, as far as it follows the base path; `/` has no segments."""
    return () if route_path == "/" else route_path[1:].split("/")


def compile_template(path: str) -> PathTemplate:
    """Take a route's path apart. The path has passed `catalogue.model.RoutePath`."""
    below = path.endswith("/*")
    stem = path[:-2] if below else path
    parts = stem[1:].split("/") if len(stem) > 1 else []
    return PathTemplate(path, tuple(None if _PARAMETER.fullmatch(part) else part for part in parts), below)


def by_precedence(routes: Iterable[Route]) -> list[tuple[PathTemplate, tuple[Route, ...]]]:
    """Group routes by what their templates match, most specific first: the order in which Envoy must try them."""
    groups: dict[tuple[tuple[str | None, ...], bool], list[Route]] = {}
    for route in routes:
        groups.setdefault(compile_template(route.path).shape, []).append(route)
    found = [(compile_template(group[0].path), tuple(group)) for group in groups.values()]
    return sorted(found, key=lambda entry: entry[0].specificity)


def allowed_methods(routes: Iterable[Route]) -> tuple[str, ...]:
    """Return the methods that routes of one template take together, in the order of `METHODS`; all when one takes all."""
    listed: set[str] = set()
    for route in routes:
        if not route.methods:
            return METHODS
        listed.update(route.methods)
    return tuple(method for method in METHODS if method in listed)


@dataclass(frozen=True, slots=True)
class Found:
    """The route of a request."""

    api: API
    route: Route
    template: PathTemplate


@dataclass(frozen=True, slots=True)
class MethodNotAllowed:
    """The path is a route's, the method is not. `template` is the one that decided."""

    api: API
    allowed: tuple[str, ...]
    template: PathTemplate


@dataclass(frozen=True, slots=True)
class NotFound:
    """No route; `api` is the one whose base path the path is below, if any."""

    api: API | None


Match = Found | MethodNotAllowed | NotFound


class _Routes:
    """The routes of one API, indexed: literal templates by path, the others in order of precedence by their first segment."""

    __slots__ = ("_api", "_below", "_elsewhere", "_literal")

    def __init__(self, api: API) -> None:
        self._api = api
        groups = by_precedence(api.routes)
        self._literal = {template.text: (template, routes) for template, routes in groups if template.literal}
        others = [(template, routes) for template, routes in groups if not template.literal]
        self._elsewhere = [entry for entry in others if not entry[0].segments or entry[0].segments[0] is None]
        firsts = {entry[0].segments[0] for entry in others if entry[0].segments}
        self._below = {first: [entry for entry in others if not entry[0].segments or entry[0].segments[0] in {None, first}] for first in firsts}

    def find(self, method: str, route_path: str) -> Match:
        if route_path in HEALTH_PATHS:
            return NotFound(self._api)
        entry = self._literal.get(route_path)
        if entry is None:
            given = segments_of(route_path)
            others = self._below.get(given[0], self._elsewhere) if given else self._elsewhere
            entry = next((other for other in others if other[0].matches_segments(given)), None)
        if entry is None:
            return NotFound(self._api)
        template, routes = entry
        for route in routes:
            if not route.methods or method in route.methods:
                return Found(self._api, route, template)
        return MethodNotAllowed(self._api, allowed_methods(routes), template)


class RouteMatcher:
    """Finds the route of a request among APIs whose base paths are not nested (`manifest.check` sees to that)."""

    def __init__(self, apis: Iterable[API]) -> None:
        self._apis: Mapping[str, API] = {api.base_path: api for api in apis}
        self._routes = {base_path: _Routes(api) for base_path, api in self._apis.items()}
        self._depth = max((base_path.count("/") for base_path in self._apis), default=0)

    def find(self, method: str, path: str) -> Match:
        """Return the route that decides about this request, or why there is none. Health paths are not routes."""
        base_path = self._base_path_of(path)
        if base_path is None:
            return NotFound(None)
        return self._routes[base_path].find(method, path[len(base_path):] or "/")

    def health(self, path: str) -> tuple[API, str] | None:
        """Return the API and `/_ping` or `/_status` when the path is one of the gateway's own below a base path."""
        base_path = self._base_path_of(path)
        if base_path is None or path[len(base_path):] not in HEALTH_PATHS:
            return None
        return self._apis[base_path], path[len(base_path):]

    def _base_path_of(self, path: str) -> str | None:
        end = 0
        for _ in range(self._depth):
            end = path.find("/", end + 1)
            candidate = path if end < 0 else path[:end]
            if candidate in self._apis:
                return candidate
            if end < 0:
                return None
        return None


def match(api: API, path: str, method: str) -> Match:
    """Find the route of one API for a request; `RouteMatcher` is the same for many."""
    return RouteMatcher((api,)).find(method, path)


def _quoted(literal: str) -> str:
    return _META.sub(r"\\\1", literal)
