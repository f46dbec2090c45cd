"""Identifiers as Spine tokens write them: a naming system, a bar, a value, as one string (spine 2.2; spec README rules 20 and 21)."""

import re
from dataclasses import dataclass
from typing import Final

ASID_SYSTEM: Final = "https://fhir.nhs.uk/Id/accredited-system"
ODS_SYSTEM: Final = "https://fhir.nhs.uk/Id/ods-organization-code"
ROLE_SYSTEM: Final = "https://fhir.nhs.uk/Id/sds-role-profile-id"
USER_SYSTEM: Final = "https://fhir.nhs.uk/Id/sds-user-id"
SPINE_NHS_NUMBER: Final = "http://fhir.nhs.net/Id/nhs-number"
NRL_NHS_NUMBER: Final = "https://fhir.nhs.net/Id/nhs-number"
NHS_NUMBER_SYSTEMS: Final = (SPINE_NHS_NUMBER, NRL_NHS_NUMBER, "https://fhir.nhs.uk/Id/nhs-number")
OLD_ODS_SYSTEM: Final = "http://fhir.nhs.net/Id/ods-organization-code"
OLD_USER_SYSTEM: Final = "http://fhir.nhs.net/sds-user-id"

_ASID: Final = re.compile(r"[0-9]{12}")
_ODS: Final = re.compile(r"[A-Za-z0-9]{1,9}")
_ROLE: Final = re.compile(r"[0-9]{1,15}")
_NHS_NUMBER: Final = re.compile(r"[0-9]{10}")
_BAR: Final = re.compile(r"\||%7[Cc]")
_LOCAL_USER: Final = re.compile(r"https?://[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]{1,300}")
_LOCAL_VALUE: Final = re.compile(r"[\x21-\x7E](?:[\x20-\x7E]{0,198}[\x21-\x7E])?")
SHOWN_CHARS: Final = 200
"""How much of a claim is repeated in an answer."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """A value in a naming system. As text it is what a claim holds."""

    system: str
    value: str

    def __str__(self) -> str:
        return f"{self.system}|{self.value}"

    @classmethod
    def read(cls, text: str) -> "Identifier | None":
        """Return the two parts of a claim, whose bar may be written %7C; None when there is not exactly one bar."""
        parts = _BAR.split(text, 2)
        return cls(parts[0], parts[1]) if len(parts) == 2 else None


def asid_of(text: str) -> str | None:
    """Return the ASID of `requesting_system`, or None for another form."""
    return _value(text, (ASID_SYSTEM,), _ASID)


def ods_of(text: str) -> str | None:
    """Return the ODS code of `requesting_organization`, or None for another form."""
    return _value(text, (ODS_SYSTEM,), _ODS)


def role_of(text: str) -> str | None:
    """Return the role profile of `requesting_user`, or None for another form."""
    return _value(text, (ROLE_SYSTEM,), _ROLE)


def nhs_number_of(text: str) -> str | None:
    """Return the NHS number of a claim in any of the three systems, or None for another form or a wrong check digit."""
    found = _value(text, NHS_NUMBER_SYSTEMS, _NHS_NUMBER)
    return found if found is not None and nhs_number_holds(found) else None


def is_asid(text: str) -> bool:
    """Return whether a header's value is an ASID."""
    return _ASID.fullmatch(text) is not None


def is_ods_code(text: str) -> bool:
    """Return whether a text is an ODS code."""
    return _ODS.fullmatch(text) is not None


def nhs_number_holds(number: str) -> bool:
    """Return whether ten digits are an NHS number: the last one is the check digit modulo 11, and none is ten."""
    if not _NHS_NUMBER.fullmatch(number):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number, range(10, 1, -1), strict=False))
    return (11 - total % 11) % 11 == int(number[9])


def is_local_user(text: str) -> bool:
    """Return whether a text names a user in a system of the caller's own (spine 2.2): an absolute URI, a bar and a value."""
    found = Identifier.read(text)
    return found is not None and bool(_LOCAL_USER.fullmatch(found.system) and _LOCAL_VALUE.fullmatch(found.value))


def names_a_role(text: str) -> bool:
    """Return whether a subject is in the system of role profiles, well formed or not."""
    return text.startswith((ROLE_SYSTEM + "|", ROLE_SYSTEM + "%7C", ROLE_SYSTEM + "%7c"))


def shown(value: object) -> str:
    """Return a claim as an answer repeats it: bounded, and with U+FFFD for what is not printable."""
    text = value if isinstance(value, str) else "null" if value is None else "another value"
    cut = text if len(text) <= SHOWN_CHARS else text[:SHOWN_CHARS] + "\N{HORIZONTAL ELLIPSIS}"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in cut)


def _value(text: str, systems: tuple[str, ...], form: re.Pattern[str]) -> str | None:
    system, _, value = text.partition("|")  # most are written so; a value in its form has no other bar
    if system in systems:
        return value if form.fullmatch(value) else None
    found = Identifier.read(text)
    return found.value if found is not None and found.system in systems and form.fullmatch(found.value) else None
