"""Searches in pages (RFC 2696)."""

from itertools import count

import pytest

from wardgate.ldap.errors import Refused
from wardgate.ldap.paging import Pages
from wardgate.ldap.requests import Scope, Search
from wardgate.ldap.search import Found, Page
from wardgate.ldap.tree import Node

ASKED = Search("o=nhs", Scope.SUBTREE, 0, 0, types_only=False, filter=b"", attributes=())
NODES = [Node(f"o={number}", {"objectClass": ("top",)}) for number in range(5)]


def _pages(most: int = 2) -> Pages:
    numbers = count(1)
    return Pages(most, 3, lambda: str(next(numbers)).encode())


def test_page_after_page() -> None:
    """Each goes on where the last ended; the last has no cookie; none is larger than the largest."""
    pages = _pages()
    first = pages.begin(ASKED, Found(NODES, more=False), Page(100, b""))
    second = pages.go_on(ASKED, Page(1, first.cookie))
    third = pages.go_on(ASKED, Page(2, second.cookie))
    assert [*first.nodes, *second.nodes, *third.nodes] == NODES
    assert [(len(part.nodes), part.cookie, part.total, part.cut) for part in (first, second, third)] == [(3, b"1", 5, False), (1, b"2", 5, False), (1, b"", 5, False)]


def test_the_limit_is_told_with_the_last_page() -> None:
    """Not before: what there is is shown first."""
    pages = _pages()
    first = pages.begin(ASKED, Found(NODES, more=True), Page(3, b""))
    assert (first.cut, pages.go_on(ASKED, Page(3, first.cookie)).cut) == (False, True)


def test_a_page_of_nothing_ends_it() -> None:
    """The cookie is gone then."""
    pages = _pages()
    first = pages.begin(ASKED, Found(NODES, more=False), Page(1, b""))
    assert (pages.go_on(ASKED, Page(0, first.cookie)).nodes, pages.go_on) is not None
    with pytest.raises(Refused):
        pages.go_on(ASKED, Page(1, first.cookie))
    with pytest.raises(Refused):
        pages.begin(ASKED, Found(NODES, more=False), Page(0, b""))


def test_the_oldest_is_forgotten() -> None:
    """Of more searches than one connection may be in the middle of; and all, when it begins anew."""
    pages = _pages(most=2)
    cookies = [pages.begin(ASKED, Found(NODES, more=False), Page(1, b"")).cookie for _ in range(3)]
    with pytest.raises(Refused):
        pages.go_on(ASKED, Page(1, cookies[0]))
    assert pages.go_on(ASKED, Page(1, cookies[1])).nodes == NODES[1:2]
    pages.forget()
    with pytest.raises(Refused):
        pages.go_on(ASKED, Page(1, cookies[2]))
