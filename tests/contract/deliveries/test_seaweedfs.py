"""BucketDeliveries keep to the contract on a real store, which checks signatures, rights and checksums."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from contract.data.suite import JOB, Place, fill
from contract.deliveries.suite import ID, RECEIVER, Delivered, DeliveriesContract, to
from support.seaweedfs import OWNED, Store, keys_of
from whiteroom.aws.clients import AwsClients
from whiteroom.data.buckets import BucketDeliveries
from whiteroom.data.folder import FolderData
from whiteroom.data.uploads import PART_BYTES
from whiteroom.domain.execution.deliveries import Destination
from whiteroom.domain.execution.result_regions import BucketRegions
from whiteroom.ports.deliveries import DeliveryFailed

OTHER = "444455556666"


@pytest.fixture
def buckets() -> tuple[str, ...]:
    return tuple(bucket for owned in OWNED.values() for bucket in owned)


@pytest.fixture
def s3(seaweedfs: Store, buckets: tuple[str, ...]) -> Any:
    """Of who may do everything; the accounts' buckets are empty."""
    client = seaweedfs.client()
    there = {one["Name"] for one in client.list_buckets()["Buckets"]}
    for bucket in buckets:
        if bucket not in there:
            client.create_bucket(Bucket=bucket)
        for one in client.list_objects_v2(Bucket=bucket).get("Contents", ()):
            client.delete_object(Bucket=bucket, Key=one["Key"])
    return client


@pytest.fixture
def deliveries(s3: Any, seaweedfs: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BucketDeliveries:
    """Each account's user signs for it: it is mapped as a profile, since this store assumes no roles."""
    del s3
    lines = []
    for account_id in OWNED:
        key, secret = keys_of(account_id)
        lines += [f"[{account_id}]", f"aws_access_key_id = {key}", f"aws_secret_access_key = {secret}"]
    (tmp_path / "credentials").write_text("\n".join(lines))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", seaweedfs.url)
    clients = AwsClients("us-east-1", account_profiles={account_id: account_id for account_id in OWNED})
    return BucketDeliveries(tmp_path / "uploads", FolderData(tmp_path), clients, BucketRegions("us-east-1"))


class TestBucketDeliveries(DeliveriesContract):
    adapters = (BucketDeliveries,)


def test_a_file_of_several_parts_arrives_whole_with_the_checksum_of_its_parts(
    deliveries: BucketDeliveries, place: Place, delivered: Delivered, s3: Any
) -> None:
    body = os.urandom(2 * PART_BYTES + 1)
    fill(place(JOB), a=body)
    deliveries.deliver(to("s3://hospital-a/r"), ID, "job", [("a", JOB.at("a"))])
    assert delivered() == {"hospital-a/r/job/a": body}
    head = s3.head_object(Bucket="hospital-a", Key="r/job/a", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"].endswith("-3")
    assert not s3.list_multipart_uploads(Bucket="hospital-a").get("Uploads")


def test_nobody_writes_to_a_bucket_by_the_rights_of_another(
    deliveries: BucketDeliveries, place: Place, everything: Delivered
) -> None:
    fill(place(JOB), a=b"1")
    for location, account_id in (("s3://hospital-b/r", RECEIVER), ("s3://hospital-a/r", OTHER)):
        with pytest.raises(DeliveryFailed) as caught:
            deliveries.deliver(Destination(location, account_id, None), ID, "job", [("a", JOB.at("a"))])
        for named in ("s3:CreateMultipartUpload", "AccessDenied", account_id):
            assert named in caught.value.for_receiver
    assert everything() == {}


def test_what_a_killed_delivery_has_uploaded_goes_with_the_next_servers_sweep(
    deliveries: BucketDeliveries, place: Place, everything: Delivered, s3: Any
) -> None:
    fill(place(JOB), a=b"1")
    if (child := os.fork()) == 0:
        deliveries.deliver(to("s3://hospital-a/r"), ID, "job", [("a", JOB.at("a"))], lambda _: os._exit(0))
    os.waitpid(child, 0)
    assert len(s3.list_multipart_uploads(Bucket="hospital-a")["Uploads"]) == 1
    deliveries.sweep()
    assert not s3.list_multipart_uploads(Bucket="hospital-a").get("Uploads")
    assert everything() == {}
