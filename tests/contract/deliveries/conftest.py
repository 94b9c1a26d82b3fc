"""What deliveries are put into, and how a test sees what arrived."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contract.data.suite import Place
from contract.deliveries.suite import Delivered
from support.moto import s3_of_its_own
from support.s3_front import Front, s3_front
from whiteroom.data.buckets import MANIFEST
from whiteroom.data.folder import FolderData


@pytest.fixture
def buckets() -> tuple[str, ...]:
    """Of the receivers."""
    return ("hospital-a", "a.b.c")


@pytest.fixture
def front(moto: str) -> Iterator[Front]:
    """A store that fails as a test says."""
    with s3_front(moto) as found:
        yield found


@pytest.fixture
def s3(moto: str, buckets: tuple[str, ...]) -> Any:
    """The receivers' own client, past the front."""
    return s3_of_its_own(moto, buckets)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return lambda ref: Path(FolderData(tmp_path).path(ref))


@pytest.fixture
def everything(s3: Any, buckets: tuple[str, ...]) -> Delivered:
    def find() -> dict[str, bytes]:
        return {
            f"{bucket}/{one['Key']}": s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
            for bucket in buckets
            for one in s3.list_objects_v2(Bucket=bucket).get("Contents", ())
        }

    return find


@pytest.fixture
def delivered(everything: Delivered) -> Delivered:
    """But for the manifests: they say of what is there that it is whole."""
    return lambda: {key: body for key, body in everything().items() if not key.endswith(f"/{MANIFEST}")}
