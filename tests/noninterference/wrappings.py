"""Turns that write another query around a query, or in its place."""

from __future__ import annotations

from sqlglot import exp

from noninterference.attacker import Attacker


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
