"""INSERT … ON CONFLICT, which both databases write alike and SQLAlchemy spells apart."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def upsert(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, add: str | None = None
) -> None:
    """Insert each row, or replace the columns of the one with its primary key; column `add` is added to instead."""
    if not rows:
        return
    spelled = sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
    keys = [column.name for column in table.primary_key]
    changed: dict[str, Any] = {name: spelled.excluded[name] for name in rows[0] if name not in keys}
    if add is not None:
        changed[add] = table.c[add] + spelled.excluded[add]
    connection.execute(spelled.on_conflict_do_update(index_elements=keys, set_=changed), [dict(row) for row in rows])


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose keys, the unique indexes' included, are free, and return how many that were."""
    if not rows:
        return 0
    spelled = sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
    statement = spelled.values([dict(row) for row in rows]).on_conflict_do_nothing().returning(*table.primary_key)
    return len(connection.execute(statement).all())
