"""What pip-audit says, judged: 0 is for a lock of which everything was looked up."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

TOOL = Path(__file__).parents[3] / "tools" / "audit.py"
CLEAN = {"name": "solid", "version": "2.0", "vulns": []}
BAD = {"name": "hollow", "version": "1.0", "vulns": [{"id": "OSV-1", "fix_versions": []}]}
SKIPPED = {"name": "hollow", "skip_reason": "Dependency not found and could not be audited"}


@pytest.fixture(scope="module")
def tool() -> Any:
    spec = importlib.util.spec_from_file_location("audit", TOOL)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["audit"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "some.lock"
    path.write_text("solid==2.0 \\\n  --hash=sha256:1\nhollow==1.0 ; sys_platform == 'win32' \\\n  --hash=sha256:2\n")
    return path


@pytest.mark.parametrize(
    ("found", "code", "said"),
    [
        ([CLEAN], 0, "1 were looked up"),
        ([CLEAN, BAD], 1, "hollow 1.0: OSV-1, mended in no release"),
        ([CLEAN, SKIPPED], 2, "1 were not looked up, such as ['hollow']: Dependency not found"),
        ([BAD], 2, "1 were not looked up, such as ['solid']"),
        ([], 2, "THE AUDIT WAS NOT MADE"),
    ],
)
def test_an_answer_is_judged_by_what_was_looked_up(
    tool: Any, lock: Path, found: list[Any], code: int, said: str
) -> None:
    judged = tool.verdict(lock, json.dumps({"dependencies": found}), "")
    assert judged.code == code
    assert said in "\n".join(judged.lines)


@pytest.mark.parametrize("answer", ["", "no JSON", "[]", "{}"])
def test_what_is_no_answer_is_told_with_its_reason(tool: Any, lock: Path, answer: str) -> None:
    judged = tool.verdict(lock, answer, "Traceback\nConnectionError: nobody is there\n")
    assert judged.code == 2
    assert "NOT MADE" in judged.lines[0]
    assert "nobody is there" in judged.lines[0]
