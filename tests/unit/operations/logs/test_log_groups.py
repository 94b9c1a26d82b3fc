"""Groups of logs: everyone has those of the runs."""

from __future__ import annotations

from typing import Any

from support.worlds.requests import ALICE, BOB
from unit.operations.logs.desks import DAVE, JOBS, MODELS, Desk, logs_of
from whiteroom.base.faults import ResourceNotFound


def test_everyone_has_both_groups_of_runs_and_they_are_empty_but_for_those_whom_a_policy_names(desk: Desk) -> None:
    model = desk.run(logs_of(BOB))
    for account in (ALICE, BOB, DAVE):
        groups = desk.call(account, "DescribeLogGroups")["logGroups"]
        *_, jobs, models = groups
        assert [jobs["logGroupName"], models["logGroupName"]] == [JOBS, MODELS]
        assert jobs["logGroupArn"] == f"arn:aws:logs:us-east-1:{account}:log-group:{JOBS}"
    stream = f"{model.id}/NULL/algo-1"
    assert desk.streams(BOB) == [stream]
    assert desk.messages(BOB) == ["epoch 1", "warning 2"]
    for account in (ALICE, DAVE):
        assert desk.streams(account) == desk.messages(account) == []
        theirs = desk.refused(ResourceNotFound, account, "GetLogEvents", logGroupName=MODELS, logStreamName=stream)
        nobodys = desk.refused(ResourceNotFound, account, "GetLogEvents", logGroupName=MODELS, logStreamName="x")
        assert theirs == nobodys
        named = {"logGroupName": MODELS, "logStreamNames": [stream]}
        assert desk.refused(ResourceNotFound, account, "FilterLogEvents", **named) == nobodys


def test_groups_are_found_by_name_part_of_a_name_arn_and_class_page_by_page(desk: Desk) -> None:
    def names(**request: Any) -> list[str]:
        return [group["logGroupName"] for group in desk.call(DAVE, "DescribeLogGroups", **request)["logGroups"]]

    assert names() == names(logGroupNamePrefix="/aws/cleanroomsml") == names(logGroupClass="STANDARD") == [JOBS, MODELS]
    assert names(logGroupNamePrefix=MODELS) == names(logGroupIdentifiers=[MODELS]) == [MODELS]
    assert names(logGroupNamePattern="inference") == [JOBS]
    assert names(logGroupClass="INFREQUENT_ACCESS") == names(logGroupNamePrefix="/aws/lambda") == []
    page = desk.call(DAVE, "DescribeLogGroups", limit=1)
    assert [group["logGroupName"] for group in page["logGroups"]] == [JOBS]
    assert names(limit=1, nextToken=page["nextToken"]) == [MODELS]


def test_an_inference_job_is_in_its_own_group_under_its_own_policy(desk: Desk) -> None:
    job = desk.world.inference_job()
    desk.world.set_policies({"trainedModels": logs_of(BOB), "trainedModelInferenceJobs": logs_of(ALICE)})
    desk.world.drive()
    desk.write(f"inference-{job.id}", [("stdout", "served")])
    assert desk.streams(ALICE, JOBS) == [f"{job.id}/algo-1"]
    assert desk.messages(ALICE, JOBS) == ["served"]
    assert desk.streams(BOB, JOBS) == desk.streams(ALICE) == []
