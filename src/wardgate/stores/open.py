"""Opening every store of an installation."""

import secrets
from typing import Final

from wardgate.stores import migrations
from wardgate.stores.ports import Stores
from wardgate.stores.sealer import Sealer
from wardgate.stores.sql.audit_log import SQLAuditLog
from wardgate.stores.sql.certificates import SQLCertificates
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.credentials import SQLCredentials
from wardgate.stores.sql.data_planes import SQLDataPlanes
from wardgate.stores.sql.documents import SQLDocuments
from wardgate.stores.sql.engine import Database, Limits, Synchronous, connect
from wardgate.stores.sql.exchange import SQLExchange
from wardgate.stores.sql.generation import SQLGeneration
from wardgate.stores.sql.grants import SQLGrants
from wardgate.stores.sql.hot_postgres import PostgreSQLStatements
from wardgate.stores.sql.hot_sqlite import SQLiteStatements
from wardgate.stores.sql.kept import SQLKept
from wardgate.stores.sql.mailboxes import SQLMailboxes
from wardgate.stores.sql.message_keys import SQLMessageKeys
from wardgate.stores.sql.outbox import SQLOutbox
from wardgate.stores.sql.passkeys import SQLPasskeys
from wardgate.stores.sql.quotas import SQLQuotas
from wardgate.stores.sql.signing_keys import SQLSigningKeys
from wardgate.stores.sql.single_uses import SQLSingleUses
from wardgate.stores.sql.system_directory import SQLSystemDirectory
from wardgate.stores.sql.tokens import SQLTokens
from wardgate.stores.sql.tries import SQLFailedTries
from wardgate.stores.sql.values import SQLValues

CANARY: Final = "store-key-canary"
LOOKUP_KEY: Final = "lookup-key"
PERSONAL_KEY: Final = "personal-key"


def open_stores(
    url: str, store_key: Sealer, *, migrate: bool = True, synchronous: Synchronous = "full", limits: Limits | None = None
) -> Stores:
    """Return the stores at `url`, `sqlite:///PATH` or `postgresql://…`, migrated and proved to be ours to read.

    With `migrate=False` a database of another version is refused. `Stores.close` ends every connection.
    Raises `StoreUnavailable`, `SchemaMismatch`, or `WrongStoreKey` when the data was encrypted with another key.
    """
    database = connect(url, synchronous=synchronous, limits=limits)
    try:
        if migrate:
            migrations.upgrade(database)
        migrations.check(database)
        return _assemble(database, store_key)
    except BaseException:
        database.engine.dispose()
        raise


def _assemble(database: Database, store_key: Sealer) -> Stores:
    values = SQLValues(database, store_key)
    values.set_if_absent(CANARY, "open")  # a canary sealed with another key raises WrongStoreKey here
    context = Context(
        database=database,
        hot=SQLiteStatements() if database.is_sqlite else PostgreSQLStatements(),
        sealer=store_key,
        lookup_key=_kept_key(values, LOOKUP_KEY),
        personal_key=_kept_key(values, PERSONAL_KEY),
    )
    return Stores(
        generation=SQLGeneration(context),
        documents=SQLDocuments(context),
        credentials=SQLCredentials(context),
        single_uses=SQLSingleUses(context),
        tokens=SQLTokens(context),
        grants=SQLGrants(context),
        audit=SQLAuditLog(context),
        signing_keys=SQLSigningKeys(context),
        certificates=SQLCertificates(context),
        quotas=SQLQuotas(context),
        data_planes=SQLDataPlanes(context),
        values=values,
        kept=SQLKept(context),
        failed_tries=SQLFailedTries(context),
        outbox=SQLOutbox(context),
        passkeys=SQLPasskeys(context),
        system_directory=SQLSystemDirectory(context),
        message_keys=SQLMessageKeys(context),
        mailboxes=SQLMailboxes(context),
        exchange=SQLExchange(context),
        close=database.engine.dispose,
    )


def _kept_key(values: SQLValues, name: str) -> bytes:
    """Return the installation's own random key of this name, made on first start."""
    return bytes.fromhex(values.set_if_absent(name, secrets.token_hex(32)))
