"""What a store needs to keep secrets at rest. `keystores.Sealer` is one."""

from typing import Protocol


class Sealer(Protocol):
    """Encrypts a value for the place it is stored at, written as table/column/row."""

    def seal(self, plain: bytes, place: str) -> bytes: ...
    def open(self, sealed: bytes, place: str) -> bytes:
        """Raise `WrongStoreKey` when no key fits, or the value was changed or moved."""

    def is_current(self, sealed: bytes) -> bool:
        """Return whether the newest key sealed this."""
