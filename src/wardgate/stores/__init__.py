"""Stores: what must survive, behind ports, on SQLite or PostgreSQL.

Owns: the promises (`ports`), the schema and its migrations, one module per port in `sql`, batching (`group_commit`).
Leaves: the store key (`keystores` gives a `Sealer`), what an event says (`audit`), what a document means (`manifest`).
Read: errors, ports, grants, transitions, kept, outbox, tries, passkeys, system_directory, mailboxes, message_keys, exchange, sealer, open, sql, lane, group_commit, mailbox_lane,
body_segments, bodies, migrations, reseal, verify_audit.
"""

from wardgate.stores.errors import (
    AlreadyExists,
    SchemaMismatch,
    StoreError,
    StoreUnavailable,
    Superseded,
    WrongStoreKey,
)
from wardgate.stores.group_commit import GroupCommit
from wardgate.stores.open import open_stores
from wardgate.stores.ports import Stores

__all__ = [
    "AlreadyExists", "GroupCommit", "SchemaMismatch", "StoreError", "StoreUnavailable", "Stores", "Superseded",
    "WrongStoreKey", "open_stores",
]
