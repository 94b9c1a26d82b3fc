"""What the README tells a newcomer to type, runs."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from support.server import running_server

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SHELL = [line.split("  #")[0].strip() for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]
PROGRAM = ".venv/bin/whiteroom "

pytestmark = pytest.mark.slow


def test_every_make_target_that_the_readme_names_is_on_the_menu() -> None:
    named = {line.split()[1] for line in SHELL if line.startswith("make ")}
    assert named >= {"demo", "test", "setup"}
    menu = (ROOT / "Makefile").read_text()
    assert named <= set(re.findall(r"^([a-z]+):.*## ", menu, re.MULTILINE))


def test_every_command_of_the_readme_runs(tmp_path: Path) -> None:
    for folder in ("src", "examples"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    commands = [line.removeprefix(PROGRAM) for line in SHELL if line.startswith(PROGRAM)]
    assert len(commands) >= 6
    for command in commands:
        arguments = shlex.split(command.replace("--port 8080", "--port 0"))
        _run(arguments, tmp_path) if arguments[0] != "up" else _serve(arguments, tmp_path)


def test_the_readmes_python_talks_to_a_development_server(tmp_path: Path) -> None:
    snippet = next(block for kind, block in BLOCKS if kind == "python")
    with running_server(tmp_path / "room") as server:
        scope: dict[str, object] = {"boto3": boto3}
        exec(snippet.replace("http://127.0.0.1:8080", server.url), scope)
        scope["ml"].close()  # type: ignore[attr-defined]


def test_every_page_that_the_readme_links_to_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "WHITEROOM_DATA": str(folder / "room"), "WHITEROOM_PORT": "0"}


def _run(arguments: list[str], folder: Path) -> None:
    command = [sys.executable, "-m", "whiteroom", *arguments]
    done = subprocess.run(command, cwd=folder, env=_environment(folder), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"


def _serve(arguments: list[str], folder: Path) -> None:
    command = [sys.executable, "-m", "whiteroom", *arguments]
    with subprocess.Popen(command, cwd=folder, env=_environment(folder), stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert "ready at http" in server.stdout.readline()
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
