"""What a reader has to hold in the head at once: no file is over 400 lines, and no function over 60."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "tests", "bench", "tools", "examples", "deploy")
FROZEN = ROOT / "src" / "whiteroom" / "store" / "migrations" / "versions"
"""Migrations stay as they were when they were released."""
LINES_OF_A_FILE, LINES_OF_A_FUNCTION = 400, 60


def is_a_program(file: Path) -> bool:
    """Python and SQL, and programs of containers, which have no suffix."""
    if file.suffix == "":
        return file.is_file() and file.read_bytes().startswith(b"#!")
    return file.suffix in {".py", ".sql"}


PROGRAMS = [
    file
    for folder in FOLDERS
    for file in sorted((ROOT / folder).rglob("*"))
    if FROZEN not in file.parents and is_a_program(file)
]


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


def functions(file: Path) -> Iterator[tuple[str, int]]:
    """Every function of a file, and how many lines it has from its `def` on."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".sql" or (file.suffix == "" and "python" not in text.partition("\n")[0]):
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield f"{named(file)}::{node.name}", node.end_lineno - node.lineno + 1


def test_every_folder_of_programs_is_looked_at() -> None:
    assert {file.relative_to(ROOT).parts[0] for file in PROGRAMS} == set(FOLDERS)
    assert any(file.name == "train" for file in PROGRAMS)


def test_no_file_is_over_400_lines() -> None:
    lines = {named(file): len(file.read_text(encoding="utf-8").splitlines()) for file in PROGRAMS}
    assert {name for name, count in lines.items() if count > LINES_OF_A_FILE} == set()


def test_no_function_is_over_60_lines() -> None:
    found = {name for file in PROGRAMS for name, count in functions(file) if count > LINES_OF_A_FUNCTION}
    assert found == set()
