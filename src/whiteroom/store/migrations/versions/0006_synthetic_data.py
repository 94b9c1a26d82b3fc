"""What a channel's template asks of synthetic data, and what making it came to."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("ml_input_channels", sa.Column("synthetic_data_parameters", sa.Text()))
    op.add_column("ml_input_channels", sa.Column("synthesis", sa.Text()))
