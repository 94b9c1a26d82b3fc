from __future__ import annotations

import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from whiteroom.console.rendering import ASSETS, amount, asset, words


@pytest.mark.parametrize(
    ("size_bytes", "said"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (123_456, "123 kB"),
        (2_500_000, "2.5 MB"),
        (7e15, "7,000.0 TB"),
    ],
)
def test_amounts_are_in_units_of_a_thousand(size_bytes: float, said: str) -> None:
    assert amount(size_bytes) == said


def test_a_status_is_said_in_words() -> None:
    assert words("CREATE_IN_PROGRESS") == "create in progress"


def test_no_template_takes_text_for_markup() -> None:
    """What members write is escaped by the environment: nothing here says otherwise."""
    templates = list(Path(str(files("whiteroom.console"))).glob("templates/**/*.html"))
    assert len(templates) > 5
    for template in templates:
        assert re.findall(r"\|\s*safe\b|autoescape|Markup", template.read_text()) == [], template.name


def test_no_asset_loads_anything_from_elsewhere() -> None:
    for name in ASSETS:
        text = asset(name).decode().replace("http://www.w3.org/2000/svg", "")
        assert re.findall(r"https?://|@import|url\(", text) == [], name


_A_SERVER_BELOW_WHICH_ANOTHER_RELEASE_IS_INSTALLED = """
import os, shutil, sys
shutil.copytree(sys.argv[1], "whiteroom")
sys.path.insert(0, "")
from whiteroom.console import rendering
assert os.path.realpath(rendering.__file__).startswith(os.getcwd())
rendering.read_all()
shutil.rmtree("whiteroom/console/templates")
shutil.rmtree("whiteroom/console/assets")
assert b"Go back" in rendering.page("problem.html", visitor=None, title="No", message="Go back").body
assert all(rendering.asset(name) for name in rendering.ASSETS)
"""


def test_a_server_shows_its_own_pages_when_another_release_is_installed_below_it(tmp_path: Path) -> None:
    program = [sys.executable, "-c", _A_SERVER_BELOW_WHICH_ANOTHER_RELEASE_IS_INSTALLED, str(files("whiteroom"))]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
