"""How long tokens last, and how that is said: whole seconds as text, the one under way left out (user-restricted 3.5, 4.4, 4.5).

A sign-in can be refreshed for so long from its first token: 12 h at NHS CIS2, 1 h at NHS login. Test knobs only shorten.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from wardgate.oauth.requests import REFRESH_EXPIRY_PARAMETER, VALIDITY_PARAMETER, lifetime_ms
from wardgate.oauth.users import REFRESH_SECONDS, ProviderKind


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Of the tokens of one answer."""

    access_ms: int
    refresh_until: datetime


def grant_until(kind: ProviderKind, started: datetime) -> datetime:
    """Return when a sign-in that began at `started` can be refreshed no more."""
    return started + timedelta(seconds=REFRESH_SECONDS[kind])


def lifetimes(form: Mapping[str, str], kind: ProviderKind, started: datetime, now: datetime, access_ms: int) -> Lifetimes:
    """Return the lives of new tokens: min(now + expiry, start + validity), each shortened by the knob for it."""
    whole_ms = REFRESH_SECONDS[kind] * 1000
    expiry_ms = lifetime_ms(form, whole_ms, REFRESH_EXPIRY_PARAMETER)
    validity_ms = lifetime_ms(form, whole_ms, VALIDITY_PARAMETER)
    until = min(now + timedelta(milliseconds=expiry_ms), started + timedelta(milliseconds=validity_ms))
    return Lifetimes(lifetime_ms(form, access_ms), until)


def seconds_left(until: datetime, now: datetime) -> str:
    """Return `43199` for twelve hours: whole seconds as text, one lost, never below 0."""
    return str(max(0, ((until - now) // timedelta(milliseconds=1) - 1) // 1000))


def seconds_of(life_ms: int) -> str:
    """Return `599` for ten minutes."""
    return str((life_ms - 1) // 1000)
