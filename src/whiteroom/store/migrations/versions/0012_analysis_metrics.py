"""How much a query wrote, as metrics of analyses tell it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("protected_queries", sa.Column("written", sa.Text()))
