"""The tables of a judged query that lie elsewhere, brought into the query's own folder."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from whiteroom.aws.bringing import PART_BYTES, ObjectMoved, Wanted, bring, wanted_in
from whiteroom.aws.handed import handed_client
from whiteroom.aws.identities import Identity, member
from whiteroom.aws.refusals import AwsRefused, AwsUnreachable
from whiteroom.domain.privacy.partitions import Use, may_be_seen
from whiteroom.domain.privacy.query_tables import CatalogTable, FileFormat, QueryTable, StoredObject
from whiteroom.engines.duckdb.elsewhere.catalogued import catalogued
from whiteroom.engines.duckdb.elsewhere.chunks import needed, tail_of
from whiteroom.engines.duckdb.elsewhere.handing import REFUSED, NotBrought, Staging, TooMuch
from whiteroom.engines.duckdb.elsewhere.shaping import shaped
from whiteroom.engines.duckdb.tables import BrokenData
from whiteroom.ports import UnusableFiles
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
    elsewhere = {view: table for view, table in judged.views.items() if table.source.elsewhere}
    if not elsewhere:
        return judged
    uses = uses_of(judged.tree, elsewhere) if judged.noise is None else {}
    wanted = {view: _seen(table.source, uses.get(view, ())) for view, table in elsewhere.items()}
    if sum(item.size_bytes for items in wanted.values() for item in items) > staging.most_bytes:
        raise TooMuch(f"The tables of the query have more than {staging.most_bytes:,} bytes outside of this machine")
    shutil.rmtree(staging.folder, ignore_errors=True)
    views = {}
    for number, (view, table) in enumerate(elsewhere.items()):
        told = _read_alone(table, judged.columns[view])
        source = _table(told, wanted[view], query_id, staging, staging.folder / str(number))
        views[view] = replace(table, source=source)
    return replace(judged, views={**judged.views, **views})


def _read_alone(table: QueryTable, wanted: Collection[str]) -> QueryTable:
    """The table with the columns that the query reads: of Parquet no others are brought."""
    source = table.source
    if source.format is not FileFormat.PARQUET:
        return table
    keys = {name.lower() for name in source.reading.partitions}
    columns = tuple(column for column in source.columns if column.name.lower() in {*wanted, *keys})
    if not columns:
        # Its rows are only counted: by a column that a query may see.
        columns = tuple(column for column in source.columns if column.name.lower() in table.readable_columns)[:1]
    return replace(table, source=replace(source, columns=columns))


def _seen(source: CatalogTable, uses: Sequence[Use]) -> list[StoredObject]:
    types = {column.name.lower(): column.type for column in source.columns}
    names = [name.lower() for name in source.reading.partitions]
    if not names or not uses:
        return list(source.objects)
    verdicts: dict[tuple[str | None, ...], bool] = {}
    for item in source.objects:
        if item.partition not in verdicts:
            verdicts[item.partition] = may_be_seen(dict(zip(names, item.partition, strict=True)), types, uses)
    return [item for item in source.objects if verdicts[item.partition]]


def _table(
    table: QueryTable, items: Sequence[StoredObject], query_id: str, staging: Staging, folder: Path
) -> CatalogTable:
    handed = staging.handed.get(table.association_id, {})
    identity = member(table.owner_account_id, table.role_arn or None, query_id)
    try:
        _require(handed)
        folder.mkdir(mode=0o700, parents=True)
        wanted = wanted_in(folder, items, table.source.reading.partitions)
        if wanted:
            _bring(handed_client("s3", handed), identity, wanted, table.source)
        source = replace(table.source, pruned=len(items) < len(table.source.objects))
        if source.as_files and wanted:
            return catalogued(source, wanted, folder)
        return shaped(source, [one.file for one in wanted], folder)
    except UnusableFiles as error:
        raise BrokenData(f"Table '{table.name}': {error}. Its owner must look at it.") from None
    except AwsRefused as error:
        raise NotBrought(
            f"The table '{table.name}' cannot be read: the storage of its owner, account {table.owner_account_id}, "
            "refused the server. Its owner is told why.",
            table,
            error,
            again=False,
        ) from None
    except (AwsUnreachable, ObjectMoved) as error:
        how = "changed while it was read" if isinstance(error, ObjectMoved) else "could not be read to its end"
        raise NotBrought(
            f"The table '{table.name}' {how}, again and again. Ask later.", table, error, again=True
        ) from None


def _bring(s3: Any, identity: Identity, wanted: Sequence[Wanted], source: CatalogTable) -> None:
    def is_large(one: Wanted) -> bool:
        return source.format is FileFormat.PARQUET and one.item.size_bytes > PART_BYTES

    chunked = [one for one in wanted if is_large(one)]
    owner = source.bucket_owner
    bring(s3, identity, [replace(one, ranges=[tail_of(one.item.size_bytes)]) for one in chunked], owner=owner)
    columns = {column.name.lower() for column in source.columns}
    rest = [replace(one, ranges=needed(one.file, one.item.size_bytes, columns)) for one in chunked]
    bring(s3, identity, [*rest, *(one for one in wanted if not is_large(one))], owner=owner)


def _require(handed: Mapping[str, str]) -> None:
    if REFUSED in handed:
        raise AwsRefused(handed[REFUSED])
