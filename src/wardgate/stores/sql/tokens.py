"""Issuing a token as one step, and remembering those taken back."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select

from wardgate.audit.chain import Link
from wardgate.audit.model import Event
from wardgate.stores.ports import AuditRecord, TokenIssue
from wardgate.stores.sql import chain
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.schema import REVOKED_TOKENS
from wardgate.stores.sql.single_uses import keys_of
from wardgate.stores.sql.transaction import hot_writing, raise_generation, reading, writing
from wardgate.stores.sql.upsert import upsert


class SQLTokens:
    """The hot store: one transaction claims, records and moves the head, for a whole batch."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def issue(self, issues: Sequence[TokenIssue]) -> Sequence[bool]:
        return self.issue_and_append(issues, ())[0]

    def issue_and_append(
        self, issues: Sequence[TokenIssue], events: Sequence[Event]
    ) -> tuple[Sequence[bool], Sequence[AuditRecord]]:
        """Do `issue` and `AuditLog.append` in one transaction: a batch of `stores.group_commit`."""
        if not issues and not events:
            return [], []
        keys, untils = keys_of([issue.use for issue in issues])
        with hot_writing(self._context.database) as driver:
            # NOTE: the head comes before the claims, here and nowhere the other way round: no deadlock on PostgreSQL.
            head = Link(*self._context.hot.lock_head(driver))
            firsts = self._context.hot.claim(driver, keys, untils) if issues else []
            apply = [
                issue.if_first if first else issue.if_replayed for issue, first in zip(issues, firsts, strict=True)
            ]
            records = chain.append_after(self._context, driver, head, [*apply, *events])
        return firsts, records[len(issues) :]

    def revoke(self, jti: str, until: datetime, event: Event) -> int:
        with writing(self._context.database) as connection:
            generation = raise_generation(connection)
            known = select(REVOKED_TOKENS.c.until).where(REVOKED_TOKENS.c.jti == jti)
            before = connection.execute(known).scalar_one_or_none()
            last = until if before is None else max(before, until)
            upsert(connection, REVOKED_TOKENS, [{"jti": jti, "until": last, "generation": generation}])
            chain.append(self._context, connection, [event])
        return generation

    def revoked(self, now: datetime) -> Mapping[str, datetime]:
        statement = select(REVOKED_TOKENS.c.jti, REVOKED_TOKENS.c.until).where(REVOKED_TOKENS.c.until > now)
        with reading(self._context.database) as connection:
            return {row.jti: row.until for row in connection.execute(statement)}

    def purge(self, now: datetime) -> int:
        with writing(self._context.database) as connection:
            return connection.execute(delete(REVOKED_TOKENS).where(REVOKED_TOKENS.c.until <= now)).rowcount
