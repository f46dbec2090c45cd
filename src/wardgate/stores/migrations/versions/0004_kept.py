"""Small things that end by themselves: sessions, codes and tokens of the stand-in providers."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "kept",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("head", sa.Text()),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
    )
    op.create_index("kept_head", "kept", ["head"])
    op.create_index("kept_until", "kept", ["until"])


def downgrade() -> None:
    """Drop it: everybody is signed out of the stand-ins."""
    op.drop_table("kept")
