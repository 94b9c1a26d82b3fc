"""Attempts to have a name mean one thing to the judge and another to the engine: scopes, cases, quotes, shadows."""

from __future__ import annotations

import pytest

from attacks.conftest import SECRETS, Attacker

REFUSED = [
    # scopes
    "WITH t AS (SELECT diag AS x FROM pc) SELECT x FROM (WITH t AS (SELECT ssn AS x FROM pc) SELECT x FROM t) t",
    "WITH mine AS (SELECT ssn AS x FROM pc) SELECT x FROM mine",
    "WITH a AS (SELECT x FROM b), b AS (SELECT ssn AS x FROM pc) SELECT x FROM a",
    "WITH t AS (SELECT diag AS x FROM pc), T AS (SELECT ssn AS x FROM pc) SELECT x FROM t",
    "WITH RECURSIVE r AS (SELECT ssn AS a FROM pc UNION ALL SELECT a FROM r) SELECT a FROM r",
    "SELECT t.v FROM mine o, (SELECT max(p.ssn) AS v FROM pc p WHERE p.pid = o.id) t",
    "SELECT t.v FROM mine o CROSS JOIN LATERAL (SELECT p.ssn AS v FROM pc p WHERE p.pid = o.id) t",
    "SELECT (SELECT max(p.ssn) FROM pc p WHERE p.pid = o.id) AS v FROM mine o",
    "SELECT k.x FROM (SELECT diag AS x FROM pc) k JOIN (SELECT ssn AS x FROM pc) k ON TRUE",
    # cases and Unicode
    "SELECT `K` FROM (SELECT diag AS k, ssn AS `K` FROM pc) t",
    "SELECT k FROM (SELECT diag AS `\u212a`, ssn AS k FROM pc) t",
    "SELECT `I` FROM (SELECT diag AS `\u0131`, ssn AS `i` FROM pc) t",
    "SELECT `\u0130` FROM (SELECT diag AS `\u0130`, ssn AS `i\u0307` FROM pc) t",
    # quotes and parts
    "SELECT a.b FROM (SELECT diag AS `a.b`, ssn AS b FROM pc) a",
    "SELECT diag AS `` FROM pc",
    "SELECT `wr$row` FROM pc",
    "WITH `wr$0` AS (SELECT diag FROM pc) SELECT diag FROM `wr$0`",
    "SELECT diag AS `WR$c0` FROM pc",
    "SELECT rowid FROM pc",
    "SELECT pc.rowid FROM pc",
    "SELECT file_row_number FROM pc",
    # an output's name where a column's is meant, and the other way round
    "SELECT diag AS ssn, ssn AS diag FROM pc",
    "SELECT ssn AS a, 'x' AS b FROM pc WHERE a IS NOT NULL",
    "SELECT diag AS x, x AS y FROM (SELECT diag, ssn AS x FROM pc) t",
    # stars that change what they stand for
    "SELECT * REPLACE (ssn AS diag) FROM pc",
    "SELECT * EXCEPT (ssn) FROM pc",
    "SELECT COLUMNS('ssn') FROM pc",
    "SELECT DISTINCT ON (ssn) diag FROM pc",
    "SELECT x FROM mine EXCEPT SELECT zip FROM pc",
    "SELECT diag, sum(age) OVER w AS s FROM pc WINDOW w AS (PARTITION BY ssn)",
    # what reads something else
    "SELECT current_user() FROM mine",
    "SELECT getvariable('x') FROM mine",
    "SELECT read_text('/etc/passwd') FROM mine",
    "SELECT spark_upper(x) FROM mine",
    "SELECT error('x') FROM mine",
]


@pytest.mark.parametrize("channel", [False, True], ids=["query", "channel"])
@pytest.mark.parametrize("sql", REFUSED)
def test_a_name_leads_where_the_judge_sees_it(attacker: Attacker, sql: str, channel: bool) -> None:
    found = attacker.attempt(sql, channel=channel)
    assert found.refused, found
    assert not any(secret in found.message for secret in SECRETS)


ANSWERED = [
    ("WITH pc AS (SELECT diag AS ssn FROM pc) SELECT ssn FROM pc WHERE ssn = 'rare'", "ssn\nrare\n"),
    ("SELECT `\u0131` FROM (SELECT diag AS `\u0131`, ssn AS `i` FROM pc) t WHERE `\u0131` = 'rare'", "\u0131\nrare\n"),
    ("SELECT `a.b` FROM (SELECT diag AS `a.b`, ssn AS b FROM pc) a WHERE `a.b` = 'rare'", "a.b\nrare\n"),
    ('SELECT `x"y` AS `a"b` FROM (SELECT diag AS `x"y` FROM pc) t LIMIT 1', '"a""b"\ncommon\n'),
    ("SELECT diag AS ssn FROM pc ORDER BY ssn DESC LIMIT 1", "ssn\nrare\n"),
    ("SELECT age AS a, a + 1 AS b, b AS c FROM pc LIMIT 1", "a,b,c\n20,21,21\n"),
    ("SELECT (SELECT o.id) AS v FROM mine o LIMIT 1", "v\np0000\n"),
]


@pytest.mark.parametrize(("sql", "text"), ANSWERED)
def test_and_it_is_answered_where_nothing_hidden_is_meant(attacker: Attacker, sql: str, text: str) -> None:
    assert attacker.attempt(sql).text == text


DEEP = [
    "SELECT " + " || ".join(["x"] * 1_500) + " AS v FROM mine",
    "SELECT " + "upper(" * 300 + "x" + ")" * 300 + " AS v FROM mine",
    "SELECT count(*) AS n FROM mine WHERE " + "(" * 400 + "seq = 1" + ")" * 400,
]


@pytest.mark.parametrize("sql", DEEP, ids=["long", "deep", "parentheses"])
def test_a_text_too_deep_to_be_judged_is_refused(attacker: Attacker, sql: str) -> None:
    found = attacker.attempt(sql)
    assert found.refused
    assert "nested too deeply" in found.message
