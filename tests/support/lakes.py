"""Members' tables in Glue and S3, as moto has them, made by boto3 alone."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3

SERDES: Mapping[str, tuple[str, str]] = {
    "csv": (
        "org.apache.hadoop.hive.serde2.OpenCSVSerde",
        "org.apache.hadoop.mapred.TextInputFormat",
    ),
    "delimited": (
        "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        "org.apache.hadoop.mapred.TextInputFormat",
    ),
    "json": ("org.openx.data.jsonserde.JsonSerDe", "org.apache.hadoop.mapred.TextInputFormat"),
    "parquet": (
        "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    ),
    "orc": (
        "org.apache.hadoop.hive.ql.io.orc.OrcSerde",
        "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat",
    ),
}
"""By the name of a format: the SerDe, and the input format that goes with it."""
REGION = "us-east-1"


def session_of(moto: str, account_id: str) -> boto3.Session:
    """Somebody of an account, who may do everything there."""
    own = boto3.Session("AKIATEST", "secret", region_name=REGION)
    sts = own.client("sts", endpoint_url=moto)
    role = f"arn:aws:iam::{account_id}:role/analyst"
    found = sts.assume_role(RoleArn=role, RoleSessionName="analyst")["Credentials"]
    return boto3.Session(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], region_name=REGION)


@dataclass
class Lake:
    """An account's bucket and database."""

    moto: str
    account_id: str
    bucket: str = field(default_factory=lambda: f"lake-{uuid.uuid4()}")
    region: str = REGION

    def __post_init__(self) -> None:
        session = session_of(self.moto, self.account_id)
        self.s3: Any = session.client("s3", endpoint_url=self.moto)
        self.glue: Any = session.client("glue", endpoint_url=self.moto, region_name=self.region)
        self.s3.create_bucket(Bucket=self.bucket)

    @property
    def database(self) -> str:
        """The database's name, which no other lake has."""
        return self.bucket.replace("-", "_")

    def put(self, key: str, body: bytes | str) -> str:
        """Write an object; its URI."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def table(
        self,
        name: str,
        columns: Mapping[str, str],
        kind: str = "csv",
        parameters: Mapping[str, str] | None = None,
        *,
        partitioned_by: Mapping[str, str] | None = None,
        serde: Mapping[str, str] | None = None,
        database: str = "",
        location: str = "",
        **more: Any,
    ) -> None:
        """Make a table, or make it anew, whose rows lie below `name/`."""
        storage = self._storage(f"{name}/", columns, kind, serde or {})
        storage |= {"Location": location} if location else {}
        database = database or self.database
        keys = [{"Name": key, "Type": value} for key, value in (partitioned_by or {}).items()]
        table = {
            "Name": name,
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": storage,
            "PartitionKeys": keys,
            "Parameters": dict(parameters or {}),
            **more,
        }
        if database not in {found["Name"] for found in self.glue.get_databases()["DatabaseList"]}:
            self.glue.create_database(DatabaseInput={"Name": database})
        if name in {found["Name"] for found in self.glue.get_tables(DatabaseName=database)["TableList"]}:
            self.glue.update_table(DatabaseName=database, TableInput=table)
        else:
            self.glue.create_table(DatabaseName=database, TableInput=table)

    def partition(
        self, table: str, values: Sequence[str], prefix: str, kind: str = "csv", *, database: str = "", **serde: str
    ) -> None:
        """Add a partition of a table, whose rows lie below a prefix."""
        storage = self._storage(prefix, {}, kind, serde)
        self.glue.create_partition(
            DatabaseName=database or self.database,
            TableName=table,
            PartitionInput={"Values": list(values), "StorageDescriptor": storage},
        )

    def _storage(self, prefix: str, columns: Mapping[str, str], kind: str, serde: Mapping[str, str]) -> dict[str, Any]:
        library, input_format = SERDES[kind]
        return {
            "Columns": [{"Name": key, "Type": value} for key, value in columns.items()],
            "Location": f"s3://{self.bucket}/{prefix}",
            "InputFormat": input_format,
            "SerdeInfo": {"SerializationLibrary": library, "Parameters": dict(serde)},
        }
