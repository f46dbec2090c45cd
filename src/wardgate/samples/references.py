"""References to patients and organisations, as Spine's APIs write them (spine 10)."""

import re
from typing import Any, Final

PATIENT: Final = "https://demographics.spineservices.nhs.uk/STU3/Patient/"
ORGANISATION: Final = "https://directory.spineservices.nhs.uk/STU3/Organization/"
PRACTITIONER: Final = "https://sds.spineservices.nhs.uk/STU3/Practitioner/"
_ODS: Final = re.compile(r"[A-Za-z0-9]{1,9}")


def tail_of(value: Any, base: str) -> str | None:
    """Return what follows `base` in a Reference, or None for any other."""
    text = value.get("reference") if isinstance(value, dict) else None
    return text.removeprefix(base) if isinstance(text, str) and text.startswith(base) else None


def ods_code_of(value: Any) -> str | None:
    """Return the ODS code of a Reference to an organisation, or None for another form."""
    found = tail_of(value, ORGANISATION)
    return found if found is not None and _ODS.fullmatch(found) else None


def codings(concept: Any) -> list[tuple[str, str]]:
    """Return system and code of each coding of a CodeableConcept that has both."""
    found = concept.get("coding", []) if isinstance(concept, dict) else []
    return [(one["system"], one["code"]) for one in found if "system" in one and "code" in one]


def shown(text: str) -> str:
    """Return a caller's text as a diagnostic repeats it: bounded."""
    return text if len(text) <= 100 else text[:100] + "\N{HORIZONTAL ELLIPSIS}"
