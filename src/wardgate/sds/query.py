"""The parameters of a look-up (spine 7.5): which are known, what each has to be, and which are needed together. Pure.

Of several values in one system the last counts; a value of spaces counts as none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wardgate.refusals import Refusal, reason

ODS: Final = "https://fhir.nhs.uk/Id/ods-organization-code"
INTERACTION: Final = "https://fhir.nhs.uk/Id/nhsServiceInteractionId"
PARTY_KEY: Final = "https://fhir.nhs.uk/Id/nhsMhsPartyKey"
SHOWN_NAME_CHARS: Final = 100

SYSTEMS: Final[Mapping[str, tuple[str, ...]]] = {
    "organization": (ODS,),
    "identifier": (INTERACTION, PARTY_KEY),
    "manufacturing-organization": (ODS,),
}
"""The systems that values of each parameter are in."""
DEVICE: Final = frozenset(SYSTEMS)
ENDPOINT: Final = frozenset({"organization", "identifier"})

Pairs = Sequence[tuple[str, str]]


class LookUpRefused(Exception):
    """A look-up is refused; `refusal` says why. It holds nothing but names of parameters and limits."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason.code)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class DeviceQuery:
    """What a look-up of systems asks for."""

    organization: str
    interaction: str
    party_key: str | None
    manufacturer: str | None


@dataclass(frozen=True, slots=True)
class EndpointQuery:
    """What a look-up of endpoints asks for: two of them at least."""

    organization: str | None
    interaction: str | None
    party_key: str | None


def device_query(pairs: Pairs) -> DeviceQuery:
    """Return the query of `/Device`. Raises `LookUpRefused`."""
    _check(pairs, DEVICE)
    organization = _last(pairs, "organization", ODS)
    interaction = _last(pairs, "identifier", INTERACTION)
    if organization is None:
        raise _wrong("organization")
    if interaction is None:
        raise _wrong("identifier")
    return DeviceQuery(organization, interaction, _last(pairs, "identifier", PARTY_KEY), _last(pairs, "manufacturing-organization", ODS))


def endpoint_query(pairs: Pairs) -> EndpointQuery:
    """Return the query of `/Endpoint`. Raises `LookUpRefused`."""
    _check(pairs, ENDPOINT)
    found = EndpointQuery(_last(pairs, "organization", ODS), _last(pairs, "identifier", INTERACTION), _last(pairs, "identifier", PARTY_KEY))
    if [found.organization, found.interaction, found.party_key].count(None) > 1:
        raise LookUpRefused(Refusal(reason("directory-parameters-too-few"), "two of three", "fewer"))
    return found


def _check(pairs: Pairs, known: frozenset[str]) -> None:
    """Every parameter, in the order in which their names first appear, then every value of it."""
    for name in dict.fromkeys(name for name, _ in pairs):
        if name not in known:
            shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in name[:SHOWN_NAME_CHARS])
            raise LookUpRefused(Refusal(reason("directory-parameter-unknown"), ", ".join(sorted(known)), shown, {"name": shown}))
        for value in (value for other, value in pairs if other == name):
            if not value.startswith(tuple(f"{system}|" for system in SYSTEMS[name])):
                if name == "identifier":
                    raise LookUpRefused(Refusal(reason("directory-identifier-wrong"), "one of two systems", "another"))
                raise _wrong(name)


def _last(pairs: Pairs, name: str, system: str) -> str | None:
    prefix = f"{system}|"
    values = [text for other, value in pairs if other == name and value.startswith(prefix) and (text := value.removeprefix(prefix).strip())]
    return values[-1] if values else None


def _wrong(name: str) -> LookUpRefused:
    system = SYSTEMS[name][0]
    return LookUpRefused(Refusal(reason("directory-parameter-wrong"), f"{name}={system}|value", "none, or another", {"name": name, "system": system}))
