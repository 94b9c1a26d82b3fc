"""Where accounts are told what ended and what they have to do, and what waits to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. What ended before is told to nobody."""
    _table(
        "notification_addresses",
        *_texts("id", "account_id", "way", "place"),
        *_numbers("created_at", "due_at", "failures"),
        sa.Column("failing_since", sa.BigInteger()),
        sa.Column("problem", sa.Text()),
        *_numbers("given_up"),
        search="account_id",
    )
    _table(
        "outbox",
        *_texts("id", "kind", "record_id", "event", "status"),
        sa.Column("code", sa.Text()),
        *_numbers("created_at"),
    )
    _table(
        "notices",
        *_texts("id", "address_id", "collaboration_id", "type", "data"),
        *_numbers("created_at", "due_at", "tries"),
        search="address_id",
    )
    _table(
        "needs",
        *_texts("id", "address_id", "collaboration_id", "sentence"),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        *_numbers("created_at"),
        search="address_id",
    )


def _table(name: str, *columns: sa.Column, search: str | None = None) -> None:
    op.create_table(name, *columns, sa.PrimaryKeyConstraint("id"))
    if search is not None:
        op.create_index(f"ix_{name}_{search}", name, [search, "created_at", "id"], unique=False)


def _texts(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]
