"""S3Data keeps to the contracts, on moto and on a real S3, and to what a store elsewhere adds."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from contract.data.suite import DataContract, LocalDataContract, Place, Read, fill
from support.seaweedfs import KEY, Store
from whiteroom.base.locations import Location
from whiteroom.base.machine_errors import Trouble
from whiteroom.data.s3.bucket import Bucket
from whiteroom.data.s3.data import S3Data
from whiteroom.domain.execution.data import DataKind, DataRef

BUCKET = "whiteroom-data"
Opened = Callable[[Path], S3Data]
"""The same data from a machine with that folder."""


@pytest.fixture
def place_in_s3(store: Store) -> Location:
    """One bucket for all tests: each takes seaweedfs some files of its own."""
    with suppress(ClientError):
        store.client().create_bucket(Bucket=BUCKET)
    return Location(BUCKET, ("of", uuid.uuid4().hex))


@pytest.fixture
def opened(store: Store, place_in_s3: Location) -> Opened:
    client = store.client()
    return lambda folder: S3Data(folder, Bucket(lambda: client, place_in_s3, "server-1"), 10**9, frozenset)


@pytest.fixture
def data(opened: Opened, tmp_path: Path) -> S3Data:
    return opened(tmp_path / "here")


@pytest.fixture
def local(data: S3Data) -> S3Data:
    return data


@pytest.fixture
def place(data: S3Data) -> Place:
    return lambda ref: Path(data.path(ref))


@pytest.fixture
def read(opened: Opened, tmp_path: Path) -> Read:
    """As another machine reads it, on which nothing is yet."""
    numbers = count()

    def from_elsewhere(ref: DataRef) -> bytes:
        elsewhere = opened(tmp_path / f"elsewhere-{next(numbers)}")
        assert elsewhere.bring(ref)
        return Path(elsewhere.path(ref)).read_bytes()

    return from_elsewhere


class TestS3DataOnMoto(DataContract, LocalDataContract):
    adapters = (S3Data,)

    @pytest.fixture
    def store(self, moto: str) -> Store:
        return Store(moto, "key", "secret")


class TestS3DataOnSeaweedfs(DataContract, LocalDataContract):
    adapters = (S3Data,)

    @pytest.fixture
    def store(self, seaweedfs: Store) -> Store:
        return seaweedfs


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [("AKIAOFNOBODY00000000", "secret", "InvalidAccessKeyId"), (KEY, "another", "SignatureDoesNotMatch")],
)
def test_wrong_credentials_are_told_and_lose_nothing_and_those_that_are_mended_are_taken_up(
    seaweedfs: Store, tmp_path: Path, key: str, secret: str, code: str
) -> None:
    place = Location(BUCKET, (uuid.uuid4().hex,))
    with suppress(ClientError):
        seaweedfs.client().create_bucket(Bucket=BUCKET)
    credentials = [Store(seaweedfs.url, key, secret)]
    ref = DataRef(DataKind.CHANNEL, "c")

    def connect() -> Any:
        return credentials[-1].client()

    data = S3Data(tmp_path, Bucket(connect, place, "server-1"), 10**9, frozenset)
    fill(Path(data.path(ref)), rows=b"1")
    told = rf"s3:PutObject on s3://{BUCKET}/.* was refused to the server itself \({code}\)"
    for act in (data.keep, data.bring, data.list):
        with pytest.raises(Trouble, match=told):
            act(ref)
    credentials.append(seaweedfs)
    assert data.keep(ref)
    assert data.bring(ref)
