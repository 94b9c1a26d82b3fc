"""Every command has `--json`, and what it prints then is JSON: one document, or one on each line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer

from support.command import CommandLine, whiteroom
from support.fake_data import RiggedData
from support.worlds.driven import World
from support.worlds.records import ROOM
from support.worlds.requests import ALICE
from whiteroom.cli.json_names import JSON_NAMES
from whiteroom.cli.main import program
from whiteroom.domain.execution.runs import EndReason, Finding, LogLine, RunEnd, SandboxReport
from whiteroom.domain.observability.metrics import Usage

WITHOUT = {
    "demo": "It tells people a story; its own server's commands have what came of it.",
    "up": "It runs until it is stopped, and says where it listens; server.json in the data folder says it too.",
}
"""Commands that have no `--json`, each with the reason."""

ELSEWHERE = {
    "notify test": "test_notify.py, beside a real receiver",
    "connections add": "test_connections.py, beside a real database",
    "connections remove": "test_connections.py, beside a real database",
}
"""Commands whose documents are tried where what they need is."""

LINES = {"logs", "metrics"}
"""Commands that print a document on each line, since there may be many, or more to come."""

OTHER = "999988887777"
OF_OTHER = ("--account", OTHER)

Place = Mapping[str, str]
WORDS: Mapping[str, Callable[[Place], tuple[str, ...]]] = {
    "accounts add": lambda _: (OTHER,),
    "accounts list": lambda _: (),
    "accounts rotate": lambda _: (OTHER,),
    "accounts disable": lambda _: (OTHER,),
    "accounts enable": lambda _: (OTHER,),
    "users add": lambda _: ("ann", *OF_OTHER, "--role", "analyst"),
    "users list": lambda _: (),
    "users change": lambda _: ("ann", *OF_OTHER, "--role", "privacy-officer"),
    "users disable": lambda _: ("ann", *OF_OTHER),
    "users enable": lambda _: ("ann", *OF_OTHER),
    "keys add": lambda _: ("ann", *OF_OTHER),
    "keys list": lambda _: (),
    "keys remove": lambda place: (place["key"],),
    "roles add": lambda _: ("nightly", *OF_OTHER, "--role", "analyst", "--assumed-by", "ann"),
    "roles list": lambda _: (),
    "roles remove": lambda _: ("nightly", *OF_OTHER),
    "users remove": lambda _: ("ann", *OF_OTHER),
    "catalog add": lambda place: ("a.visits", place["csv"], *OF_OTHER),
    "catalog list": lambda _: (),
    "catalog show": lambda _: ("a.visits", *OF_OTHER),
    "catalog check": lambda _: (),
    "catalog remove": lambda _: ("a.visits", *OF_OTHER),
    "accounts remove": lambda _: (OTHER,),
    "connections list": lambda _: (),
    "images build": lambda place: ("churn:1", place["code"]),
    "images list": lambda _: (),
    "images show": lambda _: ("churn:1",),
    "images remove": lambda _: ("churn:1",),
    "console link": lambda _: ("--account", ALICE),
    "console sessions": lambda _: (),
    "console end": lambda _: ("--account", ALICE),
    "notify add": lambda _: ("--account", ALICE, "--url", "https://hooks.example.org/x"),
    "notify list": lambda _: (),
    "notify remove": lambda place: (place["address"],),
    "explain": lambda place: (place["model"],),
    "logs": lambda place: (place["model"],),
    "metrics": lambda place: (place["model"],),
    "partial": lambda place: (place["model"],),
    "results list": lambda _: (),
    "results get": lambda place: (place["result"], "--to", place["copy"]),
    "usage": lambda _: (),
    "collaborations list": lambda _: (),
    "collaborations stop": lambda _: (ROOM,),
    "collaborations resume": lambda _: (ROOM,),
    "owner stop": lambda _: ("--account", ALICE),
    "backup": lambda place: (place["backup"],),
    "restore": lambda place: (place["backup"], place["restored"]),
    "aws-data": lambda _: (),
    "ops": lambda _: (),
    "doctor": lambda _: (),
}
"""What each is called with, in an order in which each finds what it needs."""


def every_command() -> dict[str, Any]:
    """Every command that does something, by the words that call it."""
    found: dict[str, Any] = {}

    def walk(command: Any, words: tuple[str, ...]) -> None:
        below = getattr(command, "commands", None)
        if below is None:
            found[" ".join(words)] = command
        for name, one in (below or {}).items():
            walk(one, (*words, name))

    walk(typer.main.get_command(program()), ())
    return found


def has(command: Any, option: str) -> bool:
    return any(option in parameter.opts for parameter in command.params)


def test_every_command_has_json_or_a_reason_for_having_none() -> None:
    assert {name for name, command in every_command().items() if not has(command, "--json")} == set(WITHOUT)


def test_the_names_of_every_document_are_in_the_reference() -> None:
    assert set(JSON_NAMES) == set(every_command()) - set(WITHOUT)


def test_the_document_of_every_command_is_tried() -> None:
    assert set(WORDS) | set(ELSEWHERE) | set(WITHOUT) == set(every_command())


@pytest.fixture
def place(cli: CommandLine, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A data folder with something for every command to say, and the names of it."""
    sealed = SandboxReport(usable=True, findings=(Finding("bubblewrap", ok=True, detail="0.11."),))
    monkeypatch.setattr("whiteroom.cli.doctor.sandbox_report", lambda _settings: sealed)
    (cli.data / "noise.key").write_bytes(bytes(32))
    world.data = world.runtime.data = RiggedData(cli.data)
    whole = world.runtime.end
    world.runtime.end = RunEnd(EndReason.MAX_RUNTIME)
    world.runtime.printed = [LogLine(1_772_366_400_000, "stdout", "epoch 1"), LogLine(1_772_366_401_000, "stdout", "2")]
    world.runtime.used = [Usage(1_772_366_400_000, "algo-1", {"CPUUtilization": 150.0, "MemoryUtilization": 9.0})]
    model = world.model()
    world.drive()
    world.runtime.end = whole
    world.inference_job()
    world.drive()
    (result,) = cli("results", "list", "--json").json
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").touch()
    (tmp_path / "visits.csv").write_text("id,age\n1,40\n")
    made = {
        "csv": tmp_path / "visits.csv",
        **{name: tmp_path / name for name in ("code", "copy", "backup", "restored")},
    }
    cli("accounts", "add", ALICE)
    key = cli("keys", "list", "--json").json[0]["accessKeyId"]
    address = cli("notify", "add", "--account", ALICE, "--email", "a@b.test", "--json").json["id"]
    names = {"model": model.arn, "result": result["id"], "key": key, "address": address}
    yield {**{name: str(path) for name, path in made.items()}, **names}
    for folder, _, _ in os.walk(cli.data):  # images are read-only; pytest deletes what a test leaves
        Path(folder).chmod(0o700)


def test_what_every_command_prints_with_json_is_json_and_nothing_else(
    cli: CommandLine, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHITEROOM_DATA", str(cli.data))
    for name, words in WORDS.items():
        answer = whiteroom(*name.split(), *words(place), "--json")
        assert answer.code in {0, 1 if name == "doctor" else 0}, (name, answer.err)
        documents = answer.out.splitlines() if name in LINES else [answer.out]
        assert documents, name
        for document in map(json.loads, documents):
            for row in document if isinstance(document, list) else [document]:
                assert isinstance(row, dict), name
                names = JSON_NAMES[name].split()
                assert {one for one in names if not one.startswith("[")} <= set(row), name
                assert set(row) <= {one.strip("[]") for one in names}, name
        assert len(documents) > 1 or name not in LINES, name
