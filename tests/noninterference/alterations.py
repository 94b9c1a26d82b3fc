"""Turns that change a part of a query where it stands."""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from noninterference.attacker import Attacker


def _select(tree: exp.Query, attacker: Attacker) -> exp.Select | None:
    selects = list(tree.find_all(exp.Select))
    return attacker.rng.choice(selects) if selects else None


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
