"""The hot statements on PostgreSQL: a batch is one statement over arrays, so it is prepared once for every size."""

from collections.abc import Sequence
from typing import Any, Final, cast

from sqlalchemy import Connection

from wardgate.stores.sql.hot import Row

_LOCK_HEAD: Final = "SELECT seq, hash FROM audit_head WHERE id = 1 FOR UPDATE"
_MOVE_HEAD: Final = "UPDATE audit_head SET seq = %s, hash = %s WHERE id = 1"
_CLAIM: Final = (
    'INSERT INTO single_uses (key, "until") SELECT * FROM unnest(%s::bytea[], %s::bigint[]) '
    "ON CONFLICT DO NOTHING RETURNING key"
)
_RECORDS: Final = "INSERT INTO audit (seq, body, hash) SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[])"
_IDS: Final = "INSERT INTO audit_ids (id_key, seq) SELECT * FROM unnest(%s::bigint[], %s::bigint[])"


class PostgreSQLStatements:
    """Arrays and `unnest`. Keys are claimed in their order, so that two batches cannot wait for each other."""

    def lock_head(self, connection: Connection) -> tuple[int, str]:
        with _cursor(connection) as cursor:
            return cast("tuple[int, str]", cursor.execute(_LOCK_HEAD).fetchone())

    def move_head(self, connection: Connection, seq: int, record_hash: str) -> None:
        with _cursor(connection) as cursor:
            cursor.execute(_MOVE_HEAD, (seq, record_hash))

    def claim(self, connection: Connection, keys: Sequence[bytes], untils: Sequence[int]) -> list[bool]:
        pairs = sorted(zip(keys, untils, strict=True))
        with _cursor(connection) as cursor:
            returned = cursor.execute(_CLAIM, ([key for key, _ in pairs], [until for _, until in pairs])).fetchall()
        won = {bytes(key) for (key,) in returned}
        firsts = []
        for key in keys:
            firsts.append(key in won)
            won.discard(key)
        return firsts

    def insert_records(self, connection: Connection, rows: Sequence[Row], ids: Sequence[tuple[int, int]]) -> None:
        with _cursor(connection) as cursor:
            cursor.execute(_RECORDS, [list(column) for column in zip(*rows, strict=True)])
            if ids:
                cursor.execute(_IDS, [list(column) for column in zip(*ids, strict=True)])


def _cursor(connection: Connection) -> Any:
    return cast("Any", connection.connection.driver_connection).cursor()
