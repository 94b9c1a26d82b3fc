"""The tables of a judged query that are elsewhere, brought into the query's own folder."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from whiteroom.aws.bringing import PART_BYTES, ObjectMoved, Wanted, bring, wanted_in, with_etags
from whiteroom.aws.handed import handed_client
from whiteroom.aws.identities import Identity, member
from whiteroom.aws.refusals import AwsRefused, AwsUnreachable
from whiteroom.domain.privacy.partitions import Use, may_be_seen
from whiteroom.domain.privacy.query_tables import CatalogTable, FileFormat, QueryTable, StoredObject
from whiteroom.engines.duckdb.elsewhere.catalogued import catalogued
from whiteroom.engines.duckdb.elsewhere.chunks import NamesIn, needed, tail_of
from whiteroom.engines.duckdb.elsewhere.handing import REFUSED, Staging, TooMuch, interrupted, refused
from whiteroom.engines.duckdb.elsewhere.shaping import shaped
from whiteroom.engines.duckdb.elsewhere.snapshots import names_in, with_objects
from whiteroom.engines.duckdb.tables import BrokenData
from whiteroom.ports.catalog import UnusableFiles
from whiteroom.sql.judging import JudgedQuery
from whiteroom.sql.predicates import uses_of


def brought(judged: JudgedQuery, query_id: str, staging: Staging) -> JudgedQuery:
    """The query over files of this machine alone.

    Partitions that it cannot see are left where they are, but under differential privacy: how long such a query takes
    would tell how large they are.

    Raises:
        NotBrought: a table cannot be had.
        TooMuch: there is more of it than is allowed.
        BrokenData: what was brought is not what the catalog says.
        OSError: the disk is full.
    """
    everything = {view: table for view, table in judged.views.items() if table.source.elsewhere}
    if not everything:
        return judged
    relations = {view: table for view, table in everything.items() if table.source.relation is not None}
    elsewhere = {view: table for view, table in everything.items() if view not in relations}
    uses = uses_of(judged.tree, elsewhere) if judged.noise is None else {}
    narrowed = {view: _read_alone(table, judged.columns[view]) for view, table in elsewhere.items()}
    seen = {view: _seen(table, uses.get(view, ())) for view, table in narrowed.items()}
    size_bytes = sum(item.size_bytes for table in seen.values() for item in table.source.all_objects)
    if size_bytes > staging.most_bytes:
        raise TooMuch(f"The tables of the query have more than {staging.most_bytes:,} bytes outside of this machine")
    shutil.rmtree(staging.folder, ignore_errors=True)
    views = {}
    for number, (view, table) in enumerate(seen.items()):
        source = _table(table, query_id, staging, staging.folder / str(number))
        views[view] = replace(table, source=source)
    if relations:
        # Imported here: Arrow and a driver, which no other query needs.
        from whiteroom.engines.duckdb.elsewhere.relations import with_rows  # noqa: PLC0415

        views |= with_rows(relations, judged.columns, staging, staging.most_bytes - size_bytes)
    return replace(judged, views={**judged.views, **views})


def _read_alone(table: QueryTable, wanted: Collection[str]) -> QueryTable:
    """The table with the columns that the query reads: of Parquet no others are brought."""
    source = table.source
    if source.format is not FileFormat.PARQUET:
        return table
    keys = {name.lower() for name in source.partitions}
    columns = tuple(column for column in source.columns if column.name.lower() in {*wanted, *keys})
    if not columns:
        # Its rows are only counted: by a column that a query may see.
        columns = tuple(column for column in source.columns if column.name.lower() in table.readable_columns)[:1]
    return replace(table, source=replace(source, columns=columns))


def _seen(table: QueryTable, uses: Sequence[Use]) -> QueryTable:
    """The table without the objects of partitions that the query cannot see."""
    source = table.source
    objects = _seen_of(source, uses)
    if source.snapshot is None:
        pruned = replace(source, objects=tuple(objects), pruned=len(objects) < len(source.objects))
    else:
        pruned = with_objects(source, objects)
    return replace(table, source=pruned)


def _seen_of(source: CatalogTable, uses: Sequence[Use]) -> list[StoredObject]:
    types = {column.name.lower(): column.type for column in source.columns}
    names = [name.lower() for name in source.partitions]
    if not names or not uses:
        return list(source.objects)
    verdicts: dict[tuple[str | None, ...], bool] = {}
    for item in source.objects:
        if item.partition not in verdicts:
            verdicts[item.partition] = may_be_seen(dict(zip(names, item.partition, strict=True)), types, uses)
    return [item for item in source.objects if verdicts[item.partition]]


def _table(table: QueryTable, query_id: str, staging: Staging, folder: Path) -> CatalogTable:
    source = table.source
    handed = staging.handed.get(table.association_id, {})
    identity = member(table.owner_account_id, table.role_arn or None, query_id)
    try:
        _require(handed)
        folder.mkdir(mode=0o700, parents=True)
        wanted = wanted_in(folder, source.all_objects, source.reading.partitions)
        if wanted:
            _bring(handed_client("s3", handed), identity, wanted, source)
        files = [one.file for one in wanted]
        if source.snapshot is not None:
            return source.brought_as([str(file) for file in files])
        if source.as_files and wanted:
            return catalogued(source, wanted, folder)
        return shaped(source, files, folder)
    except UnusableFiles as error:
        raise BrokenData(f"Table '{table.name}': {error}. Its owner must look at it.") from None
    except AwsRefused as error:
        raise refused(table, "storage", error) from None
    except (AwsUnreachable, ObjectMoved) as error:
        raise interrupted(table, error, moved=isinstance(error, ObjectMoved)) from None


def _bring(s3: Any, identity: Identity, wanted: Sequence[Wanted], source: CatalogTable) -> None:
    """Bring objects: of large ones of Parquet their ends first, and then what is read of the rest."""
    rows, owner = len(source.objects), source.bucket_owner
    wanted = with_etags(s3, identity, wanted, owner=owner)
    is_large = [
        source.format is FileFormat.PARQUET and number < rows and one.item.size_bytes > PART_BYTES
        for number, one in enumerate(wanted)
    ]
    chunked = [one for one, large in zip(wanted, is_large, strict=True) if large]
    bring(s3, identity, [replace(one, ranges=[tail_of(one.item.size_bytes)]) for one in chunked], owner=owner)
    rest = [replace(one, ranges=needed(one.file, one.item.size_bytes, _names(source))) for one in chunked]
    whole = [one for one, large in zip(wanted, is_large, strict=True) if not large]
    bring(s3, identity, [*rest, *whole], owner=owner)


def _names(source: CatalogTable) -> NamesIn:
    """What files call the columns that are read, in lower case."""
    snapshot = source.snapshot
    if snapshot is not None and snapshot.field_ids:
        numbers = {snapshot.field_ids[column.name] for column in source.columns}
        return lambda file: names_in(file, numbers)
    columns = {column.name.lower() for column in source.columns}
    return lambda _: columns


def _require(handed: Mapping[str, str]) -> None:
    if REFUSED in handed:
        raise AwsRefused(handed[REFUSED])
