"""Private message keys, sealed whole: nobody without the store key reads one, or puts another certificate beside it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from json import dumps, loads
from typing import Any, Final

from sqlalchemy import insert, select, update

from wardgate.audit.model import Event
from wardgate.sealing.keys import Use
from wardgate.stores.message_keys import HeldMessageKey
from wardgate.stores.sql import chain
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.schema import MESSAGE_KEYS
from wardgate.stores.sql.transaction import raise_generation, reading, writing

_TIMES: Final = ("created", "retired_at", "opens_until")


class SQLMessageKeys:
    """NOTE: `change` raises the generation first, which keeps other writers of keys waiting until it has read and written."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(self, key: HeldMessageKey, event: Event) -> None:
        with writing(self._context.database) as connection:
            generation = raise_generation(connection)
            connection.execute(insert(MESSAGE_KEYS).values(kid=key.kid, sealed=self._seal(key), created=key.created, generation=generation))
            chain.append(self._context, connection, [event])

    def get(self, kid: str) -> HeldMessageKey | None:
        with reading(self._context.database) as connection:
            sealed = connection.execute(select(MESSAGE_KEYS.c.sealed).where(MESSAGE_KEYS.c.kid == kid)).scalar_one_or_none()
        return None if sealed is None else self._open(kid, sealed)

    def all(self) -> Sequence[HeldMessageKey]:
        statement = select(MESSAGE_KEYS.c.kid, MESSAGE_KEYS.c.sealed).order_by(MESSAGE_KEYS.c.created, MESSAGE_KEYS.c.kid)
        with reading(self._context.database) as connection:
            return [self._open(row.kid, row.sealed) for row in connection.execute(statement)]

    def change(self, kid: str, change: Callable[[HeldMessageKey], HeldMessageKey | None], event: Event) -> HeldMessageKey | None:
        of_key = MESSAGE_KEYS.c.kid == kid
        with writing(self._context.database) as connection:
            generation = raise_generation(connection)
            sealed = connection.execute(select(MESSAGE_KEYS.c.sealed).where(of_key)).scalar_one_or_none()
            changed = None if sealed is None else change(self._open(kid, sealed))
            if changed is None:
                return None
            connection.execute(update(MESSAGE_KEYS).where(of_key).values(sealed=self._seal(changed), generation=generation))
            chain.append(self._context, connection, [event])
        return changed

    def _seal(self, key: HeldMessageKey) -> bytes:
        times = {name: None if (at := getattr(key, name)) is None else at.isoformat() for name in _TIMES}
        body = {"organisation": key.organisation, "use": str(key.use), "private_pem": key.private_pem, "hardware": key.hardware,
                "certificate_pem": key.certificate_pem, **times}
        return self._context.seal(dumps(body), _place(key.kid))

    def _open(self, kid: str, sealed: bytes) -> HeldMessageKey:
        body: Mapping[str, Any] = loads(self._context.open(sealed, _place(kid)))
        times = {name: None if body[name] is None else datetime.fromisoformat(body[name]) for name in _TIMES}
        return HeldMessageKey(**{**body, **times, "kid": kid, "use": Use(body["use"])})


def _place(kid: str) -> str:
    return f"message_keys/sealed/{kid}"
