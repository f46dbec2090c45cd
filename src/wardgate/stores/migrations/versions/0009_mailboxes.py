"""Mailboxes: messages, their chunks, how many wait, and passwords."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0009"
down_revision: Final = "0008"
branch_labels: Final = None
depends_on: Final = None

_WAITING: Final = "status = 'accepted'"


def upgrade() -> None:
    """Add the tables."""
    _messages()
    op.create_table(
        "mailbox_chunks",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("place", sa.Text()),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    _partial("mailbox_chunks", "place", "place IS NOT NULL", "place")
    op.create_table(
        "mailbox_counts",
        sa.Column("mailbox", sa.Text(), primary_key=True),
        sa.Column("waiting", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "mailbox_passwords",
        sa.Column("mailbox", sa.Text(), primary_key=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    """Drop them: messages that wait are lost, and the files of their bodies become noise."""
    for table in ("mailbox_passwords", "mailbox_counts", "mailbox_chunks", "mailbox_messages"):
        op.drop_table(table)


def _messages() -> None:
    op.create_table(
        "mailbox_messages",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("total_chunks", sa.Integer(), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("encoding", sa.Text()),
        sa.Column("local_key", sa.LargeBinary()),
        sa.Column("linked_id", sa.Text()),
        sa.Column("position", sa.BigInteger()),
        sa.Column("accepted_at", sa.BigInteger()),
        sa.Column("downloaded_at", sa.BigInteger()),
        sa.Column("acknowledged_at", sa.BigInteger()),
        sa.Column("expires", sa.BigInteger()),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    _partial("mailbox_messages", "waiting", _WAITING, "recipient", "position", "workflow")
    _partial("mailbox_messages", "expires", f"{_WAITING} AND expires IS NOT NULL", "expires")
    _partial("mailbox_messages", "local_key", "local_key IS NOT NULL", "local_key", "created")
    op.create_index("mailbox_messages_created", "mailbox_messages", ["created"])


def _partial(table: str, name: str, rows: str, *columns: str) -> None:
    op.create_index(f"{table}_{name}", table, list(columns), sqlite_where=sa.text(rows), postgresql_where=sa.text(rows))
