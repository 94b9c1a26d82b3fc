"""`whiteroom up` on a folder that cannot be served: one sentence says what is wrong and what to do; nothing is lost."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from support.command import whiteroom
from support.disks import needs_root, small_disk
from support.server import running_server
from support.worlds.requests import collaboration_request

NOBODY = 65_534


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder on which a server has run."""
    data = tmp_path_factory.mktemp("used") / "data"
    with running_server(data):
        pass
    return data


@pytest.fixture
def data(used: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(used, tmp_path / "data"))


def refused(data: Path) -> str:
    """What `up` says in one line, its exit code being 1."""
    command = [sys.executable, "-m", "whiteroom", "up", "--port", "0", "--data", str(data)]
    answer = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 1, answer
    assert answer.stdout == ""
    assert answer.stderr.count("\n") == 1, answer.stderr
    return answer.stderr


def overwrite(database: Path) -> None:
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(20 * 4096))


def cut(database: Path) -> None:
    os.truncate(database, 20_000)


@pytest.mark.parametrize("damage", [overwrite, cut])
def test_a_damaged_database_is_to_be_restored(data: Path, damage: Callable[[Path], None]) -> None:
    damage(data / "whiteroom.db")
    said = refused(data)
    assert "whiteroom.db" in said
    assert "restore the folder from a backup" in said


def test_a_database_of_a_later_release_names_both(data: Path) -> None:
    with closing(sqlite3.connect(data / "whiteroom.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "its schema is 9999" in refused(data)


@pytest.mark.parametrize("lose", [Path.unlink, lambda path: os.truncate(path, 0)])
def test_a_database_that_is_gone_is_not_made_anew_beside_what_belonged_to_it(
    data: Path, lose: Callable[[Path], None]
) -> None:
    """A server with an empty database would delete every artefact as left over."""
    model = data / "artefacts" / "trained-models" / "x" / "model.tar.gz"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"weights")
    lose(data / "whiteroom.db")
    said = refused(data)
    assert "artefacts" in said
    assert "Restore the database from a backup" in said
    added = whiteroom("accounts", "add", "111111111111", "--data", str(data))
    assert (added.code, "Restore" in added.err) == (1, True)
    assert model.read_bytes() == b"weights"


def in_database(data: Path, statement: str) -> None:
    with closing(sqlite3.connect(data / "whiteroom.db")) as connection, connection:
        connection.execute(statement)


def with_metrics_and_no_noise_key(data: Path) -> None:
    """As an earlier release leaves a folder whose noise.key is lost."""
    in_database(data, "INSERT INTO metric_series VALUES (1, 'id', 'CUSTOM', 'loss', 'algo-1', 1, 1, 0, 0, 0, 0)")
    in_database(data, "DELETE FROM secrets WHERE name = 'noise'")


def test_noise_is_not_drawn_anew_where_its_key_is_lost(data: Path) -> None:
    with_metrics_and_no_noise_key(data)
    said = refused(data)
    assert "noise.key is gone" in said
    assert "Restore it from the backup" in said
    assert not (data / "noise.key").exists()
    doctor = whiteroom("doctor", "--data", str(data), "--json")
    (finding,) = (finding for finding in doctor.json["findings"] if finding["name"] == "noise key")
    assert (doctor.code, finding["ok"]) == (1, False)


def test_the_way_out_that_is_told_of_a_lost_key_is_one(data: Path) -> None:
    with_metrics_and_no_noise_key(data)
    told = refused(data).rpartition(": ")[2].strip()
    subprocess.run(["bash", "-c", told], check=True)
    assert (data / "noise.key").stat().st_mode & 0o077 == 0
    with running_server(data):
        assert not (data / "noise.key").exists(), "the database has it"


def test_a_noise_key_that_was_cut_short_is_refused_and_named_by_the_doctor(data: Path) -> None:
    (data / "noise.key").write_bytes(b"short")
    assert "must hold 32 bytes, and has 5" in refused(data)
    doctor = whiteroom("doctor", "--data", str(data))
    assert doctor.code == 1
    assert "NO  noise key" in doctor.out


def test_a_folder_without_metrics_that_lost_its_key_is_given_another(data: Path) -> None:
    """Nothing was ever drawn from it."""
    in_database(data, "DELETE FROM secrets WHERE name = 'noise'")
    with running_server(data):
        pass


@pytest.fixture
def master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's servers keep their master key."""
    path = tmp_path / "state" / "master.key"
    monkeypatch.setenv("WHITEROOM_MASTER_KEY", str(path))
    return path


def test_a_lost_master_key_is_told_and_not_made_again(tmp_path: Path, master: Path) -> None:
    data = tmp_path / "data"
    with running_server(data):
        assert master.stat().st_mode & 0o777 == 0o600
    kept = master.read_bytes()
    master.unlink()
    said = refused(data)
    assert f"The master key {master} is gone" in said
    assert "Restore it from a backup" in said
    added = whiteroom("accounts", "add", "111111111111", "--data", str(data))
    assert (added.code, "is gone" in added.err) == (1, True)
    assert not master.exists()
    assert "NO  keys" in whiteroom("doctor", "--data", str(data)).out
    master.write_bytes(bytes(32))
    assert f"Restore to {master} the master key that it was sealed under" in refused(data)
    assert "NO  server key" in whiteroom("doctor", "--data", str(data)).out
    master.write_bytes(kept)
    with running_server(data):
        pass


@needs_root
def test_a_read_only_file_system_is_named(used: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "data", megabytes=8) as disk:
        shutil.copytree(used, disk.path, dirs_exist_ok=True)
        disk.read_only()
        assert "Read-only file system" in refused(disk.path)
        doctor = whiteroom("doctor", "--data", str(disk.path))
        assert "NO  disk: Its file system is read-only." in doctor.out
        disk.writable()
        with running_server(disk.path):
            pass


@needs_root
def test_a_folder_of_another_user_is_named_with_both_users(used: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        data = shutil.copytree(used, Path(place) / "data")
        data.chmod(0o755)
        whiteroom("up", "--help")  # imported while its files can be read
        os.seteuid(NOBODY)
        try:
            answer = whiteroom("up", "--port", "0", "--data", str(data))
        finally:
            os.seteuid(0)
        assert answer.code == 1
        assert f"belongs to user 0, and this is user {NOBODY}" in answer.err
        assert answer.err.count("\n") == 1


def test_a_server_that_was_killed_leaves_no_lock_behind(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_server(data) as server:
        killed = server.url
        server.stop(signal.SIGKILL)
    assert killed in (data / "server.json").read_text()
    assert "None runs on this folder." in whiteroom("doctor", "--data", str(data)).out
    with running_server(data) as server:
        assert server.url in (data / "server.json").read_text()


def test_a_disk_that_fails_under_a_running_server_is_told_and_nothing_needs_to_be_restarted(tmp_path: Path) -> None:
    """Every write beyond 4 KiB into a file is refused by the kernel; reading goes on."""
    data = tmp_path / "data"
    with running_server(data) as server:
        client = server.client("cleanrooms", "111111111111")
        made = {client.create_collaboration(**collaboration_request())["collaboration"]["id"]}
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (4096, hard))
        with pytest.raises(ClientError, match="InternalServerException"):
            client.create_collaboration(**collaboration_request())
        assert {one["id"] for one in client.list_collaborations()["collaborationList"]} == made
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        made.add(client.create_collaboration(**collaboration_request())["collaboration"]["id"])
        assert {one["id"] for one in client.list_collaborations()["collaborationList"]} == made
    log = data.with_name("data.log").read_text()
    assert "The database cannot be used: disk I/O error" in log
    assert "Traceback" not in log
