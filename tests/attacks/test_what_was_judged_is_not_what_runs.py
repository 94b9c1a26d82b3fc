"""Attempts to have one thing judged and another run: each found a column that the guard did not, once."""

from __future__ import annotations

import pytest

from attacks.conftest import SECRETS, Attacker
from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.sql.walls import Walls

STARS = [
    "SELECT (*) AS x FROM (SELECT ssn FROM pc) t",
    "SELECT (*) FROM (SELECT ssn FROM pc) t",
    "SELECT ((*)) AS x FROM (SELECT ssn FROM pc) t",
    "SELECT x FROM (SELECT (*) AS x FROM (SELECT ssn FROM pc) t) u",
    "SELECT x FROM (SELECT (*) AS x FROM (SELECT zip FROM pc) t) u WHERE x = '10038'",
    "WITH q AS (SELECT (*) AS x FROM (SELECT ssn FROM pc) t) SELECT x FROM q",
    "SELECT (*) AS x FROM (SELECT ssn FROM pc WHERE diag = 'rare') t",
    "SELECT concat(*) AS x FROM (SELECT ssn FROM pc) t",
    "SELECT concat('a', (*)) AS x FROM (SELECT ssn FROM pc) t",
    "SELECT upper((*)) AS x FROM (SELECT ssn FROM pc) t",
    "SELECT coalesce(*) AS x FROM (SELECT ssn FROM pc) t",
    "SELECT (*) || '' AS x FROM (SELECT ssn FROM pc) t",
    "SELECT CASE WHEN TRUE THEN (*) END AS x FROM (SELECT ssn FROM pc) t",
    "SELECT max(*) AS x FROM (SELECT ssn FROM pc) t",
    "SELECT max((*)) AS x FROM (SELECT ssn FROM pc) t",
    "SELECT (t.*) AS x FROM (SELECT ssn FROM pc) t",
    "SELECT seq FROM mine WHERE '078-05-1007' IN (SELECT (*) FROM (SELECT ssn FROM pc) t)",
    "SELECT (SELECT (*) FROM (SELECT max(ssn) FROM pc) t) AS x FROM mine",
    "SELECT diag AS x FROM pc UNION ALL SELECT (*) FROM (SELECT ssn FROM pc) t",
    "SELECT count(DISTINCT *) AS x FROM (SELECT ssn FROM pc) t",
    "SELECT `T`.* FROM (SELECT `SSN` FROM `PC`) `t`",
    "SELECT t FROM (SELECT ssn FROM pc) t",
    "SELECT pc FROM pc",
    "SELECT PC AS x FROM pc",
    "SELECT struct(*) AS x FROM pc",
    "SELECT to_json(pc) AS x FROM pc",
    "SELECT CAST(t AS STRING) AS x FROM (SELECT ssn FROM pc) t",
    "SELECT t.t.ssn AS x FROM (SELECT ssn FROM pc) t",
    "SELECT max(t) AS x FROM (SELECT ssn FROM pc) t",
]


@pytest.mark.parametrize("channel", [False, True], ids=["query", "channel"])
@pytest.mark.parametrize("sql", STARS)
def test_no_star_carries_a_hidden_column(attacker: Attacker, sql: str, channel: bool) -> None:
    found = attacker.attempt(sql, channel=channel)
    assert found.refused, found
    assert not any(secret in found.message for secret in SECRETS)


@pytest.mark.parametrize("sql", STARS)
def test_nor_under_comparison_controls(attacker: Attacker, sql: str) -> None:
    attacker.rule("pc", comparisonControls={"allowedLiteralComparisonColumns": ["diag"]})
    assert attacker.attempt(sql).refused


_CROSSED = "(SELECT a.seq * 400 + b.seq AS seq FROM mine a CROSS JOIN mine b) m"
TWICE = [
    (
        "SELECT k, COUNT(*) c FROM (SELECT m.seq AS pid, p.pid, p.pid || ' ' || p.zip AS k FROM pd p"
        f" CROSS JOIN {_CROSSED} WHERE p.diag = 'rare') t GROUP BY k"
    ),
    (
        "WITH t AS (SELECT m.seq AS pid, p.pid, p.pid || ' ' || p.zip AS k FROM pd p"
        f" CROSS JOIN {_CROSSED} WHERE p.diag = 'rare') SELECT k, COUNT(*) c FROM t GROUP BY k"
    ),
    "SELECT COUNT(*) c FROM (SELECT m.id AS PID, p.pid FROM pd p CROSS JOIN mine m) t",
    "SELECT COUNT(*) c FROM (SELECT m.id AS `pid`, p.`Pid` FROM pd p CROSS JOIN mine m) t",
    "SELECT COUNT(DISTINCT pid) c FROM (SELECT m.id AS pid, p.pid FROM pd p CROSS JOIN mine m) t",
    "SELECT COUNT(*) c FROM (SELECT m.*, p.* FROM pd p CROSS JOIN (SELECT id AS pid FROM mine) m) t",
    "SELECT COUNT(*) c FROM (SELECT * FROM pd p CROSS JOIN (SELECT id AS pid FROM mine) m) t",
    "SELECT COUNT(*) c FROM (SELECT * FROM (SELECT id AS pid FROM mine) m JOIN pd p ON m.pid = p.pid) t",
    "SELECT COUNT(*) c FROM (SELECT s.* FROM (SELECT m.id AS pid, p.pid FROM pd p CROSS JOIN mine m) s) t",
    "WITH t(pid, pid) AS (SELECT m.id, p.pid FROM pd p CROSS JOIN mine m) SELECT COUNT(*) c FROM t",
    "SELECT COUNT(*) c FROM (SELECT m.id, p.pid FROM pd p CROSS JOIN mine m) AS t(pid, pid)",
    (
        "SELECT COUNT(*) c FROM (SELECT m.id AS pid, p.pid FROM pd p CROSS JOIN mine m"
        " UNION ALL SELECT pid, pid FROM pd) t"
    ),
]


@pytest.mark.parametrize("sql", TWICE)
def test_of_two_columns_of_one_name_neither_is_taken(attacker: Attacker, sql: str) -> None:
    assert attacker.attempt(sql).refused


HIDDEN_TWICE = [
    "SELECT x FROM (SELECT diag AS x, ssn AS x FROM pc) t",
    "SELECT X FROM (SELECT diag AS x, ssn AS X FROM pc) t",
    "SELECT x FROM (SELECT ssn AS x, diag AS x FROM pc) t",
    "WITH t AS (SELECT ssn AS x, diag AS `X` FROM pc) SELECT t.x FROM t",
    "SELECT t.x FROM (SELECT m.x, p.ssn AS x FROM pc p CROSS JOIN mine m) t",
    "SELECT seq FROM mine WHERE x IN (SELECT x FROM (SELECT diag AS x, ssn AS x FROM pc) t)",
    "SELECT diag AS x, ssn AS x FROM pc",
]


@pytest.mark.parametrize("channel", [False, True], ids=["query", "channel"])
@pytest.mark.parametrize("sql", HIDDEN_TWICE)
def test_nor_does_one_hide_behind_the_other(attacker: Attacker, sql: str, channel: bool) -> None:
    assert attacker.attempt(sql, channel=channel).refused


COUNTED = [
    "SELECT seq FROM mine ORDER BY seq LIMIT 1 OFFSET (SELECT salary FROM pc WHERE diag = 'rare')",
    "SELECT seq FROM mine ORDER BY seq LIMIT (SELECT age FROM pc WHERE diag = 'rare')",
    "SELECT seq FROM mine LIMIT (SELECT max(salary) FROM pc)",
    "SELECT seq FROM mine LIMIT 1 + (SELECT max(salary) FROM pc)",
    "SELECT seq FROM mine LIMIT CAST((SELECT max(salary) FROM pc) AS INT)",
    "SELECT seq FROM (SELECT seq FROM mine ORDER BY seq LIMIT (SELECT max(salary) FROM pc)) t",
    "WITH t AS (SELECT seq FROM mine LIMIT (SELECT max(salary) FROM pc)) SELECT seq FROM t",
    "(SELECT seq FROM mine) LIMIT (SELECT max(salary) FROM pc)",
    "SELECT seq FROM mine UNION ALL SELECT seq FROM mine LIMIT (SELECT max(salary) FROM pc)",
    "SELECT seq FROM mine LIMIT salary",
    "SELECT salary FROM pc LIMIT salary",
    "SELECT seq FROM mine LIMIT 10 PERCENT",
    "SELECT seq FROM mine LIMIT 1 + 1",
    "SELECT seq FROM mine LIMIT -1",
    "SELECT seq FROM mine LIMIT 1.5",
    "SELECT seq FROM mine LIMIT '1'",
]


@pytest.mark.parametrize("channel", [False, True], ids=["query", "channel"])
@pytest.mark.parametrize("sql", COUNTED)
def test_no_number_of_rows_tells_a_value(attacker: Attacker, sql: str, channel: bool) -> None:
    assert attacker.attempt(sql, channel=channel).failure is QueryFailure.REFUSED


HOLES = [STARS[0], STARS[3], STARS[4], STARS[5], STARS[18], *TWICE[:3], COUNTED[0], COUNTED[1], COUNTED[5], COUNTED[6]]


@pytest.mark.parametrize("sql", HOLES)
def test_each_wall_stops_it_alone(attacker: Attacker, sql: str) -> None:
    alone = [attacker.attempt(sql, walls=walls) for walls in (Walls(form=False), Walls(plan=False))]
    assert [attempt.refused for attempt in alone] == [True, True]
    assert alone[0].disagreement
    assert not alone[1].disagreement


@pytest.mark.parametrize("sql", HOLES)
def test_without_either_it_works(attacker: Attacker, sql: str) -> None:
    assert attacker.attempt(sql, walls=Walls(form=False, plan=False)).text


def test_what_the_judges_disagree_on_names_columns_to_the_operator_alone(attacker: Attacker) -> None:
    found = attacker.attempt(STARS[0], walls=Walls(form=False))
    assert "pc.ssn" in found.disagreement or "star" in found.disagreement
    assert "ssn" not in found.message
    assert "No row was read" in found.message


HONEST = [
    ("SELECT count(*) AS n FROM pc", "n\n40\n"),
    ("SELECT diag, count(*) AS n FROM pc GROUP BY diag ORDER BY n", "diag,n\nrare,1\ncommon,39\n"),
    ("SELECT diag FROM pc ORDER BY age LIMIT 1 OFFSET 7", "diag\nrare\n"),
    ("SELECT * FROM (SELECT diag, age FROM pc) t WHERE age = 27", "diag,age\nrare,27\n"),
    ("SELECT t.* FROM (SELECT seq AS eins, x FROM mine) t WHERE t.x = '10003'", "eins,x\n3,10003\n"),
    # A NaN among the constants of the plan, and a sub-query that is correlated.
    ("SELECT acos(2.0D) AS c, '\":nan,' AS x FROM mine LIMIT 1", 'c,x\nnan,""":nan,"\n'),
    ("SELECT seq, (SELECT count(*) FROM mine q WHERE q.id = t.id) AS n FROM mine t WHERE seq = 3", "seq,n\n3,1\n"),
    ("SELECT p.diag, m.seq FROM pc p JOIN mine m ON p.zip = m.x WHERE m.seq = 7", "diag,seq\nrare,7\n"),
]


@pytest.mark.parametrize(("sql", "text"), HONEST)
def test_an_honest_query_is_answered(attacker: Attacker, sql: str, text: str) -> None:
    assert attacker.attempt(sql).text == text
