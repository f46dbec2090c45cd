"""What every program on an installation agrees on: where the PKI is reached, and how settings are checked."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from wardgate.keystores import Sealer
from wardgate.server.errors import StartRefused
from wardgate.server.installation import default_ca_base_url, rotation_of
from wardgate.server.settings import Settings
from wardgate.server.wiring import authority_of
from wardgate.stores import open_stores


@pytest.mark.parametrize(("given", "url"), [
    ({}, "https://localhost:8443/pki"),
    ({"port": 9443}, "https://localhost:9443/pki"),
    ({"http_port": 8080}, "http://localhost:8080/pki"),
    ({"http_port": 8080, "pki_url": "http://pki.example.nhs.uk/pki"}, "http://pki.example.nhs.uk/pki"),
])
def test_where_the_pki_is_reached(given: dict[str, object], url: str) -> None:
    """The setting decides; without it, plain HTTP on this machine if there is such a port, else TLS."""
    assert default_ca_base_url(Settings(**given)) == url  # type: ignore[arg-type]


def test_the_first_start_fixes_where_the_pki_is(tmp_path: Path) -> None:
    """A later start with another address is refused by name; one without the setting, or with the same, goes on."""
    stores = open_stores(f"sqlite:///{tmp_path / 'wardgate.db'}", Sealer([bytes(32)]))
    try:
        first = "http://pki.example.nhs.uk/pki"
        authority_of(Settings(pki_url=first), stores)
        authority_of(Settings(), stores)
        authority_of(Settings(pki_url=first), stores)
        with pytest.raises(StartRefused, match=r"WARDGATE_PKI_URL.*http://pki\.example\.nhs\.uk/pki"):
            authority_of(Settings(pki_url="http://other.example.nhs.uk/pki"), stores)
    finally:
        stores.close()


@pytest.mark.parametrize(("name", "value"), [
    ("pki_url", "http://pki.example.nhs.uk"), ("pki_url", "ftp://pki.example.nhs.uk/pki"), ("mtls_url", "http://gateway.example.nhs.uk"),
    ("mtls_url", "https://gateway.example.nhs.uk/path"), ("port", 0), ("envoy_poll_seconds", 0), ("jwks_min_rsa_bits", 1024), ("node", "a b"),
])
def test_settings_that_cannot_be_are_refused(name: str, value: object) -> None:
    """Each is refused by its name, and its value is not repeated."""
    with pytest.raises(ValidationError) as refused:
        Settings(**{name: value})  # type: ignore[arg-type]
    assert refused.value.errors()[0]["loc"] == (name,)
    assert "input_value" not in str(refused.value)


@pytest.mark.parametrize(("days", "asked", "overlap"), [(30, 86_400, 86_400), (1, 86_400, 43_200), (1, 3600, 3600)])
def test_the_notice_of_a_key_is_at_most_half_its_time(days: int, asked: int, overlap: int) -> None:
    """A key's overlap is what is asked for, never more than half of the time it signs."""
    rotation = rotation_of(Settings(token_key_days=days, token_key_overlap_seconds=asked))
    assert (rotation.every_seconds, rotation.overlap_seconds) == (days * 86_400, overlap)
