from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import CommandLine


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "train").write_text("#!/bin/sh\n")
    (folder / "train").chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def _writable_afterwards(cli: CommandLine) -> Iterator[None]:
    """Images are read-only; pytest deletes what a test leaves."""
    yield
    for folder, _, _ in os.walk(cli.data):
        Path(folder).chmod(0o700)


def test_an_image_is_built_listed_shown_and_removed(cli: CommandLine, code: Path) -> None:
    built = cli("images", "build", "churn:1", str(code), "--entrypoint", "python 'my main.py'")
    assert built.code == 0
    name, digest = built.out.split()
    assert name == "churn:1"
    assert "Copying" in built.err
    assert "churn:1" in cli("images", "list").out
    shown = cli("images", "show", "churn:1", "--json").json
    assert (shown["digest"], shown["entrypoint"]) == (digest, ["python", "my main.py"])
    assert digest in cli("images", "show", "churn:1").out
    assert cli("images", "remove", "churn:1").code == 0
    assert cli("images", "list", "--json").json == []


def test_one_image_trains_and_serves(cli: CommandLine, code: Path) -> None:
    built = cli("images", "build", "churn", str(code), "--train", "python t.py", "--serve", "python s.py", "--fresh")
    assert built.code == 0
    shown = cli("images", "show", "churn", "--json").json
    assert shown["commands"] == {"train": ["python", "t.py"], "serve": ["python", "s.py"]}
    assert "python s.py" in cli("images", "show", "churn").out


def test_an_image_is_built_from_a_dockerfile_alone(cli: CommandLine, code: Path) -> None:
    dockerfile = code / "Dockerfile"
    dockerfile.write_text("FROM python\nWORKDIR /opt/ml/code\nCOPY . .\nENV A=1 B='2 3'\n")
    arguments = ("images", "build", "churn", str(code), "--dockerfile", str(dockerfile))
    assert cli(*arguments, "--json").json["variables"] == {"A": "1", "B": "2 3"}
    assert "A=1 'B=2 3'" in cli("images", "show", "churn").out
    assert "leave --requirements" in cli(*arguments, "--entrypoint", "x").err
    dockerfile.write_text("FROM scratch\n")
    assert "Line 1 of the Dockerfile" in cli(*arguments).err


def test_a_name_without_a_tag_is_the_latest(cli: CommandLine, code: Path) -> None:
    assert cli("images", "build", "churn", str(code), "--json").json["name"] == "churn:latest"


def test_without_images_the_list_says_how_to_build_one(cli: CommandLine, code: Path) -> None:
    cli("images", "build", "churn", str(code))
    cli("images", "remove", "churn")
    answer = cli("images", "list")
    assert (answer.code, answer.out) == (0, "")
    assert "images build" in answer.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("no spaces", "{code}"),
        ("churn", "{code}/nowhere"),
        ("churn", "{code}", "--requirements", "{code}/nowhere.txt"),
        ("churn", "{code}", "--entrypoint", "python 'main"),
    ],
)
def test_what_cannot_be_an_image_is_refused_in_a_sentence(
    cli: CommandLine, code: Path, arguments: tuple[str, ...]
) -> None:
    answer = cli("images", "build", *(argument.format(code=code) for argument in arguments))
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.splitlines()[-1].startswith("Error: ")
    assert "error of its own" not in answer.err


@pytest.mark.parametrize("verb", ["show", "remove"])
def test_an_image_that_is_not_there_is_refused(cli: CommandLine, code: Path, verb: str) -> None:
    cli("images", "build", "churn", str(code))
    answer = cli("images", verb, "bread")
    assert answer.code == 1
    assert "images build bread" in answer.err
