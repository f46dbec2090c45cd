"""Certificates are found by what they are for and by their state: with 20,000 of them, every change of the world asks."""

from typing import Final

from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"
branch_labels: Final = None
depends_on: Final = None

_INDEXES: Final = {
    "certificates_revoked_at": ["revoked_at"],
    "certificates_subject": ["subject_kind", "subject"],
    "certificates_name": ["name"],
    "certificates_authority": ["authority"],
}


def upgrade() -> None:
    """Add the indexes."""
    for name, columns in _INDEXES.items():
        op.create_index(name, "certificates", columns)


def downgrade() -> None:
    """Drop them."""
    for name in _INDEXES:
        op.drop_index(name, "certificates")
