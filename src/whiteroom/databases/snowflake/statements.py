"""What Snowflake is told: texts of ours, in which nothing of a member's stands but quoted names."""

from __future__ import annotations

from collections.abc import Sequence

from whiteroom.databases.names import quoted
from whiteroom.domain.privacy.relations import Relation


def _place(relation: Relation) -> str:
    return ".".join(map(quoted, (relation.database, relation.schema, relation.name)))


def using(relation: Relation) -> str:
    """The session's database: what is not Snowflake, and speaks as it does, describes nothing without one."""
    return f"USE DATABASE {quoted(relation.database)}"


def describing(relation: Relation) -> str:
    """The columns of a table or a view: name, type, and what each row is about, come first."""
    return f"DESCRIBE TABLE {_place(relation)}"


def selecting(relation: Relation, expressions: Sequence[str], names: Sequence[str]) -> str:
    """All rows of a table, in so many columns; without one, only how many there are."""
    listed = ", ".join(f"{what} AS {quoted(called)}" for what, called in zip(expressions, names, strict=True))
    return f"SELECT {listed or 'TRUE AS nothing'} FROM {_place(relation)}"  # noqa: S608 -- every name is quoted
