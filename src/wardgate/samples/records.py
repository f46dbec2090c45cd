"""Versions of resources in one SQLite file: what was answered is there after a crash, and two writers never both win.

A record has keys by which it is found, and may hold a name that no other record may have at the same time.
Blocking: applications call it on a thread. One writer at a time; a business rule and the write it allows are one transaction.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from wardgate.fhir.json_text import decode, encode

BUSY_SECONDS: Final = 5.0
MAX_RECORDS: Final = 100_000
"""Live and removed records in one file: a sample is no archive."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS record (
  kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, updated TEXT NOT NULL, removed INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS past (
  kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, updated TEXT NOT NULL, removed INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (kind, id, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS look_up (
  kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (kind, name, value, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS look_up_of ON look_up (kind, id);
CREATE TABLE IF NOT EXISTS sole (kind TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sole_of ON sole (kind, id);
"""


class Taken(Exception):
    """Another record holds the name."""


class Full(Exception):
    """The file has as many records as it may."""


@dataclass(frozen=True, slots=True)
class Record:
    """One resource at its newest version, with `id` and `meta` in its body."""

    kind: str
    id: str
    version: int
    updated: datetime
    body: dict[str, Any]


class Transaction:
    """Reads and writes that hold together. Times are `now`'s."""

    def __init__(self, connection: sqlite3.Connection, now: datetime) -> None:
        self._connection = connection
        self.now = now

    def get(self, kind: str, name: str) -> Record | None:
        """Return a record that has not been removed."""
        row = self._connection.execute(
            "SELECT kind, id, version, updated, body FROM record WHERE kind = ? AND id = ? AND removed = 0", (kind, name)).fetchone()
        return _record(row) if row is not None else None

    def find(self, kind: str, limit: int, **keys: str) -> list[Record]:
        """Return the records with all of these keys, the oldest first, at most `limit`."""
        places = "".join(" AND id IN (SELECT id FROM look_up WHERE kind = ? AND name = ? AND value = ?)" for _ in keys)
        values = [part for name, value in keys.items() for part in (kind, name, value)]
        rows = self._connection.execute(
            f"SELECT kind, id, version, updated, body FROM record WHERE kind = ? AND removed = 0{places} ORDER BY updated, id LIMIT ?",  # noqa: S608 - only question marks are added
            (kind, *values, limit))
        return [_record(row) for row in rows]

    def add(self, kind: str, name: str, body: Mapping[str, Any], keys: Mapping[str, str], sole: str | None = None) -> Record:
        """Keep a new resource as version 1. Raises `Taken`, and `Full`."""
        if self._connection.execute("SELECT count(*) FROM record").fetchone()[0] >= MAX_RECORDS:
            raise Full
        return self._write(kind, name, 1, body, keys, sole)

    def replace(self, record: Record, body: Mapping[str, Any], keys: Mapping[str, str], sole: str | None = None) -> Record:
        """Keep the next version of a record. Raises `Taken`."""
        return self._write(record.kind, record.id, record.version + 1, body, keys, sole)

    def remove(self, record: Record) -> None:
        """Remove a record: it is found no more; what it was stays in the file."""
        self._write(record.kind, record.id, record.version + 1, record.body, {}, None, removed=True)

    def _write(
        self, kind: str, name: str, version: int, body: Mapping[str, Any], keys: Mapping[str, str], sole: str | None, *, removed: bool = False,
    ) -> Record:  # fmt: skip
        updated = self.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        rest = {member: value for member, value in body.items() if member not in {"resourceType", "id", "meta"}}
        meta = {**body.get("meta", {}), "versionId": str(version), "lastUpdated": updated}
        whole = {"resourceType": kind, "id": name, "meta": meta, **rest}
        row = (kind, name, version, updated, int(removed), encode(whole))
        run = self._connection.execute
        run("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?)", row)
        run("INSERT INTO past VALUES (?, ?, ?, ?, ?, ?)", row)
        run("DELETE FROM look_up WHERE kind = ? AND id = ?", (kind, name))
        run("DELETE FROM sole WHERE kind = ? AND id = ?", (kind, name))
        self._connection.executemany("INSERT INTO look_up VALUES (?, ?, ?, ?)", [(kind, key, value, name) for key, value in keys.items()])
        if sole is not None:
            try:
                run("INSERT INTO sole VALUES (?, ?, ?)", (kind, sole, name))
            except sqlite3.IntegrityError:
                raise Taken from None
        return Record(kind, name, version, self.now, whole)


class Records:
    """One file. Several may be open on it."""

    def __init__(self, path: Path | str, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON"):
            self._connection.execute(statement)
        self._connection.executescript(_SCHEMA)
        if str(path) != ":memory:":
            Path(path).chmod(0o600)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Everything within is kept, durably, or nothing is. Raises `sqlite3.Error`."""
        with self._lock:
            now = self._clock().astimezone(UTC)
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(self._connection, now.replace(microsecond=now.microsecond // 1000 * 1000))
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


def _record(row: tuple[str, str, int, str, str]) -> Record:
    kind, name, version, updated, body = row
    return Record(kind, name, version, datetime.fromisoformat(updated), decode(body.encode()))
