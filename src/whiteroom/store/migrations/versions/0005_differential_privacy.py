"""Budgets of differential privacy, and what queries are charged of them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. What is there are access budgets, and queries that were charged nothing."""
    _privacy_budget_templates()
    op.add_column("protected_queries", sa.Column("privacy_bill", sa.Text(), nullable=True))
    op.add_column("protected_queries", sa.Column("privacy_parameters", sa.Text(), nullable=False, server_default="[]"))


def _privacy_budget_templates() -> None:
    table = "privacy_budget_templates"
    for column in (
        sa.Column("type", sa.Text(), nullable=False, server_default="ACCESS_BUDGET"),
        sa.Column("auto_refresh", sa.Text(), nullable=False, server_default="NONE"),
        sa.Column("epsilon", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("users_noise_per_query", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("epsilon_used", sa.Text(), nullable=False, server_default="0"),
    ):
        op.add_column(table, column)
    for owner in ("membership_id", "collaboration_id"):
        op.drop_index(f"ix_{table}_{owner}_resource_arn", table)
        for fields in ((owner, "type"), (owner, "resource_arn", "type")):
            op.create_index(f"ix_{table}_{'_'.join(fields)}", table, [*fields, "created_at", "id"], unique=False)
