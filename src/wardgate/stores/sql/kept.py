"""Small things that end by themselves. Ids are stored as hashes, so that a copy of the database opens no session."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import delete, select

from wardgate.stores.kept import KeptEntry
from wardgate.stores.outbox import Parcel
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.outbox import put
from wardgate.stores.sql.schema import KEPT
from wardgate.stores.sql.transaction import reading, writing
from wardgate.stores.sql.upsert import upsert


class SQLKept:
    """NOTE: `put` locks the entry it depends on, and `end` removes that one first, so that what is put meanwhile is seen."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def put(self, entries: Sequence[KeptEntry], while_kept: str | None = None) -> bool:
        rows = [self._row(entry) for entry in entries]
        with writing(self._context.database) as connection:
            if while_kept is not None:
                held = select(KEPT.c.id).where(KEPT.c.id == _hash(while_kept)).with_for_update()
                if connection.execute(held).first() is None:
                    return False
            upsert(connection, KEPT, rows)
        return True

    def get(self, entry_id: str, now: datetime) -> KeptEntry | None:
        statement = select(KEPT.c.sealed, KEPT.c.until).where(KEPT.c.id == _hash(entry_id), KEPT.c.until > now)
        with reading(self._context.database) as connection:
            row = connection.execute(statement).first()
        return None if row is None else KeptEntry(entry_id, self._open(row.sealed, _hash(entry_id)), row.until)

    def take(self, entry_id: str, now: datetime) -> KeptEntry | None:
        statement = delete(KEPT).where(KEPT.c.id == _hash(entry_id)).returning(KEPT.c.sealed, KEPT.c.until)
        with writing(self._context.database) as connection:
            row = connection.execute(statement).first()
        if row is None or row.until <= now:
            return None
        return KeptEntry(entry_id, self._open(row.sealed, _hash(entry_id)), row.until)

    def end(
        self, head: str, now: datetime, then: Callable[[Sequence[KeptEntry]], Sequence[Parcel]] | None = None
    ) -> Sequence[KeptEntry]:
        family = delete(KEPT).where(KEPT.c.head == _hash(head)).returning(KEPT.c.id, KEPT.c.sealed, KEPT.c.until)
        with writing(self._context.database) as connection:
            connection.execute(delete(KEPT).where(KEPT.c.id == _hash(head)))
            rows = connection.execute(family).all()
            ended = [KeptEntry("", self._open(row.sealed, row.id), row.until, head) for row in rows if row.until > now]
            if then is not None:
                put(connection, self._context, then(ended))
        return ended

    def purge(self, now: datetime) -> int:
        with writing(self._context.database) as connection:
            return connection.execute(delete(KEPT).where(KEPT.c.until <= now)).rowcount

    def _row(self, entry: KeptEntry) -> dict[str, object]:
        key = _hash(entry.id)
        head = None if entry.head is None else _hash(entry.head)
        return {"id": key, "head": head, "sealed": self._context.seal(entry.body, _place(key)), "until": entry.until}

    def _open(self, sealed: bytes, key: str) -> str:
        return self._context.open(sealed, _place(key))


def _hash(entry_id: str) -> str:
    return hashlib.sha256(entry_id.encode("utf-8", "surrogatepass")).hexdigest()


def _place(key: str) -> str:
    return f"kept/sealed/{key}"
