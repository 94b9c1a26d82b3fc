from __future__ import annotations

from pathlib import Path

import pytest

from support.command import CommandLine, whiteroom
from support.worlds.driven import World
from whiteroom.data.backups import FILES
from whiteroom.store.sqlite import SqliteStore


@pytest.fixture
def backup(cli: CommandLine, world: World, tmp_path: Path) -> Path:
    assert world
    target = tmp_path / "backup"
    assert cli("backup", str(target)).code == 0
    return target


def test_records_are_as_they_were(backup: Path, world: World, tmp_path: Path) -> None:
    new = tmp_path / "new"
    assert whiteroom("restore", str(backup), str(new)).code == 0
    assert new.stat().st_mode & 0o777 == 0o700
    store = SqliteStore(new / "whiteroom.db")
    with store.reading() as restored, world.store.reading() as live:
        assert restored.memberships.all() == live.memberships.all()
    store.close()


def test_a_folder_that_is_not_empty_is_left_as_it_is(backup: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.mkdir()
    (new / "whiteroom.db").write_bytes(b"somebody's")
    answer = whiteroom("restore", str(backup), str(new))
    assert answer.code == 1
    assert "no empty folder" in answer.err
    assert [path.name for path in new.iterdir()] == ["whiteroom.db"]


def test_a_database_that_was_altered_is_refused(backup: Path, tmp_path: Path) -> None:
    database = backup / FILES / "whiteroom.db"
    database.write_bytes(database.read_bytes()[:-1] + b"x")
    answer = whiteroom("restore", str(backup), str(tmp_path / "new"))
    assert answer.code == 1
    assert "cut or altered" in answer.err
    assert not (tmp_path / "new").exists()


def test_a_backup_of_a_later_release_is_refused_by_its_schema(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whiteroom.cli.restore.HEAD", "0001")
    answer = whiteroom("restore", str(backup), str(tmp_path / "new"))
    assert answer.code == 1
    assert "it knows 0001" in answer.err
