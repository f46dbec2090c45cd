"""The hot statements on PostgreSQL: a batch is one statement over arrays, so it is prepared once for every size."""

from collections.abc import Sequence
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

_LOCK_HEAD: Final = "SELECT seq, hash FROM audit_head WHERE id = 1 FOR UPDATE"
_MOVE_HEAD: Final = "UPDATE audit_head SET seq = %s, hash = %s WHERE id = 1"
_CLAIM: Final = (
    'INSERT INTO single_uses (key, "until") SELECT * FROM unnest(%s::bytea[], %s::bigint[]) '
    "ON CONFLICT DO NOTHING RETURNING key"
)
_RECORDS: Final = "INSERT INTO audit (seq, body, hash) SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[])"
_IDS: Final = (
    "INSERT INTO audit_ids (bucket, id_key, seq) SELECT * FROM unnest(%s::int[], %s::bigint[], %s::bigint[])"
)
_GRANTS: Final = (
    'INSERT INTO grants (id, application, credential, started, "until", sealed, provider_session) '
    "SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bytea[], %s::text[])"
)
_CODES: Final = (
    'INSERT INTO authorization_codes (hash, grant_id, application, redirect_uri, challenge, "until") '
    "SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[])"
)
_TOKENS: Final = (
    'INSERT INTO refresh_tokens (grant_id, number, hash, "until", sealed) '
    "SELECT * FROM unnest(%s::text[], %s::int[], %s::text[], %s::bigint[], %s::bytea[])"
)
_GRANT: Final = 'g.id, g.application, g.credential, g.started, g."until", g.sealed, g.provider_session, g.ended'
_FIND_CODES: Final = (
    f'SELECT c.hash, c.application, c."until", c.used, {_GRANT} '  # noqa: S608 - names of columns, written above
    "FROM authorization_codes AS c JOIN grants AS g ON g.id = c.grant_id WHERE c.hash = ANY(%s::text[])"
)
_FIND_TOKENS: Final = (
    f'SELECT t.hash, t.number, t."until", t.used, n.hash, n."until", n.used, n.sealed, {_GRANT} '  # noqa: S608 - as above
    "FROM refresh_tokens AS t JOIN grants AS g ON g.id = t.grant_id "
    "LEFT JOIN refresh_tokens AS n ON n.grant_id = t.grant_id AND n.number = t.number + 1 WHERE t.hash = ANY(%s::text[])"
)
_USE_CODES: Final = (
    "UPDATE authorization_codes AS c SET used = asked.at FROM unnest(%s::text[], %s::bigint[]) AS asked (hash, at) "
    "WHERE c.hash = asked.hash AND c.used IS NULL"
)
_USE_TOKENS: Final = (
    "UPDATE refresh_tokens AS t SET used = asked.at, sealed = NULL "
    "FROM unnest(%s::text[], %s::int[], %s::bigint[]) AS asked (grant_id, number, at) "
    "WHERE t.grant_id = asked.grant_id AND t.number = asked.number AND t.used IS NULL"
)


class PostgreSQLStatements:
    """Arrays and `unnest`. Keys are claimed in their order, so that two batches cannot wait for each other."""

    def lock_head(self, driver: Any) -> tuple[int, str]:
        with driver.cursor() as cursor:
            return cast("tuple[int, str]", cursor.execute(_LOCK_HEAD).fetchone())

    def move_head(self, driver: Any, seq: int, record_hash: str) -> None:
        with driver.cursor() as cursor:
            cursor.execute(_MOVE_HEAD, (seq, record_hash))

    def claim(self, driver: Any, keys: Sequence[bytes], untils: Sequence[int]) -> list[bool]:
        pairs = sorted(zip(keys, untils, strict=True))
        with driver.cursor() as cursor:
            returned = cursor.execute(_CLAIM, ([key for key, _ in pairs], [until for _, until in pairs])).fetchall()
        won = {bytes(key) for (key,) in returned}
        firsts = []
        for key in keys:
            firsts.append(key in won)
            won.discard(key)
        return firsts

    def insert_records(self, driver: Any, rows: Sequence[Row], ids: Sequence[IdRow]) -> None:
        run_over(driver, _RECORDS, rows)
        if ids:
            run_over(driver, _IDS, ids)

    def insert_grants(self, driver: Any, rows: Sequence[GrantRow]) -> None:
        run_over(driver, _GRANTS, rows)

    def insert_codes(self, driver: Any, rows: Sequence[CodeRow]) -> None:
        run_over(driver, _CODES, rows)

    def insert_tokens(self, driver: Any, rows: Sequence[TokenRow]) -> None:
        run_over(driver, _TOKENS, rows)

    def find_codes(self, driver: Any, hashes: Sequence[str]) -> Sequence[FoundCode]:
        with driver.cursor() as cursor:
            found = cursor.execute(_FIND_CODES, (list(hashes),)).fetchall()
        return [FoundCode._make([*row[:4], FoundGrant._make(row[4:])]) for row in found]

    def find_tokens(self, driver: Any, hashes: Sequence[str]) -> Sequence[FoundToken]:
        with driver.cursor() as cursor:
            found = cursor.execute(_FIND_TOKENS, (list(hashes),)).fetchall()
        return [FoundToken._make([*row[:8], FoundGrant._make(row[8:])]) for row in found]

    def use_codes(self, driver: Any, rows: Sequence[tuple[str, int]]) -> int:
        return run_over(driver, _USE_CODES, rows)

    def use_tokens(self, driver: Any, rows: Sequence[tuple[str, int, int]]) -> int:
        return run_over(driver, _USE_TOKENS, rows)


def run_over(driver: Any, statement: str, rows: Sequence[tuple[Any, ...]]) -> int:
    """Run the statement over the rows as arrays, one per column; return how many rows it changed."""
    with driver.cursor() as cursor:
        return int(cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)]).rowcount)
