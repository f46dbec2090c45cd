"""What must reach somebody else."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from wardgate.stores.outbox import Parcel
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.schema import OUTBOX
from wardgate.stores.sql.transaction import reading, writing


class SQLOutbox:
    """NOTE: `take` is asked every second and mostly finds nothing: it reads before it takes the turn to write."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def take(self, now: datetime, until: datetime, limit: int) -> Sequence[Parcel]:
        due = select(OUTBOX.c.id).where(OUTBOX.c.due <= now).order_by(OUTBOX.c.due).limit(limit)
        with reading(self._context.database) as connection:
            if connection.execute(due).first() is None:
                return []
        taken = update(OUTBOX).where(OUTBOX.c.id.in_(due.with_for_update(skip_locked=True).scalar_subquery()), OUTBOX.c.due <= now).values(
            due=until, attempts=OUTBOX.c.attempts + 1).returning(OUTBOX.c.id, OUTBOX.c.sealed, OUTBOX.c.due, OUTBOX.c.attempts)
        with writing(self._context.database) as connection:
            rows = connection.execute(taken).all()
        return [Parcel(row.id, self._context.open(row.sealed, _place(row.id)), row.due, row.attempts) for row in rows]

    def postpone(self, parcel_id: str, due: datetime) -> None:
        with writing(self._context.database) as connection:
            connection.execute(update(OUTBOX).where(OUTBOX.c.id == parcel_id).values(due=due))

    def remove(self, parcel_id: str) -> None:
        with writing(self._context.database) as connection:
            connection.execute(delete(OUTBOX).where(OUTBOX.c.id == parcel_id))


def put(connection: Connection, context: Context, parcels: Sequence[Parcel]) -> None:
    """Add parcels in the transaction that is their reason."""
    rows = [{"id": one.id, "sealed": context.seal(one.body, _place(one.id)), "due": one.due, "attempts": one.attempts} for one in parcels]
    if rows:
        connection.execute(insert(OUTBOX), rows)


def _place(parcel_id: str) -> str:
    return f"outbox/sealed/{parcel_id}"
