"""A bucket of each test's own, behind a store that fails as the test says."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from support.faulty import Faulty, faulty
from whiteroom.base.locations import Location
from whiteroom.data.s3.bucket import Bucket
from whiteroom.data.s3.data import S3Data
from whiteroom.domain.execution.data import DataKind, DataRef


@dataclass
class Shelf:
    """Data in a bucket, as the test's machine has it, and as it looks from the bucket's side."""

    tmp: Path
    store: Faulty
    real: Any
    """A client that meets no fault."""
    name: str
    in_use: set[str] = field(default_factory=set)
    patience_seconds: float = 20.0
    """How long a client waits for an answer."""

    def client(self) -> Any:
        """A client that meets the faults, and tries twice."""
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 2},
            connect_timeout=self.patience_seconds,
            read_timeout=self.patience_seconds,
            max_pool_connections=16,
            s3={"addressing_style": "path"},
        )
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
        return boto3.client("s3", endpoint_url=self.store.url, region_name="us-east-1", config=config, **keys)

    def bucket(self) -> Bucket:
        return Bucket(self.client, Location(self.name, ("own",)), "server-1")

    def data(self, folder: str = "here", cache_bytes: int = 10**9, *, may_empty: bool = True) -> S3Data:
        """The data from a machine with that folder."""
        in_use = (lambda: self.in_use) if may_empty else None
        return S3Data(self.tmp / folder, self.bucket(), cache_bytes, in_use)

    def names(self, below: str = "") -> list[str]:
        """What is in the bucket."""
        pages = self.real.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=f"own/{below}")
        return [item["Key"].removeprefix("own/") for page in pages for item in page.get("Contents", ())]

    def uploads(self) -> int:
        """How many uploads are not finished."""
        return len(self.real.list_multipart_uploads(Bucket=self.name).get("Uploads", ()))


def bucket_of(data: S3Data) -> Bucket:
    assert isinstance(data.bucket, Bucket)
    return data.bucket


def channel(name: str) -> DataRef:
    return DataRef(DataKind.CHANNEL, name)


@pytest.fixture(scope="session")
def moto_behind(moto: str) -> Iterator[Faulty]:
    with faulty(moto) as store:
        yield store


@pytest.fixture
def shelf(moto: str, moto_behind: Faulty, tmp_path: Path) -> Shelf:
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    real = boto3.client("s3", endpoint_url=moto, region_name="us-east-1", **keys)
    name = f"shelf-{uuid.uuid4().hex}"
    real.create_bucket(Bucket=name)
    moto_behind.fault = lambda _request: ""
    moto_behind.asked.clear()
    return Shelf(tmp_path, moto_behind, real, name)


@pytest.fixture
def write(shelf: Shelf) -> Callable[..., DataRef]:
    """Write the files of a channel on the test's machine."""

    def write(data: S3Data, name: str, **files: bytes) -> DataRef:
        ref = channel(name)
        folder = Path(data.path(ref))
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        return ref

    return write
