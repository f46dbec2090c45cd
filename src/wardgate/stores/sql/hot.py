"""The statements of the hot path: claiming single uses and appending records. Written once per database.

They use the driver's cursor inside SQLAlchemy's transaction and put a whole batch into one statement. On SQLite that
matters twice: every step of a statement releases the interpreter's lock, and getting it back from a busy event loop can
take longer than the step itself.
"""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection

Row = tuple[int, str, str]
"""Number, body and hash of a record."""


class HotStatements(Protocol):
    """What the two databases do differently. All of it happens in a transaction of the caller."""

    def lock_head(self, connection: Connection) -> tuple[int, str]:
        """Return number and hash of the last record, and keep other appenders waiting until the transaction ends."""

    def move_head(self, connection: Connection, seq: int, record_hash: str) -> None: ...

    def claim(self, connection: Connection, keys: Sequence[bytes], untils: Sequence[int]) -> list[bool]:
        """Insert or refuse each key; the first of equal keys wins."""

    def insert_records(self, connection: Connection, rows: Sequence[Row], ids: Sequence[tuple[int, int]]) -> None:
        """Insert records, and the pairs (id key, number) by which they are found."""
