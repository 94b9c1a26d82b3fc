"""Turns of a query into others that ask for more than it did: what an attacker tries first.

Each takes a parsed query and gives another, or None where it has no place to stand. None of them keeps to any rule.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from noninterference.grammar import Col
from noninterference.steering import numbered, sorted_by, worked_out

Turn = Callable[[exp.Query, "Attacker"], exp.Query | None]


class Attacker:
    """What the turns are made with: chance, and the names of a room."""

    def __init__(self, rng: random.Random, vocabulary: Mapping[str, tuple[Col, ...]]) -> None:
        self.rng = rng
        (self.table,) = (name for name in vocabulary if name != "mine")
        self.columns = vocabulary[self.table]
        self.protected = [column for column in self.columns if column.protected]
        self._names = 0

    def name(self, prefix: str = "z") -> str:
        """A name that no query has."""
        self._names += 1
        return f"{prefix}z{self._names}"

    def secret(self, kinds: str = "TI") -> str:
        """A column that the rule keeps in."""
        return self.rng.choice([column.name for column in self.protected if column.type in kinds])

    def parse(self, sql: str) -> exp.Query:
        """A tree."""
        tree = sqlglot.parse_one(sql, dialect="spark")
        assert isinstance(tree, exp.Query)
        return tree


def mutated(sql: str, attacker: Attacker, turns: Sequence[str]) -> str:
    """The query after these turns; itself where none fits."""
    try:
        tree = sqlglot.parse_one(sql, dialect="spark")
    except (SqlglotError, RecursionError):
        return sql
    if not isinstance(tree, exp.Query):
        return sql
    for name in turns:
        try:
            tree = TURNS[name](tree, attacker) or tree
        except SqlglotError:
            continue
    return tree.sql("spark")


def _select(tree: exp.Query, attacker: Attacker) -> exp.Select | None:
    selects = list(tree.find_all(exp.Select))
    return attacker.rng.choice(selects) if selects else None


def _around(tree: exp.Query, text: str, attacker: Attacker) -> exp.Query:
    """A query around this one, which stands where `{q}` does."""
    return attacker.parse(text.format(q=tree.sql("spark")))


def wrap(tree: exp.Query, attacker: Attacker) -> exp.Query:
    """In FROM, or in WITH."""
    alias = attacker.name()
    return _around(
        tree,
        attacker.rng.choice((
            f"SELECT * FROM ({{q}}) {alias}",
            f"SELECT {alias}.* FROM ({{q}}) AS {alias}",
            f"WITH {alias} AS ({{q}}) SELECT * FROM {alias}",
            f"SELECT count(*) AS n FROM ({{q}}) {alias}",
            f"SELECT DISTINCT * FROM ({{q}}) {alias}",
        )),
        attacker,
    )  # fmt: skip


def star(tree: exp.Query, attacker: Attacker) -> exp.Query:
    """Everything that the query gives, by other words than a star that stands alone."""
    alias, name = attacker.name(), attacker.name("x")
    return _around(
        tree,
        attacker.rng.choice((
            f"SELECT (*) AS {name} FROM ({{q}}) {alias}",
            f"SELECT ((*)) AS {name} FROM ({{q}}) {alias}",
            f"SELECT ({alias}.*) AS {name} FROM ({{q}}) {alias}",
            f"SELECT {alias} AS {name} FROM ({{q}}) {alias}",
            f"SELECT coalesce(*) AS {name} FROM ({{q}}) {alias}",
            f"SELECT concat_ws(',', *) AS {name} FROM ({{q}}) {alias}",
            f"SELECT max(({alias}.*)) AS {name} FROM ({{q}}) {alias}",
            f"SELECT count((*)) AS {name} FROM ({{q}}) {alias}",
            f"SELECT {name} FROM (SELECT (*) AS {name} FROM ({{q}}) {alias}) w WHERE {name} IS NOT NULL",
        )),
        attacker,
    )  # fmt: skip


def starred_secret(tree: exp.Query, attacker: Attacker) -> exp.Query:
    """The protected column, alone in a sub-query, under a star."""
    alias, name, secret = attacker.name(), attacker.name("x"), attacker.secret()
    inner = f"(SELECT {secret} FROM {attacker.table}) {alias}"
    return attacker.parse(
        attacker.rng.choice((
            f"SELECT (*) AS {name} FROM {inner}",
            f"SELECT (*) AS {name}, count(*) AS n FROM {inner} GROUP BY 1",
            f"SELECT {name} FROM (SELECT (*) AS {name} FROM {inner}) u WHERE {name} = '10038'",
            f"SELECT count(*) AS n FROM (SELECT (*) AS {name} FROM {inner}) u WHERE {name} > '1'",
            f"SELECT * FROM {inner}",
            f"SELECT {alias} AS {name} FROM {inner}",
        ))
    )  # fmt: skip


def exploded(tree: exp.Query, attacker: Attacker) -> exp.Query:
    """The protected column in rows that are made of values, or in a struct beside another."""
    alias, name, secret, table = attacker.name(), attacker.name("x"), attacker.secret("T"), attacker.table
    return _around(
        tree,
        attacker.rng.choice((
            f"SELECT *, explode(array(1, 2)) AS {name} FROM ({{q}}) {alias}",
            f"SELECT {name} FROM ({{q}}) {alias} LATERAL VIEW explode(array(1, 2)) v AS {name}",
            f"SELECT {name} FROM {table} LATERAL VIEW explode(array({secret})) {alias} AS {name}",
            f"SELECT diag FROM {table} LATERAL VIEW explode(split({secret}, '0')) {alias} AS {name}",
            f"SELECT diag FROM {table} LATERAL VIEW explode(IF({secret} > '1', array(1), NULL)) {alias} AS {name}",
            f"SELECT count(*) AS n FROM {table} LATERAL VIEW posexplode(split({secret}, '1')) {alias} AS p, {name}",
            f"SELECT count(*) AS n FROM {table} LATERAL VIEW explode(map({secret}, 1)) {alias} AS k, {name}",
            f"SELECT diag FROM {table} LATERAL VIEW explode(array('10038', diag)) z AS {name} WHERE {name} = {secret}",
            f"SELECT {name}.a FROM (SELECT named_struct('a', diag, 'b', {secret}) AS {name} FROM {table}) {alias}",
            f"SELECT diag FROM {table} WHERE named_struct('a', '10038', 'b', diag).a = {secret}",
            f"SELECT diag, count(*) AS n FROM {table} LATERAL VIEW explode(array(1, 2)) z AS {name} GROUP BY diag",
        )),
        attacker,
    )  # fmt: skip


def secret_inside(tree: exp.Query, attacker: Attacker) -> exp.Query | None:
    """A protected column in a sub-query that shows others; it goes nowhere."""
    nodes = [node for node in tree.find_all(exp.Table) if node.name == attacker.table]
    if not nodes:
        return None
    node = attacker.rng.choice(nodes)
    alias = node.alias or node.name
    shown = [column.name for column in attacker.columns]
    attacker.rng.shuffle(shown)
    more = attacker.rng.choice(
        ("", f", {attacker.secret()} AS {attacker.name('y')}", f", length({attacker.secret('T')}) AS y1")
    )
    inner = f"SELECT * FROM (SELECT {', '.join(shown)}{more} FROM {attacker.table}) AS {alias}"
    node.replace(attacker.parse(inner).args["from_"].this)
    return tree


def twice(tree: exp.Query, attacker: Attacker) -> exp.Query:
    """The query beside itself."""
    one, other = attacker.name(), attacker.name()
    return _around(
        tree,
        attacker.rng.choice((
            "{q} UNION ALL {q}",
            "({q}) UNION ({q})",
            f"SELECT {one}.* FROM ({{q}}) {one} CROSS JOIN ({{q}}) {other}",
            f"SELECT {one}.*, {other}.* FROM ({{q}}) {one} CROSS JOIN ({{q}}) {other}",
            f"SELECT count(*) AS n FROM (SELECT {one}.*, {other}.* FROM ({{q}}) {one} CROSS JOIN ({{q}}) {other}) w",
        )),
        attacker,
    )  # fmt: skip


def named_alike(tree: exp.Query, attacker: Attacker) -> exp.Query | None:
    """Two columns of one name in a sub-query: which of them is read?"""
    one, other = attacker.rng.sample([column.name for column in attacker.columns if not column.protected], 2)
    secret, name = attacker.secret(), attacker.name("x")
    pair = attacker.rng.choice((
        f"{one} AS {name}, {secret} AS {name}",
        f"{secret} AS {name}, {one} AS {name}",
        f"{one} AS {name}, {other} AS {name}",
        f"a.{one} AS {name}, b.{secret} AS {name}",
        f"a.*, b.{secret} AS {one}",
        f"b.{secret} AS {one}, a.{one}",
        f"b.{secret} AS {one}, a.{one} AS {one.upper()}",
    ))  # fmt: skip
    read = one if pair.startswith(("a.*", "b.")) else name
    source = f"{attacker.table} a CROSS JOIN {attacker.table} b" if "a." in pair else attacker.table
    shown = attacker.rng.choice((f"SELECT {read} FROM", f"SELECT {read}, count(*) AS n FROM", "SELECT * FROM"))
    group = f" GROUP BY {read}" if "count" in shown else ""
    return attacker.parse(f"{shown} (SELECT {pair} FROM {source}) t{group}")


def limit(tree: exp.Query, attacker: Attacker) -> exp.Query | None:
    """As many rows, or the row, that a value says."""
    secret = attacker.secret("I")
    value = attacker.rng.choice((
        f"(SELECT {secret} FROM {attacker.table} WHERE seq = {attacker.rng.randrange(40)})",
        f"(SELECT max({secret}) % 7 FROM {attacker.table})",
        f"(SELECT abs(coalesce({secret}, 0)) % 9 FROM {attacker.table} ORDER BY seq LIMIT 1)",
        f"(SELECT count(*) FROM {attacker.table} WHERE diag = 'rare')",
        "1 + 1",
        "CAST('2' AS INT)",
    ))  # fmt: skip
    query = attacker.rng.choice(list(tree.find_all(exp.Select, exp.SetOperation)))
    part = attacker.rng.choice(("limit", "offset"))
    kind: type[exp.Expr] = exp.Limit if part == "limit" else exp.Offset
    wanted = sqlglot.parse_one(value, dialect="spark")
    if attacker.rng.random() < 0.5:
        query.set("limit", exp.Limit(expression=exp.Literal.number(3)))
    query.set(part, kind(expression=wanted))
    return tree


def order(tree: exp.Query, attacker: Attacker) -> exp.Query | None:
    """In an order of something else."""
    select = _select(tree, attacker)
    if select is None:
        return None
    key = attacker.rng.choice((
        attacker.secret(),
        f"(SELECT max({attacker.secret('I')}) FROM {attacker.table})",
        "1",
        f"CASE WHEN {attacker.secret('T')} = '10038' THEN 0 ELSE 1 END",
        f"length({attacker.secret('T')})",
    ))  # fmt: skip
    select.set("order", exp.Order(expressions=[exp.Ordered(this=sqlglot.parse_one(key, dialect="spark"))]))
    return tree


def on(tree: exp.Query, attacker: Attacker) -> exp.Query | None:
    """What WHERE says, said in ON."""
    selects = [each for each in tree.find_all(exp.Select) if each.args.get("joins") and each.args.get("where")]
    if not selects:
        return None
    select = attacker.rng.choice(selects)
    join, where = select.args["joins"][-1], select.args["where"].this.copy()
    if join.args.get("on") is None:
        return None
    join.set("on", exp.And(this=exp.paren(join.args["on"].copy()), expression=exp.paren(where)))
    select.set("where", None)
    return tree


def met(tree: exp.Query, attacker: Attacker) -> exp.Query | None:
    """A condition that a protected column meets, in so many words or in others."""
    selects = [each for each in tree.find_all(exp.Select) if _reads(each, attacker.table)]
    if not selects:
        return None
    select = attacker.rng.choice(selects)
    text, number = (f"`{_reads(select, attacker.table)}`.{attacker.secret(kind)}" for kind in "TI")
    condition = attacker.rng.choice((
        f"{text} = '10038'",
        f"{text} LIKE '1%'",
        f"{text} IN ('a', '10038')",
        f"length({text}) > 4",
        f"upper({text}) = 'A'",
        f"{text} || '' = 'a'",
        f"{number} > 2",
        f"{number} BETWEEN 0 AND 9",
        f"sign({number} - 3) = 1",
        f"{number} % 2 = 0",
        f"CASE WHEN {number} > 2 THEN 1 ELSE 0 END = 1",
        f"CASE {text} WHEN 'a' THEN true ELSE false END",
        f"nullif({text}, 'a') IS NULL",
        f"coalesce({number}, 0) = 0",
        f"{text} IS NOT NULL",
        f"{text} IN (SELECT k FROM mine)",
        f"EXISTS (SELECT 1 FROM mine q WHERE q.k = {text})",
        f"{text} = (SELECT max(k) FROM mine)",
        f"CAST({number} AS BOOLEAN)",
        f"CAST({text} AS INT) > 5",
        f"greatest({number}, 7) = 7",
        f"(SELECT max(n) FROM mine) < {number}",
        f"({text}, {number}) IN (SELECT k, n FROM mine)",
    ))  # fmt: skip
    node = sqlglot.parse_one(condition, dialect="spark")
    joins = [join for join in select.args.get("joins") or [] if join.args.get("on") is not None]
    holder, part = (attacker.rng.choice(joins), "on") if joins and attacker.rng.random() < 0.3 else (select, "where")
    there = holder.args.get(part)
    if there is not None:
        there = there.this if part == "where" else there
        node = exp.And(this=exp.paren(there.copy()), expression=exp.paren(node))
    holder.set(part, exp.Where(this=node) if part == "where" else node)
    return tree


def _reads(select: exp.Select, table: str) -> str:
    """Under which name a SELECT reads the table itself; empty where it does not."""
    first = select.args.get("from_")
    nodes = [first.this] if first is not None else []
    nodes += [
        join.this for join in select.args.get("joins") or [] if str(join.args.get("kind")) not in {"SEMI", "ANTI"}
    ]
    return next((node.alias_or_name for node in nodes if isinstance(node, exp.Table) and node.name == table), "")


def window(tree: exp.Query, attacker: Attacker) -> exp.Query | None:
    """An output over a window of something else."""
    select = _select(tree, attacker)
    if select is None or not select.selects or any(isinstance(each, exp.Star) for each in select.selects):
        return None
    over = attacker.rng.choice((
        f"count(*) OVER (PARTITION BY {attacker.secret()})",
        f"row_number() OVER (ORDER BY {attacker.secret()})",
        f"sum(1) OVER (ORDER BY {attacker.secret('I')} RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING)",
        f"first_value(1) OVER (PARTITION BY length({attacker.secret('T')}) ORDER BY 1)",
        "count(*) OVER ()",
        "row_number() OVER (ORDER BY 1)",
    ))  # fmt: skip
    value = sqlglot.parse_one(over, dialect="spark")
    select.set("expressions", [*select.selects, exp.alias_(value, attacker.name("x"))])
    return tree


def alias(tree: exp.Query, attacker: Attacker) -> exp.Query | None:
    """Outputs under names that mean something else: of protected columns, of each other, of tables."""
    select = _select(tree, attacker)
    found = [each for each in select.selects if isinstance(each, exp.Alias)] if select is not None else []
    if not found:
        return None
    name = attacker.rng.choice(
        (attacker.secret(), attacker.table, "pid", "diag", found[0].alias, found[0].alias.upper())
    )
    attacker.rng.choice(found).set("alias", exp.to_identifier(name))
    return tree


def renamed_source(tree: exp.Query, attacker: Attacker) -> exp.Query | None:
    """A common table expression with the table's own name, or columns renamed in FROM."""
    secret = attacker.secret()
    return attacker.parse(
        attacker.rng.choice((
            f"WITH {attacker.table} AS (SELECT {secret} AS diag FROM {attacker.table}) SELECT * FROM {attacker.table}",
            f"SELECT x FROM (SELECT {secret} FROM {attacker.table}) AS t(x)",
            f"WITH t(x) AS (SELECT {secret} FROM {attacker.table}) SELECT x FROM t",
            f"SELECT diag FROM (SELECT {secret} AS diag FROM {attacker.table}) t",
            f"SELECT t.diag FROM {attacker.table} t JOIN (SELECT {secret} AS diag FROM {attacker.table}) u ON true",
            f"SELECT {secret} AS a, a AS b FROM {attacker.table}",
            f"SELECT a AS b FROM (SELECT diag AS a, {secret} AS b FROM {attacker.table}) t ORDER BY b",
        ))
    )  # fmt: skip


def user_alike(tree: exp.Query, attacker: Attacker) -> exp.Query:
    """Two inner columns named as the user is: which of them is the user?"""
    shown = attacker.rng.choice([column.name for column in attacker.columns if column.name != "pid"])
    pair = attacker.rng.choice((
        "m.n AS pid, p.pid",
        "p.pid, m.n AS pid",
        "m.k AS pid, p.pid",
        "p.pid, m.k AS PID",
        "m.k AS pid, m.k AS pid, p.pid",
        "m.kind AS pid",
        "coalesce(m.k, p.pid) AS pid",
    ))  # fmt: skip
    grouped = "SELECT pid, max(q) AS q FROM t GROUP BY pid"
    inner = f"SELECT {pair}, p.{shown} AS q FROM {attacker.table} p CROSS JOIN mine m"
    return attacker.parse(
        attacker.rng.choice((
            f"SELECT q, count(*) AS c FROM ({inner}) t GROUP BY q",
            f"WITH t AS ({inner}) SELECT q, count(*) AS c, count(DISTINCT pid) AS u FROM t GROUP BY q",
            f"WITH t AS ({inner}), u AS ({grouped}) SELECT q, count(*) AS c FROM u GROUP BY q",
        ))
    )  # fmt: skip


def swapped(tree: exp.Query, attacker: Attacker) -> exp.Query | None:
    """A protected column where another of its type stood."""
    kinds = {column.name: column.type for column in attacker.columns}
    found = [column for column in tree.find_all(exp.Column) if kinds.get(column.name, "") in {"T", "I"}]
    if not found:
        return None
    column = attacker.rng.choice(found)
    column.set("this", exp.to_identifier(attacker.secret(kinds[column.name])))
    return tree


def correlated(tree: exp.Query, attacker: Attacker) -> exp.Query | None:
    """Something of each row, by a sub-query that looks at it."""
    select = _select(tree, attacker)
    if select is None or select.args.get("group") or any(isinstance(each, exp.Star) for each in select.selects):
        return None
    first = select.args.get("from_")
    if first is None or first.this.alias_or_name == "":
        return None
    outer = f"`{first.this.alias_or_name}`"
    value = attacker.rng.choice((
        f"(SELECT max({attacker.secret()}) FROM {attacker.table} q WHERE q.pid = {outer}.pid)",
        f"(SELECT count(*) FROM {attacker.table} q WHERE q.pid = {outer}.pid)",
        f"EXISTS (SELECT 1 FROM {attacker.table} q WHERE q.pid = {outer}.pid AND q.{attacker.secret('T')} = '10038')",
    ))  # fmt: skip
    node = sqlglot.parse_one(value, dialect="spark")
    select.set("expressions", [*select.selects, exp.alias_(node, attacker.name("x"))])
    return tree


TURNS: Mapping[str, Turn] = {
    turn.__name__: turn
    for turn in (
        wrap, star, starred_secret, secret_inside, twice, named_alike, limit, order, on, met, window, alias,
        renamed_source, swapped, correlated, user_alike, sorted_by, worked_out, numbered, exploded,
    )
}  # fmt: skip
NAMES = tuple(sorted(TURNS))
