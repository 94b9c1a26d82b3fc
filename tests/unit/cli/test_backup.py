from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from support.command import CommandLine, whiteroom
from support.worlds.driven import World
from whiteroom.cli.backup import KEYS
from whiteroom.data.backups import FILES, BackupWriter, read_manifest
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.resources.trained_models import artefacts


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "backups" / "monday"


def paths(target: Path) -> set[str]:
    return {entry.path for entry in read_manifest(target).entries}


def with_rows(world: World) -> str:
    """A channel with rows on the disk; its id."""
    channel = world.ready_channel()
    folder = world.channels / channel.id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "data-0.csv").write_text("a\n1\n")
    return channel.id


def test_everything_that_the_snapshot_speaks_of_is_there_and_nothing_else(
    cli: CommandLine, world: World, target: Path
) -> None:
    channel = with_rows(world)
    stranger = cli.data / "channels" / "00000000-0000-4000-8000-00000000dead"
    stranger.mkdir()
    (stranger / "rows.csv").touch()
    told = cli("backup", str(target), "--json").json
    assert told["lost"] == []
    assert f"channels/{channel}/data-0.csv" in paths(target)
    assert not [path for path in paths(target) if stranger.name in path]


def test_deliveries_the_catalog_and_the_settings_are_there_without_what_is_being_written(
    cli: CommandLine, world: World, target: Path
) -> None:
    assert world
    kept = ("objects/alice/results/answer.csv", "catalog/111122223333/lake/visits.json", "whiteroom.toml")
    drafts = ("objects/+under-way/note", "objects/alice/.delivery-0123/half.csv", "images/.building-x/file")
    for path in (*kept, *drafts):
        (cli.data / path).parent.mkdir(parents=True, exist_ok=True)
        (cli.data / path).touch()
    assert cli("backup", str(target)).code == 0
    assert set(kept) <= paths(target)
    assert not set(drafts) & paths(target)


def test_keys_are_left_out_and_named(cli: CommandLine, world: World, target: Path) -> None:
    assert world
    for key in KEYS:
        (cli.data / key).parent.mkdir(exist_ok=True)
        (cli.data / key).write_bytes(b"a secret")
    out = cli("backup", str(target)).out
    for key in KEYS:
        assert f"{cli.data / key} is left out" in out
    assert not [path for path in target.rglob("*") if path.is_file() and b"a secret" in path.read_bytes()]


def test_what_is_erased_between_the_snapshot_and_the_copy_is_listed_as_lost(
    cli: CommandLine, world: World, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = with_rows(world)
    real = BackupWriter.add_tree

    def slow(writer: BackupWriter, source: Path, *rest: object) -> None:
        if source.name == channel:  # its retention ends, and the rows go one by one while they are copied
            with world.store.transaction() as tx:
                record = tx.ml_input_channels.get(channel)
                assert record is not None
                tx.ml_input_channels.transition(record, Event.EXPIRED, actor="controller", at=world.clock())
            (source / "data-0.csv").unlink()
        real(writer, source, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(BackupWriter, "add_tree", slow)
    answer = cli("backup", str(target))
    assert answer.code == 0
    assert "LOST  The channel of channel" in answer.out
    assert not [path for path in paths(target) if path.startswith("channels/")]
    with sqlite3.connect(target / FILES / "whiteroom.db") as database:
        assert database.execute("SELECT status FROM ml_input_channels").fetchall() == [("ACTIVE",)]


def test_what_is_gone_altogether_is_listed_as_lost(cli: CommandLine, world: World, target: Path) -> None:
    model = world.ready_model()
    world.data.erase(artefacts(model.id))
    assert "LOST  The artefact of model" in cli("backup", str(target)).out


def test_the_snapshot_holds_nothing_of_what_was_deleted_from_the_database(
    cli: CommandLine, world: World, target: Path
) -> None:
    channel = world.ready_channel()
    assert channel.id
    with sqlite3.connect(cli.data / "whiteroom.db") as database:
        database.execute("CREATE TABLE scratch (secret TEXT)")
        database.execute("INSERT INTO scratch VALUES ('erase-me-please')")
    with sqlite3.connect(cli.data / "whiteroom.db") as database:
        database.execute("DROP TABLE scratch")
    assert cli("backup", str(target)).code == 0
    assert b"erase-me-please" not in (target / FILES / "whiteroom.db").read_bytes()


def test_a_backup_that_cannot_be_finished_is_not_there(
    cli: CommandLine, world: World, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_rows(world)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(BackupWriter, "add_tree", full)
    assert cli("backup", str(target)).code == 1
    assert not target.exists()
    assert not list(target.parent.iterdir())


def test_it_is_refused_inside_of_the_data_folder_and_of_a_folder_without_a_database(
    cli: CommandLine, world: World, tmp_path: Path
) -> None:
    assert world
    inside = cli("backup", str(cli.data / "copy"))
    assert inside.code == 1
    assert "lies in the data folder" in inside.err
    (tmp_path / "other").mkdir()
    assert whiteroom("backup", str(tmp_path / "copy"), "--data", str(tmp_path / "other")).code == 1


def test_work_that_is_under_way_is_not_copied(cli: CommandLine, world: World, target: Path) -> None:
    record = world.model()
    (cli.data / "runs" / f"training-{record.id}").mkdir(parents=True)
    (cli.data / "checkpoints" / record.id).mkdir(parents=True)
    assert cli("backup", str(target)).code == 0
    assert not [path for path in paths(target) if path.startswith(("runs", "checkpoints"))]


def test_what_the_s3_beside_the_server_keeps_is_in_it_and_nothing_else_of_its_folder(
    cli: CommandLine, world: World, target: Path
) -> None:
    assert world
    kept = {"s3/objects/1.dat", "s3/objects/1.idx", "s3/objects/filerldb2/00/000001.log"}
    for path in (*kept, "s3/s3.log", "s3/s3.log.1"):
        (cli.data / path).parent.mkdir(parents=True, exist_ok=True)
        (cli.data / path).write_text(path)
    assert cli("backup", str(target), "--json").json["elsewhere"] == []
    files = {entry.path: entry.size_bytes for entry in read_manifest(target).entries if entry.sha256}
    assert {path: size for path, size in files.items() if path.startswith("s3/")} == {path: len(path) for path in kept}
    new = target.with_name("new")
    assert whiteroom("restore", str(target), str(new)).code == 0
    assert {path: (new / path).read_text() for path in kept} == {path: path for path in kept}
