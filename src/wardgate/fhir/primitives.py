"""The forms of FHIR's primitive types (hl7.org/fhir/R4/datatypes.html); what both JSON and XML can hold."""

import re
from decimal import Decimal
from typing import Any, Final

MAX_NUMBER_CHARS: Final = 40
MAX_TEXT_CHARS: Final = 1_000_000
INTEGERS: Final = {"integer": (-(2**31), 2**31 - 1), "unsignedInt": (0, 2**31 - 1), "positiveInt": (1, 2**31 - 1)}
_NOT_TEXT: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DAY: Final = r"([0-9]{4})(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?"
_TIME: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]{1,9})?"
_ZONE: Final = r"(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_FORMS: Final = {
    "id": re.compile(r"[A-Za-z0-9.-]{1,64}"),
    "code": re.compile(r"[^\s]+( [^\s]+)*"),
    "date": re.compile(_DAY),
    "dateTime": re.compile(rf"{_DAY}|[0-9]{{4}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T{_TIME}{_ZONE}"),
    "instant": re.compile(rf"[0-9]{{4}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T{_TIME}{_ZONE}"),
    "time": re.compile(_TIME),
    "oid": re.compile(r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+"),
    "uuid": re.compile(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "uri": re.compile(r"\S+"), "url": re.compile(r"\S+"), "canonical": re.compile(r"\S+"),
}  # fmt: skip
_BASE64: Final = re.compile(r"\s*[0-9A-Za-z+/=][0-9A-Za-z+/=\s]{3,}")
_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,9}")
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?")


def is_value(kind: str, value: Any) -> bool:
    """Return whether a JSON value is one of a primitive type. XHTML is the narrative's."""
    if kind == "boolean":
        return type(value) is bool
    if kind in INTEGERS:
        low, high = INTEGERS[kind]
        return type(value) is int and low <= value <= high
    if kind == "decimal":
        return type(value) in {int, Decimal} and len(str(value)) <= MAX_NUMBER_CHARS and (type(value) is int or value.is_finite())
    if kind == "base64Binary":
        return type(value) is str and _BASE64.fullmatch(value) is not None  # as long as the resource may be
    if type(value) is not str or not 0 < len(value) <= MAX_TEXT_CHARS or _NOT_TEXT.search(value) is not None:
        return False
    form = _FORMS.get(kind)
    return form is None or form.fullmatch(value) is not None


def from_text(kind: str, text: str) -> Any:
    """Return the JSON value of an XML attribute. Raises ValueError for text that is none of its type."""
    if kind == "boolean":
        return {"true": True, "false": False}[text] if text in {"true", "false"} else _refuse()
    if kind in INTEGERS:
        return int(text) if _INTEGER.fullmatch(text) else _refuse()
    if kind == "decimal":
        if len(text) > MAX_NUMBER_CHARS or not _DECIMAL.fullmatch(text):
            _refuse()
        return number(text)
    return text


def number(text: str) -> int | Decimal:
    """Return a decimal as it is written, with its precision; a whole one without a point is an int."""
    return int(text) if text.lstrip("-").isdigit() and text != "-0" else Decimal(text)


def to_text(value: Any) -> str:
    """Return the XML attribute of a value that `is_value` has seen."""
    if type(value) is bool:
        return "true" if value else "false"
    return str(value)


def _refuse() -> Any:
    raise ValueError("not a value of the type")
