"""What is kept, whose it is and since when."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TEXTS = ("id", "kind", "resource", "membership_id", "collaboration_id", "account_id", "payer_account_id")
_SEARCHES = (("membership_id", "is_held"), ("collaboration_id", "is_held"), ("is_held",))
_INTO = (
    "INSERT INTO holdings (id, kind, resource, membership_id, collaboration_id, account_id, payer_account_id, "
    "size_bytes, is_held, created_at, ended_at) "
)
_CHANNELS = (
    "SELECT 'channel/' || id, 'channel', arn, membership_id, collaboration_id, account_id, "
    "coalesce(json_extract(payer_configuration, '$.computePayerAccountId'), account_id), "
    "coalesce(size_bytes, 0), 1, updated_at, NULL FROM ml_input_channels "
    "WHERE status IN ('ACTIVE', 'DELETE_PENDING', 'DELETE_IN_PROGRESS', 'DELETE_FAILED')"
)
# Archives of models that were made before are counted as large as the files in them.
_MODELS = (
    "SELECT 'artefacts/' || id, 'artefacts', arn, membership_id, collaboration_id, account_id, "
    "coalesce(payer_account_id, account_id), "
    "coalesce(partial_bytes, 0) + coalesce(model_bytes, 0) + coalesce(output_bytes, 0), 1, updated_at, NULL "
    "FROM trained_models WHERE status IN ('ACTIVE', 'DELETE_PENDING', 'DELETE_IN_PROGRESS', 'DELETE_FAILED') "
    "OR (status = 'CREATE_FAILED' AND partial_bytes IS NOT NULL)"
)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "holdings",
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("is_held", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id"),
    )
    for search in _SEARCHES:
        op.create_index(f"ix_holdings_{'_'.join(search)}", "holdings", [*search, "created_at", "id"], unique=False)
    op.add_column("trained_models", sa.Column("stored_bytes", sa.BigInteger(), nullable=True))
    for statement in (_CHANNELS, _MODELS):
        op.execute(_INTO + statement)
