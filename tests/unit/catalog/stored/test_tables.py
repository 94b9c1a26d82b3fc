from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from whiteroom.aws.identities import member
from whiteroom.catalog.stored.tables import StoredTables, Unreadable
from whiteroom.domain.privacy.readings import NO_WISHES
from whiteroom.engines.duckdb.schemas import read_schema

OWNER = member("111122223333", None, "q")
LIE = "a\n\x1b[2J2026-01-01 ERROR all is lost.csv"
HOSTILE = (
    {LIE: b""},
    {LIE: b"id,x\n1,2\n1,2,3\n"},
    {f"y=1/x\n/{LIE}": b"id\n1\n", "b.csv": b"id\n1\n"},
    {f"_delta_log/{LIE}": b"{}"},
    {LIE: b"%PDF-1"},
    {f"y\n=1/{LIE}": b"id\n1\n"},
)


@dataclass
class Bucket:
    """botocore's client of a bucket with keys that a browser would not send."""

    objects: Mapping[str, bytes]
    asked: list[Any] = field(default_factory=list)

    def client(self, *_: object) -> Any:
        return self

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, **request: Any) -> Iterator[Any]:
        self.asked.append(request)
        listed = [{"Key": f"t/{key}", "Size": len(body), "ETag": '"e"'} for key, body in sorted(self.objects.items())]
        yield {"Contents": [one for one in listed if str(one["Key"]).startswith(request["Prefix"])]}

    def get_object(self, **request: Any) -> Any:
        self.asked.append(request)
        return {"Body": io.BytesIO(self.objects[request["Key"].removeprefix("t/")]), "ETag": '"e"'}


@pytest.mark.parametrize("objects", HOSTILE)
def test_a_key_puts_no_line_of_its_own_into_a_sentence(tmp_path: Path, objects: Mapping[str, bytes]) -> None:
    tables = StoredTables(Bucket(objects), 10**6, {})
    with pytest.raises(Unreadable) as refused:
        tables.brought(OWNER, ["s3://bucket/t/"], NO_WISHES, read_schema, tmp_path)
    assert str(refused.value).isprintable()
    assert str(refused.value).endswith(".")
    assert refused.value.seen is None or refused.value.seen.file.isprintable()


def test_every_call_says_whose_the_bucket_must_be(tmp_path: Path) -> None:
    bucket = Bucket({"a.csv": b"id\n1\n"})
    assert StoredTables(bucket, 10**6, {}).brought(OWNER, ["s3://bucket/t/"], NO_WISHES, read_schema, tmp_path)
    assert {request["ExpectedBucketOwner"] for request in bucket.asked} == {OWNER.account_id}
