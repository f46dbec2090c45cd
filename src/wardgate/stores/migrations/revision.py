"""Which revision a database is of, without loading what changes it: every command asks this, few migrate."""

from typing import Final

from sqlalchemy import inspect, text

from wardgate.stores.errors import SchemaMismatch
from wardgate.stores.sql.engine import Database
from wardgate.stores.sql.transaction import reading

REVISION: Final = "0011"
"""The revision of this version of Wardgate: the newest in `versions`."""


def current(database: Database) -> str | None:
    """Return the revision of the database, None for one without a schema."""
    with reading(database) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def check(database: Database) -> None:
    """Raise `SchemaMismatch` unless the schema is that of this version."""
    found = current(database)
    if found is None:
        raise SchemaMismatch("the database has no schema: it was not migrated")
    if found != REVISION:
        raise SchemaMismatch(f"the database's schema is {found}, this version of Wardgate needs {REVISION}")
