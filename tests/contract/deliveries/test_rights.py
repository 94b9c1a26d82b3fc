"""The rights that docs/s3.md names are enough, and none is too much, as moto enforces IAM's policies."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from contract.data.suite import JOB, fill
from support.moto import moto_server
from whiteroom.aws.clients import AwsClients
from whiteroom.data.buckets import MANIFEST, BucketDeliveries
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.deliveries import Destination
from whiteroom.domain.execution.result_regions import BucketRegions
from whiteroom.ports.deliveries import DeliveryFailed

PAGE = (Path(__file__).parents[3] / "docs" / "s3.md").read_text()
TRUST, SERVERS, RESULTS, *_ = (
    json.loads(one) for one in re.findall(r"```json\n(\{\"Version\".*?)```", PAGE, re.DOTALL)
)
"""Whom a receiver's role trusts; the policy of the server's own user, and that of the role."""
ACCOUNT = "123456789012"
"""Moto's own: its users and roles are there."""
ROLE = f"arn:aws:iam::{ACCOUNT}:role/whiteroom-results"
TO = Destination("s3://results-of-b/results", ACCOUNT, ROLE)


class Aws:
    """AWS's services, with one user, one role and one bucket; who is allowed what, is looked at."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.enforce(False)
        self.s3, self.iam = self.root("s3"), self.root("iam")
        self.s3.create_bucket(Bucket="results-of-b")
        self.iam.create_user(UserName="whiteroom")
        self.keys = self.iam.create_access_key(UserName="whiteroom")["AccessKey"]
        self.iam.put_user_policy(UserName="whiteroom", PolicyName="own", PolicyDocument=json.dumps(SERVERS))
        trust = json.dumps(TRUST).replace("OPERATOR", ACCOUNT)
        self.iam.create_role(RoleName="whiteroom-results", AssumeRolePolicyDocument=trust)

    def root(self, service: str) -> Any:
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
        return boto3.client(service, endpoint_url=self.url, **keys)

    def allow(self, policy: Any) -> None:
        text = json.dumps(policy).replace("BUCKET", "results-of-b").replace("PREFIX", "results")
        self.enforce(False)
        self.iam.put_role_policy(RoleName="whiteroom-results", PolicyName="results", PolicyDocument=text)
        self.enforce(True)

    def enforce(self, really: bool) -> None:
        count = b"0" if really else b"inf"
        request = urllib.request.Request(
            f"{self.url}/moto-api/reset-auth", data=count, headers={"Content-Type": "text/plain"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=30):
            pass

    def objects(self) -> set[str]:
        self.enforce(False)
        return {one["Key"] for one in self.s3.list_objects_v2(Bucket="results-of-b").get("Contents", ())}

    def uploads(self) -> int:
        self.enforce(False)
        return len(self.s3.list_multipart_uploads(Bucket="results-of-b").get("Uploads", ()))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One of its own: whether rights are looked at is a matter of the whole server."""
    with moto_server(tmp_path_factory.mktemp("moto")) as url:
        yield url


@pytest.fixture
def aws(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Aws:
    with urllib.request.urlopen(urllib.request.Request(f"{server}/moto-api/reset", method="POST"), timeout=30):
        pass
    made = Aws(server)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", made.keys["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", made.keys["SecretAccessKey"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    return made


@pytest.fixture
def deliveries(aws: Aws, tmp_path: Path) -> BucketDeliveries:
    data = FolderData(tmp_path)
    fill(Path(data.path(JOB)), a=b"1")
    return BucketDeliveries(tmp_path / "uploads", data, AwsClients("us-east-1"), BucketRegions("us-east-1"))


def deliver(deliveries: BucketDeliveries, confirm: Callable[[object], object] = lambda _: None) -> None:
    deliveries.deliver(TO, "job-1", "job", [("a", JOB.at("a"))], confirm)


def cut_short(deliveries: BucketDeliveries) -> None:
    if (child := os.fork()) == 0:
        deliver(deliveries, lambda _: os._exit(0))
    os.waitpid(child, 0)


def without(action: str) -> Any:
    def rest(actions: str | list[str]) -> list[str]:
        return [one for one in ([actions] if isinstance(actions, str) else actions) if one != action]

    statements = [{**one, "Action": rest(one["Action"])} for one in RESULTS["Statement"]]
    return {**RESULTS, "Statement": [one for one in statements if one["Action"]]}


def test_the_rights_that_the_page_names_are_enough(aws: Aws, deliveries: BucketDeliveries) -> None:
    aws.allow(RESULTS)
    cut_short(deliveries)
    deliveries.sweep()
    assert (aws.uploads(), aws.objects()) == (0, set())
    aws.allow(RESULTS)
    deliver(deliveries)
    assert aws.objects() == {"results/job/a", f"results/job/{MANIFEST}"}


def test_without_the_right_to_write_the_receiver_is_told_which_it_is(aws: Aws, deliveries: BucketDeliveries) -> None:
    aws.allow(without("s3:PutObject"))
    with pytest.raises(DeliveryFailed) as caught:
        deliver(deliveries)
    for named in ("s3:CreateMultipartUpload", "results-of-b", ROLE):
        assert named in caught.value.for_receiver
    assert (aws.uploads(), aws.objects()) == (0, set())


@pytest.mark.parametrize("action", ["s3:AbortMultipartUpload", "s3:ListBucketMultipartUploads"])
def test_without_the_rights_to_give_up_what_was_cut_short_deliveries_arrive_and_it_stays(
    aws: Aws, deliveries: BucketDeliveries, action: str
) -> None:
    aws.allow(without(action))
    cut_short(deliveries)
    deliveries.sweep()
    assert aws.uploads() == 1
    aws.allow(without(action))
    deliver(deliveries)
    assert aws.objects() == {"results/job/a", f"results/job/{MANIFEST}"}


def test_the_servers_own_user_may_assume_roles_and_do_nothing_in_the_bucket(
    aws: Aws, deliveries: BucketDeliveries
) -> None:
    aws.allow(RESULTS)
    with pytest.raises(DeliveryFailed, match="took nothing") as caught:
        deliveries.deliver(Destination("s3://results-of-b/results", None, None), "job-1", "job", [("a", JOB.at("a"))])
    assert "the server itself" in caught.value.for_receiver
    assert aws.objects() == set()


def test_a_role_that_may_not_be_assumed_is_told_as_such(aws: Aws, deliveries: BucketDeliveries) -> None:
    aws.allow(RESULTS)
    other = Destination(TO.location, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/another")
    with pytest.raises(DeliveryFailed) as caught:
        deliveries.deliver(other, "job-1", "job", [("a", JOB.at("a"))])
    assert "sts:AssumeRole of arn:aws:iam" in caught.value.for_receiver
    assert "trust policy" in caught.value.for_receiver
