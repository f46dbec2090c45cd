"""The forms that values of directory attributes have (spine 7.3; spec README rule 21)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

MAX_VALUE_CHARS: Final = 1_000
"""Of every value, whatever its form."""
ODS_CODE_PATTERN: Final = "[A-Za-z0-9]{1,9}"
ASID_PATTERN: Final = "[0-9]{12}"
PARTY_KEY_PATTERN: Final = "[A-Za-z0-9]{1,9}-[0-9]{5,9}"
"""The manifest's systems and the directory's entries spell these alike."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a value has to look like, and how that is said to people."""

    said: str
    holds: Callable[[str], bool]


def _like(said: str, pattern: str, flags: re.RegexFlag = re.ASCII) -> Form:
    compiled = re.compile(pattern, flags)
    return Form(said, lambda text: compiled.fullmatch(text) is not None)


def _one_of(*values: str) -> Form:
    return Form("one of " + ", ".join(values), frozenset(values).__contains__)


def _is_moment(text: str) -> bool:
    try:
        return len(text) == 14 and text.isascii() and text.isdecimal() and bool(read_moment(text))
    except ValueError:
        return False


def _is_address(text: str) -> bool:
    try:
        return "%" not in text and bool(ip_address(text))
    except ValueError:
        return False


def _is_url(text: str) -> bool:
    if not re.fullmatch(r"https://[\x21-\x7E]{1,490}", text) or re.search(r'[\\"<>^`{|}]', text):
        return False
    try:
        parts = urlsplit(text)
        return FQDN.holds(parts.hostname or "") and parts.username is None and "@" not in parts.netloc
    except ValueError:
        return False


def read_moment(text: str) -> datetime:
    """Return the moment of a `YYYYMMDDhhmmss`. Raises `ValueError` for another text or a date that is none."""
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def moment(at: datetime) -> str:
    """Return a moment as the directory writes it: the inverse of `read_moment`, to the second."""
    return f"{at.astimezone(UTC):%Y%m%d%H%M%S}".zfill(14)


_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NO_CONTROL: Final = r"\x00-\x1F\x7F-\x9F\u2028\u2029\uD800-\uDFFF"

ODS_CODE: Final = _like("an ODS code, 1 to 9 letters and digits", ODS_CODE_PATTERN)
ASID: Final = _like("an ASID, 12 digits", ASID_PATTERN)
CPA_ID: Final = _like("S and digits, or 20 hexadecimal digits", r"S[0-9A-Fa-f]{1,19}|[0-9A-Fa-f]{20}")
PARTY_KEY: Final = _like("an ODS code, a hyphen and 5 to 9 digits", PARTY_KEY_PATTERN)
INTERACTION: Final = _like("an interaction id, 1 to 300 visible characters", r"[\x21-\x7E]{1,300}")
FQDN: Final = _like("a domain name", rf"(?=.{{1,253}}\Z)({_LABEL}\.)+[A-Za-z]([A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?")
URL: Final = Form("an https URL without user and of at most 498 characters", _is_url)
IP_ADDRESS: Final = Form("an IP address", _is_address)
MOMENT: Final = Form("YYYYMMDDhhmmss, 14 digits", _is_moment)
ROLE_DN: Final = _like(
    "uniqueIdentifier=...,uniqueIdentifier=...,uid=...,ou=people,o=nhs",
    r"uniqueIdentifier=[^,=\s]{1,40}, ?uniqueIdentifier=[^,=\s]{1,40}, ?uid=[^,=\s]{1,40}, ?ou=people, ?o=nhs",
    re.ASCII | re.IGNORECASE,
)
DURATION: Final = _like(
    "an ISO 8601 duration such as PT5M",
    r"P(?=.)([0-9]{1,4}Y)?([0-9]{1,4}M)?([0-9]{1,4}W)?([0-9]{1,4}D)?(T(?=.)([0-9]{1,6}H)?([0-9]{1,6}M)?([0-9]{1,6}S)?)?",
)
COUNT: Final = _like("a number of at most 4 digits", r"[0-9]{1,4}")
CODE: Final = _like("a word of letters, digits, hyphens and underscores", r"[A-Za-z0-9_-]{1,100}")
KEY: Final = _like("1 to 200 visible characters", r"[\x21-\x7E]{1,200}")
LINE: Final = _like("one line of text, without spaces around it", rf"(?=\S)[^{_NO_CONTROL}]{{1,{MAX_VALUE_CHARS}}}(?<=\S)", re.NOFLAG)

AUTHENTICATED: Final = _one_of("none", "transient", "persistent")
INTERACTION_TYPE: Final = _one_of("FHIR", "HL7", "EBXML", "N/A")
SYNC_REPLY: Final = _one_of("None", "never", "MSHSignalsOnly", "SignalsAndResponse")
ALWAYS_OR_NEVER: Final = _one_of("always", "never")
ACTOR: Final = _one_of("urn:oasis:names:tc:ebxml-msg:actor:toPartyMSH", "urn:oasis:names:tc:ebxml-msg:actor:nextMSH", "IGNORED")
