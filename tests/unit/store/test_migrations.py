"""The migrations lead to the tables, and only there."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from whiteroom.base.callers import Role
from whiteroom.domain.resources.accounts import Standing
from whiteroom.store.credentials import Credentials
from whiteroom.store.migrations import HEAD, NewerDatabase, migrate
from whiteroom.store.migrations.upgrade import config
from whiteroom.store.sqlite import SqliteStore
from whiteroom.store.tables import metadata


def test_a_migrated_database_has_the_tables_that_the_code_expects(tmp_path: Path) -> None:
    path = tmp_path / "whiteroom.db"
    migrate(path)
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []


def test_every_index_of_the_code_is_made_by_the_migrations(tmp_path: Path) -> None:
    migrated, fresh = tmp_path / "migrated.db", tmp_path / "fresh.db"
    migrate(migrated)
    engine = sa.create_engine(f"sqlite:///{fresh}")
    metadata.create_all(engine)
    engine.dispose()
    assert _indexes(migrated) == _indexes(fresh)


def _indexes(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
    return {name: " ".join(sql.replace('"', "").split()) for name, sql in rows}


def test_the_newest_revision_is_the_one_the_code_asks_for() -> None:
    assert ScriptDirectory.from_config(config("sqlite://")).get_heads() == [HEAD]


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "whiteroom.db"
    migrate(path)
    before = path.stat().st_mtime_ns
    migrate(path)
    assert path.stat().st_mtime_ns == before


def test_a_database_of_a_later_release_is_refused_with_a_sentence_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "whiteroom.db"
    migrate(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(NewerDatabase, match=r"later release.*9999.*Install that release"):
        migrate(path)
    assert path.read_bytes() == before


def test_the_database_with_its_secrets_is_its_owners_alone_in_a_folder_that_others_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    store = SqliteStore(tmp_path / "whiteroom.db")
    with store.transaction():
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob("whiteroom.db*")}
    store.close()
    assert modes == dict.fromkeys(("whiteroom.db", "whiteroom.db-wal", "whiteroom.db-shm"), 0o600)


def test_records_of_the_first_release_are_kept_and_were_never_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "whiteroom.db"
    engine = sa.create_engine(f"sqlite:///{path}")
    configuration = config(f"sqlite:///{path}")
    with engine.begin() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0001")
        for kind in ("trained_models", "trained_model_inference_jobs"):
            table = sa.Table(kind, sa.MetaData(), autoload_with=connection)
            texts = {"status": "ACTIVE", "id": "m-1", "data_channels": "[]", "incremental_channels": "[]"}
            texts |= dict.fromkeys(("resource_config", "hyperparameters", "environment"), "{}")
            row: dict[str, object] = {
                column.name: texts.get(column.name, 7 if column.type.python_type is int else "x")
                for column in table.columns
                if not column.nullable
            }
            connection.execute(table.insert().values({**row} | ({"is_latest": True} if "is_latest" in row else {})))
    engine.dispose()
    store = SqliteStore(path)
    with store.reading() as tx:
        model, job = tx.trained_models.get("m-1"), tx.trained_model_inference_jobs.get("m-1")
    store.close()
    assert model is not None
    assert (model.retries, model.retry, model.seconds_spent, model.partial_bytes) == (0, None, 0, None)
    assert job is not None
    assert (job.retries, job.retry, job.seconds_spent) == (0, None, 0)


def test_the_query_of_a_channel_that_an_older_release_made_is_still_there(tmp_path: Path) -> None:
    path = tmp_path / "whiteroom.db"
    engine = sa.create_engine(f"sqlite:///{path}")
    configuration = config(f"sqlite:///{path}")
    with engine.begin() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0001")
        connection.exec_driver_sql(
            """
            INSERT INTO protected_queries (id, membership_id, membership_arn, collaboration_id, account_id,
                ml_input_channel_arn, sql_parameters, status, error_code, error_message, started_at, ended_at,
                created_at, updated_at)
            VALUES ('q', 'm', 'arn:m', 'c', '111111111111', 'arn:channel', '{"queryString": "SELECT 1"}', 'FAILED',
                'QueryRefused', 'No.', 2000000, 3000000, 1000000, 2500000)
            """
        )
    engine.dispose()
    store = SqliteStore(path)
    with store.reading() as tx:
        query = tx.protected_queries.get("q")
    store.close()
    assert query is not None
    assert (query.arn, query.ml_input_channel_arn) == ("arn:m/protectedquery/q", "arn:channel")
    assert (query.status, query.status_code, query.status_message) == ("FAILED", "QueryRefused", "No.")
    assert (query.named_associations, query.receivers, query.deliveries) == (None, (), ())
    assert query.sql_parameters == {"queryString": "SELECT 1"}
    assert [query.created_at.second, query.updated_at.second] == [1, 3]


def test_accounts_of_an_older_release_have_a_first_user_to_whom_their_keys_belong(tmp_path: Path) -> None:
    path = tmp_path / "whiteroom.db"
    engine = sa.create_engine(f"sqlite:///{path}")
    configuration = config(f"sqlite:///{path}")
    with engine.begin() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0006")
        for account in ("111111111111", "222222222222"):
            connection.exec_driver_sql(f"INSERT INTO accounts VALUES ('{account}', 'North', 1000000)")
            for key, status in (("A", "ACTIVE"), ("B", "INACTIVE")):
                connection.exec_driver_sql(
                    "INSERT INTO access_keys (id, account_id, secret_access_key, status, created_at) "
                    f"VALUES ('{key}{account}', '{account}', 's', '{status}', 1000000)"
                )
    engine.dispose()
    store = SqliteStore(path)
    with store.reading() as tx:
        users, keys, accounts = tx.users.all(), tx.access_keys.all(), tx.accounts.all()
    session = store.session()
    credential = Credentials(lambda: session, b"").key("A111111111111")
    store.close()
    # Of one instant, they come in the order of their ids.
    assert sorted((user.account_id, user.name, user.role, user.standing) for user in users) == [
        (account, "admin", Role.ADMINISTRATOR, Standing.ENABLED) for account in ("111111111111", "222222222222")
    ]
    assert len({user.id for user in users}) == 2
    assert {key.id[1:]: key.user_id for key in keys} == {user.account_id: user.id for user in users}
    assert {account.standing for account in accounts} == {Standing.ENABLED}
    assert credential is not None
    assert (credential.account_id, credential.principal.role) == ("111111111111", Role.ADMINISTRATOR)
