"""Where we may call on a client's word."""

import pytest

from wardgate.outbound.addresses import LOOPBACK, is_public, is_within, plain


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses(address: str) -> None:
    """Somewhere on the internet."""
    assert is_public(plain(address))


@pytest.mark.parametrize("address", [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1",
    "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1", "fd00:ec2::254",
])
def test_our_own_and_reserved_addresses_are_not_public(address: str) -> None:
    """Loopback, private, link-local (cloud metadata), shared, documentation, multicast, and all that stand for them."""
    assert not is_public(plain(address))


def test_loopback_may_be_allowed_by_the_operator() -> None:
    """A demonstration's key sets are on this machine, in either notation."""
    assert is_within(plain("::ffff:127.0.0.1"), LOOPBACK)
    assert not is_within(plain("10.0.0.1"), LOOPBACK)
