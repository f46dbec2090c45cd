"""The statements of the hot path: claiming single uses and appending records. Written once per database.

They use the driver's connection and put a whole batch into one statement. On SQLite that
matters twice: every step of a statement releases the interpreter's lock, and getting it back from a busy event loop can
take longer than the step itself.
"""

from collections.abc import Sequence
from typing import Any, Protocol

Row = tuple[int, str, str]
"""Number, body and hash of a record."""

IdRow = tuple[int, int, int]
"""Bucket, id key and number of a record."""


class HotStatements(Protocol):
    """What the two databases do differently. `driver` is the driver's connection, in a transaction of the caller."""

    def lock_head(self, driver: Any) -> tuple[int, str]:
        """Return number and hash of the last record, and keep other appenders waiting until the transaction ends."""

    def move_head(self, driver: Any, seq: int, record_hash: str) -> None: ...

    def claim(self, driver: Any, keys: Sequence[bytes], untils: Sequence[int]) -> list[bool]:
        """Insert or refuse each key; the first of equal keys wins."""

    def insert_records(self, driver: Any, rows: Sequence[Row], ids: Sequence[IdRow]) -> None:
        """Insert records, and the rows by which they are found."""
