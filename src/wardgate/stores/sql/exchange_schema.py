"""The tables of the message handler. As in `schema`: a migration makes them, and `sealed` columns are encrypted."""

from typing import Final

from sqlalchemy import Column, Index, LargeBinary, Table, Text, text

from wardgate.stores.sql.columns import Instant
from wardgate.stores.sql.schema import METADATA


def _partial(name: str, rows: str, *columns: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(rows), postgresql_where=text(rows))


EXCHANGE_MESSAGES: Final = Table(
    "exchange_messages", METADATA,
    Column("key", Text, primary_key=True),
    Column("stage", Text, nullable=False),
    Column("created", Instant, nullable=False),
    Column("changed", Instant, nullable=False),
    Column("due", Instant),
    Column("arrival", LargeBinary),
    Column("content_place", Text),
    Column("sealed_place", Text),
    Column("sealed", LargeBinary, nullable=False),
    _partial("exchange_messages_due", "due IS NOT NULL", "due"),
    _partial("exchange_messages_arrival", "arrival IS NOT NULL", "arrival", unique=True),
    _partial("exchange_messages_content", "content_place IS NOT NULL", "content_place"),
    _partial("exchange_messages_body", "sealed_place IS NOT NULL", "sealed_place"),
    Index("exchange_messages_stage", "stage", "created", "key"),
    Index("exchange_messages_changed", "changed"),
)
"""`sealed` is the message but for its stage and times; `arrival` is a keyed hash of the mailbox, the mailbox server's id, and what came."""

EXCHANGE_IDS: Final = Table(
    "exchange_ids", METADATA,
    Column("id", LargeBinary, primary_key=True),
    Column("key", Text, primary_key=True),
    Index("exchange_ids_key", "key"),
)
"""By what messages are found: keyed hashes of their ids."""

EXCHANGE_SEEN: Final = Table(
    "exchange_seen", METADATA,
    Column("id", LargeBinary, primary_key=True),
    Column("key", Text, nullable=False),
)
"""Ids of messages and documents that came in, as keyed hashes with their senders, for ever."""
