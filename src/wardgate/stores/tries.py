"""The promises of a store for failed tries to sign in. `ports` gives these names on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from wardgate.audit.model import Event
from wardgate.quotas.failed_tries import Tally, TryLimit


@dataclass(frozen=True, slots=True)
class Try:
    """Whose try it is, or where it comes from. `key` may be personal: only its keyed hash is stored."""

    key: str = field(repr=False)
    limit: TryLimit


@dataclass(frozen=True, slots=True)
class TriesBegun:
    """Whether the try may go on, and the tally of each key, in the order they were given; None: nothing is remembered."""

    allowed: bool
    tallies: tuple[Tally | None, ...]


class FailedTries(Protocol):
    """Fails closed: a store that cannot answer raises. Every method is one step: no two callers are between each other's halves."""

    def begin(self, tries: Sequence[Try], now: datetime) -> TriesBegun:
        """Count a try as failed under every key; under none of them when one refuses it."""

    def succeed(self, forget: Sequence[str], give_back: Sequence[Try], now: datetime) -> None:
        """The try was right: forget the failures under some keys, and take this one back under others."""

    def tallies(self, keys: Sequence[str], now: datetime) -> Sequence[Tally | None]:
        """What is remembered under each key."""

    def unlock(self, keys: Sequence[str], now: datetime, event: Event) -> int:
        """Forget the failures under these keys, record `event`, and return under how many keys something was remembered."""

    def purge(self, now: datetime) -> int: ...
