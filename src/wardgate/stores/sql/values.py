"""Small secrets and facts of this installation, sealed."""

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from wardgate.stores.sealer import Sealer
from wardgate.stores.sql.engine import Database
from wardgate.stores.sql.schema import INSTALLATION_VALUES
from wardgate.stores.sql.transaction import reading, writing
from wardgate.stores.sql.upsert import upsert


class SQLValues:
    """Needs the database and the sealer only: it is what the rest is opened with."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    def get(self, name: str) -> str | None:
        with reading(self._database) as connection:
            sealed = _sealed(connection, name)
        return None if sealed is None else self._open(sealed, name)

    def set_if_absent(self, name: str, value: str) -> str:
        spelled = sqlite.insert if self._database.is_sqlite else postgresql.insert
        sealed = self._sealer.seal(value.encode(), _place(name))
        with writing(self._database) as connection:
            statement = spelled(INSTALLATION_VALUES).values(name=name, sealed=sealed)
            connection.execute(statement.on_conflict_do_nothing())
            held = _sealed(connection, name)
        return value if held is None else self._open(held, name)

    def put(self, name: str, value: str | None) -> None:
        with writing(self._database) as connection:
            if value is None:
                connection.execute(delete(INSTALLATION_VALUES).where(INSTALLATION_VALUES.c.name == name))
            else:
                upsert(connection, INSTALLATION_VALUES, [{"name": name, "sealed": self._sealer.seal(value.encode(), _place(name))}])

    def _open(self, sealed: bytes, name: str) -> str:
        return self._sealer.open(sealed, _place(name)).decode()


def _sealed(connection: Connection, name: str) -> bytes | None:
    statement = select(INSTALLATION_VALUES.c.sealed).where(INSTALLATION_VALUES.c.name == name)
    found = connection.execute(statement).scalar_one_or_none()
    return None if found is None else bytes(found)


def _place(name: str) -> str:
    return f"installation_values/sealed/{name}"
