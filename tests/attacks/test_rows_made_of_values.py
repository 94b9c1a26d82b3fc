"""Attempts to carry a column through what makes rows and structs of it: generators, LATERAL VIEW, fields, names."""

from __future__ import annotations

import duckdb
import pytest

from attacks.conftest import SECRETS, Attacker
from whiteroom.domain.execution.queries import QueryFailure, QueryResult, ResultFormat
from whiteroom.engines.duckdb.worker import run_query
from whiteroom.sql.walls import Walls

SHOWN = [
    # generators
    "SELECT explode(array(ssn)) AS x FROM pc",
    "SELECT diag, explode(split(ssn, '-')) AS x FROM pc",
    "SELECT explode(map(diag, ssn)) FROM pc",
    "SELECT value FROM pc LATERAL VIEW explode(map(diag, ssn)) v",
    "SELECT k FROM pc LATERAL VIEW explode(map(ssn, diag)) v AS k, d",
    "SELECT pos FROM pc LATERAL VIEW posexplode(split(ssn, '1')) v",
    "SELECT p, count(*) AS n FROM (SELECT diag, posexplode(split(ssn, '1')) AS (p, c) FROM pc) t GROUP BY p",
    "SELECT b FROM pc LATERAL VIEW explode(array(ssn)) v AS a LATERAL VIEW explode(array(a)) w AS b",
    "SELECT b FROM pc LATERAL VIEW explode(array(ssn)) v AS a LATERAL VIEW explode(array(array(a))) w AS b",
    "SELECT explode_outer(IF(diag = 'rare', array(ssn), NULL)) AS x FROM pc",
    "SELECT stack(2, diag, ssn) FROM pc",
    "SELECT b FROM (SELECT stack(1, diag, ssn) AS (a, b) FROM pc) t",
    "SELECT x FROM (SELECT a, b AS x FROM (SELECT inline(array(struct(diag AS a, ssn AS b))) FROM pc) t) u",
    "SELECT explode(array(1, 2)) AS a, explode(array(ssn)) AS b FROM pc",
    # stars
    "SELECT * FROM pc LATERAL VIEW explode(array(1)) v AS x",
    "SELECT v.* FROM pc LATERAL VIEW explode(array(ssn)) v AS x",
    "SELECT *, explode(array(ssn)) AS x FROM (SELECT diag, ssn FROM pc) t",
    "SELECT t.*, explode(array(1)) AS x FROM (SELECT diag, ssn FROM pc) t",
    "SELECT * FROM (SELECT explode(array(ssn)) AS x FROM pc) t",
    "WITH t AS (SELECT diag, explode(array(ssn)) FROM pc) SELECT * FROM t",
    "SELECT struct(*) AS x FROM pc",
    "SELECT struct(*).ssn AS x FROM pc",
    "SELECT struct(pc.*) AS x FROM pc",
    "SELECT s.* FROM (SELECT struct(diag, ssn) AS s FROM pc) t",
    "SELECT inline(array(struct(*))) FROM pc",
    # fields
    "SELECT struct(diag, ssn).ssn AS x FROM pc",
    "SELECT struct(diag, ssn).diag AS x FROM pc",
    "SELECT named_struct('diag', ssn).diag AS x FROM pc",
    "SELECT s.diag FROM (SELECT named_struct('diag', ssn) AS s FROM pc) t",
    "SELECT s.s.s FROM (SELECT named_struct('s', named_struct('s', ssn)) AS s FROM pc) t",
    "SELECT t.s.b FROM (SELECT named_struct('a', diag, 'b', ssn) AS s FROM pc) t",
    "SELECT array(struct(ssn AS a)).a[0] AS x FROM pc",
    "SELECT map('a', struct(ssn AS a))['a'].a AS x FROM pc",
    "SELECT any_value(struct(diag, ssn)).ssn AS x FROM pc",
    "SELECT (SELECT struct(max(ssn) AS m)).m AS x FROM pc",
    "SELECT (SELECT struct(max(ssn) AS m) FROM pc).m AS x FROM mine",
    "SELECT CASE WHEN diag = 'rare' THEN struct(ssn AS a) ELSE struct(diag AS a) END.a AS x FROM pc",
    # names that are there twice, or are those of something else
    "SELECT inline(array(named_struct('a', diag, 'a', ssn))) FROM pc",
    "SELECT a FROM pc LATERAL VIEW inline(array(named_struct('a', diag, 'A', ssn))) v",
    "SELECT a FROM pc LATERAL VIEW inline(array(struct(diag, ssn))) v AS a, a",
    "SELECT v.diag FROM pc LATERAL VIEW explode(array(ssn)) v AS diag",
    "SELECT diag FROM pc LATERAL VIEW explode(array(ssn)) v AS diag",
    "SELECT pc.diag FROM pc LATERAL VIEW explode(array(ssn)) pc AS diag",
    "SELECT pc.diag FROM mine LATERAL VIEW explode(array(x)) pc AS diag, ssn",
    "SELECT mine.x FROM pc LATERAL VIEW explode(array(ssn)) mine AS x",
    "SELECT diag.x FROM (SELECT diag, ssn FROM pc) t LATERAL VIEW explode(array(ssn)) diag AS x",
    "SELECT diag.x FROM (SELECT named_struct('x', ssn) AS diag FROM pc) t",
    "SELECT pc.x FROM (SELECT named_struct('x', ssn) AS pc FROM pc) t",
    "SELECT t.x FROM (SELECT named_struct('x', ssn) AS t FROM pc) t",
    "SELECT `wr$g0_0`.`wr$g0_0_0` FROM pc LATERAL VIEW explode(array(ssn)) v AS x",
    "SELECT col FROM pc LATERAL VIEW explode(array(ssn)) v",
    "SELECT v.col FROM pc LATERAL VIEW explode(array(ssn))",
    "SELECT explode(array(ssn)) AS `a b` FROM pc",
    "SELECT named_struct('x) AS y, (SELECT max(ssn) FROM pc', 1) AS x FROM pc WHERE ssn <> ''",
    # correlated
    "SELECT (SELECT max(x) FROM mine LATERAL VIEW explode(array(pc.ssn)) v AS x) AS x FROM pc",
    "SELECT (SELECT max(a) FROM mine LATERAL VIEW explode(array(1)) v AS x WHERE mine.id = pc.pid) AS x, ssn FROM pc",
    "SELECT (SELECT max(v.c) FROM (SELECT explode(array(pc.ssn)) AS c FROM mine) v) AS x FROM pc",
    "SELECT x FROM mine LATERAL VIEW explode(array((SELECT max(ssn) FROM pc))) v AS y WHERE y > ''",
    "SELECT seq FROM mine LATERAL VIEW explode(split((SELECT max(ssn) FROM pc), '')) v AS y",
    "SELECT x FROM mine o CROSS JOIN LATERAL explode(array((SELECT max(ssn) FROM pc))) AS t(x)",
    "SELECT c FROM mine LEFT JOIN pc ON mine.id = pc.pid LATERAL VIEW OUTER explode(array(ssn)) v AS c",
    # sides and sets
    "SELECT explode(array(diag)) AS x FROM pc UNION ALL SELECT explode(array(ssn)) FROM pc",
    "SELECT struct(diag AS a) AS x FROM pc UNION ALL SELECT struct(ssn AS a) FROM pc",
    "SELECT x.a FROM (SELECT struct(diag AS a) AS x FROM pc UNION ALL SELECT struct(ssn AS a) FROM pc) t",
]


@pytest.mark.parametrize("channel", [False, True], ids=["query", "channel"])
@pytest.mark.parametrize("sql", SHOWN)
def test_what_is_made_of_a_hidden_column_is_hidden(attacker: Attacker, sql: str, channel: bool) -> None:
    found = attacker.attempt(sql, channel=channel)
    assert found.refused, found
    assert not any(secret in found.message for secret in SECRETS)


@pytest.mark.parametrize("walls", [Walls(form=False), Walls(plan=False)], ids=["plan alone", "form alone"])
@pytest.mark.parametrize("sql", SHOWN)
def test_with_one_wall_down_too(attacker: Attacker, sql: str, walls: Walls) -> None:
    found = attacker.attempt(sql, walls=walls)
    assert not found.text, found
    assert not any(secret in found.message for secret in SECRETS)


COMPARED = [
    # the number of rows
    "SELECT diag FROM pc LATERAL VIEW explode(split(zip, '10038')) v AS x",
    "SELECT diag FROM pc LATERAL VIEW explode(array(zip)) v AS x",
    "SELECT diag FROM pc LATERAL VIEW explode(map(zip, 1)) v AS a, b",
    "SELECT diag FROM (SELECT diag, explode(split(zip, '8')) AS c FROM pc) t",
    "SELECT diag FROM pc LATERAL VIEW explode(IF(zip = '10038', array(1), NULL)) v AS x",
    "SELECT diag, p FROM pc LATERAL VIEW posexplode(array(zip)) v AS p, c",
    # a literal that comes by another way
    "SELECT diag FROM pc LATERAL VIEW explode(array('10038')) v AS x WHERE x = zip",
    "SELECT diag FROM pc LATERAL VIEW explode(array('10038', diag)) v AS x WHERE x = zip",
    "SELECT diag FROM pc LATERAL VIEW inline(array(struct('10038' AS a))) v WHERE v.a = zip",
    "SELECT diag FROM (SELECT diag, zip, stack(2, '10038', diag) AS x FROM pc) t WHERE x = zip",
    "SELECT diag FROM pc WHERE named_struct('a', '10038').a = zip",
    "SELECT diag FROM pc WHERE named_struct('a', '10038', 'b', diag).a = zip",
    "SELECT diag FROM (SELECT diag, zip, named_struct('a', '10038', 'b', diag) AS s FROM pc) t WHERE s.a = zip",
    "SELECT diag FROM pc WHERE array(diag, '10038')[1] = zip",
    "SELECT diag FROM pc WHERE struct(zip) = struct('10038')",
    "SELECT diag FROM pc WHERE struct(zip, diag) = struct('10038', diag)",
    "SELECT diag FROM pc WHERE struct(zip, 1).zip > struct('10038', 1).col1",
]


@pytest.mark.parametrize("sql", COMPARED)
def test_what_may_not_be_compared_makes_no_rows_and_meets_no_literal(attacker: Attacker, sql: str) -> None:
    attacker.rule("pc", comparisonControls={"allowedLiteralComparisonColumns": ["diag"]})
    assert attacker.attempt(sql).refused


PRIVATE = [
    "SELECT x, count(*) AS n FROM pd LATERAL VIEW explode(split(zip, '')) v AS x GROUP BY x",
    "SELECT diag, count(*) AS n FROM pd LATERAL VIEW explode(array(1, 2, 3)) v AS x GROUP BY diag",
    "SELECT x, count(*) AS n FROM (SELECT pid, explode(array(zip, diag)) AS x FROM pd) t GROUP BY x",
    "SELECT count(*) AS n FROM (SELECT explode(array('p0000', 'p0001')) AS pid FROM pd) t",
    "SELECT s.a, count(*) AS n FROM (SELECT pid, struct(diag AS a) AS s FROM pd) t GROUP BY s.a",
    "SELECT count(DISTINCT struct(pid)) AS n FROM pd",
    "SELECT count(DISTINCT s.pid) AS n FROM (SELECT struct(pid) AS s FROM pd) t",
    "SELECT sum(named_struct('a', age).a) AS n FROM pd",
    "SELECT count(*) AS n FROM pd JOIN (SELECT id, explode(array(1, 2)) AS x FROM mine) m ON m.id = pd.pid",
]


@pytest.mark.parametrize("sql", PRIVATE)
def test_under_differential_privacy_no_row_is_multiplied(attacker: Attacker, sql: str) -> None:
    found = attacker.attempt(sql)
    assert found.refused
    assert "generators such as explode, LATERAL VIEW and structs are not allowed" in found.message


GROUPED = [
    "SELECT diag, x, count(*) AS n FROM pc LATERAL VIEW explode(array(1, 2, 3, 4, 5)) v AS x GROUP BY diag, x",
    "SELECT diag, count(*) AS n FROM pc LATERAL VIEW explode(array(1, 2, 3, 4, 5)) v AS x GROUP BY diag",
    "SELECT count(*) AS n FROM (SELECT diag, explode(array(1, 2, 3, 4, 5)) AS x FROM pc) t",
    "SELECT age FROM pc LATERAL VIEW explode(array(1, 2, 3, 4, 5)) v AS x",
    "SELECT x.a, count(*) AS n FROM (SELECT struct(diag AS a, pid) AS x FROM pc) t GROUP BY x.a",
    "SELECT max(struct(age, diag).age) AS x FROM pc",
]


@pytest.mark.parametrize("sql", GROUPED)
def test_no_row_counts_as_several_people(attacker: Attacker, sql: str) -> None:
    attacker.rule("pc", aggregationThresholds=[_THRESHOLD])
    assert attacker.attempt(sql).failure is QueryFailure.REFUSED


_THRESHOLD = {"type": "COUNT_DISTINCT", "identityColumns": ["pid"], "minimumIdentityCount": 5}


def test_what_is_shown_of_large_groups_may_be_multiplied(attacker: Attacker) -> None:
    attacker.rule("pc", aggregationThresholds=[_THRESHOLD])
    found = attacker.attempt(
        "WITH g AS (SELECT diag, count(*) AS n FROM pc GROUP BY diag)"
        " SELECT diag, n, x FROM g LATERAL VIEW explode(array(1, 2)) v AS x ORDER BY x"
    )
    assert found.text == "diag,n,x\ncommon,39,1\ncommon,39,2\n"


NAMES = [
    'a"b',
    'a" INT, "b',
    "x INT), y STRUCT(z",
    "x) AS y, (SELECT max(ssn) FROM pc",
    "--",
    "wr$c0",
    "select",
    "{0} $1 %s",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_fields_name_is_a_name_whatever_is_written_in_it(attacker: Attacker, name: str) -> None:
    sql = f"SELECT named_struct('{name}', diag, 'z', age) AS s FROM pc WHERE diag = 'rare'"
    spec = attacker.spec(sql, result_format=ResultFormat.PARQUET)
    folders = attacker.folders(spec)
    ended = run_query(folders, spec, 10**9)
    end, message = ended.outcome, ended.message
    assert isinstance(end, QueryResult), message
    (file,) = end.files
    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT * FROM '{folders.rows / file}'").fetchall()
    assert rows == [({name: "rare", "z": 27},)]


HONEST = [
    (
        "SELECT diag, v.d FROM pc LATERAL VIEW posexplode(array(age, 0)) v AS p, d WHERE p = 0 AND diag = 'rare'",
        "diag,d\nrare,27\n",
    ),
    ("SELECT diag, explode(array('a', 'b')) AS x FROM pc WHERE diag = 'rare'", "diag,x\nrare,a\nrare,b\n"),
    ("SELECT diag, count(*) AS n FROM pc LATERAL VIEW explode(split(ssn, '-')) v AS x GROUP BY diag", None),
    ("SELECT struct(age, diag).diag AS x FROM pc WHERE diag = 'rare'", "x\nrare\n"),
    (
        (
            "SELECT m.seq, d.x FROM mine m JOIN (SELECT pid, x FROM pc LATERAL VIEW explode(array(diag)) v AS x) d"
            " ON m.id = d.pid WHERE d.x = 'rare'"
        ),
        "seq,x\n7,rare\n",
    ),
]


@pytest.mark.parametrize(("sql", "text"), HONEST)
def test_an_honest_query_is_answered(attacker: Attacker, sql: str, text: str | None) -> None:
    found = attacker.attempt(sql)
    assert found.failure is None
    assert text is None or found.text == text
