"""Waiting: by the statuses of the waiters, with where it is shown, and the reason of a failure."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from unit.notebook.members import (
    ACCOUNT,
    CHANNEL,
    COLLABORATION,
    MEMBERSHIP,
    MODEL,
    SECOND,
    THEN,
    export_job,
    membership,
    model,
    stubbed,
)
from whiteroom import notebook
from whiteroom.notebook.progress import Progress
from whiteroom.notebook.resources import KINDS, OF_COLLABORATIONS, Resource
from whiteroom.notebook.waiting import Pace, wait
from whiteroom.wire.models import OWN_MODELS

ASKED = {"membershipIdentifier": MEMBERSHIP, "trainedModelArn": MODEL}
FAILED = {"statusCode": "ContainerFailed", "message": "It said: 'no rows'\x1b[2J"}
EXPORT = {"name": "export", "outputConfiguration": {"members": [{"accountId": ACCOUNT}]}, **ASKED}


class Watch:
    """A pace whose time is the test's: a second passes with each look at the clock."""

    def __init__(self) -> None:
        self.shown: list[Progress] = []
        self.slept: list[float] = []
        seconds = itertools.count()
        self.pace = Pace(self.shown.append, self.slept.append, lambda: next(seconds))


def waited(member: notebook.Member, answer: Mapping[str, Any], status: str | None = None) -> tuple[Any, Watch]:
    watch = Watch()
    return wait(member.client, answer, status, watch.pace), watch


def test_it_looks_until_the_status_is_the_end_and_shows_each_look() -> None:
    with stubbed("cleanroomsml") as (member, stubs):
        for status in ("CREATE_PENDING", "CREATE_IN_PROGRESS", "ACTIVE"):
            stubs["cleanroomsml"].add_response("get_trained_model", model(status), ASKED)
        answer, watch = waited(member, {"trainedModelArn": MODEL})
    assert answer == model("ACTIVE")
    assert [(one.title, one.status, one.step, one.seconds) for one in watch.shown] == [
        ("late", "CREATE_PENDING", 1, 1),
        ("late", "CREATE_IN_PROGRESS", 2, 2),
        ("late", "ACTIVE", 3, 3),
    ]


def test_it_looks_less_and_less_often_down_to_the_waiters_own_delay() -> None:
    with stubbed("cleanroomsml") as (member, stubs):
        for _ in range(12):
            stubs["cleanroomsml"].add_response("get_trained_model", model("CREATE_IN_PROGRESS"))
        stubs["cleanroomsml"].add_response("get_trained_model", model("ACTIVE"))
        _, watch = waited(member, ASKED)
        delay = member.ml.get_waiter("trained_model_active").config.delay
    assert watch.slept == sorted(watch.slept)
    assert watch.slept[0] < 1
    assert watch.slept[-1] == delay


def test_a_failure_says_why_and_obeys_no_terminal() -> None:
    with stubbed("cleanroomsml") as (member, stubs):
        stubs["cleanroomsml"].add_response("get_trained_model", model("CREATE_FAILED", statusDetails=FAILED))
        watch = Watch()
        with pytest.raises(WaiterError) as caught:
            wait(member.client, ASKED, None, watch.pace)
    assert "late is CREATE_FAILED: ContainerFailed: It said: 'no rows'" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    last: Any = caught.value.last_response
    assert last["statusDetails"] == FAILED
    assert watch.shown[-1].reason.startswith("ContainerFailed: It said")


def test_a_status_that_leads_elsewhere_ends_the_wait() -> None:
    with stubbed("cleanroomsml") as (member, stubs):
        stubs["cleanroomsml"].add_response("get_trained_model", model("CANCEL_PENDING"))
        with pytest.raises(WaiterError, match=r"late is CANCEL_PENDING\."):
            waited(member, ASKED)
        stubs["cleanroomsml"].add_response("get_trained_model", model("CANCEL_PENDING"))
        stubs["cleanroomsml"].add_response("get_trained_model", model("INACTIVE"))
        answer, _ = waited(member, ASKED, "INACTIVE")
    assert answer["status"] == "INACTIVE"


def test_a_request_that_is_refused_for_a_while_is_made_again_and_any_other_refusal_is_raised() -> None:
    with stubbed("cleanroomsml") as (member, stubs):
        stubs["cleanroomsml"].add_client_error("get_trained_model", "ThrottlingException", "later")
        stubs["cleanroomsml"].add_response("get_trained_model", model())
        assert waited(member, ASKED)[0] == model()
        stubs["cleanroomsml"].add_client_error("get_trained_model", "AccessDeniedException", "no")
        with pytest.raises(ClientError, match="AccessDeniedException"):
            waited(member, ASKED)


def test_another_members_model_is_looked_at_by_way_of_the_collaboration() -> None:
    listed = {key: value for key, value in model().items() if key not in ("resourceConfig", "dataChannels")}
    asked = {"collaborationIdentifier": COLLABORATION, "trainedModelArn": MODEL}
    with stubbed("cleanroomsml") as (member, stubs):
        for _ in range(2):
            stubs["cleanroomsml"].add_response(
                "get_collaboration_trained_model", {**listed, "creatorAccountId": "222222222222"}, asked
            )
        assert waited(member, asked)[0]["name"] == "late"
        assert waited(member, {**listed, "creatorAccountId": "222222222222"})[0]["name"] == "late"


def test_a_later_version_is_asked_for_by_its_identifier() -> None:
    with stubbed("cleanroomsml") as (member, stubs):
        asked = {**ASKED, "versionIdentifier": SECOND}
        stubs["cleanroomsml"].add_response("get_trained_model", model(versionIdentifier=SECOND), asked)
        assert waited(member, {"trainedModelArn": MODEL, "versionIdentifier": SECOND})[0]["name"] == "late"


def test_a_query_is_known_by_what_start_answers() -> None:
    query = {
        "id": SECOND,
        "membershipId": MEMBERSHIP,
        "membershipArn": f"arn:aws:cleanrooms:us-east-1:{ACCOUNT}:membership/{MEMBERSHIP}",
        "createTime": THEN,
        "status": "STARTED",
    }
    failed = {**query, "status": "FAILED", "error": {"code": "CLEANROOMS", "message": "too few rows"}}
    asked = {"membershipIdentifier": MEMBERSHIP, "protectedQueryIdentifier": SECOND}
    with stubbed("cleanrooms") as (member, stubs):
        stubs["cleanrooms"].add_response("get_protected_query", {"protectedQuery": query}, asked)
        stubs["cleanrooms"].add_response("get_protected_query", {"protectedQuery": failed}, asked)
        with pytest.raises(WaiterError, match=f"query {SECOND} is FAILED: CLEANROOMS: too few rows"):
            waited(member, {"protectedQuery": query})


def listed_jobs(*jobs: Any) -> dict[str, Any]:
    return {"collaborationTrainedModelExportJobs": list(jobs)}


def test_an_export_job_is_known_by_the_request_that_started_it() -> None:
    others = [export_job("another", "CREATE_FAILED"), export_job(membershipIdentifier=SECOND, status="CREATE_FAILED")]
    older = export_job(status="CREATE_FAILED")
    later = THEN.replace(hour=10)
    with stubbed("cleanrooms", "cleanroomsml") as (member, stubs):
        stubs["cleanrooms"].add_response("get_membership", {"membership": membership()})
        for status in ("CREATE_IN_PROGRESS", "ACTIVE"):
            stubs["cleanroomsml"].add_response(
                "list_collaboration_trained_model_export_jobs",
                listed_jobs(*others, older, export_job(status=status, createTime=later)),
                {"collaborationIdentifier": COLLABORATION, "trainedModelArn": MODEL},
            )
        answer, watch = waited(member, EXPORT)
    assert answer == export_job(createTime=later)
    assert [one.status for one in watch.shown] == ["CREATE_IN_PROGRESS", "ACTIVE"]


def test_an_export_job_that_fails_says_why_and_one_that_is_not_there_too() -> None:
    asked = {**EXPORT, "collaborationIdentifier": COLLABORATION}
    listing = "list_collaboration_trained_model_export_jobs"
    with stubbed("cleanroomsml") as (member, stubs):
        failed = export_job(status="CREATE_FAILED", statusDetails=FAILED)
        stubs["cleanroomsml"].add_response(listing, listed_jobs(failed))
        with pytest.raises(WaiterError, match="export is CREATE_FAILED: ContainerFailed"):
            waited(member, asked)
        stubs["cleanroomsml"].add_response(listing, listed_jobs(export_job("another")))
        with pytest.raises(ValueError, match="There is no export job 'export'"):
            waited(member, asked)


def test_what_nothing_waits_for_is_refused_with_what_there_is() -> None:
    with stubbed("cleanroomsml") as (member, _):
        with pytest.raises(ValueError, match="trained_model_active, trained_model_inactive"):
            waited(member, ASKED, "HAPPY")
        with pytest.raises(ValueError, match="Nothing here says what is meant"):
            waited(member, {"name": "late"})
        with pytest.raises(ValueError, match="Give what boto3 answered"):
            member.wait()


def test_every_waiter_that_comes_along_is_one_of_the_notebooks() -> None:
    """A waiter that is added is added to `wait` too."""
    files = Path(OWN_MODELS).rglob("waiters-2.json")
    shipped = {
        (name, waiter["operation"])
        for file in files
        for name, waiter in json.loads(file.read_text())["waiters"].items()
    }
    with stubbed() as (member, _):
        known = {
            (resource.waiter(status).replace("_", ""), resource.operation.replace("_", ""))
            for kind in KINDS
            for of_collaboration in ([False, True] if kind in OF_COLLABORATIONS else [False])
            for resource in [Resource(kind, {}, of_collaboration)]
            for status in (kind.success, "INACTIVE")
            if resource.waiter(status) in member.client(kind.service).waiter_names
        }
    assert known == {(name.lower(), operation.lower()) for name, operation in shipped}


def test_a_channel_is_looked_at_as_a_channel() -> None:
    channel = {
        "membershipIdentifier": MEMBERSHIP,
        "collaborationIdentifier": COLLABORATION,
        "mlInputChannelArn": CHANNEL,
        "name": "rows",
        "retentionInDays": 30,
        "configuredModelAlgorithmAssociations": [f"{MODEL}"],
        "status": "ACTIVE",
        "createTime": THEN,
        "updateTime": THEN,
        "inputChannel": {
            "dataSource": {"protectedQueryInputParameters": {"sqlParameters": {"queryString": "SELECT 1"}}},
            "roleArn": f"arn:aws:iam::{ACCOUNT}:role/reads",
        },
    }
    asked = {"membershipIdentifier": MEMBERSHIP, "mlInputChannelArn": CHANNEL}
    with stubbed("cleanroomsml") as (member, stubs):
        stubs["cleanroomsml"].add_response("get_ml_input_channel", channel, asked)
        assert waited(member, {"mlInputChannelArn": CHANNEL})[0] == channel
