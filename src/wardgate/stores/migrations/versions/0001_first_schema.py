"""The first schema.

Times are microseconds since 1970 in 64 bits. NOTE: a migration says what the tables were then; it does not follow
`stores.sql.schema` when that changes.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

from wardgate.audit.chain import GENESIS

revision: Final = "0001"
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None

_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _manifest()
    _tokens()
    _audit()
    _keys()
    _the_rest()


def downgrade() -> None:
    for table in (
        "installation_values", "data_planes", "crls", "certificates", "authorities", "signing_keys", "quota_counts",
        "log_offsets", "checkpoints", "audit_head", "audit_ids", "audit", "revoked_tokens", "single_uses", "credentials",
        "documents", "generation",
    ):
        op.drop_table(table)


def _manifest() -> None:
    generation = op.create_table(
        "generation",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
    )
    op.bulk_insert(generation, [{"id": 1, "number": 0}])
    op.create_table(
        "documents",
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("body", sa.Text()),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
    )
    op.create_index("documents_generation", "documents", ["generation"])
    op.create_table(
        "credentials",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("application", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("issued", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger()),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.Column("generation", sa.BigInteger(), nullable=False),
    )
    op.create_index("credentials_application", "credentials", ["application"])
    op.create_index("credentials_generation", "credentials", ["generation"])


def _tokens() -> None:
    op.create_table(
        "single_uses",
        sa.Column("key", sa.LargeBinary(), primary_key=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("single_uses_until", "single_uses", ["until"])
    op.create_table(
        "revoked_tokens",
        sa.Column("jti", sa.Text(), primary_key=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
    )
    op.create_index("revoked_tokens_until", "revoked_tokens", ["until"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
    )
    op.create_table(
        "audit_ids",
        sa.Column("bucket", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("id_key", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    audit_head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
    )
    op.bulk_insert(audit_head, [{"id": 1, "seq": 0, "hash": GENESIS}])
    op.create_table(
        "checkpoints",
        sa.Column("seq", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
    )
    op.create_table(
        "log_offsets",
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("offset", sa.BigInteger(), nullable=False),
    )


def _keys() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text(), primary_key=True),
        sa.Column("use", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("sign_from", sa.BigInteger(), nullable=False),
        sa.Column("verify_until", sa.BigInteger()),
        sa.Column("generation", sa.BigInteger(), nullable=False),
    )
    op.create_index("signing_keys_use_sign_from", "signing_keys", ["use", "sign_from"], unique=True)
    op.create_table(
        "authorities",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("parent", sa.Text()),
        sa.Column("certificate_pem", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("retired", sa.BigInteger()),
        sa.Column("generation", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "certificates",
        sa.Column("fingerprint", sa.Text(), primary_key=True),
        sa.Column("serial", sa.Text(), nullable=False, unique=True),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("not_after", sa.BigInteger(), nullable=False),
        sa.Column("certificate_pem", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.Column("revocation_reason", sa.Text()),
        sa.Column("generation", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "crls",
        sa.Column("authority", sa.Text(), primary_key=True),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("this_update", sa.BigInteger(), nullable=False),
        sa.Column("next_update", sa.BigInteger(), nullable=False),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
    )


def _the_rest() -> None:
    op.create_table(
        "quota_counts",
        sa.Column("application", sa.Text(), primary_key=True),
        sa.Column("api", sa.Text(), primary_key=True),
        sa.Column("window_seconds", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("window_start", sa.BigInteger(), primary_key=True),
        sa.Column("window_end", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
    )
    op.create_index("quota_counts_window_end", "quota_counts", ["window_end"])
    op.create_table(
        "data_planes",
        sa.Column("node", sa.Text(), primary_key=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text()),
    )
    op.create_table(
        "installation_values",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
