"""Mailboxes: what waits for whom, what was collected in time, and what is forgotten."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import accumulate, islice
from typing import Any, Final

from sqlalchemy import delete, select

from wardgate.audit.chain import Link
from wardgate.audit.model import Event
from wardgate.mesh.model import Chunk, MailboxMessage, MessageType, Status
from wardgate.mesh.workflow_filter import WorkflowFilter
from wardgate.stores.mailboxes import Done, ExpiryEvent, InboxPage, MailboxStep
from wardgate.stores.sql import chain
from wardgate.stores.sql.columns import to_micros
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.mailboxes_hot import CHUNK, MESSAGE, MailboxStatements, PostgreSQLMailboxes, SQLiteMailboxes
from wardgate.stores.sql.mailboxes_inbox import page, waiting_in
from wardgate.stores.sql.mailboxes_rows import (
    ChangeRow,
    MessageRow,
    chunk_key,
    chunk_of,
    local_key,
    message_of,
    message_row,
)
from wardgate.stores.sql.mailboxes_schema import MAILBOX_CHUNKS, MAILBOX_PASSWORDS, WAITING
from wardgate.stores.sql.mailboxes_steps import Written, take
from wardgate.stores.sql.transaction import hot_reading, hot_writing, raise_generation, reading, writing
from wardgate.stores.sql.upsert import upsert

MOST_SENT: Final = 100
_KEYS_AT_ONCE: Final = 500
_CHUNKS_AT_ONCE: Final = 10_000
"""So many rows of chunks are looked for in one purge: uploads may state ten times as many, and never send them."""

_MESSAGE: Final = f"SELECT {MESSAGE} FROM mailbox_messages WHERE "  # noqa: S608 - our own words, here and below
_CHUNK: Final = f"SELECT {CHUNK} FROM mailbox_chunks WHERE id = ?"  # noqa: S608
_SENT: Final = _MESSAGE + "local_key = ? AND sender = ? ORDER BY created DESC, id DESC LIMIT ?"
_DUE: Final = _MESSAGE + f"{WAITING} AND expires <= ? AND type = 'DATA' ORDER BY expires LIMIT ?"
_OF: Final = _MESSAGE + f"recipient = ? AND {WAITING} AND type = 'DATA' ORDER BY position LIMIT ?"
_WAITED_FOR: Final = "SELECT mailbox FROM mailbox_counts WHERE waiting > 0 ORDER BY mailbox"
_REPORTS: Final = " AND type = 'REPORT'"
_OLD: Final = "SELECT id, recipient, status, total_chunks FROM mailbox_messages WHERE created < ? {} ORDER BY created LIMIT ?"


class SQLMailboxes:
    """Everything that changes a message locks the head of the record first."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._statements: MailboxStatements = SQLiteMailboxes() if context.database.is_sqlite else PostgreSQLMailboxes()
        self._opened: Mapping[str, tuple[bytes, str]] = {}
        """Passwords as they are stored, and opened: a change of one does not open the others again."""

    def step(self, steps: Sequence[MailboxStep]) -> Sequence[Done]:
        return take(self._context, self._statements, steps)

    def inbox(self, mailbox: str, *, after: str | None, limit: int, workflows: WorkflowFilter | None) -> InboxPage:
        if limit < 1:
            raise ValueError("a page holds one message at least")
        with hot_reading(self._context.database) as driver:
            return page(self._context, self._statements, driver, mailbox, after, limit, workflows)

    def count(self, mailbox: str) -> int:
        with hot_reading(self._context.database) as driver:
            return waiting_in(self._statements, driver, mailbox)

    def message(self, message_id: str) -> MailboxMessage | None:
        rows = self._rows(_MESSAGE + "id = ?", message_id)
        return message_of(self._context, rows[0]) if rows else None

    def chunk(self, message_id: str, number: int) -> Chunk | None:
        rows = self._rows(_CHUNK, chunk_key(message_id, number))
        return chunk_of(self._context, number, rows[0]) if rows else None

    def sent(self, mailbox: str, local_id: str) -> Sequence[MailboxMessage]:
        key = local_key(self._context, mailbox, local_id)
        found = [] if key is None else self._rows(_SENT, key, mailbox, MOST_SENT)
        return [message for row in found if (message := message_of(self._context, row)).local_id == local_id]

    def expire(self, now: datetime, limit: int, event_of: ExpiryEvent, recipient: str | None = None) -> Sequence[MailboxMessage]:
        statement, first = (_DUE, to_micros(now)) if recipient is None else (_OF, recipient)
        if not self._rows(statement, first, 1):  # NOTE: asked every minute and mostly in vain: it looks before it takes the turn to write
            return []
        with hot_writing(self._context.database) as driver:
            written = self._begin(driver)
            found = [(row, message_of(self._context, row)) for row in self._statements.rows(driver, statement, (first, limit))]
            told = []
            for row, message in found:
                report, event = event_of(message)
                self._put(written, report, event)
                written.changes.append(_changed(MessageRow._make(row), Status.UNDELIVERABLE))
                written.count(message.recipient, -1)
                told.append((message_row(self._context, replace(message, report=report.report), 1, message.size).sealed, message.id))
            self._statements.seal_again(driver, told)
            written.write()
        return [message for _, message in found]

    def report(self, report: MailboxMessage, event: Event) -> None:
        with hot_writing(self._context.database) as driver:
            written = self._begin(driver)
            self._put(written, report, event)
            written.write()

    def waited_for(self) -> Sequence[str]:
        return [str(row[0]) for row in self._rows(_WAITED_FOR)]

    def purge(self, before: datetime, limit: int, recipient: str | None = None, *, reports_only: bool = False) -> tuple[int, Sequence[str]]:
        of_whom = () if recipient is None else (recipient,)
        which = ("AND recipient = ?" if of_whom else "") + (_REPORTS if reports_only else "")
        statement, asked = _OLD.format(which), (to_micros(before), *of_whom)
        if not self._rows(statement, *asked, 1):
            return 0, []
        with hot_writing(self._context.database) as driver:
            written = self._begin(driver)
            found = _few(self._statements.rows(driver, statement, (*asked, limit)))
            for _, of, status, _ in found:
                written.count(of, -1 if status == Status.ACCEPTED else 0)
            keys = (chunk_key(message_id, number) for message_id, _, _, total in found for number in range(1, total + 1))
            places = [place for some in _slices(keys) for place in self._statements.delete_chunks(driver, some)]
            self._statements.delete_messages(driver, [row[0] for row in found])
            written.write()
        return len(found), places

    def known_places(self, places: Sequence[str]) -> frozenset[str]:
        found: set[str] = set()
        with reading(self._context.database) as connection:
            for some in _slices(places):
                found |= set(connection.execute(select(MAILBOX_CHUNKS.c.place).where(MAILBOX_CHUNKS.c.place.in_(some))).scalars())
        return frozenset(found)

    def set_password(self, mailbox: str, password: str, event: Event) -> None:
        with writing(self._context.database) as connection:
            sealed = self._context.seal(password, _password_place(mailbox))
            upsert(connection, MAILBOX_PASSWORDS, [{"mailbox": mailbox, "sealed": sealed, "generation": raise_generation(connection)}])
            chain.append(self._context, connection, [event])

    def forget_password(self, mailbox: str, event: Event) -> None:
        with writing(self._context.database) as connection:
            raise_generation(connection)
            gone = delete(MAILBOX_PASSWORDS).where(MAILBOX_PASSWORDS.c.mailbox == mailbox).returning(MAILBOX_PASSWORDS.c.mailbox)
            if connection.execute(gone).first() is not None:
                chain.append(self._context, connection, [event])

    def passwords(self) -> Mapping[str, str]:
        with reading(self._context.database) as connection:
            rows = connection.execute(select(MAILBOX_PASSWORDS.c.mailbox, MAILBOX_PASSWORDS.c.sealed)).all()
        opened: dict[str, tuple[bytes, str]] = {}
        for mailbox, stored in rows:
            sealed = bytes(stored)
            known = self._opened.get(mailbox)
            opened[mailbox] = known if known is not None and known[0] == sealed else (sealed, self._context.open(sealed, _password_place(mailbox)))
        self._opened = opened
        return {mailbox: password for mailbox, (_, password) in opened.items()}

    def _rows(self, statement: str, *values: Any) -> list[Sequence[Any]]:
        with hot_reading(self._context.database) as driver:
            return self._statements.rows(driver, statement, values)

    def _begin(self, driver: Any) -> Written:
        return Written(self._context, self._statements, driver, Link(*self._context.hot.lock_head(driver)))

    def _put(self, written: Written, report: MailboxMessage, event: Event) -> None:
        """Put a report into an inbox. It has no body, waits for ever, and is reported by nobody."""
        if report.type is not MessageType.REPORT or report.status is not Status.ACCEPTED:
            raise ValueError("this is no report for an inbox")
        row = message_row(self._context, report, report.total_chunks, 0)
        written.messages.append(row._replace(position=written.record(event), expires=None))
        written.count(report.recipient, 1)


def _few(rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """Return the first messages, whose chunks together are not too many; one at least."""
    chunks = accumulate(row[3] for row in rows)
    return [row for number, (row, all_chunks) in enumerate(zip(rows, chunks, strict=True)) if not number or all_chunks <= _CHUNKS_AT_ONCE]


def _slices(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield them so many at once."""
    rest = iter(texts)
    return iter(lambda: list(islice(rest, _KEYS_AT_ONCE)), [])


def _changed(row: MessageRow, status: Status) -> ChangeRow:
    values = {name: getattr(row, name) for name in ChangeRow._fields}
    return ChangeRow(**values | {"status": str(status)})


def _password_place(mailbox: str) -> str:
    return f"mailbox_passwords/sealed/{mailbox}"
