"""Prints how the project's answers compare with Spark's, by kind; with a verdict or a kind, the statements of it.

With --open it writes tests/spark/open.json, the statements that are not right yet; the reasons in it are kept.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from spark.tables import write_tables
from support.spark import (
    ANSWERS,
    BOTH_REFUSE,
    DIFFERENT,
    ERROR,
    OPEN,
    REFUSED,
    RIGHT,
    SAME,
    TYPE_ONLY,
    ask,
    corpus,
    still_open,
)

_VERDICTS = (SAME, BOTH_REFUSE, TYPE_ONLY, DIFFERENT, ERROR, ANSWERS, REFUSED)


def main(wanted: set[str]) -> None:
    """Ask every statement and print the table."""
    found: dict[str, str] = {}
    counted: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        write_tables(Path(folder))
        for statement in corpus():
            answer = ask(statement, Path(folder))
            if answer.verdict not in RIGHT:
                found[statement.sql] = still_open().get(statement.sql, answer.verdict)
            counted[statement.kind, answer.verdict] += 1
            if (
                wanted - {"--open"}
                and {statement.kind, answer.verdict} >= wanted
                and answer.verdict not in {SAME, BOTH_REFUSE}
            ):
                print(f"{answer.verdict}: {statement.sql}\n   spark {str(dict(statement.spark))[:300]}")
                print(f"   here  {answer.text[:300]}")
    if "--open" in wanted:
        OPEN.write_text(json.dumps(found, indent=0, ensure_ascii=False, sort_keys=True) + "\n")
    kinds = sorted({kind for kind, _ in counted})
    print(f"{'':10}" + "".join(f"{verdict:>14.13}" for verdict in _VERDICTS))
    for kind in kinds:
        print(f"{kind:10}" + "".join(f"{counted[kind, verdict]:14}" for verdict in _VERDICTS))
    totals = [sum(counted[kind, verdict] for kind in kinds) for verdict in _VERDICTS]
    print(f"{'all':10}" + "".join(f"{total:14}" for total in totals))


if __name__ == "__main__":
    main(set(sys.argv[1:]))
