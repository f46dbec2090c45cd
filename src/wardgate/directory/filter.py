"""Search filters: what they are, and their text (RFC 4515), with limits.

Offered: and, or, not, equality, presence and substrings; `(&)` is true and `(|)` is false (RFC 4526). The other kinds of
match (ordering, approximate, extensible) and attribute options are refused with `FilterRefused`, never taken for something else.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wardgate.directory.errors import FilterRefused

MAX_CHARS: Final = 8_192
MAX_DEPTH: Final = 16
MAX_TERMS: Final = 256
"""Of a whole filter: every operator and every test counts."""
MAX_PARTS: Final = 16
"""Of one test of substrings."""


@dataclass(frozen=True, slots=True)
class And:
    """True when all are."""

    filters: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """True when one is."""

    filters: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """True when the other is false; undefined when the other is."""

    filter: "Filter"


@dataclass(frozen=True, slots=True)
class Equal:
    """One of the attribute's values is this one."""

    attribute: str
    value: str


@dataclass(frozen=True, slots=True)
class Present:
    """The attribute has a value."""

    attribute: str


@dataclass(frozen=True, slots=True)
class Substrings:
    """One of the attribute's values holds these parts in order; the first at its start and the last at its end, unless empty."""

    attribute: str
    first: str
    middle: tuple[str, ...]
    last: str


Filter = And | Or | Not | Equal | Present | Substrings

_ATTRIBUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+")
_VALUE: Final = re.compile(r"(?:[^()*\\\x00]|\\[0-9A-Fa-f]{2})*")
_ESCAPE: Final = re.compile(rb"\\([0-9A-Fa-f]{2})")
_OTHER_KINDS: Final = {">": "ordering", "<": "ordering", "~": "approximate match", ":": "extensible match", ";": "attribute options"}


def parse(text: str) -> Filter:
    """Return the filter that a text is. Raises `FilterRefused`, which says where."""
    if len(text) > MAX_CHARS:
        raise FilterRefused(f"expected a filter of at most {MAX_CHARS} characters; received {len(text)}")
    reader = _Reader(text)
    found = reader.filter(1)
    if reader.at != len(text):
        raise reader.refused("the end")
    check_limits(found)
    return found


def check_limits(filter_: Filter) -> None:
    """Raise `FilterRefused` for a filter that is too deep or too large to evaluate, wherever it came from."""
    terms, level = 0, [filter_]
    for _ in range(MAX_DEPTH):
        terms += len(level)
        if terms > MAX_TERMS:
            raise FilterRefused(f"expected a filter of at most {MAX_TERMS} terms; received one of more")
        level = [below for one in level for below in _below(one)]
        if not level:
            return
    raise FilterRefused(f"expected a filter of at most {MAX_DEPTH} levels; received one of more")


def text_of(filter_: Filter) -> str:
    """Return the filter's text: the inverse of `parse`, with everything escaped that has to be."""
    match filter_:
        case And(filters):
            return f"(&{''.join(text_of(one) for one in filters)})"
        case Or(filters):
            return f"(|{''.join(text_of(one) for one in filters)})"
        case Not(other):
            return f"(!{text_of(other)})"
        case Equal(attribute, value):
            return f"({attribute}={_escaped(value)})"
        case Present(attribute):
            return f"({attribute}=*)"
        case Substrings(attribute, first, middle, last):
            return f"({attribute}={'*'.join(_escaped(part) for part in (first, *middle, last))})"


def _below(filter_: Filter) -> Iterator[Filter]:
    if isinstance(filter_, And | Or):
        yield from filter_.filters
    elif isinstance(filter_, Not):
        yield filter_.filter
    elif isinstance(filter_, Substrings) and (len(filter_.middle) > MAX_PARTS or "" in filter_.middle or not any((filter_.first, *filter_.middle, filter_.last))):
        raise FilterRefused(f"expected 1 to {MAX_PARTS} parts of a value, none empty between two asterisks; received others")


def _escaped(value: str) -> str:
    return re.sub(r"[()*\\\x00]", lambda found: f"\\{ord(found[0]):02x}", value)


class _Reader:
    """Reads from left to right; `at` is where it is."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0

    def filter(self, depth: int) -> Filter:
        """Read one filter in its brackets."""
        if depth > MAX_DEPTH:
            raise FilterRefused(f"expected a filter of at most {MAX_DEPTH} levels; received one of more")
        self._take("(")
        kind = self._next()
        found: Filter
        if kind in {"&", "|"}:
            self.at += 1
            found = And(self._filters(depth)) if kind == "&" else Or(self._filters(depth))
        elif kind == "!":
            self.at += 1
            found = Not(self.filter(depth + 1))
        else:
            found = self._test()
        self._take(")")
        return found

    def refused(self, expected: str) -> FilterRefused:
        """Return the refusal at this place."""
        received = f"{self._next()!r}" if self.at < len(self._text) else "the end"
        return FilterRefused(f"character {self.at + 1}: expected {expected}; received {received}")

    def _filters(self, depth: int) -> tuple[Filter, ...]:
        found: list[Filter] = []
        while self._next() == "(":
            if len(found) >= MAX_TERMS:
                raise FilterRefused(f"expected a filter of at most {MAX_TERMS} terms; received one of more")
            found.append(self.filter(depth + 1))
        return tuple(found)

    def _test(self) -> Filter:
        name = _ATTRIBUTE.match(self._text, self.at)
        if name is None:
            raise self.refused("an attribute's name")
        self.at = name.end()
        if (kind := _OTHER_KINDS.get(self._next())) is not None:
            raise FilterRefused(f"character {self.at + 1}: expected =; received {kind}, which is not offered")
        self._take("=")
        parts = [self._value()]
        while self._next() == "*":
            self.at += 1
            parts.append(self._value())
        if len(parts) == 1:
            return Equal(name[0], parts[0])
        if parts == ["", ""]:
            return Present(name[0])
        return Substrings(name[0], parts[0], tuple(parts[1:-1]), parts[-1])

    def _value(self) -> str:
        found = _VALUE.match(self._text, self.at)
        raw = found[0] if found is not None else ""
        self.at += len(raw)
        try:
            return _ESCAPE.sub(lambda escape: bytes([int(escape[1], 16)]), raw.encode()).decode()
        except UnicodeError:
            raise FilterRefused(f"character {self.at + 1}: expected a value in UTF-8; received other bytes") from None

    def _take(self, char: str) -> None:
        if self._next() != char:
            raise self.refused(f"'{char}'")
        self.at += 1

    def _next(self) -> str:
        return self._text[self.at : self.at + 1]
