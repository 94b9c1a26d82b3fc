"""What a query wrote is one of the measures of it."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. What was kept of queries before stays as it is."""
    op.execute("ALTER TABLE protected_queries RENAME COLUMN written TO measures")
