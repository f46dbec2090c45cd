"""Which Envoy enforces which generation."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import select

from wardgate.stores.ports import DataPlane
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.schema import DATA_PLANES
from wardgate.stores.sql.transaction import reading, writing
from wardgate.stores.sql.upsert import upsert


class SQLDataPlanes:
    """The newest word of each node."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def confirm(self, data_plane: DataPlane) -> None:
        with writing(self._context.database) as connection:
            upsert(connection, DATA_PLANES, [asdict(data_plane)])

    def all(self) -> Sequence[DataPlane]:
        with reading(self._context.database) as connection:
            found = connection.execute(select(DATA_PLANES).order_by(DATA_PLANES.c.node)).all()
        return [DataPlane(row.node, row.generation, row.seen, row.error) for row in found]
