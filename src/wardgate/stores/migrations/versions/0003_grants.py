"""Sign-ins: states that wait for a provider, grants, their codes and their refresh tokens."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"
branch_labels: Final = None
depends_on: Final = None

_PARTIAL: Final = {
    "grants_full": ("until", "sealed IS NOT NULL"),
    "grants_outlines": ("until", "sealed IS NULL"),
    "grants_ended": ("ended", "ended IS NOT NULL"),
    "grants_provider_session": ("provider_session", "provider_session IS NOT NULL"),
}


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "login_states",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
    )
    op.create_index("login_states_until", "login_states", ["until"])
    _grants()
    op.create_table(
        "authorization_codes",
        sa.Column("hash", sa.Text(), primary_key=True),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("application", sa.Text(), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("challenge", sa.Text()),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger()),
    )
    op.create_index("authorization_codes_until", "authorization_codes", ["until"])
    op.create_table(
        "refresh_tokens",
        sa.Column("grant_id", sa.Text(), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger()),
        sa.Column("sealed", sa.LargeBinary()),
        sqlite_with_rowid=False,
    )
    op.create_index("refresh_tokens_hash", "refresh_tokens", ["hash"], unique=True)


def downgrade() -> None:
    """Drop them: every sign-in ends."""
    for table in ("refresh_tokens", "authorization_codes", "grants", "login_states"):
        op.drop_table(table)


def _grants() -> None:
    op.create_table(
        "grants",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("application", sa.Text(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("provider_session", sa.Text()),
        sa.Column("ended", sa.BigInteger()),
    )
    for name, (column, rows) in _PARTIAL.items():
        op.create_index(name, "grants", [column], sqlite_where=sa.text(rows), postgresql_where=sa.text(rows))
