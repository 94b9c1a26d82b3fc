"""How often a query, and the making of synthetic rows, was begun again: counted in fields, no more in the trail."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. What is under way gets its restarts anew."""
    for table, name in (
        ("protected_queries", "restarts"),
        ("ml_input_channels", "restarts"),
        ("ml_input_channels", "syntheses_begun"),
    ):
        op.add_column(table, sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
