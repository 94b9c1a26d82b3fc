"""BucketDeliveries keep to the contract on moto's S3, and to what docs/s3.md says of one that fails."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from contract.data.suite import JOB, Place, fill
from contract.deliveries.suite import ID, RECEIVER, Delivered, DeliveriesContract, delivered_file, to
from contract.deliveries.suite import everything as everything_of
from support.s3_front import CUT, LOST, Front, Refuse, always, once
from whiteroom.aws.clients import _CONFIG, AwsClients
from whiteroom.data.buckets import MANIFEST, BucketDeliveries, OwnBuckets
from whiteroom.data.folder import FolderData
from whiteroom.data.uploads import PART_BYTES
from whiteroom.domain.execution.deliveries import Destination
from whiteroom.domain.execution.result_regions import BucketRegions
from whiteroom.ports.data import UnsafeContents
from whiteroom.ports.deliveries import DeliveryDelayed, DeliveryFailed, DeliveryGone

ROLE = f"arn:aws:iam::{RECEIVER}:role/results"
TO = to("s3://hospital-a/r")


@pytest.fixture
def clients(front: Front, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AwsClients:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for name, value in (("ACCESS_KEY_ID", "AKIASERVER"), ("SECRET_ACCESS_KEY", "s"), ("ENDPOINT_URL", front.url)):
        monkeypatch.setenv(f"AWS_{name}", value)
    once_more = Config(retries={"mode": "standard", "total_max_attempts": 2})
    monkeypatch.setattr("whiteroom.aws.clients._CONFIG", _CONFIG.merge(once_more))
    return AwsClients("us-east-1")


@pytest.fixture
def deliveries(s3: Any, clients: AwsClients, tmp_path: Path) -> BucketDeliveries:
    del s3
    return BucketDeliveries(tmp_path / "uploads", FolderData(tmp_path), clients, BucketRegions("us-east-1"))


@pytest.fixture
def under_way(s3: Any, buckets: tuple[str, ...], tmp_path: Path) -> Callable[[], int]:
    """How many uploads nobody sees yet, and notes of such."""

    def count() -> int:
        uploads = (s3.list_multipart_uploads(Bucket=bucket).get("Uploads", ()) for bucket in buckets)
        return sum(map(len, uploads)) + len(list((tmp_path / "uploads").glob("*")))

    return count


class TestBucketDeliveries(DeliveriesContract):
    adapters = (BucketDeliveries,)


def test_a_manifest_comes_last_and_says_what_there_is(
    deliveries: BucketDeliveries, place: Place, everything: Delivered, front: Front
) -> None:
    fill(place(JOB), a=b"1", b=b"")
    deliveries.deliver(TO, ID, "job", [("x/a", JOB.at("a")), ("b", JOB.at("b"))])
    found = everything()
    files = [delivered_file("x/a", b"1"), delivered_file("b", b"")]
    assert json.loads(found.pop(f"hospital-a/r/job/{MANIFEST}")) == {
        "job": ID,
        "files": [{"name": one.name, "sizeBytes": one.size_bytes, "sha256": one.sha256} for one in files],
    }
    assert found == {"hospital-a/r/job/x/a": b"1", "hospital-a/r/job/b": b""}
    assert front.asked[-1].key == f"r/job/{MANIFEST}"


def test_a_file_of_several_parts_arrives_whole(
    deliveries: BucketDeliveries, place: Place, delivered: Delivered, front: Front, under_way: Callable[[], int]
) -> None:
    body = os.urandom(2 * PART_BYTES + 1)
    fill(place(JOB), a=body, b=body[:PART_BYTES])
    deliveries.deliver(TO, ID, "job", [("a", JOB.at("a")), ("b", JOB.at("b"))])
    assert delivered() == {"hospital-a/r/job/a": body, "hospital-a/r/job/b": body[:PART_BYTES]}
    assert front.names().count("UploadPart") == 4
    assert under_way() == 0


def test_a_file_of_too_many_parts_has_larger_ones(
    deliveries: BucketDeliveries, place: Place, delivered: Delivered, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whiteroom.data.uploads.MOST_PARTS", 2)
    body = os.urandom(2 * PART_BYTES + 1)
    fill(place(JOB), a=body)
    deliveries.deliver(TO, ID, "job", [("a", JOB.at("a"))])
    assert delivered() == {"hospital-a/r/job/a": body}
    assert front.names().count("UploadPart") == 2


def test_every_part_and_every_object_has_a_checksum_and_every_call_the_owner_of_the_bucket(
    deliveries: BucketDeliveries, place: Place, front: Front
) -> None:
    fill(place(JOB), a=b"1")
    deliveries.deliver(TO, ID, "job", [("a", JOB.at("a"))])
    assert front.names() == ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "PutObject"]
    assert {one.headers.get("x-amz-expected-bucket-owner") for one in front.asked} == {RECEIVER}
    begun, part, _, manifest = front.asked
    assert begun.headers["x-amz-checksum-algorithm"] == "SHA256"
    assert part.headers["x-amz-checksum-sha256"] == "a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s="
    assert "x-amz-checksum-sha256" in manifest.headers
    assert not [one for one in front.asked if any(name.startswith("x-amz-server-side") for name in one.headers)]


def test_nothing_can_be_seen_before_it_is_confirmed(
    deliveries: BucketDeliveries, place: Place, everything: Delivered, front: Front
) -> None:
    fill(place(JOB), a=b"1")
    seen: list[object] = []
    deliveries.deliver(TO, ID, "job", [("a", JOB.at("a"))], lambda _: seen.append((everything(), front.names())))
    assert seen == [({}, ["CreateMultipartUpload", "UploadPart"])]


def test_the_bucket_is_spoken_to_in_its_own_region(
    s3: Any, clients: AwsClients, place: Place, front: Front, tmp_path: Path
) -> None:
    regions = BucketRegions("us-east-1", {"hospital-a": "eu-west-1"})
    fill(place(JOB), a=b"1")
    BucketDeliveries(tmp_path / "u", FolderData(tmp_path), clients, regions).deliver(
        TO, ID, "job", [("a", JOB.at("a"))]
    )
    assert all("/eu-west-1/s3/" in one.headers["authorization"] for one in front.asked)


def test_the_operators_own_place_is_written_to_by_the_server_itself(
    deliveries: BucketDeliveries, place: Place, front: Front, delivered: Delivered
) -> None:
    fill(place(JOB), a=b"1")
    deliveries.deliver(Destination("s3://hospital-a/all", None, None), ID, "job", [("a", JOB.at("a"))])
    assert delivered() == {"hospital-a/all/job/a": b"1"}
    assert all("Credential=AKIASERVER/" in one.headers["authorization"] for one in front.asked)
    assert not any("x-amz-expected-bucket-owner" in one.headers for one in front.asked)


def test_a_bucket_that_another_account_owns_is_refused(
    deliveries: BucketDeliveries, place: Place, front: Front, everything: Delivered, under_way: Callable[[], int]
) -> None:
    front.owners["hospital-a"] = "444455556666"
    fill(place(JOB), a=b"1")
    with pytest.raises(DeliveryFailed) as caught:
        deliveries.deliver(TO, ID, "job", [("a", JOB.at("a"))])
    for named in ("s3:CreateMultipartUpload", "hospital-a", ROLE, "AccessDenied"):
        assert named in caught.value.for_receiver
        assert named not in str(caught.value)
    assert everything() == {}
    assert under_way() == 0


@pytest.mark.parametrize(
    ("destination", "told"),
    [
        (Destination("s3://hospital-a", RECEIVER, None), "has set no role"),
        (Destination("s3://hospital-a", "444455556666", ROLE), "is not of the account 444455556666"),
        (Destination("s3://gone-bucket", RECEIVER, ROLE), "NoSuchBucket"),
    ],
)
def test_the_receiver_alone_is_told_why_nothing_arrived(
    deliveries: BucketDeliveries, place: Place, under_way: Callable[[], int], destination: Destination, told: str
) -> None:
    fill(place(JOB), a=b"1")
    with pytest.raises(DeliveryFailed) as caught:
        deliveries.deliver(destination, ID, "job", [("a", JOB.at("a"))])
    assert told in caught.value.for_receiver
    assert str(caught.value).startswith("The receiver's location took nothing.")
    assert under_way() == 0


OPERATIONS = ("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "PutObject")


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("trouble", [Refuse(503, "SlowDown"), Refuse(500, "InternalError"), CUT, LOST, 0.5], ids=str)
def test_trouble_that_passes_is_not_seen(
    deliveries: BucketDeliveries, place: Place, front: Front, everything: Delivered, operation: str, trouble: Any
) -> None:
    front.trouble = once(operation, trouble)
    fill(place(JOB), a=b"1", b=b"2")
    sources = [("a", JOB.at("a")), ("b", JOB.at("b"))]
    try:
        deliveries.deliver(TO, ID, "job", sources)
    except DeliveryDelayed:  # the store had done it, and the upload is no more
        assert trouble == LOST
        assert f"hospital-a/r/job/{MANIFEST}" not in everything()
        deliveries.deliver(TO, ID, "job", sources)
    assert {key.rpartition("/")[2] for key in everything()} == {"a", "b", MANIFEST}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_outage_delivers_no_manifest_and_is_healed_by_the_repeat(
    deliveries: BucketDeliveries,
    place: Place,
    front: Front,
    everything: Delivered,
    under_way: Callable[[], int],
    operation: str,
) -> None:
    front.trouble = always(operation, Refuse(503, "SlowDown"))
    fill(place(JOB), a=b"1", b=b"2")
    sources = [("a", JOB.at("a")), ("b", JOB.at("b"))]
    with pytest.raises(DeliveryDelayed) as caught:
        deliveries.deliver(TO, ID, "job", sources)
    assert f"s3:{operation}" in caught.value.for_receiver
    assert "hospital-a" not in str(caught.value)
    assert f"hospital-a/r/job/{MANIFEST}" not in everything()
    assert under_way() == 0
    front.trouble = lambda _: None
    deliveries.deliver(TO, ID, "job", sources)
    assert {key.rpartition("/")[2] for key in everything()} == {"a", "b", MANIFEST}


def test_a_store_that_takes_a_part_and_says_nothing_is_tried_again_later(
    deliveries: BucketDeliveries,
    place: Place,
    front: Front,
    everything: Delivered,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    impatient = Config(retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=0.3)
    monkeypatch.setattr("whiteroom.aws.clients._CONFIG", _CONFIG.merge(impatient))
    front.trouble = always("UploadPart", 1.5)
    fill(place(JOB), a=b"1")
    with pytest.raises(DeliveryDelayed, match="did not answer") as caught:
        deliveries.deliver(TO, ID, "job", [("a", JOB.at("a"))])
    assert "s3:UploadPart on the bucket hospital-a" in caught.value.for_receiver
    assert everything() == {}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_refused_in_the_middle_leaves_no_manifest(
    deliveries: BucketDeliveries,
    place: Place,
    front: Front,
    everything: Delivered,
    under_way: Callable[[], int],
    operation: str,
) -> None:
    front.trouble = always(operation, Refuse(403, "AccessDenied"))
    fill(place(JOB), a=b"1")
    with pytest.raises(DeliveryFailed, match="took nothing"):
        deliveries.deliver(TO, ID, "job", [("a", JOB.at("a"))])
    assert f"hospital-a/r/job/{MANIFEST}" not in everything()
    assert under_way() == 0


def test_a_token_that_has_expired_is_asked_for_anew(
    deliveries: BucketDeliveries, place: Place, front: Front, delivered: Delivered
) -> None:
    front.trouble = always("CreateMultipartUpload", Refuse(400, "ExpiredToken"))
    fill(place(JOB), a=b"1")
    with pytest.raises(DeliveryDelayed):
        deliveries.deliver(TO, ID, "job", [("a", JOB.at("a"))])
    expired = {one.headers["x-amz-security-token"] for one in front.asked}
    front.trouble = lambda asked: (
        Refuse(400, "ExpiredToken") if asked.headers["x-amz-security-token"] in expired else None
    )
    deliveries.deliver(TO, ID, "job", [("a", JOB.at("a"))])
    assert delivered() == {"hospital-a/r/job/a": b"1"}


def test_what_cannot_be_given_up_in_an_outage_is_given_up_by_the_next_attempt(
    deliveries: BucketDeliveries, place: Place, front: Front, under_way: Callable[[], int]
) -> None:
    front.trouble = lambda asked: (
        Refuse(503, "SlowDown") if asked.name in {"UploadPart", "AbortMultipartUpload"} else None
    )
    fill(place(JOB), a=b"1")
    with pytest.raises(DeliveryDelayed):
        deliveries.deliver(TO, ID, "job", [("a", JOB.at("a"))])
    assert under_way() == 2  # the upload, and its note
    front.trouble = lambda _: None
    deliveries.deliver(TO, ID, "job", [("a", JOB.at("a"))])
    assert under_way() == 0


def killed_when_all_is_up(deliveries: BucketDeliveries) -> None:
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:

        def die(_: object) -> None:
            os.write(writer, b"up")
            os.kill(os.getpid(), signal.SIGKILL)

        deliveries.deliver(TO, ID, "job", [("a", JOB.at("a"))], die)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as said:
        assert said.read() == b"up"
    os.waitpid(child, 0)


def test_what_a_killed_delivery_has_uploaded_goes_with_the_next_servers_sweep(
    deliveries: BucketDeliveries, place: Place, s3: Any, everything: Delivered, under_way: Callable[[], int]
) -> None:
    others = s3.create_multipart_upload(Bucket="hospital-a", Key="r/job/of-the-receivers-own")["UploadId"]
    fill(place(JOB), a=b"1")
    killed_when_all_is_up(deliveries)
    assert under_way() == 3
    deliveries.sweep()
    (left,) = s3.list_multipart_uploads(Bucket="hospital-a")["Uploads"]
    assert left["UploadId"] == others
    assert under_way() == 1
    assert everything() == {}


def test_a_bucket_that_does_not_answer_is_swept_later(
    deliveries: BucketDeliveries, place: Place, front: Front, under_way: Callable[[], int]
) -> None:
    fill(place(JOB), a=b"1")
    killed_when_all_is_up(deliveries)
    front.trouble = lambda _: Refuse(503, "SlowDown")
    deliveries.sweep()
    assert under_way() == 2
    front.trouble = lambda _: None
    deliveries.sweep()
    assert under_way() == 0


def test_a_note_that_is_old_or_that_a_power_cut_left_empty_is_dropped(
    deliveries: BucketDeliveries, place: Place, tmp_path: Path, front: Front
) -> None:
    fill(place(JOB), a=b"1")
    killed_when_all_is_up(deliveries)
    (note,) = (tmp_path / "uploads").iterdir()
    os.utime(note, (0, 0))
    fill(tmp_path / "uploads", cut=b"", other=b"[1]")
    front.asked.clear()
    deliveries.sweep()
    assert list((tmp_path / "uploads").iterdir()) == []
    assert front.asked == []


def test_a_delivery_under_way_is_left_alone_by_the_sweep(
    deliveries: BucketDeliveries, place: Place, delivered: Delivered
) -> None:
    fill(place(JOB), a=b"1")
    deliveries.deliver(TO, ID, "job", [("a", JOB.at("a"))], lambda _: deliveries.sweep())
    assert delivered() == {"hospital-a/r/job/a": b"1"}


def test_the_manifests_name_is_no_files(deliveries: BucketDeliveries, place: Place) -> None:
    fill(place(JOB), a=b"1")
    with pytest.raises(UnsafeContents, match=rf"{MANIFEST}.* let the program give the file another name"):
        deliveries.deliver(TO, ID, "job", [(MANIFEST, JOB.at("a"))])


def test_what_lies_in_a_receivers_bucket_is_fetched_there(deliveries: BucketDeliveries) -> None:
    with pytest.raises(DeliveryGone, match="in the receiver's own bucket"):
        deliveries.open_delivered("s3://hospital-a/r", "job", delivered_file("a", b"1"))


@pytest.fixture
def beside(s3: Any, clients: AwsClients, tmp_path: Path) -> BucketDeliveries:
    """To an S3 beside the server, where an account has the bucket of its name."""
    del s3
    folder = FolderData(tmp_path)
    there = OwnBuckets("https://s3.example.org", "operators", folder)
    return BucketDeliveries(tmp_path / "uploads", folder, clients, BucketRegions("us-east-1"), there)


def test_a_location_from_before_the_s3_beside_the_server_is_refused_with_the_one_to_set(
    beside: BucketDeliveries, place: Place, front: Front
) -> None:
    fill(place(JOB), a=b"1")
    with pytest.raises(DeliveryFailed, match="Whoever can mend it was told why") as caught:
        beside.deliver(TO, ID, "job", [("a", JOB.at("a"))])
    assert "hospital-a" not in str(caught.value)
    assert caught.value.for_receiver.startswith(
        "The location is in the bucket hospital-a, and results go to the S3 beside"
    )
    assert f"Set a location in s3://{RECEIVER}/" in caught.value.for_receiver
    assert front.asked == []


def test_what_was_delivered_before_the_s3_beside_the_server_is_still_fetched_from_the_server(
    beside: BucketDeliveries, place: Place, tmp_path: Path
) -> None:
    fill(place(JOB), a=b"1")
    FolderData(tmp_path).deliver(TO, ID, "job", [("a", JOB.at("a"))])
    assert everything_of(beside.open_delivered(TO.location, "job", delivered_file("a", b"1"))) == b"1"
    for bucket in (RECEIVER, "operators"):
        with pytest.raises(DeliveryGone, match=f"in the bucket {bucket} of .* at https://s3.example.org: fetch it"):
            beside.open_delivered(f"s3://{bucket}/r", "job", delivered_file("a", b"1"))
