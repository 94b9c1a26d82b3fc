"""Turns that have a protected column decide the order or the number of rows without comparing it in so many words.

The functions are those of the vocabulary, each with the column in its place: a new one is tried here as well.
"""

from __future__ import annotations

import re

from sqlglot import exp

from noninterference import vocabulary
from noninterference.attacker import Attacker

_HOLE = re.compile(r"\{(\w+)\}")
_MADE_OF = {
    "R": "CAST({I} AS DOUBLE)",
    "M": "CAST({I} AS DECIMAL(12, 2))",
    "A": "date_from_unix_date(CAST({I} AS INT))",
    "S": "CAST(date_from_unix_date(CAST({I} AS INT)) AS TIMESTAMP)",
    "B": "CAST({I} AS BOOLEAN)",
    "N": "{I}",
    "C": "{T}",
}
"""How a value of a type is made of a column of another, with nothing beside it."""


def _of_one(tables: vocabulary.Vocabulary) -> list[tuple[str, str]]:
    """Templates with one hole, by the type that they give; what has more puts its column beside something."""
    found = [(kind, text) for templates in tables.values() for kind, text in templates]
    return [(kind, text) for kind, text in found if len(_HOLE.findall(text)) == 1 and "{Sub" not in text]


_FUNCTIONS = _of_one(vocabulary.EXPRESSIONS)
_AGGREGATES = _of_one(vocabulary.AGGREGATES)
_KEYS = (
    "CASE WHEN seq < {n} THEN {I} ELSE seq END",
    "IF(seq < {n}, {I}, 7)",
    "locate('1', '00000000100000', {I})",
    "count(*) OVER (ORDER BY {I} RANGE BETWEEN 1 PRECEDING AND CURRENT ROW)",
    "count(*) OVER (ORDER BY {I} RANGE BETWEEN CURRENT ROW AND 5 FOLLOWING)",
    "CAST({I} AS BOOLEAN)",
    "CAST({I} AS TINYINT)",
    "CAST({T} AS INT)",
    "round({I}, -1)",
    "md5({T})",
    "md5(CAST({I} AS STRING))",
    "sum({I}) OVER (PARTITION BY diag)",
    "count({I}) OVER (PARTITION BY diag)",
    "lag({I}) OVER (ORDER BY seq)",
    "{I}",
    "{T}",
)
"""Sort keys that told values once, or would; and some that tell an order alone."""
_NUMBERS = (
    "(SELECT count(*) FROM mine WHERE n < {n})",
    "(SELECT count(DISTINCT n) FROM mine)",
    "(SELECT approx_count_distinct(n) FROM mine)",
    "pi()",
    "abs((SELECT count(*) FROM mine WHERE n < {n}))",
    "coalesce((SELECT max(n) FROM mine WHERE n > 99), pi())",
    "CASE WHEN age > 20 THEN pi() ELSE exp(pi()) END",
)
"""Numbers that are made of no column."""


def _filled(text: str, attacker: Attacker, depth: int = 1) -> str:
    def hole(match: re.Match[str]) -> str:
        kind = match.group(1)
        if kind == "n":
            return str(attacker.rng.choice((1, 2, 3, 9)))
        if kind == "t":
            return "'a'"
        if kind in "TI":
            fitting = [text for given, text in _FUNCTIONS if given == kind]
            if depth and attacker.rng.random() < 0.2:
                return _filled(attacker.rng.choice(fitting), attacker, depth - 1)
            return attacker.secret(kind)
        return _filled(_MADE_OF[kind], attacker, depth)

    return _HOLE.sub(hole, text)


def _function(attacker: Attacker) -> str:
    if attacker.rng.random() < 0.5:
        return _filled(attacker.rng.choice(_KEYS), attacker)
    return _filled(attacker.rng.choice(_FUNCTIONS)[1], attacker)


def sorted_by(_: exp.Query, attacker: Attacker) -> exp.Query:
    """Rows in the order of something that is made of a protected column alone."""
    key, table = _function(attacker), attacker.table
    way = attacker.rng.choice(("", " DESC"))
    return attacker.parse(
        attacker.rng.choice((
            f"SELECT seq FROM {table} ORDER BY {key}{way}, seq",
            f"SELECT seq, age FROM {table} ORDER BY {key}{way} LIMIT 5",
            f"SELECT t.seq FROM (SELECT seq, {key} AS k FROM {table}) t ORDER BY k{way}, seq",
            f"SELECT t.seq FROM (SELECT seq, rank() OVER (ORDER BY {key}) AS k FROM {table}) t ORDER BY k{way}, seq",
            f"WITH t AS (SELECT seq, {key} AS k FROM {table}) SELECT seq FROM t ORDER BY k{way}, seq LIMIT 9",
            f"SELECT n FROM mine ORDER BY (SELECT max({key}) FROM {table} q WHERE q.seq = mine.n){way}, n",
        ))
    )  # fmt: skip


def worked_out(_: exp.Query, attacker: Attacker) -> exp.Query:
    """Groups by a number that is made of their values."""
    value = _filled(attacker.rng.choice(_AGGREGATES)[1], attacker)
    source, key = attacker.rng.choice((
        (attacker.table, "diag"),
        (attacker.table, "seq"),
        (f"{attacker.table} p JOIN mine m ON p.seq <= m.n", "kind"),
    ))  # fmt: skip
    return attacker.parse(
        attacker.rng.choice((
            f"SELECT {key} FROM {source} GROUP BY {key} ORDER BY {value}, {key}",
            f"SELECT {key}, count(*) AS c FROM {source} GROUP BY {key} HAVING {value} > 0",
            f"SELECT {key} FROM (SELECT {key}, {value} AS k FROM {source} GROUP BY {key}) t ORDER BY k, {key} LIMIT 3",
        ))
    )  # fmt: skip


def numbered(_: exp.Query, attacker: Attacker) -> exp.Query:
    """A protected column beside a number that is no literal."""
    secret, table = attacker.secret("I"), attacker.table
    number = _filled(attacker.rng.choice(_NUMBERS), attacker)
    sign = attacker.rng.choice(("=", ">", "<=", "<>"))
    ranked = f"SELECT seq, {secret} AS s, row_number() OVER (ORDER BY 1) AS r FROM {table}"
    counted = f"SELECT 1 FROM mine m GROUP BY m.kind HAVING count(*) {sign} p.{secret}"
    return attacker.parse(
        attacker.rng.choice((
            f"SELECT seq FROM {table} WHERE {secret} {sign} {number}",
            f"SELECT p.seq FROM {table} p JOIN (SELECT count(*) AS c FROM mine) m ON p.{secret} {sign} m.c",
            f"SELECT t.seq FROM ({ranked}) t WHERE s {sign} r",
            f"SELECT seq FROM {table} p WHERE EXISTS ({counted})",
        ))
    )  # fmt: skip
