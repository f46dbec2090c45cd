"""The headers of each family of APIs: which system calls, which is called, by which interaction (spine 3).

Names are written as the family writes them and read in any case of letters. A header sent twice reaches us joined by a comma,
and then has none of these forms.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from wardgate.refusals import Refusal, reason
from wardgate.spine.errors import CannotMint, SpineRefused
from wardgate.spine.identifiers import is_asid
from wardgate.spine.interactions import MAX_CHARS

UUID: Final = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_INTERACTION: Final = re.compile(rf"[\x21-\x2B\x2D-\x7E]{{1,{MAX_CHARS}}}")


def _is_uuid(text: str) -> bool:
    return UUID.fullmatch(text) is not None


def _is_interaction(text: str) -> bool:
    return _INTERACTION.fullmatch(text) is not None


_ASID: Final = "an ASID of 12 digits"


class Family(StrEnum):
    """The families of APIs, by how their headers are called."""

    REASONABLE_ADJUSTMENTS = "reasonable-adjustments"
    NRL = "nrl"
    NEMS = "nems"
    PROXY = "secure-proxy"
    """GP Connect, retrieval of records, bookings."""
    TRANSLATED = "translated"
    """What the internet gateway sends on in place of the first family's, since 2021."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a family's headers. An empty name: the family has no such header."""

    sender: str
    receiver: str = ""
    interaction: str = ""
    trace: str = ""
    interaction_optional: bool = False


NAMES: Final[Mapping[Family, Names]] = MappingProxyType({
    Family.REASONABLE_ADJUSTMENTS: Names("FromASID", "ToASID", "InteractionID", "TraceID"),
    Family.NRL: Names("fromASID", "toASID", "InteractionID", interaction_optional=True),
    Family.NEMS: Names("fromASID", "toASID", "InteractionID"),
    Family.PROXY: Names("Ssp-From", "Ssp-To", "Ssp-InteractionID", "Ssp-TraceID"),
    Family.TRANSLATED: Names("NHSD-ASID"),
})


@dataclass(frozen=True, slots=True)
class SystemHeaders:
    """What the headers of a request say; None for what the family does not have, or need not have."""

    sender: str
    receiver: str | None = None
    interaction: str | None = None
    trace: str | None = None


def sender_of(family: Family, headers: Mapping[str, str]) -> str | None:
    """Return the ASID that a request says it is from, or None for none in form. `headers` has lower-case names."""
    found = headers.get(NAMES[family].sender.lower(), "")
    return found if is_asid(found) else None


def read_headers(family: Family, headers: Mapping[str, str]) -> SystemHeaders:
    """Return what the headers say, checked one after the other: sender, receiver, interaction, trace (spine 4.4, 11).

    Whether the systems are known is the caller's question. `headers` has lower-case names. Raises `SpineRefused`, 400, of
    the secure proxy's in its own words.
    """
    at_proxy = family is Family.PROXY
    sender = read_sender(family, headers, at_proxy=at_proxy)
    receiver = read_receiver(family, headers, at_proxy=at_proxy)
    interaction = read_interaction(family, headers, at_proxy=at_proxy)
    return SystemHeaders(sender, receiver, interaction, read_trace(family, headers, at_proxy=at_proxy))


def read_sender(family: Family, headers: Mapping[str, str], *, at_proxy: bool = False) -> str:
    """Return the ASID that the request says it is from. Raises `SpineRefused`."""
    found = sender_of(family, headers)
    if found is None:
        raise _refused(NAMES[family].sender, _code(family, "from-asid-missing", at_proxy=at_proxy), _ASID)
    return found


def read_receiver(family: Family, headers: Mapping[str, str], *, at_proxy: bool = False) -> str | None:
    """Return the ASID that the request says it is to; None: the family has no such header. Raises `SpineRefused`."""
    name = NAMES[family].receiver
    if not name:
        return None
    found = headers.get(name.lower())
    if found is None or not is_asid(found):
        raise _refused(name, _code(family, "to-asid-missing", at_proxy=at_proxy), _ASID)
    return found


def read_interaction(family: Family, headers: Mapping[str, str], *, at_proxy: bool = False, optional: bool = False) -> str | None:
    """Return the interaction that the request names; None: it names none, and need not. Raises `SpineRefused`."""
    names = NAMES[family]
    found = headers.get(names.interaction.lower()) if names.interaction else None
    if names.interaction and not (found is None and (optional or names.interaction_optional)):
        _check_form(names.interaction, found, _INTERACTION, "an interaction id", at_proxy=at_proxy)
    return found


def read_trace(family: Family, headers: Mapping[str, str], *, at_proxy: bool = False) -> str | None:
    """Return the trace of the request; None: the family has no such header. Raises `SpineRefused`."""
    name = NAMES[family].trace
    if not name:
        return None
    found = headers.get(name.lower())
    _check_form(name, found, UUID, "a UUID", at_proxy=at_proxy)
    return found


def _check_form(name: str, value: str | None, form: re.Pattern[str], expected: str, *, at_proxy: bool) -> None:
    if value is None or not form.fullmatch(value):
        said = "spine-header-missing" if value is None else "spine-header-invalid"
        raise _refused(name, "ssp-header-missing" if at_proxy else said, expected)


def _code(family: Family, own: str, *, at_proxy: bool) -> str:
    """A row that names its header in its own words is for the families that call it so."""
    if at_proxy:
        return "ssp-header-missing"
    return own if NAMES[family].receiver.lower() == "toasid" else "spine-header-missing"


def _refused(name: str, code: str, expected: str) -> SpineRefused:
    return SpineRefused(Refusal(reason(code), expected=f"{name}: {expected}", received="none, or another form", values={"header": name}))


def headers_for(
    family: Family, token: str, *, sender: str, receiver: str = "", interaction: str = "", trace: str = "", correlation: str = ""
) -> dict[str, str]:
    """Return the headers of a call, Authorization first. `trace` is a new UUID for each request.

    For the translated family `trace` is the caller's X-Request-ID, `correlation` X-Correlation-ID and the gateway's message id
    joined by a dot. Raises `CannotMint` for one that is missing or has not its form.
    """
    names = NAMES[family]
    found = {"Authorization": f"Bearer {token}"}
    wanted = [(names.sender, sender, is_asid), (names.receiver, receiver, is_asid), (names.trace, trace, _is_uuid)]
    if not names.interaction_optional:
        wanted.append((names.interaction, interaction, _is_interaction))
    for name, value, holds in wanted:
        if name and not holds(value):
            raise CannotMint(f"the header {name} needs a value in its form")
        if name:
            found[name] = value
    if family is Family.TRANSLATED:
        found |= {"NHSD-Request-ID": trace, "NHSD-Correlation-ID": ".".join(part for part in (trace, correlation) if part)}
    return found
