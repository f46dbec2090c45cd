"""One search: what of each entry is told (RFC 4511 sections 4.5.1.8, 4.5.2; RFC 3673), and in which pages (RFC 2696)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from wardgate.directory.errors import FilterRefused
from wardgate.directory.index import never
from wardgate.ldap import asn1, filters
from wardgate.ldap.errors import Refused
from wardgate.ldap.requests import Control, Search
from wardgate.ldap.results import NO_ATTRIBUTES, PAGED_RESULTS, Code
from wardgate.ldap.settings import LDAPSettings
from wardgate.ldap.tree import Content, Node, find

ALL_USER: Final = "*"
ALL_OPERATIONAL: Final = "+"


@dataclass(frozen=True, slots=True)
class Page:
    """What a caller says of pages: how many entries one has, and where it goes on; empty: it begins."""

    size: int
    cookie: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found. `more` says that there is more than the limit."""

    nodes: Sequence[Node]
    more: bool


def run(content: Content, search: Search, settings: LDAPSettings, *, paged: bool, stopped: Callable[[], bool] = never) -> Found:
    """Search, until it is done or `stopped`. Raises `Refused`, and `Malformed` for a filter that is none."""
    if len(search.attributes) > settings.max_attributes:
        raise Refused(Code.ADMIN_LIMIT_EXCEEDED, f"a search names at most {settings.max_attributes} attributes")
    filter_ = filters.read(search.filter)
    most = settings.max_paged_entries if paged else settings.max_entries
    limit = min(search.size_limit or most, most)
    try:
        nodes = find(content, search.base, search.scope, filter_, limit, stopped)
    except FilterRefused as refused:
        raise Refused(Code.ADMIN_LIMIT_EXCEEDED, str(refused)) from None
    return Found(nodes[:limit], len(nodes) > limit)


def told(node: Node, search: Search) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give the attributes that were asked for, spelt as in the schema."""
    wanted = {filters.ATTRIBUTE_OIDS.get(name, name).lower() for name in search.attributes} or {ALL_USER}
    if wanted == {NO_ATTRIBUTES}:
        return
    for name, values in node.values.items():
        if ALL_USER in wanted or name.lower() in wanted:
            yield name, () if search.types_only else values
    if ALL_OPERATIONAL in wanted or wanted - {ALL_USER}:
        for name, values in node.operational.items():
            if ALL_OPERATIONAL in wanted or name.lower() in wanted:
                yield name, () if search.types_only else values


def page_of(controls: Sequence[Control]) -> Page | None:
    """Return what the controls say of pages. Raises `Refused` for a critical control that is not known, and for one twice."""
    check(controls, frozenset({PAGED_RESULTS}))
    given = [control for control in controls if control.name == PAGED_RESULTS]
    if not given:
        return None
    value = asn1.decoded(given[0].value, asn1.PagedResults())
    size = int(value["size"])
    if len(given) > 1 or size < 0:
        raise Refused(Code.PROTOCOL_ERROR, "pages are asked for once, with a size")
    return Page(size, value["cookie"].asOctets())


def check(controls: Sequence[Control], known: frozenset[str] = frozenset()) -> None:
    """Raise `Refused` for a control that must be understood and is not (RFC 4511 section 4.1.11)."""
    if any(control.critical and control.name not in known for control in controls):
        raise Refused(Code.UNAVAILABLE_CRITICAL_EXTENSION, f"the control of this operation is {PAGED_RESULTS}" if known else "this operation has no controls")
