"""Why a receiver's location took nothing, for the receiver alone."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Of what was delivered before there is nothing to say."""
    op.add_column("results", sa.Column("reason", sa.Text(), nullable=True))
