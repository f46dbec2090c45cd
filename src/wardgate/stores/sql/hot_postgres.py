"""The hot statements on PostgreSQL: a batch is one statement over arrays, so it is prepared once for every size."""

from collections.abc import Sequence
from typing import Any, Final, cast

from wardgate.stores.sql.hot import IdRow, Row

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
        with driver.cursor() as cursor:
            cursor.execute(_RECORDS, [list(column) for column in zip(*rows, strict=True)])
            if ids:
                cursor.execute(_IDS, [list(column) for column in zip(*ids, strict=True)])
