"""Running migrations from the program, under a lock."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text

from wardgate.stores.errors import SchemaMismatch
from wardgate.stores.sql.engine import Database
from wardgate.stores.sql.transaction import writing

_SCRIPTS: Final = Path(__file__).parent
_LOCK: Final = 0x57415244  # any number that other users of the database do not take: "WARD"
_LOCK_SECONDS: Final = 60


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the schema to `revision`. Raises `SchemaMismatch` when the database is of a newer version."""
    _locked(database, lambda config: command.upgrade(config, revision))


def downgrade(database: Database, revision: str = "base") -> None:
    """Take the schema back to `revision`. `base` removes every table and what is in it."""
    _locked(database, lambda config: command.downgrade(config, revision))


def _locked(database: Database, action: Callable[[Config], None]) -> None:
    with writing(database) as connection:  # BEGIN IMMEDIATE on SQLite: one process at a time
        if not database.is_sqlite:
            _lock(connection)
        config = Config()
        config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
        config.attributes["connection"] = connection
        try:
            action(config)
        except CommandError:
            raise SchemaMismatch("the database's schema is of another, newer version of Wardgate") from None


def _lock(connection: Connection) -> None:
    """Wait for the advisory lock, which ends with the transaction; migrations may take longer than a request may."""
    connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
