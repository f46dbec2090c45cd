"""Whose record a request is about, read from its path and query: NHS numbers with a right check digit (spine 7.5, 9.5, 10).

Where they are looked for: `Patient/<number>`, in the path and in references, also in those that are whole URLs; `system|number`
in a naming system of NHS numbers; and the number alone in a parameter whose name says that it is a patient's. All of it is
looked for in the text as it came and after each of two rounds of percent-decoding, because the target of the secure proxy may
be encoded once more than its own query. A body is never seen here.
"""

import re
from typing import Final
from urllib.parse import unquote, unquote_plus

from wardgate.spine.identifiers import nhs_number_holds

MAX_TARGET_CHARACTERS: Final = 8192
"""How much of a path and query is looked at."""
MAX_PATIENTS: Final = 8
"""How many patients of one request are recorded; the rest of a list is left out."""
ROUNDS: Final = 3

_NUMBER: Final = r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}(?![0-9])"
_REFERENCE: Final = re.compile(rf"(?<![A-Za-z0-9])Patient/({_NUMBER})", re.IGNORECASE)
_IDENTIFIER: Final = re.compile(rf"nhs-?number(?:\||%7C)({_NUMBER})", re.IGNORECASE)
_PARAMETER: Final = re.compile(r"[?&;]([A-Za-z_.:-]{1,64})=([^&;?#]{1,400})")
_ALONE: Final = re.compile(rf"(?<![0-9]){_NUMBER}")
_NAMES: Final = frozenset({"patient", "subject", "nhsnumber", "nhs-number", "nhs_number"})
"""Parts of a parameter's name, lower case: of `subject:identifier`, `patient`, `subject:Patient.identifier`."""


def patients_in(path: str, query: str) -> tuple[str, ...]:
    """Return the NHS numbers that a request's target names, each once, in the order in which they are found."""
    text = f"{path}?{query}"[:MAX_TARGET_CHARACTERS]
    found: dict[str, None] = {}
    for _ in range(ROUNDS):
        found |= dict.fromkeys(_numbers(text))
        decoded = unquote(text)
        if decoded == text:
            break
        text = decoded
    return tuple(found)[:MAX_PATIENTS]


def _numbers(text: str) -> list[str]:
    """Return the valid numbers of one reading of the target."""
    written = _REFERENCE.findall(text) + _IDENTIFIER.findall(text)
    for name, value in _PARAMETER.findall(text):
        if not _NAMES.isdisjoint(re.split(r"[.:]", name.lower())):
            written += _ALONE.findall(_bare(unquote_plus(value)))
    numbers = [re.sub("[ -]", "", number) for number in written]
    return [number for number in numbers if nhs_number_holds(number)]


def _bare(value: str) -> str:
    """Return the part of a parameter that may hold numbers by themselves: not those of another naming system, or in a path."""
    alone = [part for part in value.split(",") if "|" not in part.lstrip("|") and "/" not in part]
    return ",".join(alone)
