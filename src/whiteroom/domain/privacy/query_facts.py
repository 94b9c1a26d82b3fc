"""Facts about what a query does, for the analysis rules: plain records, without the query's text.

`sql/lineage/facts.py` takes them from the resolved tree: every column is known by the table that it comes from,
whatever aliases, common table expressions and sub-queries it went through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from whiteroom.domain.privacy.differential_privacy import PrivacyPolicy


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A column of an associated table: the association's name, and the column's in lower case."""

    table: str
    column: str


class Place(StrEnum):
    """Where in a SELECT something stands."""

    OUTPUT = "SELECT"
    """Among what the SELECT gives."""
    JOIN = "JOIN"
    """In a condition of a JOIN."""
    FILTER = "WHERE"
    """In WHERE."""
    GROUP = "GROUP BY"
    """Among the keys of groups."""
    HAVING = "HAVING"
    """In a condition on groups."""
    ORDER = "ORDER BY"
    """Among the keys of the order."""
    ELSEWHERE = "another clause"
    """Anywhere else: a window, a LIMIT, a table's function."""


@dataclass(frozen=True, slots=True)
class Read:
    """A table in the FROM of a SELECT. A table that is joined with itself is read twice."""

    alias: str
    table: str


@dataclass(frozen=True, slots=True)
class Use:
    """A column of one of the tables that a SELECT reads, in one place of it."""

    read: Read
    column: str
    place: Place
    aggregated: bool
    """Whether it stands inside an aggregate function."""


class Argument(StrEnum):
    """What an aggregate function is applied to."""

    COLUMN = "one column"
    """A column by itself."""
    CONSTANT = "a constant or every row"
    """No column: COUNT(*), COUNT(1)."""
    EXPRESSION = "an expression"
    """Something made of columns."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One aggregate function in a SELECT."""

    function: str
    """SUM, SUM_DISTINCT, COUNT, COUNT_DISTINCT, AVG (AggregateFunctionName), or SQL's own name of another."""
    argument: Argument
    use: Use | None
    """The column where the argument is one column of a table that this SELECT reads."""
    place: Place
    filtered: bool
    """Whether FILTER (WHERE ...) takes a part of the group only."""


@dataclass(frozen=True, slots=True)
class Join:
    """One JOIN, and how its condition matches rows."""

    kind: str
    """INNER, CROSS, LEFT, FULL, LEFT SEMI, ..."""
    pairs: tuple[tuple[Use, Use], ...]
    """The equalities between a column of the joined table and a column of an earlier one."""
    operators: frozenset[str]
    """AND, OR: what combines them."""
    other: bool
    """Whether the condition holds anything but such equalities, or nothing at all."""
    alias: str = ""
    """Of what is joined."""


@dataclass(frozen=True, slots=True)
class Output:
    """One output column of a SELECT: the columns in it of tables that this SELECT reads."""

    uses: tuple[Use, ...]
    plain: bool
    """Whether it is one column as it stands."""


@dataclass(frozen=True, slots=True)
class SelectFacts:
    """One SELECT that reads associated tables itself, not only through other SELECTs."""

    reads: tuple[Read, ...]
    joins: tuple[Join, ...]
    clauses: frozenset[str]
    """DISTINCT, WHERE, GROUP BY, GROUP BY ALL, GROUPING SETS, HAVING, QUALIFY, ORDER BY, LIMIT, OFFSET."""
    uses: tuple[Use, ...]
    aggregates: tuple[Aggregate, ...]
    windows: bool
    subqueries: bool
    """Whether one of its expressions holds a sub-query."""
    correlated: bool
    """Whether it refers to the query around it."""
    functions: frozenset[str]
    """Functions and operators other than aggregates, comparisons, AND, OR, NOT and arithmetic (ScalarFunctions,
    or SQL's own name)."""
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class QueryFacts:
    """What a parsed query does."""

    columns: Mapping[str, frozenset[str]]
    """Columns read, by association name. A table that is only counted has an empty set."""
    shown: frozenset[Origin] = frozenset()
    """Columns that an output column is made of, through every expression, CTE, sub-query and aggregate."""
    met_by_literals: frozenset[Origin] = frozenset()
    """Columns that an operator or a function puts together with a literal."""
    met_by_columns: frozenset[Origin] = frozenset()
    """Columns that an operator, a function or a set operation puts together with a column."""
    worked_out: frozenset[Origin] = frozenset()
    """Columns of which a function is sorted by, or which a count, a sum or a mean is made of: more than their order."""
    counted_apart: frozenset[Origin] = frozenset()
    """Columns whose distinct values are counted, as they stand."""
    filtered_by: frozenset[Origin] = frozenset()
    """Columns that decide which rows there are: WHERE, HAVING, ON, sub-queries in expressions, EXCEPT, INTERSECT."""
    grouped_by: frozenset[Origin] = frozenset()
    """Columns in GROUP BY, DISTINCT, PARTITION BY, and of set operations that drop what is there twice."""
    ordered_by: frozenset[Origin] = frozenset()
    offset: bool = False
    """Whether OFFSET stands anywhere in it."""
    constructs: frozenset[str] = frozenset()
    """WITH, a sub-query, UNION, ...: what makes a query more than one SELECT over tables."""
    selects: tuple[SelectFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class Minimum:
    """A condition that a rule puts on every group of one SELECT: enough distinct values of a column."""

    select: int
    """Which of `QueryFacts.selects`."""
    read: Read
    column: str
    count: int


@dataclass(frozen=True, slots=True)
class JudgedTable:
    """A table that a query read, and the rules that it was judged by."""

    name: str
    association_id: str
    revision: str
    """Of its rules (judgements.rules_revision)."""
    identifier: str | None
    """The column whose values the result's noise protects; None where it has none."""
    privacy: PrivacyPolicy | None
    """What the noise was measured by."""
    snapshot: str = ""
    """Which state was read of a table of Iceberg or Delta (query_tables.Snapshot.id); empty of any other."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a query was judged: what it does, over which tables, and what its groups had to have.

    It is kept beside what the query made, so that it can be judged again (domain/privacy/judgements.py).
    """

    facts: QueryFacts
    minimums: tuple[Minimum, ...]
    tables: tuple[JudgedTable, ...]

    @property
    def association_ids(self) -> tuple[str, ...]:
        """Of the tables that it read."""
        return tuple(sorted(table.association_id for table in self.tables))
