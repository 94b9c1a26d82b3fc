"""Analysis logs: an event for each stage of an analysis, in the log of each member concerned."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "analysis_log_events",
        sa.Column("place", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("collaboration_id", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("analysis_id", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index("uq_analysis_log_events_id", "analysis_log_events", ["id"], unique=True)
    op.create_index("ix_analysis_log_events_analysis_id", "analysis_log_events", ["analysis_id", "stage"])
    op.create_index(
        "ix_analysis_log_events_stream", "analysis_log_events", ["account_id", "collaboration_id", "stream", "place"]
    )
    op.create_index(
        "ix_analysis_log_events_at", "analysis_log_events", ["account_id", "collaboration_id", "stream", "at"]
    )
