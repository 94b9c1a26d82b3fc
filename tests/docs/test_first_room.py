"""What the first page tells a newcomer to type leads to a model."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from support.server import running_server

PAGE = (Path(__file__).parents[2] / "docs" / "first-room.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SERVER, ROOM = "whiteroom up --dev\n", "python3 room.py\n"

pytestmark = pytest.mark.slow


def test_the_first_room_ends_with_a_model_of_both_tables(tmp_path: Path) -> None:
    shell = [block for kind, block in BLOCKS if kind == "sh"]
    assert [shell.pop(), shell.pop()] == [ROOM, SERVER]
    (program,) = [block for kind, block in BLOCKS if kind == "python"]
    (tmp_path / "room.py").write_text(program)
    for block in shell:
        _typed(block, tmp_path)
    with running_server(tmp_path / "whiteroom-data") as server:
        said = _typed(ROOM, tmp_path, WHITEROOM_URL=server.url)
    assert "The channel has 2000 rows" in said
    (archive,) = (tmp_path / "whiteroom-data/objects/laboratory/models").rglob("model.tar.gz")
    with tarfile.open(archive) as packed:
        file = packed.extractfile("line.json")
        assert file is not None
        line = json.load(file)
    # Visits are one more for each twelve years.
    assert line["visits per year"] == pytest.approx(1 / 12, abs=0.02)


def test_the_rule_that_the_page_has_one_try_is_the_end_of_the_channel(tmp_path: Path) -> None:
    (program,) = [block for kind, block in BLOCKS if kind == "python"]
    (rule,) = re.findall(r'With `("additionalAnalyses": "\w+")` the channel fails', PAGE)
    given = '"additionalAnalyses": "REQUIRED"'
    assert given in program
    (tmp_path / "room.py").write_text(program.replace(given, rule))
    for block in [block for kind, block in BLOCKS if kind == "sh"][:-2]:
        _typed(block, tmp_path)
    with running_server(tmp_path / "whiteroom-data") as server, pytest.raises(AssertionError) as refused:
        _typed(ROOM, tmp_path, WHITEROOM_URL=server.url)
    for table, owner in (("patients", "111111111111"), ("visits", "222222222222")):
        assert f"Table '{table}' (member {owner}) does not allow additional analyses" in str(refused.value)


def _typed(block: str, folder: Path, **variables: str) -> str:
    paths = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": paths, **variables}
    done = subprocess.run(
        ["bash", "-euc", block], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
