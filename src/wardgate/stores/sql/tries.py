"""Failed tries to sign in. Keys are stored as keyed hashes: a user name or an address cannot be guessed from the table."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from wardgate.audit.model import Event
from wardgate.quotas import failed_tries
from wardgate.quotas.failed_tries import Tally
from wardgate.stores.sql import chain
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.schema import FAILED_TRIES
from wardgate.stores.sql.transaction import reading, writing
from wardgate.stores.sql.upsert import upsert
from wardgate.stores.tries import TriesBegun, Try

_NAMESPACE: Final = "failed-tries"


class SQLFailedTries:
    """NOTE: a step first makes and locks the rows it is about, in the order of their keys, so that no two wait for each other."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def begin(self, tries: Sequence[Try], now: datetime) -> TriesBegun:
        keys = [self._hash(one.key) for one in tries]
        with writing(self._context.database) as connection:
            held = self._locked(connection, keys, now)
            begun = [failed_tries.begin(held.get(key), one.limit, now) for key, one in zip(keys, tries, strict=True)]
            if all(one.allowed for one in begun):
                upsert(connection, FAILED_TRIES, [_row(key, one.tally) for key, one in zip(keys, begun, strict=True)])
                return TriesBegun(True, tuple(one.tally for one in begun))
            early = [(key, one) for key, one in zip(keys, begun, strict=True) if not one.allowed]
            upsert(connection, FAILED_TRIES, [_row(key, one.tally) for key, one in early])  # with a wait that a clock made too long
        return TriesBegun(False, tuple(one.tally if not one.allowed else held.get(key) for key, one in zip(keys, begun, strict=True)))

    def succeed(self, forget: Sequence[str], give_back: Sequence[Try], now: datetime) -> None:
        gone, back = [self._hash(key) for key in forget], {self._hash(one.key): one for one in give_back}
        with writing(self._context.database) as connection:
            held = self._locked(connection, [*gone, *back], now)
            left = {key: failed_tries.give_back(held.get(key), one.limit, now) for key, one in back.items()}
            gone += [key for key, tally in left.items() if tally is None]
            connection.execute(delete(FAILED_TRIES).where(FAILED_TRIES.c.key.in_(gone)))
            upsert(connection, FAILED_TRIES, [_row(key, tally) for key, tally in left.items() if tally is not None])

    def tallies(self, keys: Sequence[str], now: datetime) -> Sequence[Tally | None]:
        hashes = [self._hash(key) for key in keys]
        with reading(self._context.database) as connection:
            rows = connection.execute(select(FAILED_TRIES).where(FAILED_TRIES.c.key.in_(hashes), FAILED_TRIES.c.until > now)).all()
        found = {bytes(row.key): Tally(row.failures, row.open_from, row.until) for row in rows}
        return [found.get(key) for key in hashes]

    def unlock(self, keys: Sequence[str], now: datetime, event: Event) -> int:
        hashes = sorted({self._hash(key) for key in keys})
        with writing(self._context.database) as connection:
            remembered = sum(tally.failures > 0 for tally in self._locked(connection, hashes, now).values())
            connection.execute(delete(FAILED_TRIES).where(FAILED_TRIES.c.key.in_(hashes)))
            chain.append(self._context, connection, [event])
        return remembered

    def purge(self, now: datetime) -> int:
        with writing(self._context.database) as connection:
            return connection.execute(delete(FAILED_TRIES).where(FAILED_TRIES.c.until <= now)).rowcount

    def _hash(self, key: str) -> bytes:
        return self._context.lookup_hash(f"{_NAMESPACE}:{key}")

    def _locked(self, connection: Connection, keys: Sequence[bytes], now: datetime) -> Mapping[bytes, Tally]:
        """Return what is remembered under each key, and keep others from these keys until the transaction ends."""
        if not keys:
            return {}
        spelled: Any = sqlite.insert(FAILED_TRIES) if connection.dialect.name == "sqlite" else postgresql.insert(FAILED_TRIES)
        rows = [_row(key, Tally(0, now, now)) for key in sorted(set(keys))]
        locking = spelled.values(rows).on_conflict_do_update(index_elements=["key"], set_={"failures": FAILED_TRIES.c.failures})
        found = connection.execute(locking.returning(*FAILED_TRIES.c)).all()
        return {bytes(row.key): Tally(row.failures, row.open_from, row.until) for row in found if row.until > now}


def _row(key: bytes, tally: Tally) -> dict[str, object]:
    return {"key": key, "failures": tally.failures, "open_from": tally.open_from, "until": tally.until}
