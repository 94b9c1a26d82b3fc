"""Whether the migrations are one row: each number once, each upon the one before, the last the one the code asks for.

Two branches that add one each take the same number, and git merges them without a word: the files have different
names, and both write the same `HEAD`. `python tools/migrations.py` says what is to be renumbered.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

MIGRATIONS = Path(__file__).parents[1] / "src/whiteroom/store/migrations"


def complaints(folder: Path) -> Iterator[str]:
    """What is wrong with the migrations in a folder, a sentence each."""
    before: object = None
    taken: dict[object, str] = {}
    for file in sorted((folder / "versions").glob("*.py")):
        said = _constants(file)
        number, upon = said.get("revision"), said.get("down_revision")
        if file.name.partition("_")[0] != number:
            yield f"{file.name} says that it is {number}: let the file's name begin with that."
        if number in taken:
            yield f"{file.name} and {taken[number]} are both {number}: let the later one have the next number."
        elif upon != before:
            yield f"{file.name} is upon {upon}, and before it comes {before}: set its down_revision to that."
        before = number
        taken[number] = file.name
    head = _constants(folder / "__init__.py").get("HEAD")
    if head != before:
        yield f"HEAD of {folder.name}/__init__.py is {head}, and the last migration {before}: set it to that."


def _constants(file: Path) -> dict[str, object]:
    """The values that a module gives names to."""
    return {
        target.id: node.value.value
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def main(arguments: Sequence[str]) -> int:
    """Say it; 1 where there is something to say."""
    said = list(complaints(Path(arguments[0]) if arguments else MIGRATIONS))
    for sentence in said:
        sys.stderr.write(f"{sentence}\n")
    return bool(said)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
