from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import CommandLine
from support.worlds.driven import World


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Commands on a data folder that is not there yet."""
    monkeypatch.delenv("WHITEROOM_DEBUG", raising=False)
    return CommandLine(tmp_path / "data")


@pytest.fixture
def world(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A room with controllers on the same data folder, and its runtime behind the commands."""
    cli.data.mkdir()
    world = World(cli.data)
    monkeypatch.setattr("whiteroom.cli.logs.open_runtime", lambda _settings: world.runtime)
    yield world
    world.close()
