"""Whether the tests that `tests/contract/api/members/` names see what they are named for.

For each row with a test the product ignores that member (tools/ignoring/), and the test must fail. Prints the rows
whose test does not, and ends with 1 where there are any. Takes an hour on two cores, so CI does not run it.

    make mutate-members                   all rows
    make mutate-members ROWS=monitoring   those with this text in service, operations, path or test
"""

from __future__ import annotations

import argparse
import ast
import os
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
sys.path[:0] = [str(ROOT), str(TESTS)]

import pytest  # noqa: E402 -- with the tests' own folders on the path
from tools.ignoring.mutation import Mutation, in_force  # noqa: E402

from contract.api.members import ROWS, Refused, Row, Seen  # noqa: E402

PATIENCE_SECONDS = 300.0
CPU_SECONDS = 45
"""A test that goes on for longer under a mutation waits for what does not come any more, or reads one page for ever."""


class Outcome(StrEnum):
    """What became of a test under a mutation."""

    SEEN = "the test fails"
    UNTOUCHED = "no request of the test has the member"
    UNSEEN = "the test passes all the same"
    BROKEN = "the test fails without any mutation"


@dataclass(frozen=True, slots=True)
class Finding:
    """One row, and what became of its test."""

    row: Row
    outcome: Outcome


def tests_by_name() -> dict[str, list[str]]:
    """The node ids of every test function, by its name."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted(TESTS.rglob("test_*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                found[node.name].append(f"{file.relative_to(ROOT)}::{node.name}")
    return found


def passes(nodes: Sequence[str], mutation: Mutation | None) -> bool:
    """Run tests in a process of their own, which has what they import already; whether they pass."""
    child = os.fork()
    if child == 0:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        if mutation is not None:
            os.environ["PYTHONPATH"] = str(ROOT / "tools/ignoring/path")
            in_force(mutation)
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        os._exit(int(pytest.main([*options, *nodes])))
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.05)
    os.killpg(child, 9)
    os.waitpid(child, 0)
    return False


def judged(rows: Sequence[Row], jobs: int) -> Iterator[Finding]:
    """What becomes of the test of each row, as it is known."""
    named = tests_by_name()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        tests = sorted({test for row in rows for test in tests_of(row)})
        healthy = dict(zip(tests, pool.map(lambda test: passes(named[test], None), tests), strict=True))

        def judge(number: int, row: Row) -> Finding:
            if not all(healthy[test] for test in tests_of(row)):
                return Finding(row, Outcome.BROKEN)
            seen = Path(folder) / str(number)
            nodes = [node for test in tests_of(row) for node in named[test]]
            for path in paths_of(row):
                mutation = Mutation(row.service, path, row.operations, str(seen), isinstance(row.effect, Refused))
                if not passes(nodes, mutation):
                    return Finding(row, Outcome.SEEN)
            return Finding(row, Outcome.UNSEEN if seen.exists() else Outcome.UNTOUCHED)

        yield from pool.map(judge, range(len(rows)), rows)


def paths_of(row: Row) -> list[str]:
    """What is ignored, one after another: the member; and of one that is refused, what holds it, as that may be why."""
    steps = row.path.split(".")
    holders = range(len(steps) - 1, 0, -1) if isinstance(row.effect, Refused) else ()
    return [row.path, *(".".join(steps[:count]).removesuffix("[]") for count in holders)]


def tests_of(row: Row) -> tuple[str, ...]:
    """The names of a row's tests."""
    match row.effect:
        case Seen(test, through):
            return (test, through) if through else (test,)
        case Refused(test):
            return (test,)
        case _:
            return ()


def main() -> int:
    """Judge the rows, and print what the tests do not see."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="", help="only those with this text in service, operations, path or test")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    rows = [row for row in ROWS if tests_of(row) and arguments.rows in described(row)]
    _imported()
    counts = dict.fromkeys(Outcome, 0)
    for finding in judged(rows, arguments.jobs):
        counts[finding.outcome] += 1
        if finding.outcome is not Outcome.SEEN:
            print(f"{described(finding.row)}: {finding.outcome}", flush=True)
    print("; ".join(f"{outcome}: {count}" for outcome, count in counts.items()), f"of {len(rows)} rows.")
    return 0 if counts[Outcome.SEEN] == len(rows) else 1


def described(row: Row) -> str:
    """A row in one line."""
    whose = ",".join(row.operations) or "*"
    return f"{row.service} {whose} {row.path} ({', '.join(tests_of(row))})"


def _imported() -> None:
    """Import here what nearly every test needs, so that none imports it anew."""
    import boto3  # noqa: F401, PLC0415
    import duckdb  # noqa: F401, PLC0415

    from whiteroom.answering import all_handlers  # noqa: PLC0415

    all_handlers()


if __name__ == "__main__":
    sys.exit(main())
