"""The data folder before anything is in it, and with something in it that this release cannot read."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing

import pytest

from support.command import CommandLine


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
