"""Who calls, as the gateway says it in headers that only it can set."""

from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers

from wardgate.samples.outcomes import Refused
from wardgate.spine.identifiers import is_asid, is_ods_code

SYSTEM: Final = "NHSD-ASID"
ORGANISATIONS: Final = "NHSD-Calling-Organisations"
INTERACTION: Final = "NHSD-Interaction-ID"


@dataclass(frozen=True, slots=True)
class Caller:
    """The calling system and the organisations that it acts for."""

    system: str
    organisations: frozenset[str]
    interaction: str | None


def caller_of(headers: Headers) -> Caller:
    """Return who calls. Raises `Refused`: without the gateway's word, and once only, nobody is let in."""
    systems = headers.getlist(SYSTEM)
    if len(systems) != 1 or not is_asid(systems[0]):
        raise Refused("ACCESS_DENIED", "The gateway has not named the calling system")
    codes = [code.strip() for line in headers.getlist(ORGANISATIONS) for code in line.split(",")]
    return Caller(systems[0], frozenset(code for code in codes if is_ods_code(code)), headers.get(INTERACTION))
