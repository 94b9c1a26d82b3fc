"""Streams of a group: one of each instance, by pages."""

from __future__ import annotations

import pytest

from support.worlds.requests import ALICE
from support.worlds.servers import id_of
from unit.operations.logs.desks import MODELS, Desk, logs_of
from whiteroom.base.faults import ValidationFault
from whiteroom.reads.member_runs import MemberRuns


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


def test_whatever_a_prefix_names_is_what_all_streams_would_be_searched_for(desk: Desk) -> None:
    """Of a name that tells which model it is of, the others are not looked at: that leaves none out."""
    models = [desk.run(logs_of(ALICE)) for _ in range(3)]
    version = desk.run(logs_of(ALICE), arn=models[0].arn, version_identifier=id_of(99))
    names = desk.streams(ALICE)
    assert f"{models[0].id}/{id_of(99)}/algo-1" in names
    prefixes = {name[:end] for name in names for end in range(1, len(name) + 1)}
    for prefix in (*prefixes, f"{version.id}/", "/", f"{models[0].id}//", "nothing/"):
        expected = [name for name in names if name.startswith(prefix)]
        assert desk.streams(ALICE, logStreamNamePrefix=prefix) == expected
        assert bool(desk.messages(ALICE, logStreamNamePrefix=prefix)) == bool(expected)


def test_of_a_name_that_tells_which_model_it_is_of_no_others_are_looked_at(desk: Desk) -> None:
    first, *_ = [desk.run(logs_of(ALICE)) for _ in range(3)]
    with desk.world.store.reading() as tx:
        seen = MemberRuns(tx, ALICE)
        assert len(list(seen.records(MODELS, seen.arn_of(MODELS, "")))) == 3
        for stream in (f"{first.id}/", f"{first.id}/NULL/algo-1"):
            assert [record.id for record in seen.records(MODELS, seen.arn_of(MODELS, stream))] == [first.id]
