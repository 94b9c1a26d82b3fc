"""The least IAM policy in docs/s3.md is enough, and no part of it can be left out: held to moto's enforcement."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest

from support.moto import moto_server
from unit.data.s3.conftest import bucket_of
from whiteroom.base.clock import utc_now
from whiteroom.base.locations import Location
from whiteroom.base.machine_errors import Trouble
from whiteroom.data.s3.bucket import Bucket
from whiteroom.data.s3.data import S3Data
from whiteroom.data.s3.sweeping import sweep_store
from whiteroom.domain.execution.data import DataKind, DataRef

PAGE = (Path(__file__).parents[4] / "docs" / "s3.md").read_text()
POLICY = json.loads(PAGE.split("The least that the server's identity is allowed:\n\n```json\n")[1].split("```")[0])
ACTIONS = sorted({action for statement in POLICY["Statement"] for action in statement["Action"]})
BUCKET = "least"
REF = DataRef(DataKind.CHANNEL, "c")


def policy(without: str = "") -> str:
    text = json.dumps(POLICY).replace("BUCKET/PREFIX", f"{BUCKET}/room").replace("BUCKET", BUCKET)
    document = json.loads(text)
    # Where S3 asks about each key that DeleteObjects names, moto asks about the bucket.
    on_bucket = {"Effect": "Allow", "Resource": f"arn:aws:s3:::{BUCKET}", "Action": ["s3:DeleteObject"]}
    document["Statement"].append(on_bucket)
    for statement in document["Statement"]:
        statement["Action"] = [action for action in statement["Action"] if action != without]
    return json.dumps({**document, "Statement": [one for one in document["Statement"] if one["Action"]]})


@pytest.fixture(scope="module")
def enforcing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A moto that asks IAM about every call."""
    with moto_server(tmp_path_factory.mktemp("moto-iam")) as url:
        boto3.client("s3", endpoint_url=url, region_name="us-east-1", **ROOT).create_bucket(Bucket=BUCKET)
        yield url


ROOT = {"aws_access_key_id": "root", "aws_secret_access_key": "root"}


def as_user(url: str, document: str) -> Any:
    """A client of a user with that policy alone."""
    count_from(url, "inf")
    iam = boto3.client("iam", endpoint_url=url, region_name="us-east-1", **ROOT)
    name = f"server-{uuid.uuid4().hex}"
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="least", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    count_from(url, "0")
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)


def count_from(url: str, calls: str) -> None:
    """Have moto let so many calls through before it asks IAM."""
    asked = Request(f"{url}/moto-api/reset-auth", calls.encode(), {"Content-Type": "text/plain"}, method="POST")
    urlopen(asked, timeout=10).close()


def everything(client: Any, folder: Path) -> None:
    """All that the server does with its bucket."""
    data = S3Data(folder, Bucket(lambda: client, Location(BUCKET, ("room",)), "server-1"), 10**9, frozenset)
    path = Path(data.path(REF))
    path.mkdir(parents=True)
    (path / "rows").write_bytes(b"1" * (20 << 20))
    assert data.keep(REF)
    assert list(data.held(DataKind.CHANNEL)) == ["c"]
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="room/objects/channel/c/cut")
    sweep_store(data, utc_now())
    elsewhere = S3Data(folder / "elsewhere", data.bucket, 10**9, frozenset)
    assert elsewhere.bring(REF)
    assert not bucket_of(data).versions_are_kept()
    data.erase(REF)
    assert upload


def test_the_policy_is_enough(enforcing: str, tmp_path: Path) -> None:
    everything(as_user(enforcing, policy()), tmp_path)


@pytest.mark.parametrize("action", ACTIONS)
def test_no_action_of_the_policy_can_be_left_out(enforcing: str, tmp_path: Path, action: str) -> None:
    with pytest.raises(Trouble, match="AccessDenied"):
        everything(as_user(enforcing, policy(action)), tmp_path)
