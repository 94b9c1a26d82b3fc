"""With `--s3`: owners put their tables into their own buckets, and the laboratory fetches its results from its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def put(s3: Any, bucket: str, table: Path) -> str:
    """Put a table's file into a bucket; the prefix that it is at."""
    s3.upload_file(str(table), bucket, f"tables/{table.stem}/{table.name}")
    return f"s3://{bucket}/tables/{table.stem}/"


def fetch(s3: Any, bucket: str, prefix: str, folder: Path) -> Path:
    """Fetch all that is below a prefix into a folder, each object under its own key; the folder."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", ()):
            target = folder / item["Key"]
            target.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, item["Key"], str(target))
    return folder
