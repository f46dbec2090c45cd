"""Keys we sign with, sealed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select, update

from wardgate.audit.model import Event
from wardgate.stores.ports import SigningKey
from wardgate.stores.sql import chain
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.schema import SIGNING_KEYS
from wardgate.stores.sql.transaction import raise_generation, reading, writing


class SQLSigningKeys:
    """A key is never deleted: what it signed may still be looked at."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(self, key: SigningKey, event: Event) -> None:
        """Raise `AlreadyExists` for a known kid, or when a key of this use has the same `sign_from`."""
        row = {
            "kid": key.kid, "use": key.use, "sealed": self._context.seal(key.private_pem, _place(key.kid)),
            "created": key.created, "sign_from": key.sign_from, "verify_until": key.verify_until,
        }
        with writing(self._context.database) as connection:
            generation = raise_generation(connection)
            connection.execute(insert(SIGNING_KEYS).values(**row, generation=generation))
            chain.append(self._context, connection, [event])

    def all(self, use: str) -> Sequence[SigningKey]:
        """Return the keys of a use, by `sign_from`."""
        statement = select(SIGNING_KEYS).where(SIGNING_KEYS.c.use == use).order_by(SIGNING_KEYS.c.sign_from)
        with reading(self._context.database) as connection:
            found = connection.execute(statement).all()
        return [
            SigningKey(row.kid, row.use, self._context.open(row.sealed, _place(row.kid)), row.created, row.sign_from,
                       row.verify_until)
            for row in found
        ]

    def retire(self, kid: str, verify_until: datetime) -> None:
        with writing(self._context.database) as connection:
            generation = raise_generation(connection)
            change = update(SIGNING_KEYS).where(SIGNING_KEYS.c.kid == kid)
            connection.execute(change.values(verify_until=verify_until, generation=generation))


def _place(kid: str) -> str:
    return f"signing_keys/sealed/{kid}"
