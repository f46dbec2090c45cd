"""Counts of requests in windows longer than a minute. Written by `AuditLog.append_from` only."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from wardgate.stores.ports import QuotaCount
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.schema import QUOTA_COUNTS
from wardgate.stores.sql.transaction import reading, writing
from wardgate.stores.sql.upsert import upsert


class SQLQuotas:
    """Counting does not raise the generation; whoever finds a quota used up publishes an overlay."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def used(self, now: datetime) -> Sequence[QuotaCount]:
        statement = select(QUOTA_COUNTS).where(QUOTA_COUNTS.c.window_end > now)
        statement = statement.order_by(*QUOTA_COUNTS.primary_key)
        with reading(self._context.database) as connection:
            found = connection.execute(statement).all()
        return [QuotaCount(row.application, row.api, row.window_seconds, row.window_start, row.used) for row in found]

    def purge(self, now: datetime) -> int:
        with writing(self._context.database) as connection:
            return connection.execute(delete(QUOTA_COUNTS).where(QUOTA_COUNTS.c.window_end <= now)).rowcount


def add_counts(connection: Connection, counts: Sequence[QuotaCount]) -> None:
    """Add each count to its window."""
    upsert(connection, QUOTA_COUNTS, [
        {"application": count.application, "api": count.api, "window_seconds": count.window_seconds,
         "window_start": count.window_start, "window_end": count.window_start + timedelta(seconds=count.window_seconds),
         "used": count.used}
        for count in counts
    ], add="used")
