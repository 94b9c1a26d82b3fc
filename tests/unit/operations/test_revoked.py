"""Whatever an owner takes back, nothing new is made of its rows, and nothing that was made of them leaves."""

from __future__ import annotations

from typing import Any

import pytest

from support.cleanrooms import ALICE, BOB, CAROL, Office
from support.ml import EXPORTS, Studio, a_studio
from support.revoking import RESTORES, WAYS, Owner
from whiteroom.base.faults import AccessDenied
from whiteroom.domain.execution.failures import MEANING, OF_THE_QUERY, StatusCode
from whiteroom.domain.execution.lifecycle import Event

RUNNING = {"logs_status": "PUBLISH_SUCCEEDED", "metrics_status": "PUBLISH_SUCCEEDED"}
LOGS = {"containerLogs": [{"allowedAccountIds": [ALICE, CAROL]}]}


@pytest.fixture
def studio(office: Office) -> Studio:
    studio = a_studio(office)
    studio.association_arn = studio.association(name="open", policies={"trainedModels": LOGS})
    for account in (ALICE, CAROL):
        studio.configure(account)
    return studio


@pytest.fixture
def uses(studio: Studio) -> dict[str, tuple[str, dict[str, Any]]]:
    """Every call that uses a channel, or what was made of it."""
    studio.association_arn = studio.association(name="exporting", policies=EXPORTS)
    channel = studio.active_channel("rows")
    model = studio.active_model("forest", channel)
    grown = studio.version("grown", model, studio.active_channel("more"))
    studio.advance_model(grown, Event.STARTED, Event.SUCCEEDED, run_started_at=studio.office.now)
    base = {"trainedModelArn": model["trainedModelArn"], "channelName": "base"}
    arn = model["trainedModelArn"]
    return {
        "training": ("CreateTrainedModel", studio.training_request("again", channel)),
        "incremental training": (
            "CreateTrainedModel",
            studio.training_request("next", channel, incrementalTrainingDataChannels=[base]),
        ),
        "inference": ("StartTrainedModelInferenceJob", studio.inference_request("scores", arn, channel)),
        "export": (
            "StartTrainedModelExportJob",
            studio.export_request("out", arn, trainedModelVersionIdentifier="NULL"),
        ),
        "export of a later version": (
            "StartTrainedModelExportJob",
            studio.export_request("out-2", arn, trainedModelVersionIdentifier=grown["versionIdentifier"]),
        ),
    }


def refusals(studio: Studio, uses: dict[str, tuple[str, dict[str, Any]]]) -> list[str]:
    return [studio.refused(AccessDenied, operation, **request) for operation, request in uses.values()]


@pytest.mark.parametrize("way", WAYS)
def test_what_an_owner_takes_back_ends_every_new_use_at_once(
    studio: Studio, uses: dict[str, tuple[str, dict[str, Any]]], way: str
) -> None:
    WAYS[way](Owner(studio))
    for message in refusals(studio, uses):
        assert "'patients'" in message


@pytest.mark.parametrize("way", RESTORES)
def test_what_an_owner_restores_is_used_again(
    studio: Studio, uses: dict[str, tuple[str, dict[str, Any]]], way: str
) -> None:
    WAYS[way](Owner(studio))
    refusals(studio, uses)
    RESTORES[way](Owner(studio))
    for operation, request in uses.values():
        studio.call(operation, **request)


def test_a_table_that_is_associated_anew_brings_no_channel_back(
    studio: Studio, uses: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    Owner(studio).withdraw()
    studio.room.association(BOB, studio.table.configured_table_id, "patients")
    for message in refusals(studio, uses):
        assert "no longer associated" in message


@pytest.mark.parametrize("erased", [False, True])
def test_a_base_is_judged_through_its_whole_ancestry(studio: Studio, erased: bool) -> None:
    """The first version's rows come from BOB's table, the second's from another: BOB's word counts for both."""
    studio.association_arn = studio.association(name="exporting", policies=EXPORTS)
    first = studio.active_channel("first")
    model = studio.active_model("forest", first)
    table, studio.table = studio.table, studio.room.shared_table(ALICE, "more")
    second = studio.active_channel("second")
    grown = studio.version("grown", model, second)
    studio.advance_model(grown, Event.STARTED, Event.SUCCEEDED, run_started_at=studio.office.now)
    if erased:
        studio.call("DeleteMLInputChannelData", mlInputChannelArn=first)
    studio.table = table
    Owner(studio).association_rule("Delete")
    version = {"trainedModelVersionIdentifier": grown["versionIdentifier"]}
    export = studio.export_request("out", model["trainedModelArn"], **version)
    assert "'patients'" in studio.refused(AccessDenied, "StartTrainedModelExportJob", **export)
    scores = studio.inference_request("scores", model["trainedModelArn"], second, **version)
    assert "'patients'" in studio.refused(AccessDenied, "StartTrainedModelInferenceJob", **scores)
    studio.model("fresh", second)  # it rests on the other table alone


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("way", ["the rule is deleted", "the table is taken out", "a column is not allowed any more"])
def test_logs_and_metrics_of_a_run_over_withdrawn_rows_are_published_to_nobody_any_more(
    studio: Studio, way: str, ended: bool
) -> None:
    channel = studio.active_channel("rows")
    model = studio.model("forest", channel)
    told = {**RUNNING, "run_started_at": studio.office.now}
    events = [Event.STARTED, Event.SUCCEEDED] if ended else [Event.STARTED]
    studio.advance_model(model, *events, **told, **({"run_ended_at": studio.office.now} if ended else {}))
    read = {"trainedModelArn": model["trainedModelArn"]}
    before = studio.call("GetTrainedModel", **read)
    assert (before["logsStatus"], before["metricsStatus"]) == ("PUBLISH_SUCCEEDED", "PUBLISH_SUCCEEDED")
    WAYS[way](Owner(studio))
    after = studio.call("GetTrainedModel", **read)
    assert (after["logsStatus"], after["metricsStatus"]) == ("PUBLISH_FAILED", "PUBLISH_FAILED")
    assert "owner" in after["logsStatusDetails"]
    assert studio.office.call(ALICE, "monitoring", "ListMetrics")["Metrics"] == []


def test_a_run_that_its_owner_ended_stays_unpublished_when_the_rule_is_back(studio: Studio) -> None:
    model = studio.model("forest", studio.active_channel("rows"))
    told = {**RUNNING, "run_started_at": studio.office.now, "status_code": "RevokedByOwner", "status_message": "No."}
    studio.advance_model(model, Event.STARTED, Event.FAILED, **told)
    answer = studio.call("GetTrainedModel", trainedModelArn=model["trainedModelArn"])
    assert (answer["logsStatus"], answer["metricsStatus"]) == ("PUBLISH_FAILED", "PUBLISH_FAILED")


def test_nothing_is_begun_in_a_collaboration_that_the_operator_has_stopped(
    studio: Studio, uses: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    with studio.office.store.transaction() as tx:
        collaboration = tx.collaborations.get(studio.room.collaboration_id)
        assert collaboration is not None
        tx.collaborations.update(collaboration, stopped_at=studio.office.now)
    uses["channel"] = ("CreateMLInputChannel", studio.channel_request("new"))
    for operation, request in uses.values():
        assert "operator" in studio.refused(AccessDenied, operation, **request)
    query = {"type": "SQL", "sqlParameters": {"queryString": "SELECT age FROM patients"}}
    place = {"membershipIdentifier": studio.room.membership(ALICE)}
    studio.office.refused(AccessDenied, ALICE, "StartProtectedQuery", **query, **place)
    studio.call("ListTrainedModels")


def test_the_documented_order_of_calls_ends_all_use_and_erases_all(
    studio: Studio, uses: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    call = studio.office.cleanrooms
    place = {"membershipIdentifier": studio.room.membership(BOB)}
    for table in call(BOB, "ListConfiguredTables")["configuredTableSummaries"]:
        for rule_type in table["analysisRuleTypes"]:
            rule = {"configuredTableIdentifier": table["id"], "analysisRuleType": rule_type}
            call(BOB, "DeleteConfiguredTableAnalysisRule", **rule)
    refusals(studio, uses)
    channels = studio.call("ListCollaborationMLInputChannels", BOB)["collaborationMLInputChannelsList"]
    for channel in channels:
        studio.call("DeleteMLInputChannelData", BOB, mlInputChannelArn=channel["mlInputChannelArn"])
    for model in studio.call("ListCollaborationTrainedModels", BOB)["collaborationTrainedModels"]:
        version = {} if model["versionIdentifier"] == "NULL" else {"versionIdentifier": model["versionIdentifier"]}
        studio.call("DeleteTrainedModelOutput", BOB, trainedModelArn=model["trainedModelArn"], **version)
    for item in call(BOB, "ListConfiguredTableAssociations", **place)["configuredTableAssociationSummaries"]:
        call(BOB, "DeleteConfiguredTableAssociation", configuredTableAssociationIdentifier=item["id"], **place)
        call(BOB, "DeleteConfiguredTable", configuredTableIdentifier=item["configuredTableId"])
    call(BOB, "DeleteMembership", **place)
    assert len(channels) == 2


@pytest.mark.parametrize("way", ["the rule is deleted", "the table is taken out", "a column is not shown any more"])
def test_what_a_failed_program_said_of_withdrawn_rows_is_told_to_nobody_any_more(studio: Studio, way: str) -> None:
    channel = studio.active_channel("rows")
    model = studio.active_model("forest", channel)["trainedModelArn"]
    failed, at = studio.model("failed", channel), {"run_started_at": studio.office.now}
    said = {"status_code": "AlgorithmError", "status_message": "patient 10038 is ill"}
    studio.advance_model(failed, Event.STARTED, Event.FAILED, **at, **said)
    job = studio.inference_job("scores", model, channel)
    studio.advance("trained_model_inference_jobs", job, Event.STARTED, Event.FAILED, **at, **said)

    def told() -> list[dict[str, Any]]:
        version = {"trainedModelArn": failed["trainedModelArn"]}
        return [
            studio.call("GetTrainedModel", **version)["statusDetails"],
            studio.call("GetCollaborationTrainedModel", CAROL, **version)["statusDetails"],
            studio.call("GetTrainedModelInferenceJob", trainedModelInferenceJobArn=job)["statusDetails"],
        ]

    assert [one["message"] for one in told()] == ["patient 10038 is ill"] * 3
    WAYS[way](Owner(studio))
    assert [(one["statusCode"], "10038" in one["message"]) for one in told()] == [("AlgorithmError", False)] * 3


def test_why_a_run_is_published_no_further_tells_other_members_no_column_that_its_query_reads(studio: Studio) -> None:
    channel = studio.active_channel("rows")
    model = studio.active_model("forest", channel)["trainedModelArn"]
    job = studio.inference_job("scores", model, channel)
    at = {"run_started_at": studio.office.now}
    studio.advance("trained_model_inference_jobs", job, Event.STARTED, Event.SUCCEEDED, **at)
    WAYS["a column is not shown any more"](Owner(studio))
    assert "'age'" in studio.call("GetTrainedModel", trainedModelArn=model)["logsStatusDetails"]
    answers = studio.call("ListCollaborationTrainedModelInferenceJobs", CAROL)
    (listed,) = answers["collaborationTrainedModelInferenceJobs"]
    for told in (listed, studio.call("GetCollaborationTrainedModel", CAROL, trainedModelArn=model)):
        for details in (told["logsStatusDetails"], told["metricsStatusDetails"]):
            assert details == "Not published any further, because an owner has taken back what it had allowed."


@pytest.mark.parametrize("code", sorted(OF_THE_QUERY))
def test_what_a_query_reads_is_told_by_no_failure_to_other_members(studio: Studio, code: StatusCode) -> None:
    said = {"status_code": code.value, "status_message": "Table 'patients' does not let its column 'age' out."}
    channel, model = studio.channel("refused"), studio.model("ended", studio.active_channel("rows"))
    studio.advance("ml_input_channels", channel, Event.STARTED, Event.FAILED, **said)
    studio.advance_model(model, Event.STARTED, Event.FAILED, **said)
    arn = {"trainedModelArn": model["trainedModelArn"]}
    own = (studio.call("GetMLInputChannel", mlInputChannelArn=channel), studio.call("GetTrainedModel", **arn))
    others = (
        studio.call("GetCollaborationMLInputChannel", CAROL, mlInputChannelArn=channel),
        studio.call("GetCollaborationTrainedModel", CAROL, **arn),
    )
    assert {answer["statusDetails"]["message"] for answer in own} == {said["status_message"]}
    assert {answer["statusDetails"]["message"] for answer in others} == {MEANING[code]}


def channels_given_to(studio: Studio, account_id: str) -> None:
    """Make all channels another member's: as if it could query as well."""
    membership_id = studio.room.membership(account_id)
    with studio.office.store.transaction() as tx:
        for channel in tx.ml_input_channels.all(collaboration_id=studio.room.collaboration_id):
            tx.ml_input_channels.update(channel, account_id=account_id, membership_id=membership_id)


@pytest.mark.parametrize("way", sorted(WAYS.keys() - {"queries of another alone"}))  # CAROL is that other
@pytest.mark.parametrize("use", ["inference", "incremental training", "export of a later version"])
def test_a_member_that_uses_anothers_model_is_not_told_what_it_was_made_of(
    studio: Studio, uses: dict[str, tuple[str, dict[str, Any]]], use: str, way: str
) -> None:
    operation, request = uses[use]
    arn = request.get("trainedModelArn") or request["incrementalTrainingDataChannels"][0]["trainedModelArn"]
    channels_given_to(studio, CAROL)
    table, studio.table = studio.table, studio.room.shared_table(ALICE, "own")
    if use != "export of a later version":
        request = with_channel(request, studio.active_channel("own"))
    studio.table = table
    WAYS[way](Owner(studio))
    message = studio.refused(AccessDenied, operation, **request)
    assert "'patients'" not in message
    assert arn in message
    assert f"member {ALICE}, who trained it" in message


def with_channel(request: dict[str, Any], arn: str) -> dict[str, Any]:
    if "dataSource" in request:
        return {**request, "dataSource": {"mlInputChannelArn": arn}}
    return {**request, "dataChannels": [{**request["dataChannels"][0], "mlInputChannelArn": arn}]}


@pytest.mark.parametrize("way", WAYS)
def test_what_a_program_left_is_not_told_by_an_export_after_its_rows_were_withdrawn(studio: Studio, way: str) -> None:
    studio.association_arn = studio.association(name="exporting", policies=EXPORTS)
    model = studio.active_model("forest", studio.active_channel("rows"))["trainedModelArn"]
    studio.call("StartTrainedModelExportJob", **studio.export_request("out", model))
    said = "patient-10038-is-ill is a link."
    with studio.office.store.transaction() as tx:
        (job,) = tx.trained_model_export_jobs.working()
        tx.trained_model_export_jobs.transition(
            job,
            Event.FAILED,
            actor="controller",
            at=studio.office.now,
            status_code=StatusCode.UNSAFE_ARTIFACT.value,
            status_message=said,
        )

    def told() -> list[str]:
        answers = [
            studio.call("ListCollaborationTrainedModelExportJobs", account, trainedModelArn=model)
            for account in (ALICE, CAROL)
        ]
        (listed,) = zip(*(answer["collaborationTrainedModelExportJobs"] for answer in answers), strict=True)
        return [one["statusDetails"]["message"] for one in listed]

    assert told() == [said] * 2
    WAYS[way](Owner(studio))
    assert told() == [MEANING[StatusCode.UNSAFE_ARTIFACT]] * 2
