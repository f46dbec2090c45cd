"""The generation: one row, polled."""

from sqlalchemy import Connection, select

from wardgate.stores.sql.context import Context
from wardgate.stores.sql.schema import GENERATION
from wardgate.stores.sql.transaction import reading

_CURRENT = select(GENERATION.c.number).where(GENERATION.c.id == 1)


class SQLGeneration:
    """Reads the number by primary key; writers raise it in their own transactions."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def current(self) -> int:
        with reading(self._context.database) as connection:
            return current(connection)


def current(connection: Connection) -> int:
    """Return the generation as this transaction sees it."""
    return int(connection.execute(_CURRENT).scalar_one())
