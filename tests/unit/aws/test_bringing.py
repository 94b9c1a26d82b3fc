from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support.flaky_stores import ETAG, Fault, FlakyStore, another, cut, flaky_store, refuse, short
from whiteroom.aws import bringing
from whiteroom.aws.bringing import ObjectMoved, Wanted, bring
from whiteroom.aws.handed import handed_client
from whiteroom.aws.identities import member
from whiteroom.aws.refusals import AwsRefused, AwsUnreachable
from whiteroom.domain.privacy.query_tables import StoredObject

OWNER = member("111122223333", "arn:aws:iam::111122223333:role/tables", "q")
BODY = os.urandom(300_000)
ITEM = StoredObject("s3://lake/people/1.csv", len(BODY), ETAG)


@pytest.fixture
def store() -> Iterator[FlakyStore]:
    with flaky_store(BODY) as store:
        yield store


@pytest.fixture
def s3(store: FlakyStore, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(bringing, "PART_BYTES", 64_000)
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1"}
    # botocore waits between its own tries: a test does not.
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
    return handed_client("s3", {**keys, "AWS_ENDPOINT_URL_S3": store.url})


def brought(s3: Any, tmp_path: Path, item: StoredObject = ITEM) -> bytes:
    waits: list[float] = []
    bring(s3, OWNER, [Wanted(item, tmp_path / "1")], waits.append)
    return (tmp_path / "1").read_bytes()


def test_an_object_is_brought_byte_for_byte_in_parts(s3: Any, store: FlakyStore, tmp_path: Path) -> None:
    assert brought(s3, tmp_path) == BODY
    assert store.asked == 5


PASSING = [refuse(503, "SlowDown"), refuse(500, "InternalError"), cut, short, another]


@pytest.mark.parametrize("fault", PASSING)
def test_what_decides_nothing_is_asked_for_again_and_no_half_is_kept(
    s3: Any, store: FlakyStore, tmp_path: Path, fault: Fault
) -> None:
    store.faults = [fault] * 2
    assert brought(s3, tmp_path) == BODY


@pytest.mark.parametrize("fault", PASSING)
def test_a_store_that_goes_on_so_is_told_to_be_out_of_reach(
    s3: Any, store: FlakyStore, tmp_path: Path, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bringing, "_PAUSES_SECONDS", (0.0,))
    store.always = fault
    with pytest.raises(AwsUnreachable):
        brought(s3, tmp_path)


@pytest.mark.parametrize(
    "fault", [refuse(412, "PreconditionFailed"), refuse(404, "NoSuchKey"), refuse(416, "InvalidRange")]
)
def test_an_object_that_is_another_by_now_is_not_waited_for(
    s3: Any, store: FlakyStore, tmp_path: Path, fault: Fault
) -> None:
    store.always = fault
    with pytest.raises(ObjectMoved):
        brought(s3, tmp_path)


@pytest.mark.parametrize(
    ("status", "code"), [(403, "AccessDenied"), (404, "NoSuchBucket"), (403, "InvalidObjectState")]
)
def test_a_refusal_names_the_call_the_bucket_and_the_role(
    s3: Any, store: FlakyStore, tmp_path: Path, status: int, code: str
) -> None:
    store.always = refuse(status, code)
    with pytest.raises(AwsRefused) as caught:
        brought(s3, tmp_path)
    assert "s3:GetObject on the bucket lake" in str(caught.value)
    assert "role/tables" in str(caught.value)
    assert code in str(caught.value)


def test_an_expired_role_decides_nothing(s3: Any, store: FlakyStore, tmp_path: Path) -> None:
    store.always = refuse(400, "ExpiredToken")
    with pytest.raises(AwsUnreachable, match="ExpiredToken"):
        brought(s3, tmp_path)


def test_an_object_that_was_longer_when_it_was_listed_is_not_read(s3: Any, tmp_path: Path) -> None:
    with pytest.raises(AwsUnreachable):
        brought(s3, tmp_path, StoredObject(ITEM.uri, len(BODY) + 10, ETAG))
