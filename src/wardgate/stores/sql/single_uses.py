"""What may be used once. Fails closed: a store that cannot answer raises."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select

from wardgate.stores.ports import SingleUse
from wardgate.stores.sql.columns import to_micros
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.schema import SINGLE_USES
from wardgate.stores.sql.transaction import hot_writing, reading, writing

_KEY_BYTES: Final = 16
"""Of SHA-256. Two ids with the same key need 2^64 tries, and whoever finds them refuses only itself."""


class SQLSingleUses:
    """A use stays known after `until`, until it is purged."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def claim(self, uses: Sequence[SingleUse]) -> Sequence[bool]:
        if not uses:
            return []
        keys, untils = keys_of(uses)
        with hot_writing(self._context.database) as driver:
            return self._context.hot.claim(driver, keys, untils)

    def seen(self, namespace: str, use_id: str) -> bool:
        statement = select(SINGLE_USES.c.until).where(SINGLE_USES.c.key == use_key(namespace, use_id))
        with reading(self._context.database) as connection:
            return connection.execute(statement).first() is not None

    def purge(self, now: datetime) -> int:
        with writing(self._context.database) as connection:
            return connection.execute(delete(SINGLE_USES).where(SINGLE_USES.c.until < now)).rowcount


def keys_of(uses: Sequence[SingleUse]) -> tuple[list[bytes], list[int]]:
    """Return the keys and ends of uses, as the hot statements take them."""
    return [use_key(use.namespace, use.id) for use in uses], [to_micros(use.until) for use in uses]


def use_key(namespace: str, use_id: str) -> bytes:
    """Return the hash of a use; the namespace's length keeps (ab, c) and (a, bc) apart."""
    return hashlib.sha256(f"{len(namespace)}:{namespace}:{use_id}".encode("utf-8", "surrogatepass")).digest()[:_KEY_BYTES]
