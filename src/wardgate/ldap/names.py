"""Distinguished names, compared without case and without spaces that do not matter (RFC 4514)."""

import re
from typing import Final

from wardgate.ldap.errors import Refused
from wardgate.ldap.filters import ATTRIBUTE_OIDS
from wardgate.ldap.results import Code

MAX_CHARS: Final = 1_000
MAX_PARTS: Final = 16
_PART: Final = re.compile(
    r'\s*([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)\s*=\s*((?:[^\\,+"<>;\x00]|\\[0-9A-Fa-f]{2}|\\[ "#+,;<=>\\])*?)\s*(,|\Z)'
)
_ESCAPE: Final = re.compile(rb"\\([0-9A-Fa-f]{2}|[^0-9A-Fa-f])")

Name = tuple[tuple[str, str], ...]
"""Attribute and value of each part, in lower case, the entry's own first; the root's has no parts."""


def parse(text: str) -> Name:
    """Return the name. Raises `Refused` for what is none, and for parts of several attributes, which nothing here has."""
    parts: list[tuple[str, str]] = []
    at, separator = 0, ","
    if len(text) > MAX_CHARS:
        raise _invalid()
    while separator and (at < len(text) or parts):
        found = _PART.match(text, at)
        if found is None or len(parts) >= MAX_PARTS:
            raise _invalid()
        attribute, value, separator = found.groups()
        parts.append((ATTRIBUTE_OIDS.get(attribute, attribute).lower(), _value(value)))
        at = found.end()
    return tuple(parts)


def _value(raw: str) -> str:
    try:
        plain = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]) if len(found[1]) == 2 else found[1], raw.encode()).decode()
    except UnicodeDecodeError:
        raise _invalid() from None
    return re.sub(r"\s+", " ", plain).lower()


def _invalid() -> Refused:
    return Refused(Code.INVALID_DN_SYNTAX, f"a name is attribute=value, ... of at most {MAX_CHARS} characters and {MAX_PARTS} parts")
