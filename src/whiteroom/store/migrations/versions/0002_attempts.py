"""Attempts of a run that died of the machine, and what a training saved that ran too long."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. The default is for the rows that are there; a record always has the value."""
    for table in ("trained_models", "trained_model_inference_jobs"):
        op.add_column(table, sa.Column("retries", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
        op.add_column(table, sa.Column("retry", sa.Text()))
        op.add_column(table, sa.Column("seconds_spent", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    op.add_column("trained_models", sa.Column("partial_bytes", sa.BigInteger()))
