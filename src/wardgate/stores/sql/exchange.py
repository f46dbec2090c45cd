"""Handled messages: each moves from stage to stage, together with the event that tells of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, or_, select, tuple_

from wardgate.audit.model import Event
from wardgate.stores.exchange import HandledMessage, Move, Stage
from wardgate.stores.sql import chain
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.exchange_rows import called_hash, id_hash, ids_of, message_of, row_of, seen_hash
from wardgate.stores.sql.exchange_schema import EXCHANGE_IDS, EXCHANGE_MESSAGES, EXCHANGE_SEEN
from wardgate.stores.sql.transaction import reading, writing
from wardgate.stores.sql.upsert import insert_new

MOST_FOUND: Final = 100
FINISHED: Final = (Stage.ANSWERED, Stage.REFUSED, Stage.DUPLICATE, Stage.DEAD, Stage.DROPPED, Stage.COLLECTED, Stage.OPENED)
"""What may be forgotten when it is old; a message that is on its way never is."""
_KEYS_AT_ONCE: Final = 500
_STAYS: Final = frozenset({"key", "arrival"})
"""What is so for ever: a content that is removed came all the same."""
_ROWS: Final = EXCHANGE_MESSAGES.c


class _NotAsSeen(Exception):
    """Ends a transaction of which nothing may stay."""


class _SeenBefore(Exception):
    """Ends a transaction of which nothing may stay."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class SQLExchange:
    """NOTE: what is claimed or moved is written before the event, so that one that loses records nothing."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(self, message: HandledMessage, event: Event) -> bool:
        row, ids = row_of(self._context, message), self._ids(message)
        with writing(self._context.database) as connection:
            if not insert_new(connection, EXCHANGE_MESSAGES, [row]):
                return False
            insert_new(connection, EXCHANGE_IDS, ids)
            chain.append(self._context, connection, [event])
        return True

    def move(self, moves: Sequence[Move], then: Sequence[tuple[HandledMessage, Event]] = ()) -> bool:
        try:
            self._move_all(moves, then)
        except _NotAsSeen:
            return False
        return True

    def claim_ids(self, sender: str, message_id: str, document_id: str | None, key: str) -> str | None:
        claims = [("message-seen", seen_hash(self._context, "message", sender, message_id))]
        if document_id is not None:
            claims.append(("document-seen", seen_hash(self._context, "document", sender, document_id)))
        try:
            with writing(self._context.database) as connection:
                for code, id_ in claims:
                    _claim(connection, code, id_, key)
        except _SeenBefore as before:
            return before.code
        return None

    def get(self, key: str) -> HandledMessage | None:
        found = self._read(select(EXCHANGE_MESSAGES).where(_ROWS.key == key))
        return found[0] if found else None

    def find(self, any_id: str) -> Sequence[HandledMessage]:
        return self._found(id_hash(self._context, any_id))

    def called(self, mailbox: str, peer: str, local_id: str) -> Sequence[HandledMessage]:
        return self._found(called_hash(self._context, mailbox, peer, local_id))

    def due(self, now: datetime, limit: int, *, after: HandledMessage | None = None) -> Sequence[HandledMessage]:
        statement = select(EXCHANGE_MESSAGES).where(_ROWS.due <= now)
        if after is not None:
            statement = statement.where(or_(_ROWS.due > after.due, and_(_ROWS.due == after.due, _ROWS.key > after.key)))
        return self._read(statement.order_by(_ROWS.due, _ROWS.key).limit(limit))

    def waiting(self, stage: Stage, *, after: str | None = None, limit: int = 100) -> Sequence[HandledMessage]:
        statement = select(EXCHANGE_MESSAGES).where(_ROWS.stage == str(stage))
        if after is not None:
            place = select(_ROWS.created).where(_ROWS.key == after).scalar_subquery()
            statement = statement.where(tuple_(_ROWS.created, _ROWS.key) > tuple_(place, after))
        return self._read(statement.order_by(_ROWS.created, _ROWS.key).limit(limit))

    def purge(self, before: datetime, limit: int) -> Sequence[str]:
        old = select(_ROWS.key, _ROWS.content_place, _ROWS.sealed_place).where(
            _ROWS.changed < before, _ROWS.due.is_(None), _ROWS.stage.in_([str(stage) for stage in FINISHED]))
        with writing(self._context.database) as connection:
            rows = connection.execute(old.order_by(_ROWS.changed).limit(limit)).all()
            for begin in range(0, len(rows), _KEYS_AT_ONCE):
                keys = [row.key for row in rows[begin : begin + _KEYS_AT_ONCE]]
                connection.execute(delete(EXCHANGE_IDS).where(EXCHANGE_IDS.c.key.in_(keys)))
                connection.execute(delete(EXCHANGE_MESSAGES).where(_ROWS.key.in_(keys)))
        return [place for row in rows for place in (row.content_place, row.sealed_place) if place is not None]

    def known_places(self, places: Sequence[str]) -> frozenset[str]:
        found: set[str] = set()
        with reading(self._context.database) as connection:
            for begin in range(0, len(places), _KEYS_AT_ONCE):
                some = places[begin : begin + _KEYS_AT_ONCE]
                held = or_(_ROWS.content_place.in_(some), _ROWS.sealed_place.in_(some))
                found |= {place for row in connection.execute(select(_ROWS.content_place, _ROWS.sealed_place).where(held)) for place in row if place}
        return frozenset(found & set(places))

    def _move_all(self, moves: Sequence[Move], then: Sequence[tuple[HandledMessage, Event]]) -> None:
        changed = [(move, row_of(self._context, move.to)) for move in moves]
        added = [row_of(self._context, message) for message, _ in then]
        ids = [one for message in (*(move.to for move in moves), *(message for message, _ in then)) for one in self._ids(message)]
        with writing(self._context.database) as connection:
            for move, row in changed:
                self._move(connection, move, row)
            if insert_new(connection, EXCHANGE_MESSAGES, added) != len(added):
                raise _NotAsSeen
            insert_new(connection, EXCHANGE_IDS, ids)
            chain.append(self._context, connection, [*(move.event for move in moves if move.event is not None), *(event for _, event in then)])

    def _move(self, connection: Connection, move: Move, row: dict[str, Any]) -> None:
        """Change the row only while it is as it was seen. Raises `_NotAsSeen`."""
        seen = (_ROWS.key == move.to.key, _ROWS.stage == str(move.seen), _ROWS.changed == move.seen_changed)
        values = {name: value for name, value in row.items() if name not in _STAYS}
        if connection.execute(EXCHANGE_MESSAGES.update().where(*seen).values(values)).rowcount != 1:
            raise _NotAsSeen

    def _ids(self, message: HandledMessage) -> list[dict[str, Any]]:
        return [{"id": id_, "key": message.key} for id_ in ids_of(self._context, message)]

    def _found(self, id_: bytes) -> list[HandledMessage]:
        keys = select(EXCHANGE_IDS.c.key).where(EXCHANGE_IDS.c.id == id_)
        return self._read(select(EXCHANGE_MESSAGES).where(_ROWS.key.in_(keys)).order_by(_ROWS.created, _ROWS.key).limit(MOST_FOUND))

    def _read(self, statement: Any) -> list[HandledMessage]:
        with reading(self._context.database) as connection:
            rows = connection.execute(statement).all()
        return [message_of(self._context, row) for row in rows]


def _claim(connection: Connection, code: str, id_: bytes, key: str) -> None:
    """Remember the id for this key. Raises `_SeenBefore` when it is another's."""
    if insert_new(connection, EXCHANGE_SEEN, [{"id": id_, "key": key}]):
        return
    if connection.execute(select(EXCHANGE_SEEN.c.key).where(EXCHANGE_SEEN.c.id == id_)).scalar_one() != key:
        raise _SeenBefore(code)
