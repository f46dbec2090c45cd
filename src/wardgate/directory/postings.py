"""Things by their keys: which have a value, and which have several values at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class Postings(Generic[T]):
    """Immutable once made; a change makes a new one that shares what stayed. Answers are in the order of the things' names."""

    def __init__(self, items: Mapping[str, T], keys: Mapping[str, Callable[[T], Iterable[str]]]) -> None:
        self._items = dict(items)
        self._keys = keys
        self._named: dict[str, dict[str, set[str]]] = {name: {} for name in keys}
        self._sorted: tuple[T, ...] | None = None
        for place, item in self._items.items():
            for name, value in self._values(item):
                self._named[name].setdefault(value, set()).add(place)

    def patched(self, put: Mapping[str, T], removed: Iterable[str]) -> "Postings[T]":
        """Return these with some put, in the place of those of the same name, and others removed."""
        new: Postings[T] = Postings({}, self._keys)
        new._items = dict(self._items)
        leave: dict[tuple[str, str], set[str]] = {}
        join: dict[tuple[str, str], set[str]] = {}
        for place in {*put, *removed}:
            before = new._items.pop(place, None)
            for key in self._values(before) if before is not None else ():
                leave.setdefault(key, set()).add(place)
        for place, item in put.items():
            new._items[place] = item
            for key in self._values(item):
                join.setdefault(key, set()).add(place)
        new._named = {name: dict(found) for name, found in self._named.items()}
        for name, value in {*leave, *join}:
            places = (new._named[name].get(value, set()) - leave.get((name, value), set())) | join.get((name, value), set())
            if places:
                new._named[name][value] = places
            else:
                new._named[name].pop(value, None)
        return new

    @property
    def items(self) -> tuple[T, ...]:
        """Everything, in order."""
        if self._sorted is None:
            self._sorted = tuple(self._items[place] for place in sorted(self._items))
        return self._sorted

    def count(self, name: str, value: str) -> int:
        """Return how many have a value."""
        return len(self._named[name].get(value, ()))

    def find(self, wanted: Mapping[str, str]) -> tuple[T, ...]:
        """Return those that have every wanted value; all of them when nothing is wanted. Raises `KeyError` for an unknown key."""
        if not wanted:
            return self.items
        empty: set[str] = set()
        places = sorted((self._named[name].get(value, empty) for name, value in wanted.items()), key=len)
        return tuple(self._items[place] for place in sorted(set.intersection(*places)))

    def get(self, place: str) -> T | None:
        """Return the one of a name."""
        return self._items.get(place)

    def _values(self, item: T) -> Iterator[tuple[str, str]]:
        return ((name, value) for name, values in self._keys.items() for value in values(item))
