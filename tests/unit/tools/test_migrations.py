"""`make check` sees migrations that two branches have given one number."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tools.migrations import MIGRATIONS, complaints

ROOT = Path(__file__).parents[3]


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """A copy of those that there are."""
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations", ignore=ignored))


def last(migrations: Path) -> Path:
    return max((migrations / "versions").glob("*.py"))


def number_of(file: Path) -> str:
    return file.name.partition("_")[0]


def test_those_that_there_are_are_one_row(migrations: Path) -> None:
    assert list(complaints(migrations)) == []


def test_two_of_one_number_are_named(migrations: Path) -> None:
    mine = last(migrations)
    theirs = mine.with_name(f"{number_of(mine)}_theirs.py")
    shutil.copy(mine, theirs)
    (said,) = complaints(migrations)
    assert {mine.name, theirs.name} <= set(said.split())
    assert f"are both {number_of(mine)}" in said


def test_two_heads_are_named(migrations: Path) -> None:
    mine = last(migrations)
    number, then = number_of(mine), f"{int(number_of(mine)) + 1:04}"
    text = mine.read_text().replace(f'revision = "{number}"', f'revision = "{then}"', 1)
    mine.with_name(f"{then}_theirs.py").write_text(text)
    head = migrations / "__init__.py"
    head.write_text(head.read_text().replace(f'HEAD = "{number}"', f'HEAD = "{then}"'))
    (said,) = complaints(migrations)
    assert said.startswith(f"{then}_theirs.py is upon ")
    assert f"before it comes {number}" in said


def test_a_head_that_is_not_the_last_and_a_file_under_another_number_are_named(migrations: Path) -> None:
    mine = last(migrations)
    head = migrations / "__init__.py"
    head.write_text(head.read_text().replace(f'"{number_of(mine)}"', '"9998"'))
    mine.rename(mine.with_name("9999_mine.py"))
    said = list(complaints(migrations))
    assert [sentence.split()[0] for sentence in said] == ["9999_mine.py", "HEAD"]


def test_make_check_asks_and_fails(migrations: Path) -> None:
    assert "tools/migrations.py" in (ROOT / "Makefile").read_text().partition("\ncheck:")[2].partition("\n\n")[0]
    mine = last(migrations)
    shutil.copy(mine, mine.with_name(f"{number_of(mine)}_theirs.py"))
    ran = subprocess.run(
        [sys.executable, ROOT / "tools/migrations.py", migrations], check=False, capture_output=True, text=True
    )
    assert ran.returncode == 1
    assert "let the later one have the next number" in ran.stderr
