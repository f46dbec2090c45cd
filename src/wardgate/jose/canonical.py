"""The canonical form of JSON (RFC 8785, JCS), and reading text that has only one.

JCS writes numbers as IEEE 754 doubles: `2.00` becomes `2`, and what a double cannot hold is changed, so that a signature would
not notice (itk3-messaging 3.2). Text to be signed is therefore read strictly: each name once, and each number as JCS itself writes it.
"""

import re
from json import JSONDecoder
from typing import Any, Final

import rfc8785

from wardgate.jose.errors import MalformedJSON

MAX_SAFE_INTEGER: Final = 2**53 - 1
MAX_DEPTH: Final = 64
MAX_NUMBER_CHARS: Final = 40
_HALF: Final = re.compile(r"[\ud800-\udfff]")


def canonical(value: Any) -> bytes:
    """Return the canonical octets of a value. Raises `MalformedJSON` for one that has none."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError, ValueError):
        raise MalformedJSON("a value of JSON within the range of doubles, in whole characters", "another value") from None


def decode_exact(data: bytes, max_bytes: int) -> dict[str, Any]:
    """Return the object in `data`, of which the canonical form loses nothing.

    Raises `MalformedJSON` for a repeated name, a number that JCS would write in another way (`2.00`, `1e3`, 2^53), half of a
    character, a byte order mark, nesting deeper than 64, and anything but one object within `max_bytes`.
    """
    if len(data) > max_bytes:
        raise MalformedJSON(f"at most {max_bytes} octets", f"{len(data)} octets")
    try:
        value = _decode(data.decode("utf-8"))
    except RecursionError:
        raise MalformedJSON(f"nesting of at most {MAX_DEPTH}", "deeper nesting") from None
    except ValueError as fault:
        raise MalformedJSON("strict JSON in UTF-8", str(fault) if type(fault) is ValueError else "other octets") from None
    if type(value) is not dict:
        raise MalformedJSON("a JSON object", "another value")
    _check_sound(value)
    return value


def _check_sound(value: Any) -> None:
    """Raise `MalformedJSON` where a text holds half of a character, or something lies deeper than 64 levels."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        inner: list[Any] = []
        for item in level:
            if type(item) is dict:
                inner.extend(item)
                inner.extend(item.values())
            elif type(item) is list:
                inner.extend(item)
            elif type(item) is str and not item.isascii() and _HALF.search(item):
                raise MalformedJSON("whole characters", "half of one")
        if not inner:
            return
        level = inner
    raise MalformedJSON(f"nesting of at most {MAX_DEPTH}", "deeper nesting")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member name that is used twice")
    return found


def _integer(text: str) -> int:
    value = int(text) if len(text) <= MAX_NUMBER_CHARS else MAX_SAFE_INTEGER + 1
    if abs(value) > MAX_SAFE_INTEGER or text == "-0":
        raise ValueError("an integer that a double cannot hold as it is written")
    return value


def _decimal(text: str) -> float:
    value = float(text) if len(text) <= MAX_NUMBER_CHARS else float("inf")
    try:
        written = rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:
        raise ValueError("a decimal beyond doubles") from None
    if written != text.encode("ascii"):
        raise ValueError("a decimal whose digits the canonical form would change")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name}, which is not JSON")


_decode: Final = JSONDecoder(object_pairs_hook=_unique, parse_int=_integer, parse_float=_decimal, parse_constant=_no_constant).decode
