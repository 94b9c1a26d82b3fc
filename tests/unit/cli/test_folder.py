"""The data folder before anything is in it, and with something in it that this release cannot read."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing

import alembic.command
import pytest
import sqlalchemy as sa

from support.command import CommandLine
from whiteroom.cli.server_file import held
from whiteroom.store.migrations import is_behind
from whiteroom.store.migrations.upgrade import config


@pytest.mark.parametrize("there", [False, True])
def test_a_new_data_folder_is_for_its_owner_alone(cli: CommandLine, there: bool) -> None:
    if there:
        cli.data.mkdir(mode=0o755)
    assert cli("accounts", "add", "111122223333").code == 0
    assert stat.S_IMODE(cli.data.stat().st_mode) == 0o700


def test_a_data_folder_of_a_later_release_is_refused_with_what_to_do(cli: CommandLine) -> None:
    cli("accounts", "add", "111122223333")
    with closing(sqlite3.connect(cli.data / "whiteroom.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for command in (("up", "--port", "0"), ("accounts", "list")):
        answer = cli(*command)
        assert answer.code == 1
        assert "later release of Whiteroom" in answer.err
        assert "Install that release" in answer.err


def test_a_secret_is_shown_once_and_never_listed(cli: CommandLine) -> None:
    secret = cli("accounts", "add", "111122223333", "--json").json["secretAccessKey"]
    for command in (("accounts", "list"), ("accounts", "list", "--json"), ("doctor",)):
        answer = cli(*command)
        assert secret not in answer.out + answer.err


def test_a_database_is_not_brought_up_to_date_under_a_server_of_an_earlier_release(cli: CommandLine) -> None:
    cli.data.mkdir(mode=0o700)
    database = cli.data / "whiteroom.db"
    engine = sa.create_engine(f"sqlite:///{database}")
    configuration = config(f"sqlite:///{database}")
    with engine.begin() as connection:
        configuration.attributes["connection"] = connection
        alembic.command.upgrade(configuration, "0013")
    engine.dispose()
    with held(cli.data / "server.json") as file:
        file.announce("http://127.0.0.1:8080", dev=False)
        for asked in (("accounts", "list"), ("doctor",), ("backup", str(cli.data.parent / "backup"))):
            answer = cli(*asked)
            assert answer.code == 1, asked
            assert "A server of an earlier release runs on" in answer.out + answer.err, asked
            assert is_behind(database)
    assert cli("accounts", "list").code == 0
    assert not is_behind(database)
