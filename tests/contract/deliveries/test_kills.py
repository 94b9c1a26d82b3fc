"""A server that is killed at any request of a delivery: no manifest of what is not whole, and nothing stays unseen."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from contract.data.suite import JOB, fill
from contract.deliveries.suite import ID, to
from support.s3_front import CUT, Asked, Front, Trouble
from whiteroom.aws.clients import AwsClients
from whiteroom.data.buckets import MANIFEST, BucketDeliveries
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.result_regions import BucketRegions

BUCKET, PREFIX = "hospital-a", "x y/ä&<b>/"
FILES = {"a": b"1" * 1_000, "b": b"2"}
SOURCES = [("a", JOB.at("a")), ("sub/b", JOB.at("b"))]
WHOLE = {"a": FILES["a"], "sub/b": FILES["b"]}
REQUESTS = 7
"""Two uploads begun, two parts, two completed, the manifest."""


@pytest.fixture
def deliveries(s3: Any, front: Front, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> BucketDeliveries:
    del s3
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for name, value in (("ACCESS_KEY_ID", "AKIASERVER"), ("SECRET_ACCESS_KEY", "s"), ("ENDPOINT_URL", front.url)):
        monkeypatch.setenv(f"AWS_{name}", value)
    data = FolderData(tmp_path)
    fill(Path(data.path(JOB)), **FILES)
    return BucketDeliveries(tmp_path / "uploads", data, AwsClients("us-east-1"), BucketRegions("us-east-1"))


def deliver(deliveries: BucketDeliveries) -> None:
    deliveries.deliver(to(f"s3://{BUCKET}/{PREFIX}"), ID, "job", SOURCES)


def killed(deliveries: BucketDeliveries, front: Front, number: int, *, done: bool) -> None:
    """Kill whoever delivers at that request, done by the store or not."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.read(reader, 1)  # until the front knows whom to kill
        deliver(deliveries)
        os._exit(0)

    def kill(_: Asked) -> Trouble:
        if len(front.asked) == number:
            os.kill(child, signal.SIGKILL)
            return None if done else CUT
        return None

    front.trouble = kill
    os.write(writer, b"!")
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    for end in (reader, writer):
        os.close(end)
    front.trouble = lambda _: None


def below(s3: Any) -> dict[str, bytes]:
    start = f"{PREFIX}job/"
    found = s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())
    return {
        one["Key"].removeprefix(start): s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in found
    }


def uploads(s3: Any) -> int:
    return len(s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ()))


@pytest.mark.parametrize("done", [False, True], ids=["not done", "done"])
@pytest.mark.parametrize("number", range(1, REQUESTS + 1))
def test_whatever_request_the_server_is_killed_at(
    deliveries: BucketDeliveries, front: Front, s3: Any, number: int, *, done: bool
) -> None:
    killed(deliveries, front, number, done=done)
    seen = below(s3)
    if MANIFEST in seen:
        assert {name: body for name, body in seen.items() if name != MANIFEST} == WHOLE
    assert all(WHOLE[name] == body for name, body in seen.items() if name != MANIFEST)
    deliveries.sweep()
    assert uploads(s3) == 0
    deliver(deliveries)
    whole = below(s3)
    assert [one["name"] for one in json.loads(whole.pop(MANIFEST))["files"]] == list(WHOLE)
    assert whole == WHOLE
    assert uploads(s3) == 0


def test_a_delivery_makes_as_many_requests_as_are_killed_here(deliveries: BucketDeliveries, front: Front) -> None:
    deliver(deliveries)
    assert len(front.asked) == REQUESTS
