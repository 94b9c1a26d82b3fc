"""`make new-resource` writes what works as far as the service model says how."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tools.new_resource import Resource, Unfit, write

ROOT = Path(__file__).parents[3]
NAME = "IntermediateTable"
"""Of AWS's, and answered by nothing here."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this tree with the skeleton in it."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("src", "tools", "tests/support", "tests/unit"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "tests/conftest.py"):
        shutil.copy(ROOT / name, copy / name)
    write(Resource(NAME), copy)
    return copy


def in_tree(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{tree / 'src'}{os.pathsep}{tree / 'tests'}"}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, check=False, cwd=tree, env=environment, capture_output=True, text=True)


def test_its_migration_makes_its_table_and_its_operations_are_in_the_table_of_roles(tree: Path) -> None:
    tests = ("tests/unit/store/test_migrations.py", "tests/unit/domain/resources/test_permissions.py")
    ran = in_tree(tree, "pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("operation", [f"Create{NAME}", f"List{NAME}s", f"Delete{NAME}"])
def test_the_ledger_finds_its_operations_in_its_file(tree: Path, operation: str) -> None:
    assert "operations/cleanrooms/intermediate_tables.py:" in in_tree(tree, "whiteroom", "ops", operation).stdout


def test_its_own_test_says_what_an_answer_still_lacks(tree: Path) -> None:
    test = "tests/unit/operations/cleanrooms/test_intermediate_tables.py"
    ran = in_tree(tree, "pytest", "-q", "-p", "no:cacheprovider", test)
    assert "CreateIntermediateTableOutput.intermediateTable lacks ['status']" in ran.stdout
    assert Resource(NAME).missing == ["status"]


def test_what_it_writes_is_as_the_checks_want_it(tree: Path) -> None:
    subprocess.run([ruff(), "check", "--quiet", "--fix", "src", "tests"], cwd=tree, check=False)
    subprocess.run([ruff(), "format", "--quiet", "src", "tests"], cwd=tree, check=True)
    found = subprocess.run([ruff(), "check", "src", "tests"], check=False, cwd=tree, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


def ruff() -> str:
    return str(Path(sys.executable).parent / "ruff")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Nonsense", "AWS Clean Rooms has no CreateNonsense."),
        ("ConfiguredTable", "CreateConfiguredTable takes no membershipIdentifier."),
        ("ConfiguredAudienceModelAssociation", "takes no name."),
    ],
)
def test_what_it_cannot_write_is_refused_before_anything_is_written(name: str, said: str) -> None:
    with pytest.raises(Unfit, match=said):
        Resource(name)


def test_what_is_there_is_not_written_over(tree: Path) -> None:
    with pytest.raises(Unfit, match="is there already"):
        write(Resource(NAME), tree)
