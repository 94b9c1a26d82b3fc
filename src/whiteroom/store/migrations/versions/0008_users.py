"""Users of accounts, the roles that they assume, and which of them an event was the doing of."""

import secrets
import string

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_LETTERS = string.ascii_uppercase + "234567"


def upgrade() -> None:
    """Apply. Every account gets its first user, an administrator, to whom the keys that are there belong."""
    op.add_column("accounts", sa.Column("standing", sa.Text(), nullable=False, server_default="ENABLED"))
    op.add_column("access_keys", sa.Column("user_id", sa.Text(), nullable=False, server_default=""))
    op.add_column("events", sa.Column("user", sa.Text()))
    op.add_column("events", sa.Column("principal", sa.Text()))
    _users()
    _roles()
    op.create_index("ix_access_keys_user_id", "access_keys", ["user_id", "created_at", "id"], unique=False)
    _first_users()


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    _indexes("users")


def _roles() -> None:
    op.create_table(
        "roles",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("assumed_by", sa.Text(), nullable=False),
        sa.Column("max_session_seconds", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    _indexes("roles")


def _indexes(table: str) -> None:
    op.create_index(f"ix_{table}_account_id", table, ["account_id", "created_at", "id"], unique=False)
    op.create_index(f"uq_{table}_account_id_name", table, ["account_id", "name"], unique=True)


def _first_users() -> None:
    connection = op.get_bind()
    accounts = connection.execute(sa.text("SELECT id, created_at FROM accounts")).fetchall()
    for account_id, created_at in accounts:
        user_id = "AIDA" + "".join(secrets.choice(_LETTERS) for _ in range(16))
        connection.execute(
            sa.text(
                "INSERT INTO users (id, account_id, name, role, created_at, standing)"
                " VALUES (:id, :account, 'admin', 'administrator', :at, 'ENABLED')"
            ),
            {"id": user_id, "account": account_id, "at": created_at},
        )
        connection.execute(
            sa.text("UPDATE access_keys SET user_id = :id WHERE account_id = :account"),
            {"id": user_id, "account": account_id},
        )
