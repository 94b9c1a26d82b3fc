"""Which types the allowed columns of a table had when it was configured."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Of earlier tables they are not known, and nothing is held to them."""
    op.add_column("configured_tables", sa.Column("column_types", sa.Text()))
