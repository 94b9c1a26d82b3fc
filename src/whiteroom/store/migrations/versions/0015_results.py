"""What was delivered, to whom, and where it lies."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TEXTS = (
    *("id", "account_id", "collaboration_id", "kind", "job_id", "job_name", "asked_by"),
    *("location", "path", "place", "files", "status"),
)
_SEARCHES = (
    ("account_id", "status"),
    ("account_id", "collaboration_id", "status"),
    ("status",),
    ("job_id",),
    ("place",),
)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "results",
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("delivered_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id"),
    )
    for search in _SEARCHES:
        name = f"ix_results_{'_'.join(search)}"
        op.create_index(name, "results", [*search, "created_at", "id"], unique=False)
    op.create_index("uq_results_job_id_account_id", "results", ["job_id", "account_id"], unique=True)
