"""Streams of a group: one of each instance, by pages."""

from __future__ import annotations

import pytest

from support.worlds.requests import ALICE
from unit.operations.logs.desks import MODELS, Desk, logs_of
from whiteroom.base.faults import ValidationFault


def test_each_instance_has_a_stream_of_its_own(desk: Desk) -> None:
    config = {"instanceType": "ml.m5.xlarge", "volumeSizeInGB": 3, "instanceCount": 2}
    model = desk.run(logs_of(ALICE), resource_config=config)
    desk.write(f"training-{model.id}", [("stdout", "from the second")], host="algo-2")
    desk.write(f"training-{model.id}", [("platform", "of all")], host="")
    streams = desk.streams(ALICE)
    assert streams == [f"{model.id}/NULL/algo-1", f"{model.id}/NULL/algo-2"]
    for name, expected in zip(streams, [["epoch 1", "warning 2", "of all"], ["from the second"]], strict=True):
        events = desk.call(ALICE, "GetLogEvents", logGroupName=MODELS, logStreamName=name)["events"]
        assert [event["message"] for event in events] == expected
        assert desk.messages(ALICE, logStreamNames=[name]) == expected
        assert desk.messages(ALICE, logStreamNamePrefix=name) == expected


def test_streams_are_listed_by_pages_by_name_or_by_time(desk: Desk) -> None:
    models = [desk.run(logs_of(ALICE)) for _ in range(5)]
    names = [f"{model.id}/NULL/algo-1" for model in models]
    for order, descending in (("LogStreamName", False), ("LogStreamName", True), ("LastEventTime", True)):
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            request = {"logGroupName": MODELS, "orderBy": order, "descending": descending, "limit": 2, **token}
            answer = desk.call(ALICE, "DescribeLogStreams", **request)
            assert len(answer["logStreams"]) <= 2
            found += [stream["logStreamName"] for stream in answer["logStreams"]]
            if "nextToken" not in answer:
                break
            token = {"nextToken": answer["nextToken"]}
        expected = names if order == "LastEventTime" else sorted(names)
        assert found == (expected[::-1] if descending else expected)
    assert desk.streams(ALICE, logStreamNamePrefix=names[3][:20]) == [names[3]]
    with pytest.raises(ValidationFault, match="LastEventTime"):
        desk.streams(ALICE, logStreamNamePrefix=names[3][:20], orderBy="LastEventTime")
