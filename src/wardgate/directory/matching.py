"""Whether an entry matches a filter (RFC 4511 section 4.5.1.7, RFC 4517 sections 4.2.11 and 4.2.12).

A filter is true, false or undefined: a test of an attribute that the schema does not know is undefined, and so is its
negation; what is undefined in the end does not match. Values are compared without spaces that do not matter, and without
case unless the schema says so.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from wardgate.directory.attributes import EXACT, OBJECT_CLASS
from wardgate.directory.entry import Entry
from wardgate.directory.filter import And, Equal, Filter, Not, Or, Present, Substrings

_SPACES: Final = re.compile(r"\s+")

Prepared = Mapping[str, tuple[str, ...]]
"""What an entry has, ready to compare: values by attribute in lower case."""


def prepare(entry: Entry) -> Prepared:
    """Return an entry ready to compare. Its classes are `top` and its own."""
    found = {name.lower(): tuple(_value(name.lower(), value) for value in values) for name, values in entry.values.items()}
    return found | {OBJECT_CLASS.lower(): ("top", entry.object_class.lower())}


def folded(attribute: str, value: str) -> str:
    """Return a value as values of an attribute are compared; the attribute is in lower case and known."""
    return _value(attribute, value)


def matches(filter_: Filter, entry: Prepared) -> bool:
    """Return whether an entry matches: undefined is no."""
    return _evaluate(filter_, entry) is True


def _evaluate(filter_: Filter, entry: Prepared) -> bool | None:
    match filter_:
        case And(filters):
            return _all(filters, entry)
        case Or(filters):
            return _any(filters, entry)
        case Not(other):
            found = _evaluate(other, entry)
            return None if found is None else not found
        case Equal(attribute, value):
            name = attribute.lower()
            return _value(name, value) in entry.get(name, ()) if name in EXACT else None
        case Present(attribute):
            name = attribute.lower()
            return name in entry if name in EXACT else None
        case Substrings():
            return _holds(filter_, entry)


def _all(filters: tuple[Filter, ...], entry: Prepared) -> bool | None:
    """RFC 4511: false if one is false, else undefined if one is."""
    answer: bool | None = True
    for one in filters:
        found = _evaluate(one, entry)
        if found is False:
            return False
        answer = None if found is None else answer
    return answer


def _any(filters: tuple[Filter, ...], entry: Prepared) -> bool | None:
    """RFC 4511: true if one is true, else undefined if one is."""
    answer: bool | None = False
    for one in filters:
        found = _evaluate(one, entry)
        if found is True:
            return True
        answer = None if found is None else answer
    return answer


def _holds(asked: Substrings, entry: Prepared) -> bool | None:
    name = asked.attribute.lower()
    if name not in EXACT:
        return None
    first = _part(name, asked.first).lstrip(" ")
    middle = tuple(_part(name, part) for part in asked.middle)
    last = _part(name, asked.last).rstrip(" ")
    return any(_in_order(value, first, middle, last) for value in entry.get(name, ()))


def _in_order(value: str, first: str, middle: tuple[str, ...], last: str) -> bool:
    """Each part after the one before it, none over another: the leftmost place of each leaves most for the rest."""
    if len(first) + len(last) > len(value) or not value.startswith(first) or not value.endswith(last):
        return False
    at, end = len(first), len(value) - len(last)
    for part in middle:
        found = value.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _value(attribute: str, value: str) -> str:
    return _part(attribute, value).strip(" ")


def _part(attribute: str, value: str) -> str:
    """RFC 4518 section 2: one form of each character, one space for many, no case where case does not matter."""
    exact = EXACT.get(attribute, False)
    if value.isascii():  # most values are, and twenty thousand entries have half a million
        text = value if exact else value.lower()
    else:
        text = unicodedata.normalize("NFKC", value)
        text = text if exact else unicodedata.normalize("NFKC", text.casefold())
    return _SPACES.sub(" ", text)
