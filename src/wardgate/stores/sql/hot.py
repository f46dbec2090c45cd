"""The statements of the hot path: claiming single uses, appending records, and the steps of grants. Written per database.

They use the driver's connection and put a whole batch into one statement. On SQLite that
matters twice: every step of a statement releases the interpreter's lock, and getting it back from a busy event loop can
take longer than the step itself.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

Row = tuple[int, str, str]
"""Number, body and hash of a record."""

IdRow = tuple[int, int, int]
"""Bucket, id key and number of a record."""


GrantRow = tuple[str, str, str, int, int, bytes | None, str | None]
"""Id, application, credential, started, until, sealed body and provider session of a grant."""

CodeRow = tuple[str, str, str, str, str | None, int]
"""Hash, grant, application, redirect URI, challenge and until of a code."""

TokenRow = tuple[str, int, str, int, bytes | None]
"""Grant, number, hash, until and sealed text of a refresh token."""


class FoundGrant(NamedTuple):
    """A grant as it is stored; times in microseconds."""

    id: str
    application: str
    credential: str
    started: int
    until: int
    sealed: bytes | None
    provider_session: str | None
    ended: int | None


class FoundCode(NamedTuple):
    """A code, and its grant."""

    hash: str
    application: str
    until: int
    used: int | None
    grant: FoundGrant


class FoundToken(NamedTuple):
    """A refresh token, the one that follows it, if any (`next_…`), and its grant."""

    hash: str
    number: int
    until: int
    used: int | None
    next_hash: str | None
    next_until: int | None
    next_used: int | None
    next_sealed: bytes | None
    grant: FoundGrant


class HotStatements(Protocol):
    """What the two databases do differently. `driver` is the driver's connection, in a transaction of the caller."""

    def lock_head(self, driver: Any) -> tuple[int, str]:
        """Return number and hash of the last record, and keep other appenders waiting until the transaction ends."""

    def move_head(self, driver: Any, seq: int, record_hash: str) -> None: ...

    def claim(self, driver: Any, keys: Sequence[bytes], untils: Sequence[int]) -> list[bool]:
        """Insert or refuse each key; the first of equal keys wins."""

    def insert_records(self, driver: Any, rows: Sequence[Row], ids: Sequence[IdRow]) -> None:
        """Insert records, and the rows by which they are found."""

    def insert_grants(self, driver: Any, rows: Sequence[GrantRow]) -> None: ...
    def insert_codes(self, driver: Any, rows: Sequence[CodeRow]) -> None: ...
    def insert_tokens(self, driver: Any, rows: Sequence[TokenRow]) -> None: ...
    def find_codes(self, driver: Any, hashes: Sequence[str]) -> Sequence[FoundCode]: ...
    def find_tokens(self, driver: Any, hashes: Sequence[str]) -> Sequence[FoundToken]: ...
    def use_codes(self, driver: Any, rows: Sequence[tuple[str, int]]) -> int:
        """Mark each (hash, used) that is unused; return how many were."""

    def use_tokens(self, driver: Any, rows: Sequence[tuple[str, int, int]]) -> int:
        """Mark each (grant, number, used) that is unused, and forget its text; return how many were."""
