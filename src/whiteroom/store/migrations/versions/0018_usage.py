"""What each payer's work took of the machine, day by day."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_TEXTS = ("id", "kind", "resource_id", "resource", "collaboration_id", "account_id", "payer_account_id", "day")


def upgrade() -> None:
    """Apply. What was used before is not known."""
    op.create_table(
        "usage",
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS),
        *(sa.Column(name, sa.Double(), nullable=False) for name in ("seconds", "cpu_seconds", "byte_seconds")),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    search = ["resource_id", "kind", "created_at", "id"]
    op.create_index("ix_usage_resource_id_kind", "usage", search, unique=False)
