"""Sealing everything again with the newest store key, so that the old one can be dropped."""

from typing import Any, Final

from sqlalchemy import Column, Table, select, update

from wardgate.stores.sealer import Sealer
from wardgate.stores.sql.engine import connect
from wardgate.stores.sql.schema import AUTHORITIES, CREDENTIALS, INSTALLATION_VALUES, SIGNING_KEYS
from wardgate.stores.sql.transaction import writing

SEALED: Final = (INSTALLATION_VALUES, SIGNING_KEYS, AUTHORITIES, CREDENTIALS)
"""Every table with a column `sealed`; a test compares this with the schema."""


def reseal(url: str, store_key: Sealer) -> int:
    """Seal with the first key what another one sealed; return how many values that were.

    All or nothing. Raises `WrongStoreKey` when a value opens with none of the keys, and `StoreUnavailable`.
    """
    database = connect(url)
    try:
        with writing(database) as connection:
            changed = 0
            for table in SEALED:
                key = _key_of(table)
                for row_id, sealed in connection.execute(select(key, table.c.sealed)).all():
                    if store_key.is_current(bytes(sealed)):
                        continue
                    place = f"{table.name}/sealed/{row_id}"
                    again = store_key.seal(store_key.open(bytes(sealed), place), place)
                    connection.execute(update(table).where(key == row_id).values(sealed=again))
                    changed += 1
            return changed
    finally:
        database.engine.dispose()


def _key_of(table: Table) -> Column[Any]:
    (key,) = table.primary_key
    return key
