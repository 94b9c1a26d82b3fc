from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from whiteroom.wire.codec import Codec
from whiteroom.wire.models import all_operations, services
from whiteroom.wire.serialisers import epoch_seconds, iso_8601

MOMENT = datetime(2025, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


def serialised(service: str, name: str, output: dict[str, object] | None) -> object:
    body = Codec(services()[service].operations[name]).serialise(output)
    return json.loads(body) if body else None


def test_cleanrooms_ml_writes_times_as_text() -> None:
    assert serialised("cleanrooms-ml", "GetTrainedModel", {"createTime": MOMENT}) == {
        "createTime": "2025-01-02T03:04:05.678Z"
    }


def test_cleanrooms_writes_times_as_seconds() -> None:
    assert serialised("cleanrooms", "GetMembership", {"membership": {"createTime": MOMENT}}) == {
        "membership": {"createTime": 1735787045.678}
    }


@pytest.mark.parametrize("microsecond", [0, 1000, 999000, 999999])
def test_milliseconds_are_always_there(microsecond: int) -> None:
    assert iso_8601(MOMENT.replace(microsecond=microsecond)) == f"2025-01-02T03:04:05.{microsecond // 1000:03d}Z"


def test_other_time_zones_are_written_in_utc() -> None:
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=5)))
    assert (iso_8601(elsewhere), epoch_seconds(elsewhere)) == ("2025-01-02T03:04:05.678Z", 1735787045.678)


def test_what_is_none_or_not_of_the_model_stays_behind_at_every_depth() -> None:
    output: dict[str, object] = {
        "name": "a",
        "description": None,
        "internalNote": "x",
        "tags": {"a": "b", "c": None},
        "dataChannels": [None, {"channelName": "train", "secret": 1, "s3DataDistributionType": None}],
    }
    assert serialised("cleanrooms-ml", "GetTrainedModel", output) == {
        "name": "a",
        "tags": {"a": "b"},
        "dataChannels": [{"channelName": "train"}],
    }


def test_an_operation_without_output_has_an_empty_body() -> None:
    assert serialised("cleanrooms-ml", "CancelTrainedModel", None) is None
    assert serialised("cleanrooms-ml", "CancelTrainedModel", {"x": 1}) is None


def test_an_output_without_members_is_an_empty_object() -> None:
    assert serialised("cleanrooms-ml", "TagResource", None) == {}


def test_a_response_of_status_204_has_no_body_to_carry() -> None:
    without_content = [operation for operation in all_operations() if operation.success_status == 204]
    assert without_content
    assert all(not (each.output_shape and each.output_shape.members) for each in without_content)
    assert serialised("cleanrooms", "DeleteMembership", None) is None
