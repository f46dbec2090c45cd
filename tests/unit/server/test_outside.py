"""Which addresses a server may call on somebody else's word: each kind of call by a setting of its own, loopback in a demonstration only."""

from ipaddress import ip_network

import pytest
from pydantic import ValidationError

from wardgate.server.settings import Settings
from wardgate.server.wiring import LOOPBACK, _key_set_settings, _logout_rules, _provider_settings

PRIVATE = ip_network("10.0.0.0/8")


def test_nothing_private_is_asked_by_default() -> None:
    """Neither for keys, nor providers, nor to tell of a sign-out; nothing without TLS."""
    settings = Settings()
    for rules in (_key_set_settings(settings).fetch, _provider_settings(settings).fetch, _logout_rules(settings)):
        assert rules.allowed_networks == rules.plain_http_networks == ()


def test_where_keys_may_be_nobody_is_told_of_a_sign_out() -> None:
    """A logout token is posted, which reaches further than a fetch: the one permission does not give the other."""
    keys, logout = Settings(jwks_allowed_networks=("10.0.0.0/8",)), Settings(logout_allowed_networks=("10.0.0.0/8",))
    assert _key_set_settings(keys).fetch.allowed_networks == _provider_settings(keys).fetch.allowed_networks == (PRIVATE,)
    assert _logout_rules(keys).allowed_networks == ()
    assert _logout_rules(logout).allowed_networks == (PRIVATE,)
    assert _key_set_settings(logout).fetch.allowed_networks == ()


def test_a_demonstration_adds_loopback() -> None:
    """Without TLS too: its backends and its developer's key sets are there."""
    loopback = tuple(ip_network(name) for name in LOOPBACK)
    for rules in (_key_set_settings(Settings(demo=True)).fetch, _logout_rules(Settings(demo=True))):
        assert rules.allowed_networks == rules.plain_http_networks == loopback


def test_each_has_its_time() -> None:
    """A client that is told may take as long as its setting says; what is asked of a provider as that one says."""
    settings = Settings(jwks_timeout_seconds=1, provider_timeout_seconds=2, logout_timeout_seconds=3, provider_keys_refetch_seconds=4)
    assert (_key_set_settings(settings).fetch.timeout_seconds, _logout_rules(settings).timeout_seconds) == (1, 3)
    assert (_provider_settings(settings).fetch.timeout_seconds, _provider_settings(settings).refetch_seconds) == (2, 4)


@pytest.mark.parametrize(("name", "value"), [
    ("logout_allowed_networks", ("10.0.0.1/8",)), ("logout_allowed_networks", ("everywhere",)), ("logout_timeout_seconds", 0),
    ("logout_timeout_seconds", 31), ("logout_retry_pauses_seconds", (-1,)), ("logout_retry_pauses_seconds", (86_401,)),
    ("logout_retry_pauses_seconds", (1,) * 21), ("provider_keys_refetch_seconds", 0)])
def test_what_is_refused(name: str, value: object) -> None:
    """A network that is none, and times and counts beyond reason."""
    with pytest.raises(ValidationError):
        Settings(**{name: value})  # type: ignore[arg-type]
