"""A database of a real PostgreSQL, and the table of it that tests make."""

from __future__ import annotations

import pytest

from support.postgresql import READER, Database, PostgreSql
from whiteroom.domain.privacy.relations import Relation

SECONDS = 60
ROWS = Relation("clinic", "public", "rows")


@pytest.fixture(scope="module")
def shared(postgresql: PostgreSql) -> Database:
    return postgresql.database()


@pytest.fixture
def database(shared: Database) -> Database:
    """With nothing in its schema `public`."""
    shared.run("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", f"GRANT USAGE ON SCHEMA public TO {READER}")
    return shared
