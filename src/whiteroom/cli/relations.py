"""Tables of databases in the catalog: adding one, and how the connections to them are found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from whiteroom.catalog.entries import CatalogEntry
from whiteroom.catalog.folder import CatalogError
from whiteroom.catalog.relations import relation_entry
from whiteroom.cli.catalog_views import counted
from whiteroom.cli.connections_kept import connections_of
from whiteroom.cli.output import note, say, say_table
from whiteroom.cli.problems import Problem
from whiteroom.databases.asking import Databases, LookedAt
from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable
from whiteroom.domain.privacy.column_types import is_flat
from whiteroom.domain.privacy.readings import NO_WISHES, Wishes
from whiteroom.domain.privacy.relations import Relation
from whiteroom.opening import open_catalog
from whiteroom.settings import Settings


@dataclass(frozen=True, slots=True)
class AskedRelation:
    """A table of a database, as an operator names it."""

    account: str
    database: str
    table: str
    relation: Relation


def relation_of(connection: str, paths: Sequence[str], wishes: Wishes) -> Relation:
    """The table that is meant.

    Raises:
        Problem: none is.
    """
    if replace(wishes, types=()) != NO_WISHES:
        raise Problem("How text is written is said of files: of a table of a database, --type alone.")
    schema, dot, name = paths[0].partition(".")
    if len(paths) != 1 or not (schema and dot and name):
        raise Problem(
            f"{' '.join(paths)!r} names no table of a database: with --connection write SCHEMA.TABLE, such as "
            "public.visits, as the database spells them."
        )
    return Relation(connection, schema, name, {column.name.lower(): column.type for column in wishes.types})


def add_relation(settings: Settings, asked: AskedRelation, *, keep: bool) -> tuple[CatalogEntry, LookedAt]:
    """Put a table of a database into the catalog; what its database says of it.

    Raises:
        Problem: it cannot be read by that connection, or has no column that a query could read.
    """
    try:
        found = Databases(connections_of(settings)).look(asked.account, asked.relation)
        if not any(is_flat(column.type) for column in found.columns):
            raise Problem(f"{asked.relation.shown} has no column that can be queried. {' '.join(_notes(asked, found))}")
        entry = relation_entry(asked.account, asked.database, asked.table, asked.relation, found.columns)
        open_catalog(settings).put(entry, keep=keep)
    except (CatalogError, DatabaseRefused, DatabaseUnreachable) as error:
        raise Problem(str(error)) from None
    return entry, found


def show_relation(asked: AskedRelation, found: LookedAt, *, added: bool) -> None:
    """What was added, and what its owner is to know of it."""
    size = counted(len(found.columns), "column")
    say(f"{asked.database}.{asked.table} of account {asked.account}: {asked.relation.shown} of PostgreSQL, {size}.")
    for line in _notes(asked, found):
        note(line)
    if not added:
        say("")
        say_table(("COLUMN", "TYPE"), [(column.name, column.type) for column in found.columns])
        note("Nothing was added: without --preview it is.")


def _notes(asked: AskedRelation, found: LookedAt) -> Iterator[str]:
    for column in found.columns:
        if not is_flat(column.type):
            chosen = " Or choose one: --type, with decimal(P,S) or string." if column.type.startswith("numeric") else ""
            yield (
                f"Column '{column.name}' is {column.type}, which no query can read: leave it out of allowedColumns, or "
                f"have a view cast it.{chosen}"
            )
    if found.may_write:
        yield (
            f"The user of connection {asked.relation.connection} may write to {asked.relation.shown}. Nothing is "
            "written, and nothing could be in the transactions it is read in; give it SELECT alone all the same."
        )
