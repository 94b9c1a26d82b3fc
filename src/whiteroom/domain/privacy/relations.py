"""Tables of databases: where a member's rows lie that are neither files nor objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or a view of a database, whose rows are brought to this machine before they are read."""

    connection: str
    """Which of its owner's connections leads to the database, by its name."""
    schema: str
    name: str
    """Both as the database spells them."""
    types: Mapping[str, str] = field(default_factory=dict)
    """By the columns' names, in lower case: types that the owner has chosen, where the database says none that is
    exact."""

    @property
    def shown(self) -> str:
        """For sentences."""
        return f"{self.schema}.{self.name}"
