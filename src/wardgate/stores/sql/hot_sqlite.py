"""The hot statements on SQLite. `BEGIN IMMEDIATE` has already made this the only writer."""

import json
import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, cast

from wardgate.stores.sql.hot import (
    CodeRow,
    FoundCode,
    FoundGrant,
    FoundToken,
    GrantRow,
    IdRow,
    Row,
    TokenRow,
)

_ROWS_PER_STATEMENT: Final = 64
_CLAIM: Final = 'INSERT INTO single_uses (key, "until") VALUES {} ON CONFLICT DO NOTHING'
_RECORDS: Final = "INSERT INTO audit (seq, body, hash) VALUES {}"
_IDS: Final = "INSERT INTO audit_ids (bucket, id_key, seq) VALUES {}"
_GRANTS: Final = (
    'INSERT INTO grants (id, application, credential, started, "until", sealed, provider_session) VALUES {}'
)
_CODES: Final = (
    'INSERT INTO authorization_codes (hash, grant_id, application, redirect_uri, challenge, "until") VALUES {}'
)
_TOKENS: Final = 'INSERT INTO refresh_tokens (grant_id, number, hash, "until", sealed) VALUES {}'
_GRANT: Final = (
    'g.id, g.application, g.credential, g.started, g."until", hex(g.sealed), g.provider_session, g.ended'
)
_FIND_CODES: Final = (
    f'SELECT json_group_array(json_array(c.hash, c.application, c."until", c.used, {_GRANT})) '  # noqa: S608 - names of columns
    "FROM json_each(?) AS asked "
    "CROSS JOIN authorization_codes AS c ON c.hash = asked.value CROSS JOIN grants AS g ON g.id = c.grant_id"
)
_FIND_TOKENS: Final = (
    'SELECT json_group_array(json_array(t.hash, t.number, t."until", t.used, n.hash, n."until", n.used, '  # noqa: S608 - as above
    f"hex(n.sealed), {_GRANT})) FROM json_each(?) AS asked "
    "CROSS JOIN refresh_tokens AS t ON t.hash = asked.value "
    "CROSS JOIN grants AS g ON g.id = t.grant_id "
    "LEFT JOIN refresh_tokens AS n ON n.grant_id = t.grant_id AND n.number = t.number + 1"
)
"""One row whatever was asked: every row that a statement gives is a step of its own."""
_USE_CODES: Final = (
    "UPDATE authorization_codes AS c SET used = asked.at "
    "FROM (SELECT value ->> 0 AS hash, value ->> 1 AS at FROM json_each(?)) AS asked "
    "WHERE c.hash = asked.hash AND c.used IS NULL"
)
_USE_TOKENS: Final = (
    "UPDATE refresh_tokens AS t SET used = asked.at, sealed = NULL "
    "FROM (SELECT value ->> 0 AS grant_id, value ->> 1 AS number, value ->> 2 AS at FROM json_each(?)) AS asked "
    "WHERE t.grant_id = asked.grant_id AND t.number = asked.number AND t.used IS NULL"
)


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
        insert_rows(driver, _RECORDS, rows)
        insert_rows(driver, _IDS, ids)

    def insert_grants(self, driver: Any, rows: Sequence[GrantRow]) -> None:
        insert_rows(driver, _GRANTS, rows)

    def insert_codes(self, driver: Any, rows: Sequence[CodeRow]) -> None:
        insert_rows(driver, _CODES, rows)

    def insert_tokens(self, driver: Any, rows: Sequence[TokenRow]) -> None:
        insert_rows(driver, _TOKENS, rows)

    def find_codes(self, driver: Any, hashes: Sequence[str]) -> Sequence[FoundCode]:
        return [FoundCode._make([*row[:4], _grant(row[4:])]) for row in found_rows(driver, _FIND_CODES, hashes)]

    def find_tokens(self, driver: Any, hashes: Sequence[str]) -> Sequence[FoundToken]:
        found = found_rows(driver, _FIND_TOKENS, hashes)
        return [FoundToken._make([*row[:7], bytes.fromhex(row[7]) or None, _grant(row[8:])]) for row in found]

    def use_codes(self, driver: Any, rows: Sequence[tuple[str, int]]) -> int:
        return int(driver.execute(_USE_CODES, (json.dumps(rows),)).rowcount)

    def use_tokens(self, driver: Any, rows: Sequence[tuple[str, int, int]]) -> int:
        return int(driver.execute(_USE_TOKENS, (json.dumps(rows),)).rowcount)


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


def insert_rows(driver: sqlite3.Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run an INSERT whose VALUES are `{}` over the rows, many at once."""
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        chunk = rows[start : start + _ROWS_PER_STATEMENT]
        driver.execute(_values(statement, len(chunk), len(chunk[0])), _flat(chunk))


def found_rows(driver: sqlite3.Connection, statement: str, hashes: Sequence[str]) -> list[list[Any]]:
    """Run a query that gives all of its rows as one JSON array; `?` is the JSON array of what is asked for."""
    (text,) = driver.execute(statement, (json.dumps(hashes),)).fetchone()
    return cast("list[list[Any]]", json.loads(text))


def _grant(row: list[Any]) -> FoundGrant:
    return FoundGrant._make([*row[:5], bytes.fromhex(row[5]) or None, *row[6:]])


def _flat(rows: Sequence[tuple[Any, ...]]) -> list[Any]:
    return [value for row in rows for value in row]


@cache
def _values(statement: str, rows: int, columns: int) -> str:
    """Return the statement for so many rows. The driver keeps it compiled, under its text."""
    row = f"({','.join('?' * columns)})"
    return statement.format(",".join([row] * rows))
