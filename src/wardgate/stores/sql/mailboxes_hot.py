"""The statements of mailboxes on the driver's connection, written per database as those of `hot` are, and why."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, cast

from wardgate.stores.sql.hot_postgres import run_over
from wardgate.stores.sql.hot_sqlite import found_rows, insert_rows
from wardgate.stores.sql.mailboxes_rows import ChangeRow, ChunkRow, MessageRow

MESSAGE: Final = ", ".join(MessageRow._fields)
CHUNK: Final = ", ".join(ChunkRow._fields)


class FoundMessage(NamedTuple):
    """What steps look at, and change."""

    id: str
    sender: str
    recipient: str
    status: str
    total_chunks: int
    received: int
    size: int
    encoding: str | None
    position: int | None
    accepted_at: int | None
    downloaded_at: int | None
    acknowledged_at: int | None
    expires: int | None


_FOUND: Final = ", ".join(FoundMessage._fields)
_CHANGED: Final = ", ".join(f"{name} = asked.{name}" for name in ChangeRow._fields[1:])
_INSERT_MESSAGES: Final = f"INSERT INTO mailbox_messages ({MESSAGE}) "
_INSERT_CHUNKS: Final = f"INSERT INTO mailbox_chunks ({CHUNK}) "
_COUNT: Final = "INSERT INTO mailbox_counts (mailbox, waiting) "
_ADD: Final = " ON CONFLICT (mailbox) DO UPDATE SET waiting = mailbox_counts.waiting + excluded.waiting"

_SEAL: Final = "UPDATE mailbox_messages SET sealed = {} WHERE id = {}"


class MailboxStatements(Protocol):
    """`driver` is the driver's connection; what changes rows is in a transaction that has locked the head of the record."""

    def insert_messages(self, driver: Any, rows: Sequence[MessageRow]) -> None: ...
    def insert_chunks(self, driver: Any, rows: Sequence[ChunkRow]) -> None: ...
    def find_messages(self, driver: Any, ids: Sequence[str]) -> Sequence[FoundMessage]: ...
    def find_chunks(self, driver: Any, keys: Sequence[str]) -> Mapping[str, tuple[int, str]]:
        """Return size and SHA-256 of those that are there, by key."""

    def change_messages(self, driver: Any, rows: Sequence[ChangeRow]) -> None: ...
    def seal_again(self, driver: Any, rows: Sequence[tuple[bytes, str]]) -> None:
        """Replace what is sealed with messages: pairs of it and an id. For few."""

    def count(self, driver: Any, added: Sequence[tuple[str, int]]) -> None:
        """Add to how many wait in each mailbox."""

    def delete_messages(self, driver: Any, ids: Sequence[str]) -> None: ...
    def delete_chunks(self, driver: Any, keys: Sequence[str]) -> list[str]:
        """Return the places of their bodies."""

    def rows(self, driver: Any, statement: str, values: Sequence[Any]) -> list[Sequence[Any]]:
        """Return what a SELECT finds; its parameters are `?`."""

    def pairs(self, driver: Any, statement: str, values: Sequence[Any]) -> list[tuple[str, int]]:
        """Return what a SELECT of `id` and `position` finds, which may be long."""


_SQLITE_FIND: Final = (
    f"SELECT json_group_array(json_array({_FOUND})) FROM json_each(?) AS asked "  # noqa: S608
    "CROSS JOIN mailbox_messages AS m ON m.id = asked.value"
).replace("json_array(id", "json_array(m.id")
_SQLITE_CHUNKS: Final = (
    "SELECT json_group_array(json_array(c.id, c.size, c.sha256)) FROM json_each(?) AS asked "
    "CROSS JOIN mailbox_chunks AS c ON c.id = asked.value"
)
_SQLITE_CHANGE: Final = (
    f"UPDATE mailbox_messages AS m SET {_CHANGED} FROM (SELECT "  # noqa: S608
    + ", ".join(f"value ->> {number} AS {name}" for number, name in enumerate(ChangeRow._fields))
    + " FROM json_each(?)) AS asked WHERE m.id = asked.id"
)


class SQLiteMailboxes:
    """Many rows in one step of a statement."""

    def insert_messages(self, driver: Any, rows: Sequence[MessageRow]) -> None:
        insert_rows(driver, _INSERT_MESSAGES + "VALUES {}", rows)

    def insert_chunks(self, driver: Any, rows: Sequence[ChunkRow]) -> None:
        insert_rows(driver, _INSERT_CHUNKS + "VALUES {}", rows)

    def find_messages(self, driver: Any, ids: Sequence[str]) -> Sequence[FoundMessage]:
        return [FoundMessage._make(row) for row in found_rows(driver, _SQLITE_FIND, ids)]

    def find_chunks(self, driver: Any, keys: Sequence[str]) -> Mapping[str, tuple[int, str]]:
        return {key: (size, sha256) for key, size, sha256 in found_rows(driver, _SQLITE_CHUNKS, keys)}

    def change_messages(self, driver: Any, rows: Sequence[ChangeRow]) -> None:
        driver.execute(_SQLITE_CHANGE, (json.dumps(rows),))

    def seal_again(self, driver: Any, rows: Sequence[tuple[bytes, str]]) -> None:
        driver.executemany(_SEAL.format("?", "?"), rows)

    def count(self, driver: Any, added: Sequence[tuple[str, int]]) -> None:
        insert_rows(driver, _COUNT + "VALUES {}" + _ADD, added)

    def delete_messages(self, driver: Any, ids: Sequence[str]) -> None:
        driver.execute("DELETE FROM mailbox_messages WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),))

    def delete_chunks(self, driver: Any, keys: Sequence[str]) -> list[str]:
        deleted = driver.execute("DELETE FROM mailbox_chunks WHERE id IN (SELECT value FROM json_each(?)) RETURNING place", (json.dumps(keys),))
        return [place for (place,) in deleted.fetchall() if place is not None]

    def rows(self, driver: Any, statement: str, values: Sequence[Any]) -> list[Sequence[Any]]:
        return cast("list[Sequence[Any]]", driver.execute(statement, values).fetchall())

    def pairs(self, driver: Any, statement: str, values: Sequence[Any]) -> list[tuple[str, int]]:
        whole = f"SELECT json_group_array(json_array(id, position)) FROM ({statement})"  # noqa: S608 - a statement of ours
        (text,) = driver.execute(whole, values).fetchone()
        return [(message_id, position) for message_id, position in json.loads(text)]


def _unnested(types: str, names: str = "*") -> str:
    return f"SELECT {names} FROM unnest({', '.join(f'%s::{one}[]' for one in types.split())})"  # noqa: S608 - types of columns


_MESSAGE_TYPES: Final = "text text text text text text bigint int int bigint text bytea text bigint bigint bigint bigint bigint bytea"
_CHANGE_TYPES: Final = "text text int bigint bigint bigint bigint bigint bigint"
_PG_FIND: Final = f"SELECT {_FOUND} FROM mailbox_messages WHERE id = ANY(%s::text[])"  # noqa: S608
_PG_CHANGE: Final = (
    f"UPDATE mailbox_messages AS m SET {_CHANGED} FROM ({_unnested(_CHANGE_TYPES)}) "  # noqa: S608
    f"AS asked ({', '.join(ChangeRow._fields)}) WHERE m.id = asked.id"
)


class PostgreSQLMailboxes:
    """Arrays and `unnest`."""

    def insert_messages(self, driver: Any, rows: Sequence[MessageRow]) -> None:
        run_over(driver, _INSERT_MESSAGES + _unnested(_MESSAGE_TYPES), rows)

    def insert_chunks(self, driver: Any, rows: Sequence[ChunkRow]) -> None:
        run_over(driver, _INSERT_CHUNKS + _unnested("text bigint text text bytea"), rows)

    def find_messages(self, driver: Any, ids: Sequence[str]) -> Sequence[FoundMessage]:
        return [FoundMessage._make(row) for row in self._all(driver, _PG_FIND, [list(ids)])]

    def find_chunks(self, driver: Any, keys: Sequence[str]) -> Mapping[str, tuple[int, str]]:
        found = self._all(driver, "SELECT id, size, sha256 FROM mailbox_chunks WHERE id = ANY(%s::text[])", [list(keys)])
        return {key: (size, sha256) for key, size, sha256 in found}

    def change_messages(self, driver: Any, rows: Sequence[ChangeRow]) -> None:
        run_over(driver, _PG_CHANGE, rows)

    def seal_again(self, driver: Any, rows: Sequence[tuple[bytes, str]]) -> None:
        with driver.cursor() as cursor:
            cursor.executemany(_SEAL.format("%s", "%s"), rows)

    def count(self, driver: Any, added: Sequence[tuple[str, int]]) -> None:
        run_over(driver, _COUNT + _unnested("text bigint") + _ADD, added)

    def delete_messages(self, driver: Any, ids: Sequence[str]) -> None:
        with driver.cursor() as cursor:
            cursor.execute("DELETE FROM mailbox_messages WHERE id = ANY(%s::text[])", [list(ids)])

    def delete_chunks(self, driver: Any, keys: Sequence[str]) -> list[str]:
        deleted = self._all(driver, "DELETE FROM mailbox_chunks WHERE id = ANY(%s::text[]) RETURNING place", [list(keys)])
        return [place for (place,) in deleted if place is not None]

    def rows(self, driver: Any, statement: str, values: Sequence[Any]) -> list[Sequence[Any]]:
        return self._all(driver, statement.replace("?", "%s"), values)

    def pairs(self, driver: Any, statement: str, values: Sequence[Any]) -> list[tuple[str, int]]:
        return [(message_id, position) for message_id, position in self.rows(driver, statement, values)]

    def _all(self, driver: Any, statement: str, values: Sequence[Any]) -> list[Sequence[Any]]:
        with driver.cursor() as cursor:
            return cast("list[Sequence[Any]]", cursor.execute(statement, values).fetchall())
