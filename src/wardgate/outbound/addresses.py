"""Which addresses we may call on somebody else's word: public ones, unless the operator allows more (application-restricted 6.2).

A key set's URL is written by a client's developer, so it must not reach into our own network (RFC 9700 section 4.5 is
about the same danger). The name is resolved once and the connection is made to the address that was checked.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LOOPBACK: Final[tuple[Network, ...]] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_EMBEDDING: Final = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"), ip_network("2002::/16"), ip_network("2001::/32"))
"""IPv6 networks whose addresses stand for IPv4 ones: translated on the way, they could end anywhere."""


def plain(address: str) -> Address:
    """Return the address that a connection really goes to: an IPv4 one for its IPv6 notation. Raises `ValueError`."""
    parsed = ip_address(address.partition("%")[0])
    return parsed.ipv4_mapped or parsed if isinstance(parsed, IPv6Address) else parsed


def is_public(address: Address) -> bool:
    """Whether the address is somewhere on the internet and can be nothing of ours."""
    if any(address in network for network in _EMBEDDING):
        return False
    return address.is_global and not address.is_multicast


def is_within(address: Address, networks: Iterable[Network]) -> bool:
    """Whether one of the networks holds the address."""
    return any(address in network for network in networks)
