"""What a training saved that ran too long may be gathered after its failure is told."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Nothing waits to be gathered."""
    op.add_column("trained_models", sa.Column("partial_pending", sa.Boolean(), nullable=False, server_default="0"))
