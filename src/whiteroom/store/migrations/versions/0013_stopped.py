"""Since when the operator lets no work be done in a collaboration."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. In none is it stopped."""
    op.add_column("collaborations", sa.Column("stopped_at", sa.BigInteger(), nullable=True))
