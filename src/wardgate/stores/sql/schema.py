"""The tables. `generation` columns hold the number that the row's last change raised the generation to.

`sealed` columns are encrypted (`keystores.sealing`); the place of a value is table/column/key.
A migration makes these tables; a test compares the two.
"""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text, text

from wardgate.stores.sql.columns import Instant, Number

METADATA: Final = MetaData()


def _partial(name: str, column: str, rows: str) -> tuple[Index]:
    """Return an index of only those rows, which both databases can have."""
    return (Index(name, column, sqlite_where=text(rows), postgresql_where=text(rows)),)



GENERATION: Final = Table(
    "generation", METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
)

DOCUMENTS: Final = Table(
    "documents", METADATA,
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("body", Text),
    Column("removed", Boolean, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Index("documents_generation", "generation"),
)
"""A removed document stays as a tombstone without a body, so that others learn of it."""

CREDENTIALS: Final = Table(
    "credentials", METADATA,
    Column("id", Text, primary_key=True),
    Column("application", Text, nullable=False),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("status", Text, nullable=False),
    Column("issued", Instant, nullable=False),
    Column("expires", Instant),
    Column("revoked_at", Instant),
    Column("generation", BigInteger, nullable=False),
    Index("credentials_application", "application"),
    Index("credentials_generation", "generation"),
)

SINGLE_USES: Final = Table(
    "single_uses", METADATA,
    Column("key", LargeBinary, primary_key=True),
    Column("until", Instant, nullable=False),
    Index("single_uses_until", "until"),
    sqlite_with_rowid=False,
)
"""`key` is a hash of namespace and id: a long id takes no more room than a short one."""

REVOKED_TOKENS: Final = Table(
    "revoked_tokens", METADATA,
    Column("jti", Text, primary_key=True),
    Column("until", Instant, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Index("revoked_tokens_until", "until"),
)

LOGIN_STATES: Final = Table(
    "login_states", METADATA,
    Column("id", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("until", Instant, nullable=False),
    Index("login_states_until", "until"),
)

GRANTS: Final = Table(
    "grants", METADATA,
    Column("id", Text, primary_key=True),
    Column("application", Text, nullable=False),
    Column("credential", Text, nullable=False),
    Column("started", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("sealed", LargeBinary),
    Column("provider_session", Text),
    Column("ended", Instant),
    *_partial("grants_full", "until", "sealed IS NOT NULL"),
    *_partial("grants_outlines", "until", "sealed IS NULL"),
    *_partial("grants_ended", "ended", "ended IS NOT NULL"),
    *_partial("grants_provider_session", "provider_session", "provider_session IS NOT NULL"),
)
"""`sealed` is the body; a grant that ended, or was over for a while, is an outline without one.

Each index holds only the rows that are looked for in it: a sign-in writes into one or two, not four.
"""

AUTHORIZATION_CODES: Final = Table(
    "authorization_codes", METADATA,
    Column("hash", Text, primary_key=True),
    Column("grant_id", Text, nullable=False),
    Column("application", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("challenge", Text),
    Column("until", Instant, nullable=False),
    Column("used", Instant),
    Index("authorization_codes_until", "until"),
)

REFRESH_TOKENS: Final = Table(
    "refresh_tokens", METADATA,
    Column("grant_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False),
    Column("until", Instant, nullable=False),
    Column("used", Instant),
    Column("sealed", LargeBinary),
    Index("refresh_tokens_hash", "hash", unique=True),
    sqlite_with_rowid=False,
)
"""A family in the order of its tokens: the successor of number n is n + 1, and there cannot be two of them.

The key is the grant first, so that a rotation writes where the token it replaces lies. `sealed` is the token's text; its
place is named by `hash`.
"""

AUDIT: Final = Table(
    "audit", METADATA,
    Column("seq", Number, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

AUDIT_IDS: Final = Table(
    "audit_ids", METADATA,
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("id_key", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Where to find an id: `id_key` is 64 bits of its hash, so a hit is confirmed in the record.

Ids are random, and writing at random places of a large index costs a page each. `bucket` is the number of the record
by the thousand, so new entries lie close together; a search asks each bucket in turn.
"""

AUDIT_HEAD: Final = Table(
    "audit_head", METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)
"""The last record. Appenders lock this row, which keeps one chain among several processes."""

CHECKPOINTS: Final = Table(
    "checkpoints", METADATA,
    Column("seq", Number, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("hash", Text, nullable=False),
    Column("signature", Text, nullable=False),
)

LOG_OFFSETS: Final = Table(
    "log_offsets", METADATA,
    Column("source", Text, primary_key=True),
    Column("offset", BigInteger, nullable=False),
)

QUOTA_COUNTS: Final = Table(
    "quota_counts", METADATA,
    Column("application", Text, primary_key=True),
    Column("api", Text, primary_key=True),
    Column("window_seconds", BigInteger, primary_key=True, autoincrement=False),
    Column("window_start", Instant, primary_key=True),
    Column("window_end", Instant, nullable=False),
    Column("used", BigInteger, nullable=False),
    Index("quota_counts_window_end", "window_end"),
)

SIGNING_KEYS: Final = Table(
    "signing_keys", METADATA,
    Column("kid", Text, primary_key=True),
    Column("use", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created", Instant, nullable=False),
    Column("sign_from", Instant, nullable=False),
    Column("verify_until", Instant),
    Column("generation", BigInteger, nullable=False),
    Index("signing_keys_use_sign_from", "use", "sign_from", unique=True),
)

AUTHORITIES: Final = Table(
    "authorities", METADATA,
    Column("name", Text, primary_key=True),
    Column("parent", Text),
    Column("certificate_pem", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created", Instant, nullable=False),
    Column("retired", Instant),
    Column("generation", BigInteger, nullable=False),
)

CERTIFICATES: Final = Table(
    "certificates", METADATA,
    Column("fingerprint", Text, primary_key=True),
    Column("serial", Text, nullable=False, unique=True),
    Column("authority", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("subject_kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("not_after", Instant, nullable=False),
    Column("certificate_pem", Text, nullable=False),
    Column("revoked_at", Instant),
    Column("revocation_reason", Text),
    Column("generation", BigInteger, nullable=False),
    Index("certificates_revoked_at", "revoked_at"),
    Index("certificates_subject", "subject_kind", "subject"),
    Index("certificates_name", "name"),
    Index("certificates_authority", "authority"),
)

CRLS: Final = Table(
    "crls", METADATA,
    Column("authority", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("this_update", Instant, nullable=False),
    Column("next_update", Instant, nullable=False),
    Column("pem", Text, nullable=False),
    Column("generation", BigInteger, nullable=False),
)

DATA_PLANES: Final = Table(
    "data_planes", METADATA,
    Column("node", Text, primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("seen", Instant, nullable=False),
    Column("error", Text),
)

KEPT: Final = Table(
    "kept", METADATA,
    Column("id", Text, primary_key=True),
    Column("head", Text),
    Column("sealed", LargeBinary, nullable=False),
    Column("until", Instant, nullable=False),
    Index("kept_head", "head"),
    Index("kept_until", "until"),
)
"""`id` and `head` are hashes of secrets."""

PASSKEYS: Final = Table(
    "passkeys", METADATA,
    Column("id", Text, primary_key=True),
    Column("person", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("created", Instant, nullable=False),
    Column("used", Instant),
    Index("passkeys_person", "person"),
)
"""`id` is a hash of the credential ID, `person` a keyed hash of the user name."""

OUTBOX: Final = Table(
    "outbox", METADATA,
    Column("id", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("due", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Index("outbox_due", "due"),
)

FAILED_TRIES: Final = Table(
    "failed_tries", METADATA,
    Column("key", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("open_from", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Index("failed_tries_until", "until"),
)
"""`key` is a keyed hash of a person or of an address."""

DIRECTORY_ENTRIES: Final = Table(
    "directory_entries", METADATA,
    Column("id", Text, primary_key=True),
    Column("object_class", Text, nullable=False),
    Column("identifier", Text, nullable=False),
    Column("party_key", Text, nullable=False),
    Column("sealed", LargeBinary),
    Column("generation", BigInteger, nullable=False),
    Index("directory_entries_generation", "generation"),
)
"""`id` is the identifier in lower case. A removed entry stays as a tombstone without `sealed`, so that its numbers stay taken."""

DIRECTORY_ENROLMENTS: Final = Table(
    "directory_enrolments", METADATA,
    Column("asid", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Index("directory_enrolments_generation", "generation"),
)

SHARING_RULES: Final = Table(
    "sharing_rules", METADATA,
    Column("from_asid", Text, primary_key=True),
    Column("to_asid", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("removed", Boolean, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Index("sharing_rules_generation", "generation"),
)

MESSAGE_KEYS: Final = Table(
    "message_keys", METADATA,
    Column("kid", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("created", Instant, nullable=False),
    Column("generation", BigInteger, nullable=False),
)

INSTALLATION_VALUES: Final = Table(
    "installation_values", METADATA,
    Column("name", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
