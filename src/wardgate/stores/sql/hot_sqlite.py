"""The hot statements on SQLite. `BEGIN IMMEDIATE` has already made this the only writer."""

import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, cast

from wardgate.stores.sql.hot import IdRow, Row

_ROWS_PER_STATEMENT: Final = 64
_CLAIM: Final = 'INSERT INTO single_uses (key, "until") VALUES {} ON CONFLICT DO NOTHING'
_RECORDS: Final = "INSERT INTO audit (seq, body, hash) VALUES {}"
_IDS: Final = "INSERT INTO audit_ids (bucket, id_key, seq) VALUES {}"


class SQLiteStatements:
    """Multi-row VALUES: one step of the statement for up to 64 rows."""

    def lock_head(self, driver: Any) -> tuple[int, str]:
        found = driver.execute("SELECT seq, hash FROM audit_head WHERE id = 1").fetchone()
        return cast("tuple[int, str]", found)

    def move_head(self, driver: Any, seq: int, record_hash: str) -> None:
        driver.execute("UPDATE audit_head SET seq = ?, hash = ? WHERE id = 1", (seq, record_hash))

    def claim(self, driver: Any, keys: Sequence[bytes], untils: Sequence[int]) -> list[bool]:
        firsts: list[bool] = []
        for start in range(0, len(keys), _ROWS_PER_STATEMENT):
            chunk = list(zip(keys[start : start + _ROWS_PER_STATEMENT], untils[start:], strict=False))
            firsts += _claim_chunk(driver, chunk)
        return firsts

    def insert_records(self, driver: Any, rows: Sequence[Row], ids: Sequence[IdRow]) -> None:
        _insert(driver, _RECORDS, rows)
        _insert(driver, _IDS, ids)


def _claim_chunk(driver: sqlite3.Connection, chunk: list[tuple[bytes, int]]) -> list[bool]:
    """Claim all in one statement, which is the rule; when one was used before, find out which by taking each alone."""
    if len(chunk) == 1:
        return [driver.execute(_values(_CLAIM, 1, 2), chunk[0]).rowcount == 1]
    driver.execute("SAVEPOINT claim")
    if driver.execute(_values(_CLAIM, len(chunk), 2), _flat(chunk)).rowcount == len(chunk):
        driver.execute("RELEASE claim")
        return [True] * len(chunk)
    driver.execute("ROLLBACK TO claim")
    firsts = [driver.execute(_values(_CLAIM, 1, 2), pair).rowcount == 1 for pair in chunk]
    driver.execute("RELEASE claim")
    return firsts


def _insert(driver: sqlite3.Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        chunk = rows[start : start + _ROWS_PER_STATEMENT]
        driver.execute(_values(statement, len(chunk), len(chunk[0])), _flat(chunk))


def _flat(rows: Sequence[tuple[Any, ...]]) -> list[Any]:
    return [value for row in rows for value in row]


@cache
def _values(statement: str, rows: int, columns: int) -> str:
    """Return the statement for so many rows. The driver keeps it compiled, under its text."""
    row = f"({','.join('?' * columns)})"
    return statement.format(",".join([row] * rows))
