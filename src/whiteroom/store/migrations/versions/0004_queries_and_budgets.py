"""Protected queries that members run, and access budgets."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _protected_queries()
    _privacy_budget_templates()


def _protected_queries() -> None:
    """Made anew: each of those that are there fills a channel, and saw every table of its collaboration."""
    op.rename_table("protected_queries", "protected_queries_0001")
    op.create_table(
        "protected_queries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("membership_id", sa.Text(), nullable=False),
        sa.Column("membership_arn", sa.Text(), nullable=False),
        sa.Column("collaboration_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("ml_input_channel_arn", sa.Text(), nullable=True),
        sa.Column("sql_parameters", sa.Text(), nullable=False),
        sa.Column("result_configuration", sa.Text(), nullable=True),
        sa.Column("result_format", sa.Text(), nullable=True),
        sa.Column("single_file", sa.Boolean(), nullable=False),
        sa.Column("receivers", sa.Text(), nullable=False),
        sa.Column("compute_configuration", sa.Text(), nullable=True),
        sa.Column("payer_account_id", sa.Text(), nullable=True),
        sa.Column("named_associations", sa.Text(), nullable=True),
        sa.Column("charged_associations", sa.Text(), nullable=False),
        sa.Column("read_associations", sa.Text(), nullable=False),
        sa.Column("deliveries", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_code", sa.Text(), nullable=True),
        sa.Column("status_message", sa.Text(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(
        """
        INSERT INTO protected_queries
        SELECT id, membership_arn || '/protectedquery/' || id, membership_id, membership_arn, collaboration_id,
               account_id, ml_input_channel_arn, sql_parameters, NULL, NULL, false, '[]', compute_configuration,
               payer_account_id, NULL, '[]', '[]', '[]', status, error_code, error_message, 0, started_at, created_at,
               coalesce(ended_at, updated_at)
        FROM protected_queries_0001
        """
    )
    op.drop_table("protected_queries_0001")
    op.create_index(
        "ix_protected_queries_membership_id", "protected_queries", ["membership_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_protected_queries_membership_id_status",
        "protected_queries",
        ["membership_id", "status", "created_at", "id"],
        unique=False,
    )


def _privacy_budget_templates() -> None:
    op.create_table(
        "privacy_budget_templates",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("membership_id", sa.Text(), nullable=False),
        sa.Column("membership_arn", sa.Text(), nullable=False),
        sa.Column("collaboration_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("resource_arn", sa.Text(), nullable=False),
        sa.Column("budget_parameters", sa.Text(), nullable=False),
        sa.Column("period_started_at", sa.BigInteger(), nullable=False),
        sa.Column("period_used", sa.BigInteger(), nullable=False),
        sa.Column("lifetime_used", sa.BigInteger(), nullable=False),
        sa.Column("reset_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    for fields in (
        ("collaboration_id",),
        ("collaboration_id", "resource_arn"),
        ("membership_id",),
        ("membership_id", "resource_arn"),
    ):
        name = f"ix_privacy_budget_templates_{'_'.join(fields)}"
        op.create_index(name, "privacy_budget_templates", [*fields, "created_at", "id"], unique=False)
    op.create_index("uq_privacy_budget_templates_resource_id", "privacy_budget_templates", ["resource_id"], unique=True)
