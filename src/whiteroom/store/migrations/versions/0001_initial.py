"""Every table of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:  # noqa: PLR0915 - one statement a table and an index, in one release
    """Apply."""
    op.create_table(
        "access_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("secret_access_key", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_access_keys_account_id", "access_keys", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "analysis_templates",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("membership_id", sa.Text(), nullable=False),
        sa.Column("collaboration_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("analysis_parameters", sa.Text(), nullable=False),
        sa.Column("schema", sa.Text(), nullable=False),
        sa.Column("error_message_configuration", sa.Text(), nullable=True),
        sa.Column("synthetic_data_parameters", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_analysis_templates_arn", "analysis_templates", ["arn", "created_at", "id"], unique=False)
    op.create_index(
        "ix_analysis_templates_collaboration_id",
        "analysis_templates",
        ["collaboration_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_analysis_templates_membership_id", "analysis_templates", ["membership_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "uq_analysis_templates_membership_id_name", "analysis_templates", ["membership_id", "name"], unique=True
    )
    op.create_table(
        "collaborations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("creator_account_id", sa.Text(), nullable=False),
        sa.Column("creator_display_name", sa.Text(), nullable=False),
        sa.Column("query_log_status", sa.Text(), nullable=False),
        sa.Column("job_log_status", sa.Text(), nullable=True),
        sa.Column("analytics_engine", sa.Text(), nullable=False),
        sa.Column("data_encryption_metadata", sa.Text(), nullable=True),
        sa.Column("auto_approved_change_types", sa.Text(), nullable=False),
        sa.Column("allowed_result_regions", sa.Text(), nullable=False),
        sa.Column("is_metrics_enabled", sa.Boolean(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_collaborations_creator_account_id_status",
        "collaborations",
        ["creator_account_id", "status", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "configured_model_algorithm_associations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("membership_id", sa.Text(), nullable=False),
        sa.Column("collaboration_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("configured_model_algorithm_arn", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("privacy_configuration", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_configured_model_algorithm_associations_arn",
        "configured_model_algorithm_associations",
        ["arn", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_configured_model_algorithm_associations_collaboration_id",
        "configured_model_algorithm_associations",
        ["collaboration_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_configured_model_algorithm_associations_configured_model_algorithm_arn",
        "configured_model_algorithm_associations",
        ["configured_model_algorithm_arn", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_configured_model_algorithm_associations_membership_id",
        "configured_model_algorithm_associations",
        ["membership_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "uq_configured_model_algorithm_associations_membership_id_name",
        "configured_model_algorithm_associations",
        ["membership_id", "name"],
        unique=True,
    )
    op.create_table(
        "configured_model_algorithms",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("role_arn", sa.Text(), nullable=False),
        sa.Column("training_container_config", sa.Text(), nullable=True),
        sa.Column("inference_container_config", sa.Text(), nullable=True),
        sa.Column("kms_key_arn", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_configured_model_algorithms_account_id",
        "configured_model_algorithms",
        ["account_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_configured_model_algorithms_arn", "configured_model_algorithms", ["arn", "created_at", "id"], unique=False
    )
    op.create_index(
        "uq_configured_model_algorithms_account_id_name",
        "configured_model_algorithms",
        ["account_id", "name"],
        unique=True,
    )
    op.create_table(
        "configured_table_analysis_rules",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "configured_table_association_analysis_rules",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "configured_table_associations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("membership_id", sa.Text(), nullable=False),
        sa.Column("collaboration_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("configured_table_id", sa.Text(), nullable=False),
        sa.Column("configured_table_arn", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_folded", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("role_arn", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_configured_table_associations_collaboration_id",
        "configured_table_associations",
        ["collaboration_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_configured_table_associations_collaboration_id_name_folded",
        "configured_table_associations",
        ["collaboration_id", "name_folded", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_configured_table_associations_configured_table_id",
        "configured_table_associations",
        ["configured_table_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_configured_table_associations_membership_id",
        "configured_table_associations",
        ["membership_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "uq_configured_table_associations_collaboration_id_name_folded",
        "configured_table_associations",
        ["collaboration_id", "name_folded"],
        unique=True,
    )
    op.create_table(
        "configured_tables",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("table_reference", sa.Text(), nullable=False),
        sa.Column("allowed_columns", sa.Text(), nullable=False),
        sa.Column("analysis_method", sa.Text(), nullable=False),
        sa.Column("selected_analysis_methods", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_configured_tables_account_id", "configured_tables", ["account_id", "created_at", "id"], unique=False
    )
    op.create_index("uq_configured_tables_account_id_name", "configured_tables", ["account_id", "name"], unique=True)
    op.create_table(
        "events",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_events_arn", "events", ["arn", "seq"], unique=False)
    op.create_table(
        "members",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("collaboration_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("abilities", sa.Text(), nullable=False),
        sa.Column("ml_abilities", sa.Text(), nullable=False),
        sa.Column("payment_configuration", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("membership_id", sa.Text(), nullable=True),
        sa.Column("membership_arn", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_members_account_id", "members", ["account_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_members_account_id_status", "members", ["account_id", "status", "created_at", "id"], unique=False
    )
    op.create_index("ix_members_collaboration_id", "members", ["collaboration_id", "created_at", "id"], unique=False)
    op.create_index(
        "uq_members_collaboration_id_account_id", "members", ["collaboration_id", "account_id"], unique=True
    )
    op.create_table(
        "memberships",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("collaboration_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("query_log_status", sa.Text(), nullable=False),
        sa.Column("job_log_status", sa.Text(), nullable=True),
        sa.Column("default_result_configuration", sa.Text(), nullable=True),
        sa.Column("default_job_result_configuration", sa.Text(), nullable=True),
        sa.Column("payment_configuration", sa.Text(), nullable=False),
        sa.Column("is_metrics_enabled", sa.Boolean(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_memberships_account_id", "memberships", ["account_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_memberships_account_id_status", "memberships", ["account_id", "status", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_memberships_collaboration_id", "memberships", ["collaboration_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "ml_configurations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("role_arn", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "ml_input_channels",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("membership_id", sa.Text(), nullable=False),
        sa.Column("collaboration_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("association_arn", sa.Text(), nullable=False),
        sa.Column("input_channel", sa.Text(), nullable=False),
        sa.Column("retention_in_days", sa.BigInteger(), nullable=False),
        sa.Column("payer_configuration", sa.Text(), nullable=False),
        sa.Column("kms_key_arn", sa.Text(), nullable=True),
        sa.Column("protected_query_id", sa.Text(), nullable=False),
        sa.Column("source_associations", sa.Text(), nullable=False),
        sa.Column("number_of_records", sa.BigInteger(), nullable=True),
        sa.Column("number_of_files", sa.BigInteger(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_code", sa.Text(), nullable=True),
        sa.Column("status_message", sa.Text(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_ml_input_channels_arn", "ml_input_channels", ["arn", "created_at", "id"], unique=False)
    op.create_index(
        "ix_ml_input_channels_association_arn_status",
        "ml_input_channels",
        ["association_arn", "status", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_ml_input_channels_collaboration_id",
        "ml_input_channels",
        ["collaboration_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_ml_input_channels_membership_id", "ml_input_channels", ["membership_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_ml_input_channels_membership_id_status",
        "ml_input_channels",
        ["membership_id", "status", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "uq_ml_input_channels_membership_id_name_live",
        "ml_input_channels",
        ["membership_id", "name"],
        unique=True,
        sqlite_where=sa.text("(status NOT IN ('INACTIVE', 'CREATE_FAILED'))"),
        postgresql_where=sa.text("(status NOT IN ('INACTIVE', 'CREATE_FAILED'))"),
    )
    op.create_table(
        "protected_queries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("membership_id", sa.Text(), nullable=False),
        sa.Column("membership_arn", sa.Text(), nullable=False),
        sa.Column("collaboration_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("ml_input_channel_arn", sa.Text(), nullable=False),
        sa.Column("sql_parameters", sa.Text(), nullable=False),
        sa.Column("compute_configuration", sa.Text(), nullable=True),
        sa.Column("payer_account_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_protected_queries_membership_id", "protected_queries", ["membership_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_protected_queries_membership_id_status",
        "protected_queries",
        ["membership_id", "status", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "tags",
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("arn"),
    )
    op.create_table(
        "trained_model_export_jobs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("membership_id", sa.Text(), nullable=False),
        sa.Column("collaboration_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("trained_model_arn", sa.Text(), nullable=False),
        sa.Column("trained_model_version_identifier", sa.Text(), nullable=False),
        sa.Column("trained_model_id", sa.Text(), nullable=False),
        sa.Column("trained_model_name", sa.Text(), nullable=False),
        sa.Column("receiver_account_id", sa.Text(), nullable=False),
        sa.Column("exported_bytes", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_code", sa.Text(), nullable=True),
        sa.Column("status_message", sa.Text(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_trained_model_export_jobs_collaboration_id_trained_model_arn",
        "trained_model_export_jobs",
        ["collaboration_id", "trained_model_arn", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_trained_model_export_jobs_collaboration_id_trained_model_arn_trained_model_version_identifier",
        "trained_model_export_jobs",
        ["collaboration_id", "trained_model_arn", "trained_model_version_identifier", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_trained_model_export_jobs_trained_model_id_status",
        "trained_model_export_jobs",
        ["trained_model_id", "status", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "uq_trained_model_export_jobs_trained_model_arn_name",
        "trained_model_export_jobs",
        ["trained_model_arn", "name"],
        unique=True,
    )
    op.create_table(
        "trained_model_inference_jobs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("membership_id", sa.Text(), nullable=False),
        sa.Column("collaboration_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("trained_model_arn", sa.Text(), nullable=False),
        sa.Column("trained_model_version_identifier", sa.Text(), nullable=False),
        sa.Column("trained_model_id", sa.Text(), nullable=False),
        sa.Column("trained_model_name", sa.Text(), nullable=False),
        sa.Column("association_arn", sa.Text(), nullable=False),
        sa.Column("resource_config", sa.Text(), nullable=False),
        sa.Column("receiver_account_id", sa.Text(), nullable=False),
        sa.Column("accept", sa.Text(), nullable=True),
        sa.Column("ml_input_channel_arn", sa.Text(), nullable=False),
        sa.Column("max_payload_in_mb", sa.BigInteger(), nullable=True),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("payer_account_id", sa.Text(), nullable=True),
        sa.Column("kms_key_arn", sa.Text(), nullable=True),
        sa.Column("image_digest", sa.Text(), nullable=True),
        sa.Column("logs_status", sa.Text(), nullable=True),
        sa.Column("logs_status_details", sa.Text(), nullable=True),
        sa.Column("metrics_status", sa.Text(), nullable=True),
        sa.Column("metrics_status_details", sa.Text(), nullable=True),
        sa.Column("output_bytes", sa.BigInteger(), nullable=True),
        sa.Column("run_started_at", sa.BigInteger(), nullable=True),
        sa.Column("run_ended_at", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_code", sa.Text(), nullable=True),
        sa.Column("status_message", sa.Text(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_trained_model_inference_jobs_arn", "trained_model_inference_jobs", ["arn", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_trained_model_inference_jobs_association_arn_status",
        "trained_model_inference_jobs",
        ["association_arn", "status", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_trained_model_inference_jobs_collaboration_id",
        "trained_model_inference_jobs",
        ["collaboration_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_trained_model_inference_jobs_collaboration_id_trained_model_arn",
        "trained_model_inference_jobs",
        ["collaboration_id", "trained_model_arn", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_trained_model_inference_jobs_collaboration_id_trained_model_arn_trained_model_version_identifier",
        "trained_model_inference_jobs",
        ["collaboration_id", "trained_model_arn", "trained_model_version_identifier", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_trained_model_inference_jobs_membership_id",
        "trained_model_inference_jobs",
        ["membership_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_trained_model_inference_jobs_membership_id_status",
        "trained_model_inference_jobs",
        ["membership_id", "status", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_trained_model_inference_jobs_membership_id_trained_model_arn",
        "trained_model_inference_jobs",
        ["membership_id", "trained_model_arn", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_trained_model_inference_jobs_membership_id_trained_model_arn_trained_model_version_identifier",
        "trained_model_inference_jobs",
        ["membership_id", "trained_model_arn", "trained_model_version_identifier", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_trained_model_inference_jobs_ml_input_channel_arn_status",
        "trained_model_inference_jobs",
        ["ml_input_channel_arn", "status", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_trained_model_inference_jobs_trained_model_id_status",
        "trained_model_inference_jobs",
        ["trained_model_id", "status", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "uq_trained_model_inference_jobs_membership_id_name_live",
        "trained_model_inference_jobs",
        ["membership_id", "name"],
        unique=True,
        sqlite_where=sa.text("(status NOT IN ('INACTIVE', 'CREATE_FAILED'))"),
        postgresql_where=sa.text("(status NOT IN ('INACTIVE', 'CREATE_FAILED'))"),
    )
    op.create_table(
        "trained_models",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("version_identifier", sa.Text(), nullable=False),
        sa.Column("is_latest", sa.Boolean(), nullable=False),
        sa.Column("membership_id", sa.Text(), nullable=False),
        sa.Column("collaboration_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("association_arn", sa.Text(), nullable=False),
        sa.Column("resource_config", sa.Text(), nullable=False),
        sa.Column("stopping_condition", sa.Text(), nullable=True),
        sa.Column("hyperparameters", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("data_channels", sa.Text(), nullable=False),
        sa.Column("incremental_channels", sa.Text(), nullable=False),
        sa.Column("training_input_mode", sa.Text(), nullable=False),
        sa.Column("payer_account_id", sa.Text(), nullable=True),
        sa.Column("kms_key_arn", sa.Text(), nullable=True),
        sa.Column("image_digest", sa.Text(), nullable=True),
        sa.Column("logs_status", sa.Text(), nullable=True),
        sa.Column("logs_status_details", sa.Text(), nullable=True),
        sa.Column("metrics_status", sa.Text(), nullable=True),
        sa.Column("metrics_status_details", sa.Text(), nullable=True),
        sa.Column("model_bytes", sa.BigInteger(), nullable=True),
        sa.Column("output_bytes", sa.BigInteger(), nullable=True),
        sa.Column("run_started_at", sa.BigInteger(), nullable=True),
        sa.Column("run_ended_at", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_code", sa.Text(), nullable=True),
        sa.Column("status_message", sa.Text(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_trained_models_arn", "trained_models", ["arn", "created_at", "id"], unique=False)
    op.create_index(
        "ix_trained_models_arn_is_latest", "trained_models", ["arn", "is_latest", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_trained_models_arn_status", "trained_models", ["arn", "status", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_trained_models_arn_version_identifier",
        "trained_models",
        ["arn", "version_identifier", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_trained_models_association_arn_status",
        "trained_models",
        ["association_arn", "status", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_trained_models_collaboration_id_is_latest",
        "trained_models",
        ["collaboration_id", "is_latest", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_trained_models_collaboration_id_status",
        "trained_models",
        ["collaboration_id", "status", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_trained_models_membership_id_is_latest",
        "trained_models",
        ["membership_id", "is_latest", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_trained_models_membership_id_status",
        "trained_models",
        ["membership_id", "status", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "uq_trained_models_arn_version_identifier", "trained_models", ["arn", "version_identifier"], unique=True
    )
    op.create_index(
        "uq_trained_models_membership_id_name_live",
        "trained_models",
        ["membership_id", "name"],
        unique=True,
        sqlite_where=sa.text("(status NOT IN ('INACTIVE', 'CREATE_FAILED'))"),
        postgresql_where=sa.text("(status NOT IN ('INACTIVE', 'CREATE_FAILED'))"),
    )
    op.create_table(
        "work",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_expires_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_work_due_at", "work", ["due_at", "id"], unique=False)
