"""Filters from BER to what the directory evaluates, opened level by level (RFC 4511 section 4.5.1.7).

An attribute that is not known, and a value that cannot be one, make a test undefined, which is no match. Orderings,
approximations and extensible matches are refused: nothing in the schema has a rule for them.
"""

from collections.abc import Mapping
from typing import Any, Final

from wardgate.directory.attributes import OBJECT_CLASS, OIDS, PERSONAL
from wardgate.directory.errors import FilterRefused
from wardgate.directory.filter import (
    MAX_DEPTH,
    MAX_TERMS,
    And,
    Equal,
    Filter,
    Not,
    Or,
    Present,
    Substrings,
    check_limits,
)
from wardgate.ldap import asn1
from wardgate.ldap.errors import Malformed, Refused
from wardgate.ldap.results import Code

UNDEFINED: Final = Present("")
"""There is no attribute without a name."""
ATTRIBUTE_OIDS: Final[Mapping[str, str]] = {
    "2.5.4.0": OBJECT_CLASS, "2.5.4.3": "cn", "2.5.4.10": "o", "2.5.4.11": "ou", "2.5.4.13": "description", "0.9.2342.19200300.100.1.44": "uniqueIdentifier",
}  # fmt: skip
"""Attributes that have a number anyone knows (RFC 4519, RFC 4524)."""
_CLASS_NAMES: Final = {oid: str(kind) for kind, oid in OIDS.items()}


def read(data: bytes) -> Filter:
    """Return the filter. Raises `Refused` for one too large, too deep or of another kind, and `Malformed` for what is none."""
    found = _Reader().filter(data, 1)
    try:
        check_limits(found)
    except FilterRefused as refused:
        raise Refused(Code.ADMIN_LIMIT_EXCEEDED, str(refused)) from None
    return found


class _Reader:
    """Counts as it goes: nothing is opened that is beyond a limit."""

    def __init__(self) -> None:
        self._terms = 0

    def filter(self, data: bytes, depth: int) -> Filter:
        """Return one level and what is below it."""
        self._terms += 1
        if depth > MAX_DEPTH or self._terms > MAX_TERMS:
            raise Refused(Code.ADMIN_LIMIT_EXCEEDED, f"a filter has at most {MAX_DEPTH} levels and {MAX_TERMS} terms")
        level = asn1.decoded(data, asn1.FilterLevel())
        kind = level.getName()
        found = level[kind]
        if kind in {"and", "or"}:
            below = tuple(self.filter(one.asOctets(), depth + 1) for one in found)
            return And(below) if kind == "and" else Or(below)
        if kind == "not":
            return Not(self.filter(found.asOctets(), depth + 1))
        return _test(kind, found)


def _test(kind: str, found: Any) -> Filter:
    match kind:
        case "equalityMatch":
            return _equal(found)
        case "present":
            return Present(attribute(found.asOctets()))
        case "substrings":
            return _substrings(found)
        case _:
            raise Refused(Code.INAPPROPRIATE_MATCHING, "filters are made of and, or, not, equality, presence and substrings")


def attribute(name: bytes) -> str:
    """Return an attribute's name, of its number where it has one; of what is no name, and of who people are, one that nothing has."""
    text = _text(name) or ""
    return "" if text.lower() in PERSONAL else ATTRIBUTE_OIDS.get(text, text)


def _equal(found: Any) -> Filter:
    name, value = attribute(found["attributeDesc"].asOctets()), _text(found["assertionValue"].asOctets())
    if value is None:
        return UNDEFINED
    return Equal(name, _CLASS_NAMES.get(value, value) if name.lower() == OBJECT_CLASS.lower() else value)


def _substrings(found: Any) -> Filter:
    parts = [(one.getName(), one[one.getName()].asOctets()) for one in found["substrings"]]
    kinds = [kind for kind, _ in parts]
    if not parts or "initial" in kinds[1:] or "final" in kinds[:-1] or any(not value for _, value in parts):
        raise Malformed("the parts of a value are not in order")
    texts = [_text(value) for _, value in parts]
    known = [text for text in texts if text is not None]
    if len(known) < len(texts):
        return UNDEFINED
    first = known.pop(0) if kinds[0] == "initial" else ""
    last = known.pop() if kinds[-1] == "final" else ""
    return Substrings(attribute(found["type"].asOctets()), first, tuple(known), last)


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
