"""The schema's history. `upgrade` brings a database to this version, `downgrade` back.

Two processes that start at once do not both migrate: the second waits for the lock and finds nothing left to do.
Each revision is one transaction: a process killed in the middle leaves the schema as it was.
Read: revision, run, versions.
"""

from wardgate.stores.migrations.revision import REVISION, check, current
from wardgate.stores.sql.engine import Database

__all__ = ["REVISION", "check", "current", "downgrade", "upgrade"]


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the schema to `revision`. Raises `SchemaMismatch` when the database is of a newer version."""
    if revision == "head" and current(database) == REVISION:
        return
    from wardgate.stores.migrations import run  # noqa: PLC0415 - loads Alembic, which most starts do not need

    run.upgrade(database, revision)


def downgrade(database: Database, revision: str = "base") -> None:
    """Take the schema back to `revision`. `base` removes every table and what is in it."""
    from wardgate.stores.migrations import run  # noqa: PLC0415 - loads Alembic

    run.downgrade(database, revision)
