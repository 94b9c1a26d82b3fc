"""SealedData keeps to the contracts, in a folder and in S3, and to what sealing adds."""

from __future__ import annotations

import uuid
from contextlib import suppress
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from contract.data.suite import DataContract, LocalDataContract, Place, Read
from support.sealing import Rig
from support.seaweedfs import Store
from whiteroom.base.locations import Location
from whiteroom.data.s3.bucket import Bucket
from whiteroom.data.s3.data import S3Data
from whiteroom.data.s3.objects import Objects
from whiteroom.data.sealed.data import SealedData
from whiteroom.data.sealed.shelf import Shelf
from whiteroom.domain.execution.data import DataRef

BUCKET = "whiteroom-sealed"


@pytest.fixture
def rig(tmp_path: Path, objects: Objects) -> Rig:
    return Rig(tmp_path, objects)


@pytest.fixture
def data(rig: Rig) -> SealedData:
    return rig.data()


@pytest.fixture
def local(data: SealedData) -> SealedData:
    return data


@pytest.fixture
def place(data: SealedData) -> Place:
    return lambda ref: Path(data.path(ref))


@pytest.fixture
def read(rig: Rig) -> Read:
    """As a server reads it after the machine has started again: nothing is open yet."""

    def anew(ref: DataRef) -> bytes:
        elsewhere = rig.anew()
        assert elsewhere.bring(ref)
        return Path(elsewhere.path(ref)).read_bytes()

    return anew


class TestSealedDataInAFolder(DataContract, LocalDataContract):
    adapters = (SealedData,)

    @pytest.fixture
    def objects(self, tmp_path: Path) -> Objects:
        return Shelf(tmp_path / "data" / "sealed")


class TestSealedDataInS3(DataContract, LocalDataContract):
    adapters = (SealedData,)

    @pytest.fixture
    def objects(self, moto: str) -> Objects:
        client = Store(moto, "key", "secret").client()
        with suppress(ClientError):
            client.create_bucket(Bucket=BUCKET)
        place = Location(BUCKET, ("of", uuid.uuid4().hex))
        return Bucket(lambda: client, place, "server-1")


THOUGHT_OF = {
    "archive", "bring", "copy", "erase", "held", "keep", "kept_objects", "list", "measure", "pack", "path", "put",
    "reference", "sweep", "work",
}  # fmt: skip


def test_every_call_on_data_in_s3_was_thought_of_where_its_objects_are_sealed() -> None:
    """One that hands out bytes of objects in another way than by `bring` must open them, or not be of sealed data."""
    assert {name for name in vars(S3Data) if not name.startswith("_")} == THOUGHT_OF
