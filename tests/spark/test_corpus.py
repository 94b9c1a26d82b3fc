"""Every statement of the corpus answers as Spark does, or is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from spark.tables import write_tables
from support.spark import REFUSED, RIGHT, Statement, ask, corpus, still_open

MOST_REFUSED = 0.05


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    write_tables(folder)
    return folder


@pytest.mark.parametrize("statement", corpus(), ids=lambda statement: statement.sql[:100])
def test_a_statement_answers_as_spark_does_or_is_refused(statement: Statement, tables: Path) -> None:
    answer = ask(statement, tables)
    listed = still_open().get(statement.sql)
    if listed is not None:
        assert answer.verdict not in RIGHT, "It is right: take it off open.json (python tools/spark_score.py --open)"
    else:
        assert answer.verdict in RIGHT, f"{answer.verdict}: {answer.text}\nSpark: {dict(statement.spark)}"


def test_few_statements_are_refused(tables: Path) -> None:
    refused = [statement.sql for statement in corpus() if ask(statement, tables).verdict == REFUSED]
    assert len(refused) <= MOST_REFUSED * len(corpus()), "\n".join(refused)
