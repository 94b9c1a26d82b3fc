"""Tables of Iceberg and Delta in a lake, written by the libraries of the formats themselves."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow
from deltalake import DeltaTable, write_deltalake
from pyarrow import parquet
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table

from support.iceberg_tables import deletes_file, position_deletes, snapshot_with
from support.lakes import REGION, Lake, session_of


def _keys(lake: Lake) -> Any:
    return session_of(lake.moto, lake.account_id).get_credentials().get_frozen_credentials()


def file_io_of(lake: Lake) -> dict[str, str]:
    """How pyiceberg writes to a lake."""
    keys = _keys(lake)
    return {
        "client.access-key-id": keys.access_key,
        "client.secret-access-key": keys.secret_key,
        "client.session-token": keys.token,
        "client.region": REGION,
        "s3.endpoint": lake.moto,
    }


def iceberg_table(
    lake: Lake,
    name: str,
    schema: Schema,
    spec: PartitionSpec = UNPARTITIONED_PARTITION_SPEC,
    database: str = "",
    **properties: str,
) -> Table:
    """An empty table of Iceberg below `name/`, in Glue."""
    catalog = GlueCatalog("lake", **file_io_of(lake), **{"glue.endpoint": lake.moto})
    database = database or lake.database
    catalog.create_namespace_if_not_exists(database)
    location = f"s3://{lake.bucket}/{name}"
    return catalog.create_table((database, name), schema, location=location, partition_spec=spec, properties=properties)


def state_key(lake: Lake, name: str) -> str:
    """The key of the metadata that are a table's state, as Glue has it."""
    found = lake.glue.get_table(DatabaseName=lake.database, Name=name)["Table"]
    return str(found["Parameters"]["metadata_location"]).removeprefix(f"s3://{lake.bucket}/")


def change_table(lake: Lake, name: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Have Glue say another thing of a table."""
    found = lake.glue.get_table(DatabaseName=lake.database, Name=name)["Table"]
    said = {key: found[key] for key in ("Name", "TableType", "StorageDescriptor", "Parameters")}
    said["PartitionKeys"] = found.get("PartitionKeys", [])
    change(said)
    lake.glue.update_table(DatabaseName=lake.database, TableInput=said)


def change_stored_state(lake: Lake, name: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Write a table's next state, as another program would, and have Glue name it."""
    state = json.loads(lake.s3.get_object(Bucket=lake.bucket, Key=state_key(lake, name))["Body"].read())
    change(state)
    uri = lake.put(f"{name}/metadata/99999-by-hand.metadata.json", json.dumps(state))
    change_table(lake, name, lambda said: said["Parameters"].update(metadata_location=uri))


def deleting_in_lake(lake: Lake, name: str, table: Table, positions: Mapping[str, Sequence[int]]) -> str:
    """A snapshot of a table of Iceberg in which rows are deleted; the URI of the file that says which."""
    told, written = position_deletes(positions), io.BytesIO()
    parquet.write_table(told, written)
    uri = lake.put(f"{name}/data/deletes.parquet", written.getvalue())
    file = deletes_file(uri, len(written.getvalue()), told.num_rows)
    change_stored_state(lake, name, snapshot_with(table, file, table.io))
    return uri


class LakeDelta:
    """A table of Delta below `name/`."""

    def __init__(self, lake: Lake, name: str) -> None:
        keys = _keys(lake)
        self.lake, self.name, self.uri = lake, name, f"s3://{lake.bucket}/{name}"
        self.options = {
            "AWS_ACCESS_KEY_ID": keys.access_key,
            "AWS_SECRET_ACCESS_KEY": keys.secret_key,
            "AWS_SESSION_TOKEN": keys.token,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": lake.moto,
            "AWS_ALLOW_HTTP": "true",
            "aws_conditional_put": "etag",
        }

    @property
    def table(self) -> DeltaTable:
        return DeltaTable(self.uri, storage_options=self.options)

    def write(self, columns: Mapping[str, Sequence[Any]], **how: Any) -> None:
        """Add rows."""
        rows = pyarrow.table(dict(columns))
        write_deltalake(self.uri, rows, mode="append", storage_options=self.options, **how)

    def in_glue(self, columns: Mapping[str, str], **parameters: str) -> None:
        """As a crawler has it, whose tables are native ones; or with other parameters."""
        said = parameters or {"spark.sql.sources.provider": "delta", "classification": "delta"}
        self.lake.table(self.name, columns, "delimited", said)

    def as_links_in_glue(self, columns: Mapping[str, str]) -> None:
        """As a crawler has it, whose tables are lists of files."""
        links = "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"
        location = f"{self.uri}/_symlink_format_manifest/"

        def change(said: dict[str, Any]) -> None:
            said["StorageDescriptor"] |= {"InputFormat": links, "Location": location}

        self.lake.table(self.name, columns, "parquet", {"classification": "parquet"})
        change_table(self.lake, self.name, change)
