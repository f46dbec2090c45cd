"""How long tokens of users last, and the texts that say so (user-restricted 3.5, 4.4, 4.5)."""

from datetime import UTC, datetime, timedelta

from wardgate.oauth.lifetimes import grant_until, lifetimes, seconds_left, seconds_of
from wardgate.oauth.users import ProviderKind

NOW = datetime(2026, 3, 2, 9, 0, 0, 500_000, UTC)


def test_the_platforms_texts() -> None:
    """One second is lost everywhere."""
    assert seconds_of(600_000) == "599"
    for kind, text in ((ProviderKind.CIS2, "43199"), (ProviderKind.NHS_LOGIN, "3599")):
        assert seconds_left(lifetimes({}, kind, NOW, NOW, 600_000).refresh_until, NOW) == text
        assert lifetimes({}, kind, NOW, NOW, 600_000).refresh_until == grant_until(kind, NOW)
    assert seconds_left(NOW - timedelta(days=1), NOW) == "0"


def test_a_refresh_does_not_lengthen_a_sign_in() -> None:
    """The end falls second for second with the time since the first token."""
    later = NOW + timedelta(seconds=5)
    assert seconds_left(lifetimes({}, ProviderKind.CIS2, NOW, later, 600_000).refresh_until, later) == "43194"


def test_knobs_only_shorten() -> None:
    """More than the default, zero, and what is no number leave the default."""
    knobs = {"_access_token_expiry_ms": "1000", "_refresh_token_expiry_ms": "4", "_refresh_tokens_validity_ms": "60000"}
    found = lifetimes(knobs, ProviderKind.CIS2, NOW, NOW, 600_000)
    assert (found.access_ms, found.refresh_until) == (1000, NOW + timedelta(milliseconds=4))
    del knobs["_refresh_token_expiry_ms"]
    assert lifetimes(knobs, ProviderKind.CIS2, NOW, NOW + timedelta(seconds=10), 600_000).refresh_until == NOW + timedelta(seconds=60)
    for text in ("0", "-5", "x", "99999999999", "1e3"):
        long = lifetimes(dict.fromkeys(("_access_token_expiry_ms", "_refresh_token_expiry_ms", "_refresh_tokens_validity_ms"), text),
                         ProviderKind.NHS_LOGIN, NOW, NOW, 600_000)
        assert (long.access_ms, long.refresh_until) == (600_000, NOW + timedelta(hours=1))
