"""JSON that means one thing: no duplicate names, no NaN, no half characters, bounded depth (RFC 8259 sections 4 and 8.2, RFC 7515 section 4)."""

import re
from json import JSONDecoder, JSONEncoder
from typing import Any, Final


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member name is used twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_decode: Final = JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant).decode

_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")
"""How half of a character is written; a second half that belongs to it may follow."""
encode: Final = JSONEncoder(separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode
"""The compact text of a value."""
_as_text: Final = JSONEncoder(ensure_ascii=False).encode


def _can_be_written(value: Any) -> bool:
    try:
        _as_text(value).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def decode_object(data: bytes) -> dict[str, Any]:
    """Return the JSON object in `data`. Raises `ValueError` for anything else, too deep nesting included."""
    try:
        value = _decode(data.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deep") from None
    if type(value) is not dict:
        raise ValueError("not a JSON object")
    if _HALF.search(data) is not None and not _can_be_written(value):
        raise ValueError("half of a character")
    return value
