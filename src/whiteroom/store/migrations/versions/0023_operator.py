"""What the operator's pages leaf through: every account, collaboration, session and sign-in, and work by its status."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    for name in ("accounts", "console_sessions", "sign_ins", "collaborations"):
        op.create_index(f"ix_{name}_all", name, ["created_at", "id"], unique=False)
    for name in (
        "protected_queries",
        "ml_input_channels",
        "trained_models",
        "trained_model_inference_jobs",
        "trained_model_export_jobs",
    ):
        op.create_index(f"ix_{name}_status", name, ["status", "created_at", "id"], unique=False)
