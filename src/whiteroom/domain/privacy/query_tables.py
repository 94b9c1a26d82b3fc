"""Tables as a query may see them: what their references resolve to, and the rules that their owners set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from whiteroom.domain.privacy.differential_privacy import PrivacyPolicy
from whiteroom.domain.privacy.relations import Relation


class FileFormat(StrEnum):
    """How a member's table is on disk."""

    CSV = "csv"
    """With a header, and fields in quotes where they need them."""
    JSON_LINES = "jsonl"
    """An object a line."""
    ORC = "orc"
    """As Hive writes it. Of tables in a store of objects alone, and written anew as Parquet before they are read."""
    PARQUET = "parquet"
    """As Spark and pandas write it."""
    ICEBERG = "iceberg"
    """Apache Iceberg: in the catalog alone, what is read are the files of Parquet of one of its snapshots."""
    DELTA = "delta"
    """Delta Lake, likewise of one of its versions."""
    POSTGRESQL = "postgresql"
    """A table or a view of PostgreSQL: in the catalog alone, what is read is a file of Parquet with its rows."""


SNAPSHOTS = frozenset({FileFormat.ICEBERG, FileFormat.DELTA})
"""Formats whose metadata say which files a table has, and which columns."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table; the type in Spark SQL's spelling, lower case (`bigint`, `string`)."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How the text of a table's files is read. The defaults are RFC 4180 in UTF-8 with a header, empty fields NULL."""

    delimiter: str = ","
    quote: str = '"'
    """Empty where no field is in quotes."""
    escape: str = '"'
    """What comes before a quote inside of quotes."""
    null_words: tuple[str, ...] = ()
    """What means NULL beside the empty field."""
    skip_lines: int = 0
    """How many lines are before the header."""
    date_format: str = ""
    """How dates are written, in Spark's letters; empty for yyyy-MM-dd."""
    timestamp_format: str = ""
    """Likewise of timestamps; empty for yyyy-MM-dd with a time of UTC."""
    partitions: tuple[str, ...] = ()
    """Columns that the folders of the files name (`yr=2024/`), outermost first: no file holds them."""
    by_name: bool = False
    """Whether files of Parquet have other columns, or have them in another order: those that one lacks are NULL."""
    header: bool = True
    """Whether the files of a CSV begin with the names of their columns; where not, columns go by position."""
    empty_texts: bool = False
    """Whether an empty field of a column of text is an empty text, as Hive has it, and no NULL."""
    strict: bool = True
    """Whether a value that is none of its column's type as it is written (`3.7`, `007`, `1e3` of an integer) is an
    error. False of tables that a release added which did not ask."""
    encoding: str = ""
    """How the files' text is encoded, by its name in readings.ENCODINGS; empty for UTF-8."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in a store that holds rows of a table, as it was when it was listed."""

    uri: str
    """`s3://BUCKET/KEY`."""
    size_bytes: int
    etag: str
    """As the store says it, with its quotes: what is read is what was listed, or nothing. Empty where metadata name it:
    such an object is written once, and all that is read of it is of one."""
    partition: tuple[str | None, ...] = ()
    """Its values of the table's `partitions`."""
    known: bool = False
    """Whether it was read through as it is when its table was added."""

    @property
    def mark(self) -> str:
        """What tells it from what it may become."""
        return f"{self.size_bytes}-{self.etag}"


@dataclass(frozen=True, slots=True)
class PositionDeletes:
    """A file that names rows which are no longer a table's."""

    file: str
    rows_of: tuple[tuple[str, int], ...]
    """How it calls each file whose rows it may delete, and which one of the table's files that is."""
    size_bytes: int = 0
    """As the metadata say."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state of a table of Iceberg or Delta: how its files are read."""

    id: str
    """Iceberg's snapshot id, Delta's version; empty of a table that never had a row."""
    field_ids: Mapping[str, int] = field(default_factory=dict)
    """By the columns' names, the ids under which files have them; empty where files go by the names."""
    constants: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    """Of each column that no file holds, its value in each file, as text."""
    held: tuple[str, ...] = ()
    """Columns that every file must hold: its metadata would know their value, and NULL would be wrong."""
    deletes: tuple[PositionDeletes, ...] = ()
    pruned_by: tuple[str, ...] = ()
    """Columns of which all rows of a file have the same value: `StoredObject.partition` has these."""


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """A configured table's reference, resolved: the files that hold its rows, and its schema."""

    files: tuple[str, ...]
    """Absolute paths, in a fixed order; of a table that is elsewhere, none before its objects are brought."""
    format: FileFormat
    columns: tuple[Column, ...]
    reading: Reading = Reading()
    marks: tuple[str, ...] = ()
    """For each file, what distinguishes it from what it may become, if it was checked in that state; else empty."""
    copies: str = ""
    """A private folder for copies of files that the engine cannot read as they are; empty where there is none."""
    origins: tuple[str, ...] = ()
    """Of each file, which one it is to be a copy of; empty where they are the files themselves."""
    elsewhere: bool = False
    """Whether its rows are in a store of objects, or in a database, and are brought before they are read."""
    objects: tuple[StoredObject, ...] = ()
    """Those that hold the rows of a table that is elsewhere, ordered by their names."""
    as_files: bool = False
    """Whether its objects are read as files of this machine are: how, was found when the table was added."""
    bucket_owner: str = ""
    """The account that must own its objects' buckets; empty where any may."""
    region: str = ""
    """Where these are; empty for the server's own."""
    pruned: bool = False
    """Whether partitions of it that a query cannot see were not brought for it."""
    unreadable: str = ""
    """Why what it refers to cannot be read; for its owner alone."""
    public_reason: str = ""
    """The reason that everybody may read; where it is empty, they are told to ask the owner."""
    snapshot: Snapshot | None = None
    """Of a table whose metadata say which files it has; None of all others."""
    relation: Relation | None = None
    """The table of a database that holds its rows; None of all others."""

    @property
    def partitions(self) -> tuple[str, ...]:
        """Columns that have one value in all of an object."""
        return self.snapshot.pruned_by if self.snapshot else self.reading.partitions

    @property
    def sources(self) -> tuple[str, ...]:
        """The owner's own files, in the order of `files`."""
        return self.origins or self.files

    @property
    def held_in(self) -> tuple[str, ...]:
        """What its rows are in, as its owner calls them: files, or objects."""
        return tuple(item.uri for item in self.objects) if self.elsewhere else self.sources

    @property
    def all_objects(self) -> tuple[StoredObject, ...]:
        """What is brought of a table that is elsewhere: what holds its rows, then what says which were deleted."""
        if self.snapshot is None:
            return self.objects
        # Its metadata say the values of its partitions, and no folder does.
        rows = (replace(item, partition=()) for item in self.objects)
        return (*rows, *(StoredObject(one.file, one.size_bytes, "") for one in self.snapshot.deletes))

    def brought_as(self, files: Sequence[str]) -> CatalogTable:
        """The table of the files that were made of all of its objects, in which nothing is elsewhere any more."""
        # How many objects there were is counted by them.
        rows, deletes, snapshot = files[: len(self.objects)], files[len(self.objects) :], self.snapshot
        if snapshot is not None:
            local = (replace(one, file=file) for one, file in zip(snapshot.deletes, deletes, strict=True))
            snapshot = replace(snapshot, deletes=tuple(local))
        return replace(self, files=tuple(rows), snapshot=snapshot, elsewhere=False)

    @property
    def read_paths(self) -> tuple[str, ...]:
        """All that an engine opens to read it."""
        deletes = self.snapshot.deletes if self.snapshot else ()
        return (*self.files, *(one.file for one in deletes))


def unreadable(reason: str, public_reason: str = "") -> CatalogTable:
    """What stands for a reference whose catalog entry or files are gone, or that means something else by now."""
    return CatalogTable((), FileFormat.CSV, (), unreadable=reason, public_reason=public_reason)


@dataclass(frozen=True, slots=True)
class QueryTable:
    """One associated table as a query may see it, with the rules its owner set."""

    name: str
    """The association's name: what the SQL calls it."""
    owner_account_id: str
    source: CatalogTable
    allowed_columns: tuple[str, ...]
    rule_type: str | None
    """CUSTOM, LIST, AGGREGATION; None where the owner set no rule yet."""
    rule: Mapping[str, Any] | None
    """The analysis rule's policy of that type, as the API took it."""
    association_rule: Mapping[str, Any] | None
    """The collaboration analysis rule's policy (`allowedAdditionalAnalyses`, ...); None where not set."""
    privacy: PrivacyPolicy | None = None
    """What its owner's budget of differential privacy grants; None where the owner has none here."""
    association_id: str = ""
    """Which association it is: a name may be used again after one is deleted."""
    role_arn: str = ""
    """The role with which its owner lets its rows be read, where they are not on this machine."""

    @property
    def title(self) -> str:
        """How sentences name the table."""
        return f"Table '{self.name}' (member {self.owner_account_id})"

    @property
    def unreadable(self) -> bool:
        """Whether what it refers to cannot be read now."""
        return bool(self.source.unreadable)

    @property
    def identifier(self) -> str | None:
        """The column whose values are the users that differential privacy protects, in lower case; None without it."""
        columns = ((self.rule or {}).get("differentialPrivacy") or {}).get("columns")
        return columns[0]["name"].lower() if columns else None

    @property
    def hides_counts(self) -> bool:
        """Whether its rule keeps small groups or single users from who asks."""
        rule = self.rule or {}
        return bool(
            self.rule_type == "AGGREGATION" or rule.get("aggregationThresholds") or rule.get("differentialPrivacy")
        )

    @property
    def readable_columns(self) -> frozenset[str]:
        """The allowed columns that the table still has, in lower case."""
        there = {column.name.lower() for column in self.source.columns}
        return frozenset(there & {column.lower() for column in self.allowed_columns})
