"""Who has signed in to the console, and who was let in or refused."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _table("console_links", ("id", "account_id", "user_id"), ("expires_at",))
    _table("console_sessions", ("id", "account_id", "user_id", "made_with", "way"), ("seen_at", "expires_at"))
    _table("sign_ins", ("id", "account_id", "user", "way", "outcome", "reason"), ())


def _table(name: str, texts: tuple[str, ...], times: tuple[str, ...]) -> None:
    op.create_table(
        name,
        *(sa.Column(text, sa.Text(), nullable=False) for text in texts),
        *(sa.Column(time, sa.BigInteger(), nullable=False) for time in (*times, "created_at")),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(f"ix_{name}_account_id", name, ["account_id", "created_at", "id"], unique=False)
