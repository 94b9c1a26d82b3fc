from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.worlds.records import a_channel, a_model, a_query, an_inference_job
from whiteroom.domain.resources.protected_queries import ProtectedQueryStatus
from whiteroom.domain.resources.results import Result, ResultKind, ResultStatus
from whiteroom.domain.resources.retention import HELD, Retention, is_over, may_be_removed, result_is_over
from whiteroom.domain.resources.trained_model_inference_jobs import Status

NOW = datetime(2030, 3, 1, tzinfo=UTC)
WEEK = Retention(7, 7, 7, 7)
LONG_AGO = NOW - timedelta(days=7)


def result(status: ResultStatus, at: datetime = LONG_AGO) -> Result:
    return Result(
        id="r",
        account_id="2",
        collaboration_id="room",
        kind=ResultKind.INFERENCE_JOB,
        job_id="j",
        job_name="job",
        asked_by="1",
        location="s3://b/p",
        path="j",
        place="s3://b/p/j",
        files=(),
        status=status,
        reason=None,
        created_at=at,
        delivered_at=at if status is ResultStatus.DELIVERED else None,
    )


def test_a_day_that_is_not_over_is_kept_to_its_end_and_for_ever_is_for_ever() -> None:
    assert is_over(LONG_AGO, 7, NOW)
    assert not is_over(LONG_AGO + timedelta(seconds=1), 7, NOW)
    assert not is_over(datetime(1970, 1, 1, tzinfo=UTC), None, NOW)
    assert not is_over(None, 7, NOW)


@pytest.mark.parametrize("status", ResultStatus)
def test_without_a_setting_nothing_goes_but_what_is_going(status: ResultStatus) -> None:
    over = result_is_over(result(status), Retention(), NOW, job_at_rest=True)
    assert over is (status is ResultStatus.EXPIRING)


@pytest.mark.parametrize("status", ResultStatus)
def test_files_go_of_what_was_delivered_or_left_by_a_job_that_failed(status: ResultStatus) -> None:
    over = result_is_over(result(status), WEEK, NOW, job_at_rest=True)
    assert over is (status not in {ResultStatus.REFUSED, ResultStatus.EXPIRED})


def test_a_delivery_that_is_under_way_is_nobodys_to_erase() -> None:
    assert not result_is_over(result(ResultStatus.UNDER_WAY), WEEK, NOW, job_at_rest=False)


@pytest.mark.parametrize(
    ("which", "own"),
    [
        ("result_days", {ResultStatus.DELIVERED}),
        ("undelivered_result_days", {ResultStatus.UNDER_WAY, ResultStatus.REPLACED}),  # replaced before it was there
    ],
)
def test_each_setting_is_of_its_own_results(which: str, own: set[ResultStatus]) -> None:
    retention = Retention(**{which: 7})
    over = {one for one in ResultStatus if result_is_over(result(one), retention, NOW, job_at_rest=True)}
    assert over == own | {ResultStatus.EXPIRING}


def job(status: Status, **changes: Any) -> Any:
    channel = a_channel("channel", LONG_AGO)
    model = a_model("model", LONG_AGO, channel)
    return an_inference_job("job", LONG_AGO, model, channel, status=status, updated_at=LONG_AGO, **changes)


@pytest.mark.parametrize("status", Status)
def test_records_go_of_jobs_that_ended_and_left_nothing(status: Status) -> None:
    removed = may_be_removed(job(status), (), WEEK, NOW)
    assert removed is (status in {Status.INACTIVE, Status.CREATE_FAILED})


@pytest.mark.parametrize("status", ResultStatus)
def test_a_record_whose_results_may_be_there_stays(status: ResultStatus) -> None:
    assert may_be_removed(job(Status.INACTIVE), [result(status)], WEEK, NOW) is (status not in HELD)


@pytest.mark.parametrize("status", ProtectedQueryStatus)
def test_a_query_that_gave_rows_or_was_charged_stays(status: ProtectedQueryStatus) -> None:
    ended = {ProtectedQueryStatus.FAILED, ProtectedQueryStatus.CANCELLED, ProtectedQueryStatus.TIMED_OUT}
    query = a_query(status=status, updated_at=LONG_AGO)
    assert may_be_removed(query, (), WEEK, NOW) is (status in ended)
    charged = a_query(status=status, updated_at=LONG_AGO, privacy_bill={"template_id": "t"})
    assert not may_be_removed(charged, (), WEEK, NOW)
    of_a_channel = a_query(status=status, updated_at=LONG_AGO, ml_input_channel_arn="arn")
    assert not may_be_removed(of_a_channel, (), WEEK, NOW)
