"""Private message keys."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0011"
down_revision: Final = "0010"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "message_keys",
        sa.Column("kid", sa.Text(), primary_key=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    """Drop it: what was sealed to these keys can be opened no more, unless they are in a hardware module."""
    op.drop_table("message_keys")
