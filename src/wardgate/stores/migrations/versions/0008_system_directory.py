"""The system directory: entries, enrolments and data-sharing rules."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0008"
down_revision: Final = "0007"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "directory_entries",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("object_class", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("party_key", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("generation", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "directory_enrolments",
        sa.Column("asid", sa.Text(), primary_key=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "sharing_rules",
        sa.Column("from_asid", sa.Text(), primary_key=True),
        sa.Column("to_asid", sa.Text(), primary_key=True),
        sa.Column("service", sa.Text(), primary_key=True),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
    )
    for table in ("directory_entries", "directory_enrolments", "sharing_rules"):
        op.create_index(f"{table}_generation", table, ["generation"])


def downgrade() -> None:
    """Drop them: every system has to be registered or imported again."""
    for table in ("sharing_rules", "directory_enrolments", "directory_entries"):
        op.drop_table(table)
