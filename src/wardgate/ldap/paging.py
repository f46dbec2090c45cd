"""The searches that a connection is in the middle of (RFC 2696 section 3). What was found first is what all pages show."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wardgate.ldap.errors import Refused
from wardgate.ldap.requests import Search
from wardgate.ldap.results import Code
from wardgate.ldap.search import Found, Page
from wardgate.ldap.tree import Node


@dataclass(frozen=True, slots=True)
class Part:
    """One page: its entries, the cookie for the next (empty: it is the last), how many there are of all, and whether the limit was met."""

    nodes: Sequence[Node]
    cookie: bytes
    total: int
    cut: bool


@dataclass(frozen=True, slots=True)
class _Begun:
    search: Search
    found: Found
    at: int


class Pages:
    """At most `most` searches; of more, the oldest is forgotten. Cookies mean nothing on another connection."""

    def __init__(self, most: int, largest: int, new_cookie: Callable[[], bytes]) -> None:
        self._most, self._largest = most, largest
        self._new_cookie = new_cookie
        self._begun: dict[bytes, _Begun] = {}

    def begin(self, search: Search, found: Found, page: Page) -> Part:
        """Return the first page. Raises `Refused` for a page of nothing."""
        if page.size == 0:
            raise Refused(Code.UNWILLING_TO_PERFORM, "a page has one entry or more")
        return self._part(_Begun(search, found, 0), page.size)

    def go_on(self, search: Search, page: Page) -> Part:
        """Return the next page; of size 0, the end. Raises `Refused` for a cookie that is not of this search on this connection."""
        begun = self._begun.pop(page.cookie, None)
        if begun is None or begun.search != search:
            raise Refused(Code.UNWILLING_TO_PERFORM, "the cookie is not of this search, or was used, or is too old")
        if page.size == 0:
            return Part((), b"", len(begun.found.nodes), cut=False)
        return self._part(begun, page.size)

    def forget(self) -> None:
        """End them all."""
        self._begun.clear()

    def _part(self, begun: _Begun, size: int) -> Part:
        end = begun.at + min(size, self._largest)
        nodes = begun.found.nodes[begun.at : end]
        total = len(begun.found.nodes)
        if end >= total:
            return Part(nodes, b"", total, cut=begun.found.more)
        cookie = self._new_cookie()
        self._begun[cookie] = _Begun(begun.search, begun.found, end)
        while len(self._begun) > self._most:
            del self._begun[next(iter(self._begun))]
        return Part(nodes, cookie, total, cut=False)
