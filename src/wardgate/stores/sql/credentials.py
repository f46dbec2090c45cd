"""API keys: sealed, and found by a keyed hash."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select, update

from wardgate.audit.model import Event
from wardgate.stores.ports import Credential
from wardgate.stores.sql import chain
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.schema import CREDENTIALS
from wardgate.stores.sql.transaction import raise_generation, reading, writing

_REVOKED = "revoked"
_BETWEEN = "\n"


class SQLCredentials:
    """The clear key exists in memory only."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(self, credential: Credential, event: Event) -> None:
        row = {
            "id": credential.id, "application": credential.application,
            "key_hash": self._context.lookup_hash(credential.key),
            "sealed": self._context.seal(_joined(credential), _place(credential.id)), "status": credential.status,
            "issued": credential.issued, "expires": credential.expires, "revoked_at": credential.revoked_at,
        }
        with writing(self._context.database) as connection:
            generation = raise_generation(connection)
            connection.execute(insert(CREDENTIALS).values(**row, generation=generation))
            chain.append(self._context, connection, [event])

    def all(self) -> Sequence[Credential]:
        return self._select()

    def of(self, application: str) -> Sequence[Credential]:
        return self._select(CREDENTIALS.c.application == application)

    def changed_since(self, generation: int) -> Sequence[Credential]:
        return self._select(CREDENTIALS.c.generation > generation)

    def by_key(self, key: str) -> Credential | None:
        found = self._select(CREDENTIALS.c.key_hash == self._context.lookup_hash(key))
        return found[0] if found else None

    def set_status(self, credential_id: str, status: str, at: datetime, event: Event) -> bool:
        """Set `revoked_at` when the status is `revoked`, else clear it. Nothing is recorded for an unknown id."""
        revoked_at = at if status == _REVOKED else None
        with writing(self._context.database) as connection:
            known = select(CREDENTIALS.c.id).where(CREDENTIALS.c.id == credential_id)
            if connection.execute(known).first() is None:
                return False
            generation = raise_generation(connection)
            change = update(CREDENTIALS).where(CREDENTIALS.c.id == credential_id)
            connection.execute(change.values(status=status, revoked_at=revoked_at, generation=generation))
            chain.append(self._context, connection, [event])
        return True

    def _select(self, *conditions: ColumnElement[bool]) -> list[Credential]:
        statement = select(CREDENTIALS).where(*conditions).order_by(CREDENTIALS.c.issued, CREDENTIALS.c.id)
        with reading(self._context.database) as connection:
            found = connection.execute(statement).all()
        return [self._open(row) for row in found]

    def _open(self, row: Row[Any]) -> Credential:
        key, _, secret = self._context.open(row.sealed, _place(row.id)).partition(_BETWEEN)
        return Credential(row.id, row.application, key, row.status, row.issued, row.expires, row.revoked_at, secret or None)


def _joined(credential: Credential) -> str:
    """Return what is sealed. A key has no line end in it, so one that was sealed before there were secrets reads as it did."""
    return credential.key if credential.secret is None else f"{credential.key}{_BETWEEN}{credential.secret}"


def _place(credential_id: str) -> str:
    return f"credentials/sealed/{credential_id}"
