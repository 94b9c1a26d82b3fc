"""Where a test is found: that of `x/y.py` is `tests/unit/x/test_y.py`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
UNIT, SOURCES = ROOT / "tests" / "unit", ROOT / "src" / "whiteroom"
OF_SEVERAL = {
    "cli/test_data_in_s3.py": "every command that looks at data, where it is in S3",
    "cli/test_sealed_files.py": "every command that looks at data, where its files are sealed",
    "console/test_member_pages.py": "every page of a member's, asked for by everybody",
    "console/test_operator.py": "whose pages are whose: the operator's and a member's",
    "console/test_addresses.py": "every page, by addresses that nobody links to",
    "controllers/test_deliveries.py": "inference and export jobs alike: who receives what",
    "controllers/test_keeping.py": "every kind of work: what is kept before a record says so, or brought",
    "controllers/test_revoked.py": "every kind of work whose rows are taken back",
    "controllers/test_set_clock.py": "every controller, while somebody sets the clock",
    "data/s3/test_policy.py": "everything that is asked of the bucket, under the policy in docs/s3.md",
    "domain/test_plans.py": "every noun's plan against its state table",
    "domain/observability/test_advice.py": "every sentence of the program that tells what to do",
    "operations/test_nothing_is_ignored.py": "every member of every request",
    "operations/test_requests_are_kept.py": "every member of every request",
    "operations/test_revoked.py": "every operation that uses rows which are taken back",
    "operations/test_rooms_over_time.py": "operations in any order",
    "operations/test_storage.py": "quotas of bytes, in every operation that they concern",
    "operations/test_strangers.py": "every operation, by those who may not",
    "operations/test_who.py": "every event that an operation leaves",
    "sql/test_aggregation_rules.py": "the rule, from a text to its refusal",
    "sql/test_custom_rules.py": "the rule, from a text to its refusal",
    "sql/test_list_rules.py": "the rule, from a text to its refusal",
    "wire/test_constraints.py": "every kind of constraint, in every protocol",
}
"""Tests of a sentence that several files hold together, and which."""


def _has_its_source(test: Path) -> bool:
    """Whether a file or a room has its name, or the beginning of it: long tests are cut by what they are about."""
    words = test.stem.removeprefix("test_").split("_")
    names = [SOURCES / test.parent / "_".join(words[:count]) for count in range(len(words), 0, -1)]
    return any(name.with_suffix(".py").is_file() or name.is_dir() for name in names)


def _is_a_part_of(test: Path, known: Iterable[str]) -> bool:
    return any(str(test).startswith(one.removesuffix(".py")) for one in known)


def test_every_test_mirrors_a_file_or_says_what_it_is_of() -> None:
    tests = {test.relative_to(UNIT) for test in UNIT.rglob("test_*.py") if "tools" not in test.parts}
    astray = {str(test) for test in tests if not _has_its_source(test) and not _is_a_part_of(test, OF_SEVERAL)}
    assert astray == set()
    assert not [test for test in OF_SEVERAL if Path(test) not in tests or _has_its_source(Path(test))]


def test_every_tool_that_has_a_test_is_there() -> None:
    named = {test.name.removeprefix("test_") for test in (UNIT / "tools").glob("test_*.py")}
    assert named <= {tool.name for tool in (ROOT / "tools").glob("*.py")}
