"""JSON that keeps the precision of decimals (hl7.org/fhir/R4/json.html#decimal), names once, and half characters never."""

from decimal import Decimal, InvalidOperation
from json import JSONDecoder, JSONEncoder
from typing import Any, Final

from wardgate.fhir.errors import NotWellFormed
from wardgate.fhir.primitives import MAX_NUMBER_CHARS, number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member name is used twice")
    return found


def _number(text: str) -> Any:
    if len(text) > MAX_NUMBER_CHARS:
        raise ValueError("a number is too long")
    return number(text)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_decode: Final = JSONDecoder(object_pairs_hook=_unique, parse_int=_number, parse_float=_number, parse_constant=_no_constant).decode
_text: Final = JSONEncoder(ensure_ascii=False).encode


def decode(data: bytes) -> dict[str, Any]:
    """Return the object in `data`. Raises `NotWellFormed`."""
    try:
        value = _decode(data.decode("utf-8"))
        _text(_without_decimals(value)).encode("utf-8")  # half a character cannot be written
    except RecursionError:
        raise NotWellFormed("the JSON is nested too deep") from None
    except (ValueError, InvalidOperation):
        raise NotWellFormed("the text is not JSON as RFC 8259 has it, in UTF-8, with each name once") from None
    if type(value) is not dict:
        raise NotWellFormed("the JSON is not an object")
    return value


def _without_decimals(value: Any) -> Any:
    if type(value) is dict:
        return {name: _without_decimals(member) for name, member in value.items()}
    if type(value) is list:
        return [_without_decimals(item) for item in value]
    return 0 if type(value) is Decimal else value


def encode(value: Any) -> str:
    """Return the compact text of a resource."""
    if type(value) is dict:
        return "{" + ",".join(f"{_text(name)}:{encode(member)}" for name, member in value.items()) + "}"
    if type(value) is list:
        return "[" + ",".join(map(encode, value)) + "]"
    return str(value) if type(value) is Decimal else _text(value)
