"""DNS names in certificates: lower-case FQDNs under the allowed suffixes (application-restricted 8.1).

A common name holds at most 64 characters (RFC 5280, upper bounds), and here CN = SAN, so that is the limit for clients.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from wardgate.pki.errors import NameRefused

MAX_COMMON_NAME_CHARACTERS: Final = 64
MAX_DNS_NAME_CHARACTERS: Final = 253
LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
TOP_LABEL: Final = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class NameRules:
    """Which names may be certified. `suffixes` without a leading dot; None allows any domain (servers only)."""

    suffixes: tuple[str, ...] | None = ("nhs.uk",)
    localhost: bool = False
    reserved: frozenset[str] = frozenset()
    """Names that are the gateway's own: who else could show a certificate of one would be taken for it."""


CLIENT_NAMES: Final = NameRules()
SERVER_NAMES: Final = NameRules(suffixes=None, localhost=True)


def check_fqdn(name: str) -> None:
    """The name is a lower-case FQDN of two labels or more (RFC 1123 section 2.1); raises `NameRefused`."""
    if name != name.lower():
        raise NameRefused("a name in lower case", name)
    if "*" in name:
        raise NameRefused("one host's name, no wildcard", name)
    if name.endswith("."):
        raise NameRefused("a name without a final dot", name)
    if not 1 <= len(name) <= MAX_DNS_NAME_CHARACTERS:
        raise NameRefused(f"1 to {MAX_DNS_NAME_CHARACTERS} characters", f"{len(name)} characters")
    labels = name.split(".")
    if len(labels) < 2:
        raise NameRefused("a fully qualified domain name", name)
    if not all(LABEL.fullmatch(label) for label in labels) or not TOP_LABEL.fullmatch(labels[-1]):
        raise NameRefused("labels of 1 to 63 letters, digits and inner hyphens", name)


def check_name(name: str, rules: NameRules) -> None:
    """The name may be certified under `rules`; raises `NameRefused`."""
    if rules.localhost and name == "localhost":
        return
    check_fqdn(name)
    if len(name) > MAX_COMMON_NAME_CHARACTERS:
        raise NameRefused(f"at most {MAX_COMMON_NAME_CHARACTERS} characters, as a common name has", f"{len(name)} characters")
    if rules.suffixes is not None and not any(name.endswith("." + suffix) for suffix in rules.suffixes):
        allowed = " or ".join("." + suffix for suffix in rules.suffixes) or "none: no suffix is allowed by the settings"
        raise NameRefused(f"a name under {allowed}", name)
    if name in rules.reserved:
        raise NameRefused("a name that is not the gateway's own", name)


def check_server_name(name: str) -> None:
    """The name may stand in a server certificate: a FQDN, `localhost`, or an IP address; raises `NameRefused`."""
    if name == "localhost" or as_ip_address(name) is not None:
        return
    check_fqdn(name)


def as_ip_address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that the text spells in its canonical form, else None."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return None
    return address if str(address) == name else None
