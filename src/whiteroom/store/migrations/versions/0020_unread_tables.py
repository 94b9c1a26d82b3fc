"""Why queries could not read tables, for the tables' owners."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Of earlier queries nothing is known."""
    op.add_column("protected_queries", sa.Column("unread", sa.Text()))
