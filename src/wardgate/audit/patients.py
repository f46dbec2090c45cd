"""Whose record a request is about, read from its path and query: NHS numbers with a right check digit (spine 7.5, 9.5, 10).

Where they are looked for: `Patient/<number>`, in the path and in references, also in those that are whole URLs; `system|number`
in a naming system of NHS numbers; and the number alone in a parameter whose name says that it is a patient's. All of it is
looked for in the text as it came and after each of two rounds of percent-decoding, because the target of the secure proxy may
be encoded once more than its own query. A body is never seen here.

All of a target is read, however long it is made: whoever could push a number past the end, or behind many others, would read a
record that nobody is told of. Envoy's limit for the headers of a request is the limit.
"""

import re
from collections.abc import Iterable
from typing import Final

from wardgate.audit.model import Detail, Patient
from wardgate.spine.identifiers import nhs_number_holds

MAX_TARGET_CHARACTERS: Final = 61_440
"""How much of a path and query is looked at: as much as a request can have."""
MAX_PATIENTS: Final = 24
"""How many patients of one request are recorded; of a longer list, how many are left out."""
ROUNDS: Final = 3

_NUMBER: Final = r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}(?![0-9])"
_REFERENCE: Final = re.compile(rf"(?<![A-Za-z0-9])Patient/({_NUMBER})", re.IGNORECASE)
_IDENTIFIER: Final = re.compile(rf"(?:nhs-?number|2\.16\.840\.1\.113883\.2\.1\.4\.1)(?:\||%7C)({_NUMBER})", re.IGNORECASE)
"""By name, or by the OID that HL7 V3 has for it."""
_PARAMETER: Final = re.compile(r"[?&;]([A-Za-z_.:-]{1,64})=([^&;?#]+)")
_SEARCH: Final = re.compile(r"(?<![A-Za-z0-9])Patient/?\?", re.IGNORECASE)
_ENCODED: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_ALONE: Final = re.compile(rf"(?<![0-9]){_NUMBER}")
_NAMES: Final = frozenset({"patient", "subject", "nhsnumber", "nhs-number", "nhs_number"})
"""Parts of a parameter's name, lower case: of `subject:identifier`, `patient`, `subject:Patient.identifier`."""
_OF_SEARCH: Final = _NAMES | {"identifier", "_id"}
"""In a search for patients, those whose value may be a number without its naming system too."""


def patients_in(path: str, query: str) -> tuple[str, ...]:
    """Return the NHS numbers that a request's target names, each once, in the order in which they are found."""
    text = f"{path}?{query}"[:MAX_TARGET_CHARACTERS]
    found: dict[str, None] = {}
    for _ in range(ROUNDS):
        found |= dict.fromkeys(_numbers(text))
        decoded = _decoded(text)
        if decoded == text:
            break
        text = decoded
    return tuple(found)


def recorded(numbers: Iterable[str]) -> dict[str, Detail]:
    """Return the details of a record about these patients, each once: `patient`, `patient_2` and so on, and how many more there are."""
    found = list(dict.fromkeys(numbers))
    kept: dict[str, Detail] = {f"patient_{at}" if at > 1 else "patient": Patient(number) for at, number in enumerate(found[:MAX_PATIENTS], 1)}
    return kept | ({"patients_left_out": len(found) - MAX_PATIENTS} if len(found) > MAX_PATIENTS else {})


def _numbers(text: str) -> list[str]:
    """Return the valid numbers of one reading of the target."""
    written = _REFERENCE.findall(text) + _IDENTIFIER.findall(text)
    names = _OF_SEARCH if _SEARCH.search(text) else _NAMES
    for name, value in _PARAMETER.findall(text):
        if not names.isdisjoint(re.split(r"[.:]", name.lower())):
            written += _ALONE.findall(_bare(_decoded(value.replace("+", " "))))
    numbers = [re.sub("[ -]", "", number) for number in written]
    return [number for number in numbers if nhs_number_holds(number)]


def _decoded(text: str) -> str:
    """Undo percent-encoding once. NOTE: as `urllib.parse.unquote`, which needs a quarter of a second for a target that is nothing else."""
    return _ENCODED.sub(lambda run: bytes.fromhex(run[0].replace("%", "")).decode("utf-8", "replace"), text)


def _bare(value: str) -> str:
    """Return the part of a parameter that may hold numbers by themselves: not those of another naming system, or in a path."""
    alone = [part for part in value.split(",") if "|" not in part.lstrip("|") and "/" not in part]
    return ",".join(alone)
