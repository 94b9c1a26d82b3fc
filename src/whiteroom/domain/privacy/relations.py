"""Tables of databases: where a member's rows lie that are neither files nor objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


def same_account(identifier: str) -> str:
    """An account identifier of Snowflake as it is in all of its spellings that lead to one account."""
    return identifier.strip().lower().removesuffix(".snowflakecomputing.com").replace("_", "-")


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or a view of a database, whose rows are brought to this machine before they are read."""

    connection: str
    """Which of its owner's connections leads to the database, by its name; of Snowflake, by its secret's name."""
    schema: str
    name: str
    """Both as the database spells them."""
    types: Mapping[str, str] = field(default_factory=dict)
    """By the columns' names, in lower case: types that the owner has chosen, where the database says none that is
    exact; of Snowflake, those that tableSchema declares, and no other column is read."""
    account: str = ""
    """Of Snowflake: the account identifier, as the owner writes it; empty of every other database."""
    database: str = ""
    """Of Snowflake, where a connection leads to all databases of an account: which one, as it spells it."""

    @property
    def in_snowflake(self) -> bool:
        """Whether it is a table of Snowflake."""
        return bool(self.account)

    @property
    def shown(self) -> str:
        """For sentences."""
        return ".".join(part for part in (self.database, self.schema, self.name) if part)

    @property
    def source(self) -> str:
        """What tells it from other tables of its owner, however often it is named."""
        place = f"{same_account(self.account)}/" if self.account else ""
        return f"{place}{self.shown}"
