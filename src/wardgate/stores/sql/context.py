"""What every store of one installation shares: the database, its hot statements, and the keys that never change.

`lookup_key` finds an API key without opening any; `personal_key` stands for people in events. Both are random, made
once, and kept sealed in `installation_values`, so that a new store key changes neither.
"""

import hmac
from dataclasses import dataclass, field

from wardgate.stores.sealer import Sealer
from wardgate.stores.sql.engine import Database
from wardgate.stores.sql.hot import HotStatements


@dataclass(frozen=True, slots=True)
class Context:
    """Given to each store by `stores.open`."""

    database: Database
    hot: HotStatements
    sealer: Sealer = field(repr=False)
    lookup_key: bytes = field(repr=False)
    personal_key: bytes = field(repr=False)

    def lookup_hash(self, api_key: str) -> bytes:
        """Return the keyed hash under which an API key is found."""
        return hmac.digest(self.lookup_key, api_key.encode("utf-8", "surrogatepass"), "sha256")

    def seal(self, text: str, place: str) -> bytes:
        """Return `text` encrypted for `place`, table/column/row."""
        return self.sealer.seal(text.encode(), place)

    def open(self, sealed: bytes, place: str) -> str:
        """Return what was sealed for `place`. Raises `WrongStoreKey`."""
        return self.sealer.open(bytes(sealed), place).decode()
