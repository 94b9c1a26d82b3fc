"""Runs Alembic on a database file: its configuration in code, since a data folder has no alembic.ini."""

from __future__ import annotations

import fcntl
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config


def config(url: str) -> Config:
    """Alembic's configuration for one database."""
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent))
    configuration.set_main_option("sqlalchemy.url", url)
    return configuration


def upgrade(path: Path) -> None:
    """Upgrade to the newest revision, one process at a time."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        engine = sa.create_engine(f"sqlite:///{path}")
        try:
            with engine.connect() as connection:
                connection.execute(sa.text("PRAGMA journal_mode=WAL"))
            configuration = config(f"sqlite:///{path}")
            with engine.begin() as connection:
                configuration.attributes["connection"] = connection
                command.upgrade(configuration, "head")
        finally:
            engine.dispose()
