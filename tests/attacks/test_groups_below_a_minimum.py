"""Attempts on thresholds and comparison controls by what counts as a group or as a comparison."""

from __future__ import annotations

import pytest

from attacks.conftest import PATIENTS, ROWS, Attacker
from support.rules import OWNER

THRESHOLD = {
    "identityColumns": ["pid"],
    "minimumIdentityCount": 3,
    "type": "COUNT_DISTINCT",
    "allowedAggregateExpressionType": "COLUMNS_ONLY",
}
CONTROLS = {"allowedLiteralComparisonColumns": ["diag"], "allowedColumnComparisonColumns": ["pid"]}


@pytest.fixture
def guarded(attacker: Attacker) -> Attacker:
    attacker.table("pt", PATIENTS, ROWS, OWNER, aggregationThresholds=[THRESHOLD])
    attacker.table("pk", PATIENTS, ROWS, OWNER, comparisonControls=CONTROLS)
    return attacker


DISTINCT = [
    ("SELECT DISTINCT diag FROM pt", "diag\ncommon\n"),
    ("SELECT DISTINCT diag, 1 AS one FROM pt", "diag,one\ncommon,1\n"),
    ("SELECT DISTINCT pid FROM pt", "pid\n"),
    ("SELECT DISTINCT zip, diag FROM pt ORDER BY zip LIMIT 3", "zip,diag\n"),
    ("SELECT count(*) AS n FROM (SELECT DISTINCT pid FROM pt WHERE diag = 'rare') t", "n\n0\n"),
]


@pytest.mark.parametrize(("sql", "text"), DISTINCT)
def test_distinct_shows_no_group_below_the_minimum(guarded: Attacker, sql: str, text: str) -> None:
    assert guarded.attempt(sql).text == text


REFUSED = [
    ("SELECT diag, COUNT(*) AS n FROM pt GROUP BY diag LIMIT 1 OFFSET 1", "OFFSET"),
    ("SELECT n FROM (SELECT COUNT(*) AS n FROM pt) t LIMIT 1 OFFSET 0", "OFFSET"),
    ("SELECT COUNT(*) AS n FROM pt JOIN VALUES ('p0007') AS v(k) ON pt.pid = v.k", "compared with a literal"),
    ("SELECT COUNT(*) AS n FROM pt NATURAL JOIN VALUES ('p0007') AS v(pid)", "compared with a literal"),
    ("SELECT COUNT(*) AS n FROM pt NATURAL JOIN (SELECT 'p0007' AS pid FROM mine) t", "compared with a literal"),
    ("SELECT COUNT(*) AS n FROM pk NATURAL JOIN VALUES ('10007') AS v(zip)", "with a literal"),
    ("SELECT p.diag FROM pk p NATURAL JOIN (SELECT x AS zip FROM mine) m", "with a column"),
    ("SELECT zip, COUNT(*) AS n FROM pk GROUP BY zip", "with a column"),
    ("SELECT COUNT(*) AS n FROM pk GROUP BY substr(zip, 1)", "with a column"),
    ("SELECT COUNT(*) AS n FROM (SELECT zip AS z FROM pk) t GROUP BY z", "with a column"),
    ("SELECT DISTINCT zip FROM pk", "with a column"),
    ("SELECT count(*) AS n FROM (SELECT DISTINCT zip FROM pk) t", "with a column"),
    ("SELECT count(*) OVER (PARTITION BY zip) AS n FROM pk", "with a column"),
    ("SELECT zip FROM pk UNION SELECT zip FROM pk", "with a column"),
    ("SELECT diag FROM pk NATURAL JOIN mine", "There is none"),
]


@pytest.mark.parametrize(("sql", "words"), REFUSED)
def test_what_counts_as_a_comparison_or_goes_round_a_group_is_refused(guarded: Attacker, sql: str, words: str) -> None:
    found = guarded.attempt(sql)
    assert found.refused, found
    assert words in found.message


def test_natural_join_is_over_allowed_columns_alone(guarded: Attacker) -> None:
    sql = "SELECT count(*) AS n FROM pk NATURAL JOIN (SELECT id AS pid, x AS ssn2 FROM mine) m"
    assert guarded.attempt(sql).text == "n\n20\n"


def test_values_join_as_a_table_of_ones_own_does(guarded: Attacker) -> None:
    sql = "SELECT v.name, count(*) AS n FROM pk CROSS JOIN VALUES (1, 'Selten') AS v(d, name) GROUP BY v.name"
    assert guarded.attempt(sql).text == "name,n\nSelten,40\n"
