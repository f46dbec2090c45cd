"""The tables of mailboxes. As in `schema`: a migration makes them, and `sealed` columns are encrypted."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, text

from wardgate.stores.sql.columns import Instant
from wardgate.stores.sql.schema import METADATA

WAITING: Final = "status = 'accepted'"
"""Messages that their recipients have not acknowledged: what the indexes of inboxes hold, and no more."""


def _partial(name: str, rows: str, *columns: str) -> Index:
    return Index(name, *columns, sqlite_where=text(rows), postgresql_where=text(rows))


MAILBOX_MESSAGES: Final = Table(
    "mailbox_messages", METADATA,
    Column("id", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("workflow", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created", Instant, nullable=False),
    Column("total_chunks", Integer, nullable=False),
    Column("received", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("encoding", Text),
    Column("local_key", LargeBinary),
    Column("linked_id", Text),
    Column("position", BigInteger),
    Column("accepted_at", Instant),
    Column("downloaded_at", Instant),
    Column("acknowledged_at", Instant),
    Column("expires", Instant),
    Column("sealed", LargeBinary, nullable=False),
    _partial("mailbox_messages_waiting", WAITING, "recipient", "position", "workflow"),
    _partial("mailbox_messages_expires", f"{WAITING} AND expires IS NOT NULL", "expires"),
    _partial("mailbox_messages_local_key", "local_key IS NOT NULL", "local_key", "created"),
    Index("mailbox_messages_created", "created"),
)
"""`sealed` are the headers, the local id and what a report says; `local_key` is a keyed hash of sender and local id.

`position` is the number of the record that says the message was accepted: the order of an inbox, on however many machines.
"""

MAILBOX_CHUNKS: Final = Table(
    "mailbox_chunks", METADATA,
    Column("id", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("place", Text),
    Column("sealed", LargeBinary, nullable=False),
    _partial("mailbox_chunks_place", "place IS NOT NULL", "place"),
)
"""`id` is the message's, a slash, and the number. `sealed` is the body itself, or the key of its file at `place`."""

MAILBOX_COUNTS: Final = Table(
    "mailbox_counts", METADATA,
    Column("mailbox", Text, primary_key=True),
    Column("waiting", BigInteger, nullable=False),
)
"""How many messages wait in each inbox, kept beside them: counting a full inbox takes long."""

MAILBOX_PASSWORDS: Final = Table(
    "mailbox_passwords", METADATA,
    Column("mailbox", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("generation", BigInteger, nullable=False),
)
