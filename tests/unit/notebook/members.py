"""A member whose clients are botocore's own stubs: each call is held to the service model, and so is each answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from botocore.stub import Stubber

from whiteroom import notebook

ACCOUNT = "111111111111"
MEMBERSHIP = "00000000-0000-4000-8000-000000000001"
COLLABORATION = "00000000-0000-4000-8000-000000000002"
SECOND = "00000000-0000-4000-8000-000000000003"
"""The identifier of a later version."""
ML = f"arn:aws:cleanrooms-ml:us-east-1:{ACCOUNT}:membership/{MEMBERSHIP}"
MODEL, CHANNEL, JOB = f"{ML}/trained-model/m", f"{ML}/ml-input-channel/c", f"{ML}/trained-model-inference-job/j"
ALGORITHM = f"{ML}/configured-model-algorithm-association/a"
THEN = datetime(2026, 11, 30, 9, tzinfo=UTC)


@contextmanager
def stubbed(*services: str) -> Iterator[tuple[notebook.Member, dict[str, Stubber]]]:
    """A member, and what its clients are told to answer; all of it must have been asked for in the end."""
    member = notebook.connect("http://127.0.0.1:9", account=ACCOUNT)
    stubs = {service: Stubber(member.client(service)) for service in services}
    for stub in stubs.values():
        stub.activate()
    yield member, stubs
    for stub in stubs.values():
        stub.assert_no_pending_responses()
    member.close()


def model(status: str = "ACTIVE", **changes: Any) -> dict[str, Any]:
    """What GetTrainedModel answers."""
    return {
        "membershipIdentifier": MEMBERSHIP,
        "collaborationIdentifier": COLLABORATION,
        "trainedModelArn": MODEL,
        "name": "late",
        "status": status,
        "configuredModelAlgorithmAssociationArn": ALGORITHM,
        "resourceConfig": {"instanceType": "ml.m5.xlarge", "volumeSizeInGB": 5},
        "dataChannels": [{"mlInputChannelArn": CHANNEL, "channelName": "train"}],
        "createTime": THEN,
        "updateTime": THEN,
        **changes,
    }


def export_job(name: str = "export", status: str = "ACTIVE", **changes: Any) -> dict[str, Any]:
    """A summary of an export job."""
    return {
        "name": name,
        "status": status,
        "createTime": THEN,
        "updateTime": THEN,
        "outputConfiguration": {"members": [{"accountId": ACCOUNT}]},
        "creatorAccountId": ACCOUNT,
        "trainedModelArn": MODEL,
        "membershipIdentifier": MEMBERSHIP,
        "collaborationIdentifier": COLLABORATION,
        **changes,
    }


def membership() -> dict[str, Any]:
    """What GetMembership answers of the member's own."""
    return {
        "id": MEMBERSHIP,
        "arn": f"arn:aws:cleanrooms:us-east-1:{ACCOUNT}:membership/{MEMBERSHIP}",
        "collaborationArn": f"arn:aws:cleanrooms:us-east-1:{ACCOUNT}:collaboration/{COLLABORATION}",
        "collaborationId": COLLABORATION,
        "collaborationCreatorAccountId": ACCOUNT,
        "collaborationCreatorDisplayName": "Alice",
        "collaborationName": "Late",
        "createTime": THEN,
        "updateTime": THEN,
        "status": "ACTIVE",
        "memberAbilities": [],
        "queryLogStatus": "DISABLED",
        "paymentConfiguration": {"queryCompute": {"isResponsible": False}},
    }
