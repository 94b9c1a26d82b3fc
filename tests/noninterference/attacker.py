"""What turns of queries are made with."""

from __future__ import annotations

import random
from collections.abc import Mapping

import sqlglot
from sqlglot import exp

from noninterference.columns import Col


class Attacker:
    """What the turns are made with: chance, and the names of a rule."""

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
