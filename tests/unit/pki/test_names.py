"""Names: which may be certified, and which not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.pki.errors import NameRefused
from wardgate.pki.names import (
    CLIENT_NAMES,
    SERVER_NAMES,
    NameRules,
    as_ip_address,
    check_fqdn,
    check_name,
    check_server_name,
)

LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)


@pytest.mark.parametrize("name", ["a.nhs.uk", "nrl-z9x01.supplier.thirdparty.nhs.uk", "1.z9x.api.mesh-client.nhs.uk"])
def test_names_of_clients(name: str) -> None:
    """FQDNs under nhs.uk are certified."""
    check_name(name, CLIENT_NAMES)


@pytest.mark.parametrize(
    "name",
    ["", "nhs.uk", "localhost", "A.nhs.uk", "*.nhs.uk", "a..nhs.uk", ".nhs.uk", "-a.nhs.uk", "a-.nhs.uk", "a.nhs.uk.",
     "a b.nhs.uk", "a.nhs.uk\n", "a.nhs.co", "anhs.uk", f"{'a' * 64}.nhs.uk", f"{'a' * 60}.nhs.uk", "é.nhs.uk", "10.0.0.1"],
)  # fmt: skip
def test_names_refused_to_clients(name: str) -> None:
    """Everything that is not one lower-case host under an allowed suffix is refused."""
    with pytest.raises(NameRefused):
        check_name(name, CLIENT_NAMES)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "gateway.trust.example", "a" * 60 + ".example.org"])
def test_names_of_servers(name: str) -> None:
    """A server may be localhost, an address, or any FQDN."""
    check_server_name(name)


@pytest.mark.parametrize("name", ["", "host", "127.0.0.01", "[::1]", "*.example.org", "LOCALHOST", "256.1.1.1", "0:0:0:0:0:0:0:1"])
def test_names_refused_to_servers(name: str) -> None:
    """Single labels other than localhost, and addresses not in their canonical form, are refused."""
    with pytest.raises(NameRefused):
        check_server_name(name)


def test_localhost_is_for_servers_only() -> None:
    """The rules of requested server certificates allow localhost; those of clients do not."""
    check_name("localhost", SERVER_NAMES)
    with pytest.raises(NameRefused):
        check_name("localhost", CLIENT_NAMES)


def test_no_suffix_allows_nothing() -> None:
    """An empty list of suffixes is not the same as none."""
    with pytest.raises(NameRefused, match="no suffix is allowed"):
        check_name("a.nhs.uk", NameRules(suffixes=()))


@given(st.lists(LABELS, min_size=2, max_size=5).map(".".join))
def test_plain_names_pass_and_their_upper_case_does_not(name: str) -> None:
    """Letters, digits and inner hyphens are enough, in lower case only."""
    check_fqdn(name)
    with pytest.raises(NameRefused):
        check_fqdn(name.upper())


@given(st.text(max_size=40))
def test_any_text_passes_or_is_refused(text: str) -> None:
    """There is no third outcome, and what passes is plain ASCII."""
    try:
        check_fqdn(text)
    except NameRefused:
        return
    assert text.isascii()
    assert text == text.lower()
    assert as_ip_address(text) is None
