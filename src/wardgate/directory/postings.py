"""Things by their keys: which have a value, and which have several values at once."""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class Postings(Generic[T]):
    """Immutable once made; answers are in the order of what it was made from."""

    def __init__(self, items: Iterable[T], keys: Mapping[str, Callable[[T], Iterable[str]]]) -> None:
        self.items = tuple(items)
        self._places: dict[str, dict[str, set[int]]] = {name: {} for name in keys}
        for place, item in enumerate(self.items):
            for name, values in keys.items():
                for value in values(item):
                    self._places[name].setdefault(value, set()).add(place)

    def count(self, name: str, value: str) -> int:
        """Return how many have a value."""
        return len(self._places[name].get(value, ()))

    def find(self, wanted: Mapping[str, str]) -> tuple[T, ...]:
        """Return those that have every wanted value; all of them when nothing is wanted. Raises `KeyError` for an unknown key."""
        if not wanted:
            return self.items
        empty: set[int] = set()
        places = sorted((self._places[name].get(value, empty) for name, value in wanted.items()), key=len)
        return tuple(self.items[place] for place in sorted(set.intersection(*places)))
