"""Canonical JSON (RFC 8785) for the values of events: text, integers, booleans, null, arrays and objects.

Numbers with a fraction are refused: their canonical text needs ECMAScript's rules, and no event has one.
"""

import json
from typing import Any, Final

MAX_INTEGER: Final = 2**53 - 1

_PLAIN: Final = frozenset({str, bool, type(None)})
_encode: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode
_encode_in_order: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
).encode


def canonical(value: Any) -> str:
    """Return the one text of `value` (RFC 8785 section 3.2); its UTF-8 bytes are what is hashed.

    Raises `ValueError` for a float, an integer beyond 2^53 - 1, a name that is not text, or a lone surrogate.
    """
    text = _encode(value) if _is_simple(value) else _encode_in_order(_ordered(value))
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError("text with a lone surrogate has no canonical form") from None
    return text


def _is_simple(value: Any) -> bool:
    """Return whether `value` needs no care: objects of plain values, with ASCII names only.

    For ASCII names, sorting by code point is sorting by UTF-16 code unit.
    """
    if type(value) is not dict:
        return type(value) in _PLAIN
    try:
        if not "".join(value).isascii():
            return False
    except TypeError:  # a name that is not text
        return False
    for item in value.values():
        kind = type(item)
        if kind in _PLAIN or (kind is int and -MAX_INTEGER <= item <= MAX_INTEGER):
            continue
        if kind is not dict or not _is_simple(item):
            return False
    return True


def _ordered(value: Any) -> Any:
    """Return `value` with names in the order of RFC 8785 section 3.2.3, or raise `ValueError`."""
    if isinstance(value, float):
        raise ValueError("a number with a fraction has no place in canonical JSON here")  # noqa: TRY004 - one error for bad values
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise ValueError("an integer beyond 2^53 - 1 has no canonical form")
        return value
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise ValueError("a name in canonical JSON is text")
        by_code_unit = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return {name: _ordered(value[name]) for name in by_code_unit}
    raise ValueError(f"a {type(value).__name__} has no canonical form")
