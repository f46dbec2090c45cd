"""`GPPROVIDER_…`: an address that names a patient, for the practice to be found (itk3-messaging 1.8, 5.3).

The form is `GPPROVIDER_<NHS number>_<date of birth, DDMMYYYY>_<surname>`. All of it is personal: it is in no log and no event.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from wardgate.mesh.errors import MeshRefused

PREFIX: Final = "GPPROVIDER_"
_FORM: Final = re.compile(r"GPPROVIDER_([0-9]{10})_([0-9]{2})([0-9]{2})([0-9]{4})_([^_\x00-\x1f][^\x00-\x1f]*)", re.IGNORECASE)
_LENGTH: Final = 10


@dataclass(frozen=True, slots=True)
class PatientAddress:
    """Whose practice a message is for."""

    nhs_number: str = field(repr=False)
    born: date = field(repr=False)
    surname: str = field(repr=False)


Practices = Callable[[PatientAddress], Sequence[str]]
"""The mailboxes of the practice where a patient is registered: what demographics would know."""


def nobody(_patient: PatientAddress) -> Sequence[str]:
    """Return no mailbox: there are no demographics."""
    return ()


def is_routed(to: str) -> bool:
    """Return whether an address names a patient rather than a mailbox."""
    return to.upper().startswith(PREFIX)


def read(to: str) -> PatientAddress:
    """Return the patient of an address. Raises `MeshRefused`: EPL-152 for a number that is none, EPL-151 for another form."""
    match = _FORM.fullmatch(to)
    if match is None:
        raise MeshRefused("mesh-no-mailbox-matched", "GPPROVIDER_number_DDMMYYYY_surname", "another form")
    number, day, month, year, surname = match.groups()
    if not _holds(number):
        raise MeshRefused("mesh-nhs-number", "an NHS number", "another number")
    try:
        born = date(int(year), int(month), int(day))
    except ValueError:
        raise MeshRefused("mesh-no-mailbox-matched", "a date of birth", "no date") from None
    return PatientAddress(number, born, surname)


def mailbox_of(to: str, practices: Practices) -> str:
    """Return the one mailbox that the address stands for. Raises `MeshRefused`: EPL-150, 151 or 152."""
    found = practices(read(to))
    if not found:
        raise MeshRefused("mesh-no-mailbox-matched", "one mailbox", "none")
    if len(found) > 1:
        raise MeshRefused("mesh-several-mailboxes-matched", "one mailbox", f"{len(found)}")
    return found[0]


def _holds(number: str) -> bool:
    """Modulus 11: the last digit is the check digit, and ten is none."""
    total = sum(int(digit) * weight for digit, weight in zip(number, range(_LENGTH, 1, -1), strict=False))
    return (11 - total % 11) % 11 == int(number[-1])
