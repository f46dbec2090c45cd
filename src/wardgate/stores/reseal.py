"""Sealing everything again with the newest store key, so that the old one can be dropped."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Column, Connection, Table, select, update

from wardgate.stores.sealer import Sealer
from wardgate.stores.sql.engine import connect
from wardgate.stores.sql.exchange_schema import EXCHANGE_MESSAGES
from wardgate.stores.sql.mailboxes_schema import MAILBOX_CHUNKS, MAILBOX_MESSAGES, MAILBOX_PASSWORDS
from wardgate.stores.sql.schema import (
    AUTHORITIES,
    CREDENTIALS,
    DIRECTORY_ENROLMENTS,
    DIRECTORY_ENTRIES,
    GRANTS,
    INSTALLATION_VALUES,
    KEPT,
    LOGIN_STATES,
    MESSAGE_KEYS,
    OUTBOX,
    PASSKEYS,
    REFRESH_TOKENS,
    SIGNING_KEYS,
)
from wardgate.stores.sql.transaction import writing

SEALED: Final[Mapping[Table, Column[Any]]] = {
    INSTALLATION_VALUES: INSTALLATION_VALUES.c.name, SIGNING_KEYS: SIGNING_KEYS.c.kid, AUTHORITIES: AUTHORITIES.c.name,
    CREDENTIALS: CREDENTIALS.c.id, LOGIN_STATES: LOGIN_STATES.c.id, GRANTS: GRANTS.c.id, REFRESH_TOKENS: REFRESH_TOKENS.c.hash,
    KEPT: KEPT.c.id, OUTBOX: OUTBOX.c.id, PASSKEYS: PASSKEYS.c.id, MESSAGE_KEYS: MESSAGE_KEYS.c.kid,
    DIRECTORY_ENTRIES: DIRECTORY_ENTRIES.c.id, DIRECTORY_ENROLMENTS: DIRECTORY_ENROLMENTS.c.asid,
    MAILBOX_MESSAGES: MAILBOX_MESSAGES.c.id, MAILBOX_CHUNKS: MAILBOX_CHUNKS.c.id, MAILBOX_PASSWORDS: MAILBOX_PASSWORDS.c.mailbox,
    EXCHANGE_MESSAGES: EXCHANGE_MESSAGES.c.key,
}
"""Every table with a column `sealed`, and the column that names the place of a value; a test compares this with the schema."""

_ROWS_AT_ONCE: Final = 500


def reseal(url: str, store_key: Sealer) -> int:
    """Seal with the first key what another one sealed; return how many values that were.

    All or nothing. Raises `WrongStoreKey` when a value opens with none of the keys, and `StoreUnavailable`.
    """
    database = connect(url)
    try:
        with writing(database) as connection:
            return sum(_reseal(connection, table, key, store_key) for table, key in SEALED.items())
    finally:
        database.engine.dispose()


def _reseal(connection: Connection, table: Table, key: Column[Any], store_key: Sealer) -> int:
    """Go through a table in the order of its key: it may hold a grant per user."""
    changed = 0
    last: str | None = None
    while True:
        rest = select(key, table.c.sealed).where(table.c.sealed.is_not(None))
        rest = rest if last is None else rest.where(key > last)
        rows = connection.execute(rest.order_by(key).limit(_ROWS_AT_ONCE)).all()
        for row_id, sealed in rows:
            if store_key.is_current(bytes(sealed)):
                continue
            place = f"{table.name}/sealed/{row_id}"
            again = store_key.seal(store_key.open(bytes(sealed), place), place)
            # NOTE: what was cleared or replaced meanwhile stays so.
            change = update(table).where(key == row_id, table.c.sealed == sealed)
            changed += connection.execute(change.values(sealed=again)).rowcount
        if len(rows) < _ROWS_AT_ONCE:
            return changed
        last = rows[-1][0]
