from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest

from whiteroom.data.backups import (
    FILES,
    MANIFEST,
    BackupRefused,
    BackupWriter,
    Manifest,
    drafted_folder,
    read_manifest,
    restore_files,
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with a file, a program, a link and a folder that nobody may write to."""
    source = tmp_path / "data" / "images"
    (source / "code").mkdir(parents=True)
    (source / "code" / "train").write_bytes(b"#!/bin/sh\n")
    (source / "code" / "train").chmod(0o555)
    (source / "names.json").write_bytes(b"{}")
    (source / "python").symlink_to("/usr/bin/python3")
    (source / "code").chmod(0o555)
    return source


@pytest.fixture
def backup(tmp_path: Path, source: Path) -> Path:
    target = tmp_path / "backup"
    with drafted_folder(target) as draft:
        writer = BackupWriter(draft)
        writer.add_tree(source, "images")
        writer.finish(Manifest("2030-01-01T00:00:00+00:00", "1", "0014", tuple(writer.entries), (), ()))
    return target


def restored(backup: Path, target: Path) -> Path:
    with drafted_folder(target) as draft:
        restore_files(backup, read_manifest(backup), draft)
    return target


def test_a_restored_folder_has_what_was_copied_with_its_modes_and_links(
    backup: Path, source: Path, tmp_path: Path
) -> None:
    new = restored(backup, tmp_path / "new") / "images"
    assert (new / "code" / "train").read_bytes() == (source / "code" / "train").read_bytes()
    for name in ("code", "code/train", "names.json"):
        assert (new / name).stat().st_mode == (source / name).stat().st_mode
    assert (new / "python").readlink() == Path("/usr/bin/python3")


def test_a_backup_is_for_its_owner_alone(backup: Path) -> None:
    assert backup.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (backup / FILES).rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("name", "contents"),
    [("names.json", b"{]"), ("names.json", b"{"), ("names.json", b"{} "), ("code/train", b"")],
)
def test_a_file_that_was_altered_or_cut_is_refused_and_nothing_is_restored(
    backup: Path, tmp_path: Path, name: str, contents: bytes
) -> None:
    (backup / FILES / "images" / name).write_bytes(contents)
    with pytest.raises(BackupRefused, match=f"{name} is cut or altered"):
        restored(backup, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob(".new*"))


def test_a_file_that_is_missing_or_is_a_link_now_is_refused(backup: Path, tmp_path: Path) -> None:
    file = backup / FILES / "images" / "names.json"
    file.unlink()
    with pytest.raises(BackupRefused, match="cannot be read"):
        restored(backup, tmp_path / "new")
    file.symlink_to("/etc/hostname")
    with pytest.raises(BackupRefused, match="cannot be read"):
        restored(backup, tmp_path / "new")


def test_a_file_that_the_manifest_does_not_name_is_refused(backup: Path, tmp_path: Path) -> None:
    (backup / FILES / "noise.key").write_bytes(bytes(32))
    with pytest.raises(BackupRefused, match="put there later"):
        restored(backup, tmp_path / "new")


def test_a_manifest_that_was_cut_altered_or_never_written_is_no_backup(backup: Path) -> None:
    manifest = backup / MANIFEST
    text = manifest.read_text()
    for broken in (text[:-20], "", "[]", text.replace("names.json", "nomes.json"), text.replace("0014", "0013")):
        manifest.write_text(broken)
        with pytest.raises(BackupRefused):
            read_manifest(backup)
    manifest.unlink()
    with pytest.raises(BackupRefused, match="no backup"):
        read_manifest(backup)


def test_a_format_that_is_not_known_is_refused_by_its_number(backup: Path) -> None:
    manifest = backup / MANIFEST
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 2}))
    with pytest.raises(BackupRefused, match="format 2"):
        read_manifest(backup)


@pytest.mark.parametrize("path", ["../out", "/etc/passwd", "a/../../b", ""])
def test_a_manifest_whose_paths_lead_out_of_the_folder_is_refused(tmp_path: Path, source: Path, path: str) -> None:
    with drafted_folder(tmp_path / "evil") as draft:
        writer = BackupWriter(draft)
        writer.add(source / "names.json", "names.json")
        entries = tuple(type(entry)(path, entry.kind, entry.mode) for entry in writer.entries)
        writer.finish(Manifest("now", "1", "0014", entries, (), ()))
    with pytest.raises(BackupRefused, match="outside"):
        read_manifest(tmp_path / "evil")


def test_a_file_that_grows_is_copied_up_to_its_last_whole_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"one\n" + b"x" * 3_000_000 + b"\nhalf of a li" + b"n" * 2_000_000)
    writer = BackupWriter(tmp_path / "draft")
    writer.add(log, "log", whole_lines=True)
    assert writer.place("log").read_bytes() == b"one\n" + b"x" * 3_000_000 + b"\n"
    log.write_bytes(b"no line at all")
    writer.add(log, "other", whole_lines=True)
    assert writer.place("other").read_bytes() == b""


def test_a_fifo_is_refused_without_a_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(BackupRefused, match="is no file"):
        BackupWriter(tmp_path / "draft").add(tmp_path / "fifo", "fifo")


def test_what_is_dropped_is_not_there(tmp_path: Path, source: Path) -> None:
    writer = BackupWriter(tmp_path / "draft")
    writer.add_tree(source, "images")
    writer.add_tree(source / "code", "imagesque")
    writer.drop("images")
    assert {entry.path for entry in writer.entries} == {"imagesque", "imagesque/train"}
    assert not (tmp_path / "draft" / FILES / "images").exists()


def test_what_is_there_already_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    for name in ("full", "file", "link"):
        with pytest.raises(BackupRefused, match="there already"), drafted_folder(tmp_path / name):
            pytest.fail("it was begun")
    with drafted_folder(tmp_path / "empty") as draft:
        (draft / "new").touch()
    assert (tmp_path / "empty" / "new").exists()


def test_what_a_killed_process_left_is_removed_and_what_another_makes_is_left_alone(tmp_path: Path) -> None:
    left = tmp_path / ".backup.unfinished"
    left.mkdir()
    (left / "half").touch()
    handle = os.open(left, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(BackupRefused, match="Another process"), drafted_folder(tmp_path / "backup"):
        pytest.fail("it was begun")
    assert (left / "half").exists()
    os.close(handle)  # as when it is killed
    with drafted_folder(tmp_path / "backup") as draft:
        assert not list(draft.iterdir())
    assert not left.exists()


def test_what_goes_away_while_a_folder_is_copied_is_named_and_the_rest_is_there(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = BackupWriter.add

    def erasing(writer: BackupWriter, file: Path, path: str) -> None:
        (source / "names.json").unlink(missing_ok=True)
        real(writer, file, path)

    monkeypatch.setattr(BackupWriter, "add", erasing)
    gone: list[str] = []
    writer = BackupWriter(tmp_path / "draft")
    writer.add_tree(source, "images", gone=gone)
    assert gone == ["images/names.json"]
    assert {entry.path for entry in writer.entries} == {"images", "images/code", "images/code/train", "images/python"}
