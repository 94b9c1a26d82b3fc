"""Secrets that earlier releases kept in files are taken into the database, whenever that is cut short."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import whiteroom
from support.worlds.driven import World
from whiteroom.base.machine_errors import Trouble
from whiteroom.data.s3.data import OUTLIVING
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.keys.wrapping import parsed
from whiteroom.sealed_store import (
    RECORDS,
    log_token_secret,
    master_key_file,
    noise_secret,
    open_seal,
    open_store,
    session_secret,
)
from whiteroom.settings import Settings, SettingsError

SECRET = bytes(range(32))
FILES = {"noise.key": noise_secret, "sessions.key": session_secret, "logs/token.key": log_token_secret}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    data = tmp_path / "data"
    (data / "logs").mkdir(parents=True)
    return Settings(data=data, master_key=str(tmp_path / "state" / "master.key"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "world").mkdir()
    world = World(tmp_path / "world")
    yield world
    world.close()


@pytest.mark.parametrize("name", FILES)
def test_a_secret_in_a_file_goes_on_in_the_database_and_the_file_goes(settings: Settings, name: str) -> None:
    file, read = settings.data / name, FILES[name]
    file.write_bytes(SECRET)
    store = open_store(settings)
    assert read(settings, store) == SECRET
    assert not file.exists()
    assert read(settings, open_store(settings)) == SECRET
    assert SECRET not in b"".join(path.read_bytes() for path in settings.data.glob("whiteroom.db*"))


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_left_by_a_start_that_was_killed_goes_at_the_next(settings: Settings, name: str) -> None:
    file, read = settings.data / name, FILES[name]
    file.write_bytes(SECRET)
    read(settings, open_store(settings))
    file.write_bytes(SECRET)  # the database had it on the disk, and the file was still there
    assert read(settings, open_store(settings)) == SECRET
    assert not file.exists()


@pytest.mark.parametrize("name", FILES)
def test_a_file_with_another_secret_is_not_chosen_between(settings: Settings, name: str) -> None:
    file, read = settings.data / name, FILES[name]
    store = open_store(settings)
    kept = read(settings, store)
    file.write_bytes(SECRET)
    with pytest.raises(SettingsError, match="Remove the file"):
        read(settings, store)
    file.unlink()
    assert read(settings, store) == kept


def test_looking_makes_and_moves_nothing(settings: Settings) -> None:
    (settings.data / "noise.key").write_bytes(SECRET)
    store = open_store(settings, look_only=True)
    assert noise_secret(settings, store, look_only=True) == SECRET
    assert session_secret(settings, store, look_only=True) == b""
    assert (settings.data / "noise.key").exists()
    assert not master_key_file(settings).exists()


def test_the_master_key_lies_where_the_users_state_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert master_key_file(Settings(data=tmp_path)) == Path("/state/whiteroom/master.key")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert master_key_file(Settings(data=tmp_path)) == Path("/var/lib/whiteroom-keys/master.key")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/op")
    assert master_key_file(Settings(data=tmp_path)) == Path("/home/op/.local/state/whiteroom/master.key")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"keys": "aws"}, "kms_key_arn names no key"), ({"master_key": "master.key"}, "must be an absolute path")],
)
def test_settings_of_keys_that_cannot_work_are_refused(tmp_path: Path, wrong: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Settings(data=tmp_path, **wrong)  # type: ignore[arg-type]


def test_the_doctor_says_where_the_master_key_lies_and_what_is_wrong_with_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, master = str(tmp_path / "data"), tmp_path / "state" / "master.key"
    monkeypatch.setenv("WHITEROOM_MASTER_KEY", str(master))
    whiteroom("accounts", "add", "111111111111", "--data", data)
    assert f"ok  keys: The master key is {master}. Secrets," in whiteroom("doctor", "--data", data).out
    master.chmod(0o644)
    assert "Others may read it" in whiteroom("doctor", "--data", data).out
    inside = tmp_path / "data" / "master.key"
    inside.write_bytes(master.read_bytes())
    monkeypatch.setenv("WHITEROOM_MASTER_KEY", str(inside))
    assert "It lies in the data folder" in whiteroom("doctor", "--data", data).out
    monkeypatch.setenv("WHITEROOM_KEYS", "echo")
    assert "NO  keys: NOTHING IS SEALED" in whiteroom("doctor", "--data", data).out


def test_files_are_sealed_by_the_key_of_their_record_and_as_what_it_is(settings: Settings, world: World) -> None:
    channel = world.channel()
    with world.store.transaction() as tx:
        asked = tx.ml_input_channels.get(channel.id)
        assert asked is not None
        named = tx.ml_input_channels.note(asked, actor="a", at=world.clock(), kms_key_arn="arn:aws:kms:r:1:key/own")
    model = world.model()
    seal = open_seal(settings, world.store)
    for kind in (DataKind.CHANNEL, DataKind.LAYOUT):
        assert parsed(seal.new_key(DataRef(kind, named.id)).data_key.wrapped).key_arn == "arn:aws:kms:r:1:key/own"
        assert seal.new_key(DataRef(kind, named.id)).context == named.arn
    for kind in (DataKind.ARTEFACT, DataKind.CHECKPOINT, DataKind.BASE_MODEL):
        key = seal.new_key(DataRef(kind, model.id))
        assert parsed(key.data_key.wrapped).key_arn == f"whiteroom:collaboration/{model.collaboration_id}"
    with pytest.raises(Trouble, match="There is no record of the channel gone"):
        seal.new_key(DataRef(DataKind.CHANNEL, "gone"))
    with pytest.raises(Trouble, match="lies in plain text still"):
        open_seal(settings, None).new_key(DataRef(DataKind.CHANNEL, named.id))


def test_every_kind_that_is_kept_is_sealed_by_somebody_s_key() -> None:
    assert frozenset(RECORDS) == OUTLIVING
