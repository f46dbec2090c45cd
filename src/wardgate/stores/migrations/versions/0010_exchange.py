"""The message handler: messages that went out and came in, by what they are found, and ids that were seen."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0010"
down_revision: Final = "0009"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "exchange_messages",
        sa.Column("key", sa.Text(), primary_key=True),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger()),
        sa.Column("arrival", sa.LargeBinary()),
        sa.Column("content_place", sa.Text()),
        sa.Column("sealed_place", sa.Text()),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    _partial("due", "due")
    _partial("arrival", "arrival", unique=True)
    _partial("content", "content_place")
    _partial("body", "sealed_place")
    op.create_index("exchange_messages_stage", "exchange_messages", ["stage", "created", "key"])
    op.create_index("exchange_messages_changed", "exchange_messages", ["changed"])
    op.create_table(
        "exchange_ids",
        sa.Column("id", sa.LargeBinary(), primary_key=True),
        sa.Column("key", sa.Text(), primary_key=True),
    )
    op.create_index("exchange_ids_key", "exchange_ids", ["key"])
    op.create_table(
        "exchange_seen",
        sa.Column("id", sa.LargeBinary(), primary_key=True),
        sa.Column("key", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    """Drop them: messages on their way are lost, and duplicates are no longer known."""
    for table in ("exchange_seen", "exchange_ids", "exchange_messages"):
        op.drop_table(table)


def _partial(name: str, column: str, *, unique: bool = False) -> None:
    there = sa.text(f"{column} IS NOT NULL")
    op.create_index(f"exchange_messages_{name}", "exchange_messages", [column], unique=unique, sqlite_where=there, postgresql_where=there)
