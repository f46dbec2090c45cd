"""Message ids in the platform's shape: `rrt-<19 digits>-<letter>-geu2-<n>-<n>-<n>` (user-restricted 2.2)."""

from collections.abc import Callable
from itertools import count
from typing import Final

_LETTERS: Final = "abcdefgh"


def message_ids(random_bits: int) -> Callable[[], str]:
    """Return a source of ids that are unique in this process; 64 random bits given once tell processes apart.

    An id is no secret and may be guessed: it names a record, and reading records needs other rights.
    """
    start = 10**18 + random_bits % (8 * 10**18)
    letter = _LETTERS[random_bits % len(_LETTERS)]
    node = 10_000 + (random_bits >> 40) % 90_000
    numbers = count()

    def next_id() -> str:
        number = next(numbers)
        return f"rrt-{start + number}-{letter}-geu2-{node}-{100_000 + number}-1"

    return next_id
