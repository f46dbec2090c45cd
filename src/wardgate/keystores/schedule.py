"""When a signing key signs, and until when it is believed. Pure: `now` is a parameter.

A new key is published for `overlap_seconds` before it signs, so that whoever caches the key set has it in time. The
key before it signs until then, and is believed until its last token has expired: `sign_from` of the new key plus
`token_seconds` plus `skew_seconds`. The first key of a use signs at once: nothing was signed before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from wardgate.stores.ports import SigningKey


@dataclass(frozen=True, slots=True)
class Rotation:
    """How long things last. Defaults: a key a month, a day's notice, tokens of ten minutes."""

    every_seconds: int = 30 * 86_400
    overlap_seconds: int = 86_400
    token_seconds: int = 600
    skew_seconds: int = 60

    def __post_init__(self) -> None:
        if min(self.every_seconds, self.token_seconds) <= 0 or min(self.overlap_seconds, self.skew_seconds) < 0:
            raise ValueError("a rotation's times are positive")
        if self.overlap_seconds >= self.every_seconds:
            raise ValueError("a new key is published for less time than a key signs")


def signing(keys: Sequence[SigningKey], now: datetime) -> SigningKey | None:
    """Return the key that signs now: the latest whose time to sign has come and that has not been retired by then."""
    ready = [key for key in keys if key.sign_from <= now and (key.verify_until is None or key.verify_until > now)]
    return max(ready, key=lambda key: key.sign_from, default=None)


def published(keys: Sequence[SigningKey], now: datetime) -> list[SigningKey]:
    """Return the keys that belong into the key set: those that sign, will sign, or signed what may still be valid."""
    return [key for key in keys if key.verify_until is None or key.verify_until > now]


def is_due(keys: Sequence[SigningKey], now: datetime, rotation: Rotation) -> bool:
    """Return whether the next key has to be made: the newest one's time, less the notice, is up."""
    newest = max((key.sign_from for key in published(keys, now)), default=None)
    if newest is None:
        return True
    return now >= newest + timedelta(seconds=rotation.every_seconds - rotation.overlap_seconds)


def sign_from(keys: Sequence[SigningKey], now: datetime, rotation: Rotation) -> datetime:
    """Return when a key made now may sign: at once when no key can sign, else after its notice.

    Whole minutes, so that processes which rotate at the same time agree on the moment, and the store, which takes one
    key per use and moment, lets one of them win.
    """
    minute = now.replace(second=0, microsecond=0)
    if signing(keys, now) is None:
        return minute
    return minute + timedelta(seconds=60 + rotation.overlap_seconds)


def verify_until(next_signs_from: datetime, rotation: Rotation) -> datetime:
    """Return until when the key before is believed."""
    return next_signs_from + timedelta(seconds=rotation.token_seconds + rotation.skew_seconds)
