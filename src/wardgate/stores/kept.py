"""The promises of a store for small things that end by themselves: sessions, codes and tokens of the stand-in providers.

`ports` gives these names on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from wardgate.stores.outbox import Parcel


@dataclass(frozen=True, slots=True)
class KeptEntry:
    """Something kept until `until`. `id` may be a secret: only its hash is stored; `body` is encrypted at rest.

    `head` is the id of the entry this one ends with, such as the session a code came of.
    """

    id: str = field(repr=False)
    body: str = field(repr=False)
    until: datetime
    head: str | None = field(default=None, repr=False)


class Kept(Protocol):
    """Fails closed: a store that cannot answer raises."""

    def put(self, entries: Sequence[KeptEntry], while_kept: str | None = None) -> bool:
        """Keep or replace every entry in one step; not one of them, and False, when the entry `while_kept` is gone."""

    def get(self, entry_id: str, now: datetime) -> KeptEntry | None:
        """The entry, if it is not over."""

    def take(self, entry_id: str, now: datetime) -> KeptEntry | None:
        """Return and forget an entry that is not over: one caller gets it."""

    def end(
        self, head: str, now: datetime, then: Callable[[Sequence[KeptEntry]], Sequence[Parcel]] | None = None
    ) -> Sequence[KeptEntry]:
        """Forget the entry and those that end with it, and return those of the latter that were not over; ids are not known.

        What `then` makes of them is put into the outbox in the same step.
        """

    def purge(self, now: datetime) -> int: ...
