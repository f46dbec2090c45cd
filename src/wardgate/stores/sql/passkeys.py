"""Passkeys: found by hashes, and sealed, so that nobody without the store key can plant one or tell whose they are."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from json import dumps, loads
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, update

from wardgate.audit.chain import Link
from wardgate.audit.model import Event
from wardgate.jose import base64url
from wardgate.stores.passkeys import Passkey
from wardgate.stores.sql import chain
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.schema import PASSKEYS
from wardgate.stores.sql.transaction import driver_of, reading, writing


class SQLPasskeys:
    """NOTE: `add` takes the head of the chain first, which keeps other writers waiting, so that nobody is counted past the limit."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(self, passkey: Passkey, most: int, event: Event) -> bool:
        row = self._row(passkey)
        with writing(self._context.database) as connection:
            driver = driver_of(connection)
            head = Link(*self._context.hot.lock_head(driver))
            has = select(func.count()).select_from(PASSKEYS).where(PASSKEYS.c.person == row["person"])
            if connection.execute(has).scalar_one() >= most:
                return False
            connection.execute(insert(PASSKEYS).values(**row))
            chain.append_after(self._context, driver, head, [event])
        return True

    def get(self, credential_id: bytes) -> Passkey | None:
        found = self._select(PASSKEYS.c.id == _hash(credential_id))
        return found[0] if found else None

    def of(self, username: str) -> Sequence[Passkey]:
        return self._select(PASSKEYS.c.person == self._person(username))

    def use(self, credential_id: bytes, sign_count: int, at: datetime) -> bool:
        moves = PASSKEYS.c.sign_count < sign_count if sign_count else PASSKEYS.c.sign_count == 0
        change = update(PASSKEYS).where(PASSKEYS.c.id == _hash(credential_id), moves).values(sign_count=sign_count, used=at)
        with writing(self._context.database) as connection:
            return connection.execute(change).rowcount == 1

    def remove(self, credential_id: bytes, event: Event) -> bool:
        with writing(self._context.database) as connection:
            if connection.execute(delete(PASSKEYS).where(PASSKEYS.c.id == _hash(credential_id))).rowcount == 0:
                return False
            chain.append(self._context, connection, [event])
        return True

    def _select(self, condition: ColumnElement[bool]) -> list[Passkey]:
        statement = select(PASSKEYS).where(condition).order_by(PASSKEYS.c.created, PASSKEYS.c.id)
        with reading(self._context.database) as connection:
            return [self._open(row) for row in connection.execute(statement)]

    def _row(self, passkey: Passkey) -> dict[str, Any]:
        key = _hash(passkey.id)
        body = {name: value for name, value in asdict(passkey).items() if name in {"username", "rp_id", "label"}}
        body |= {"id": base64url.encode(passkey.id), "public_key": base64url.encode(passkey.public_key)}
        return {"id": key, "person": self._person(passkey.username), "sealed": self._context.seal(dumps(body), _place(key)),
                "sign_count": passkey.sign_count, "created": passkey.created, "used": passkey.used}

    def _open(self, row: Row[Any]) -> Passkey:
        body = loads(self._context.open(row.sealed, _place(row.id)))
        for name in ("id", "public_key"):
            body[name] = base64url.decode(body[name].encode("ascii"))
        return Passkey(**body, sign_count=row.sign_count, created=row.created, used=row.used)

    def _person(self, username: str) -> bytes:
        return self._context.lookup_hash(f"passkeys/{username.casefold()}")


def _hash(credential_id: bytes) -> str:
    return hashlib.sha256(credential_id).hexdigest()


def _place(key: str) -> str:
    return f"passkeys/sealed/{key}"
