"""How queries were judged is kept, so that what they made can be judged again by the rules of any later moment."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. What earlier releases made has no judgement, and is not used any more (domain/resources/lineage.py)."""
    for table in ("ml_input_channels", "protected_queries"):
        op.add_column(table, sa.Column("judgement", sa.Text(), nullable=True))
