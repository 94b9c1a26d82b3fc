"""Results in a member's own bucket, by its role: of a query, an export and an inference job; through a kill -9."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from support.live import LiveRoom, live_room, once
from support.revoking import Owner
from support.s3_front import Front, Refuse, always, s3_front
from support.s3_front import once as once_only
from support.worlds.requests import ALICE, collaboration_rule, custom_rule, role_of

pytestmark = pytest.mark.slow

ENDED = ("SUCCESS", "FAILED", "CANCELLED", "TIMED_OUT")
SQL = "SELECT patient, age FROM visits WHERE age < 4"
ROWS = b"patient,age\n1,1\n2,2\n3,3\n"


@pytest.fixture(scope="module")
def front(moto: str) -> Iterator[Front]:
    with s3_front(moto) as found:
        yield found


@pytest.fixture(scope="module")
def s3(moto: str) -> Any:
    """The member's own client."""
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=moto, **keys)
    client.create_bucket(Bucket="alice")
    return client


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, front: Front, s3: Any) -> Iterator[LiveRoom]:
    settings = {
        "WHITEROOM_BUCKETS": "s3",
        "AWS_ENDPOINT_URL": front.url,
        "AWS_ACCESS_KEY_ID": "AKIASERVER",
        "AWS_SECRET_ACCESS_KEY": "s",
    }
    with live_room(tmp_path_factory.mktemp("buckets") / "data", **settings) as room:
        owner = Owner(room)
        owner.rule("Update", custom_rule(additionalAnalyses="ALLOWED"))
        owner.association_rule("Update", collaboration_rule(allowedResultReceivers=[ALICE]))
        place = {"resultFormat": "CSV", "bucket": "alice", "keyPrefix": "queries"}
        room.client("cleanrooms").update_membership(
            **room.of(ALICE),
            defaultResultConfiguration={"outputConfiguration": {"s3": place}, "roleArn": role_of(ALICE)},
        )
        yield room


@pytest.fixture(autouse=True)
def well(front: Front) -> Iterator[None]:
    yield
    front.trouble = lambda _: None


def start(room: LiveRoom, **s3: Any) -> str:
    output = {"s3": {"resultFormat": "CSV", "bucket": "alice", "keyPrefix": "queries", **s3}}
    answer = room.client("cleanrooms").start_protected_query(
        type="SQL",
        **room.of(ALICE),
        sqlParameters={"queryString": SQL},
        resultConfiguration={"outputConfiguration": output},
    )
    return str(answer["protectedQuery"]["id"])


def ended(room: LiveRoom, query: str) -> Any:
    here = {"membershipIdentifier": room.membership(ALICE), "protectedQueryIdentifier": query}
    cleanrooms = room.client("cleanrooms")
    return once(lambda seen: seen["status"] in ENDED, lambda: cleanrooms.get_protected_query(**here)["protectedQuery"])


def below(s3: Any, prefix: str) -> dict[str, bytes]:
    found = s3.list_objects_v2(Bucket="alice", Prefix=prefix).get("Contents", ())
    return {
        one["Key"].rpartition("/")[2]: s3.get_object(Bucket="alice", Key=one["Key"])["Body"].read() for one in found
    }


def assert_arrived(s3: Any, query: str) -> None:
    found = below(s3, f"queries/{query}/")
    (told,) = json.loads(found.pop("_SUCCESS"))["files"]
    assert found == {told["name"]: ROWS}
    assert told["sizeBytes"] == len(ROWS)
    assert not s3.list_multipart_uploads(Bucket="alice").get("Uploads")


def test_rows_of_a_query_arrive_in_the_members_bucket_by_its_role(room: LiveRoom, s3: Any, front: Front) -> None:
    query = start(room)
    done = ended(room, query)
    assert done["status"] == "SUCCESS", done.get("error")
    assert_arrived(s3, query)
    assert done["result"]["output"]["s3"]["location"].startswith(f"s3://alice/queries/{query}/")
    assert {one.headers["x-amz-expected-bucket-owner"] for one in front.asked} == {ALICE}
    room.assert_nothing_left()


def test_what_arrived_there_is_listed_by_the_server_and_fetched_from_the_bucket(room: LiveRoom) -> None:
    query = start(room)
    assert ended(room, query)["status"] == "SUCCESS"
    whiteroom = room.client("whiteroom")
    (listed,) = (one for one in whiteroom.list_results()["results"] if one["jobName"] == query)
    assert listed["location"] == f"s3://alice/queries/{query}/"
    with pytest.raises(ClientError, match="in the receiver's own bucket"):
        whiteroom.get_result(resultIdentifier=listed["resultIdentifier"], fileName=listed["files"][0]["fileName"])


def test_an_export_and_an_inference_job_arrive_there_too(room: LiveRoom, s3: Any) -> None:
    exports = {"maxSize": {"unit": "GB", "value": 1.0}, "filesToExport": ["MODEL", "OUTPUT"]}
    association = room.association(name="exported", policies={"trainedModelExports": exports})
    channel = room.finished(room.channel("rows", association=association))
    model = room.finished(room.train("model", channel["mlInputChannelArn"], association))
    room.finished(room.infer("scores", model["trainedModelArn"], channel["mlInputChannelArn"]))
    room.export("export", model["trainedModelArn"])
    assert room.exported("export", model["trainedModelArn"])["status"] == "ACTIVE"
    found = below(s3, "results/")
    assert {"_SUCCESS", "model.tar.gz"} <= set(found)
    assert any(name.endswith(".out") for name in found)


def test_a_kill_in_the_middle_of_an_upload_loses_nothing_and_leaves_nothing(
    room: LiveRoom, s3: Any, front: Front
) -> None:
    asked = len(front.asked)
    front.trouble = once_only("UploadPart", 5.0)
    query = start(room)
    once(lambda seen: "UploadPart" in [one.name for one in seen], lambda: front.asked[asked:])
    room.kill()
    assert below(s3, f"queries/{query}/") == {}
    room.start()
    done = ended(room, query)
    assert done["status"] == "SUCCESS", done.get("error")
    assert_arrived(s3, query)


def test_an_outage_is_waited_for(room: LiveRoom, s3: Any, front: Front) -> None:
    asked = len(front.asked)
    front.trouble = always("CreateMultipartUpload", Refuse(503, "SlowDown"))
    query = start(room)
    once(lambda seen: len(seen) >= 4, lambda: front.asked[asked:])
    assert below(s3, f"queries/{query}/") == {}
    front.trouble = lambda _: None
    assert ended(room, query)["status"] == "SUCCESS"
    assert_arrived(s3, query)


def test_a_bucket_that_is_gone_is_told_to_its_member(room: LiveRoom) -> None:
    done = ended(room, start(room, bucket="gone-bucket"))
    assert (done["status"], done["error"]["code"]) == ("FAILED", "RESOURCE_ACCESS_DENIED")
    for named in ("s3:CreateMultipartUpload", "gone-bucket", role_of(ALICE), "NoSuchBucket"):
        assert named in done["error"]["message"]
