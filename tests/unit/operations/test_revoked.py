"""Whatever an owner takes back, nothing new is made of its rows, and nothing that was made of them leaves."""

from __future__ import annotations

from typing import Any

import pytest

from support.revoking import RESTORES, WAYS, Owner
from support.worlds.requests import ALICE, BOB, CAROL, EXPORTS
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import Server
from whiteroom.base.faults import AccessDenied
from whiteroom.domain.execution.failures import MEANING, OF_THE_QUERY, StatusCode
from whiteroom.domain.execution.lifecycle import Event

RUNNING = {"logs_status": "PUBLISH_SUCCEEDED", "metrics_status": "PUBLISH_SUCCEEDED"}
LOGS = {"containerLogs": [{"allowedAccountIds": [ALICE, CAROL]}]}


@pytest.fixture
def room(server: Server) -> Room:
    room = a_furnished_room(server)
    room.association_arn = room.association(name="open", policies={"trainedModels": LOGS})
    for account in (ALICE, CAROL):
        room.configure(account)
    return room


@pytest.fixture
def uses(room: Room) -> dict[str, tuple[str, dict[str, Any]]]:
    """Every call that uses a channel, or what was made of it."""
    room.association_arn = room.association(name="exporting", policies=EXPORTS)
    channel = room.active_channel("rows")
    model = room.active_model("forest", channel)
    grown = room.version("grown", model, room.active_channel("more"))
    room.advance_model(grown, Event.STARTED, Event.SUCCEEDED, run_started_at=room.server.now)
    base = {"trainedModelArn": model["trainedModelArn"], "channelName": "base"}
    arn = model["trainedModelArn"]
    return {
        "training": ("CreateTrainedModel", room.training_request("again", channel)),
        "incremental training": (
            "CreateTrainedModel",
            room.training_request("next", channel, incrementalTrainingDataChannels=[base]),
        ),
        "inference": ("StartTrainedModelInferenceJob", room.inference_request("scores", arn, channel)),
        "export": (
            "StartTrainedModelExportJob",
            room.export_request("out", arn, trainedModelVersionIdentifier="NULL"),
        ),
        "export of a later version": (
            "StartTrainedModelExportJob",
            room.export_request("out-2", arn, trainedModelVersionIdentifier=grown["versionIdentifier"]),
        ),
    }


def refusals(room: Room, uses: dict[str, tuple[str, dict[str, Any]]]) -> list[str]:
    return [room.refused(AccessDenied, operation, **request) for operation, request in uses.values()]


@pytest.mark.parametrize("way", WAYS)
def test_what_an_owner_takes_back_ends_every_new_use_at_once(
    room: Room, uses: dict[str, tuple[str, dict[str, Any]]], way: str
) -> None:
    WAYS[way](Owner(room))
    for message in refusals(room, uses):
        assert "'patients'" in message


@pytest.mark.parametrize("way", RESTORES)
def test_what_an_owner_restores_is_used_again(
    room: Room, uses: dict[str, tuple[str, dict[str, Any]]], way: str
) -> None:
    WAYS[way](Owner(room))
    refusals(room, uses)
    RESTORES[way](Owner(room))
    for operation, request in uses.values():
        room.call(operation, **request)


def test_a_table_that_is_associated_anew_brings_no_channel_back(
    room: Room, uses: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    Owner(room).withdraw()
    room.table_association(BOB, room.table.configured_table_id, "patients")
    for message in refusals(room, uses):
        assert "no longer associated" in message


@pytest.mark.parametrize("erased", [False, True])
def test_a_base_is_judged_through_its_whole_ancestry(room: Room, erased: bool) -> None:
    """The first version's rows come from BOB's table, the second's from another: BOB's word counts for both."""
    room.association_arn = room.association(name="exporting", policies=EXPORTS)
    first = room.active_channel("first")
    model = room.active_model("forest", first)
    table, room.table = room.table, room.shared_table(ALICE, "more")
    second = room.active_channel("second")
    grown = room.version("grown", model, second)
    room.advance_model(grown, Event.STARTED, Event.SUCCEEDED, run_started_at=room.server.now)
    if erased:
        room.call("DeleteMLInputChannelData", mlInputChannelArn=first)
    room.table = table
    Owner(room).association_rule("Delete")
    version = {"trainedModelVersionIdentifier": grown["versionIdentifier"]}
    export = room.export_request("out", model["trainedModelArn"], **version)
    assert "'patients'" in room.refused(AccessDenied, "StartTrainedModelExportJob", **export)
    scores = room.inference_request("scores", model["trainedModelArn"], second, **version)
    assert "'patients'" in room.refused(AccessDenied, "StartTrainedModelInferenceJob", **scores)
    room.model("fresh", second)  # it rests on the other table alone


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("way", ["the rule is deleted", "the table is taken out", "a column is not allowed any more"])
def test_logs_and_metrics_of_a_run_over_withdrawn_rows_are_published_to_nobody_any_more(
    room: Room, way: str, ended: bool
) -> None:
    channel = room.active_channel("rows")
    model = room.model("forest", channel)
    told = {**RUNNING, "run_started_at": room.server.now}
    events = [Event.STARTED, Event.SUCCEEDED] if ended else [Event.STARTED]
    room.advance_model(model, *events, **told, **({"run_ended_at": room.server.now} if ended else {}))
    read = {"trainedModelArn": model["trainedModelArn"]}
    before = room.call("GetTrainedModel", **read)
    assert (before["logsStatus"], before["metricsStatus"]) == ("PUBLISH_SUCCEEDED", "PUBLISH_SUCCEEDED")
    WAYS[way](Owner(room))
    after = room.call("GetTrainedModel", **read)
    assert (after["logsStatus"], after["metricsStatus"]) == ("PUBLISH_FAILED", "PUBLISH_FAILED")
    assert "owner" in after["logsStatusDetails"]
    assert room.server.call(ALICE, "monitoring", "ListMetrics")["Metrics"] == []


def test_a_run_that_its_owner_ended_stays_unpublished_when_the_rule_is_back(room: Room) -> None:
    model = room.model("forest", room.active_channel("rows"))
    told = {**RUNNING, "run_started_at": room.server.now, "status_code": "RevokedByOwner", "status_message": "No."}
    room.advance_model(model, Event.STARTED, Event.FAILED, **told)
    answer = room.call("GetTrainedModel", trainedModelArn=model["trainedModelArn"])
    assert (answer["logsStatus"], answer["metricsStatus"]) == ("PUBLISH_FAILED", "PUBLISH_FAILED")


def test_nothing_is_begun_in_a_collaboration_that_the_operator_has_stopped(
    room: Room, uses: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    with room.server.store.transaction() as tx:
        collaboration = tx.collaborations.get(room.collaboration_id)
        assert collaboration is not None
        tx.collaborations.update(collaboration, stopped_at=room.server.now)
    uses["channel"] = ("CreateMLInputChannel", room.channel_request("new"))
    for operation, request in uses.values():
        assert "operator" in room.refused(AccessDenied, operation, **request)
    query = {"type": "SQL", "sqlParameters": {"queryString": "SELECT age FROM patients"}}
    place = {"membershipIdentifier": room.membership(ALICE)}
    room.server.refused(AccessDenied, ALICE, "StartProtectedQuery", **query, **place)
    room.call("ListTrainedModels")


def test_the_documented_order_of_calls_ends_all_use_and_erases_all(
    room: Room, uses: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    call = room.server.cleanrooms
    place = {"membershipIdentifier": room.membership(BOB)}
    for table in call(BOB, "ListConfiguredTables")["configuredTableSummaries"]:
        for rule_type in table["analysisRuleTypes"]:
            rule = {"configuredTableIdentifier": table["id"], "analysisRuleType": rule_type}
            call(BOB, "DeleteConfiguredTableAnalysisRule", **rule)
    refusals(room, uses)
    channels = room.call("ListCollaborationMLInputChannels", BOB)["collaborationMLInputChannelsList"]
    for channel in channels:
        room.call("DeleteMLInputChannelData", BOB, mlInputChannelArn=channel["mlInputChannelArn"])
    for model in room.call("ListCollaborationTrainedModels", BOB)["collaborationTrainedModels"]:
        version = {} if model["versionIdentifier"] == "NULL" else {"versionIdentifier": model["versionIdentifier"]}
        room.call("DeleteTrainedModelOutput", BOB, trainedModelArn=model["trainedModelArn"], **version)
    for item in call(BOB, "ListConfiguredTableAssociations", **place)["configuredTableAssociationSummaries"]:
        call(BOB, "DeleteConfiguredTableAssociation", configuredTableAssociationIdentifier=item["id"], **place)
        call(BOB, "DeleteConfiguredTable", configuredTableIdentifier=item["configuredTableId"])
    call(BOB, "DeleteMembership", **place)
    assert len(channels) == 2


@pytest.mark.parametrize("way", ["the rule is deleted", "the table is taken out", "a column is not shown any more"])
def test_what_a_failed_program_said_of_withdrawn_rows_is_told_to_nobody_any_more(room: Room, way: str) -> None:
    channel = room.active_channel("rows")
    model = room.active_model("forest", channel)["trainedModelArn"]
    failed, at = room.model("failed", channel), {"run_started_at": room.server.now}
    said = {"status_code": "AlgorithmError", "status_message": "patient 10038 is ill"}
    room.advance_model(failed, Event.STARTED, Event.FAILED, **at, **said)
    job = room.inference_job("scores", model, channel)
    room.advance("trained_model_inference_jobs", job, Event.STARTED, Event.FAILED, **at, **said)

    def told() -> list[dict[str, Any]]:
        version = {"trainedModelArn": failed["trainedModelArn"]}
        return [
            room.call("GetTrainedModel", **version)["statusDetails"],
            room.call("GetCollaborationTrainedModel", CAROL, **version)["statusDetails"],
            room.call("GetTrainedModelInferenceJob", trainedModelInferenceJobArn=job)["statusDetails"],
        ]

    assert [one["message"] for one in told()] == ["patient 10038 is ill"] * 3
    WAYS[way](Owner(room))
    assert [(one["statusCode"], "10038" in one["message"]) for one in told()] == [("AlgorithmError", False)] * 3


def test_why_a_run_is_published_no_further_tells_other_members_no_column_that_its_query_reads(room: Room) -> None:
    channel = room.active_channel("rows")
    model = room.active_model("forest", channel)["trainedModelArn"]
    job = room.inference_job("scores", model, channel)
    at = {"run_started_at": room.server.now}
    room.advance("trained_model_inference_jobs", job, Event.STARTED, Event.SUCCEEDED, **at)
    WAYS["a column is not shown any more"](Owner(room))
    assert "'age'" in room.call("GetTrainedModel", trainedModelArn=model)["logsStatusDetails"]
    answers = room.call("ListCollaborationTrainedModelInferenceJobs", CAROL)
    (listed,) = answers["collaborationTrainedModelInferenceJobs"]
    for told in (listed, room.call("GetCollaborationTrainedModel", CAROL, trainedModelArn=model)):
        for details in (told["logsStatusDetails"], told["metricsStatusDetails"]):
            assert details == "Not published any further, because an owner has taken back what it had allowed."


@pytest.mark.parametrize("code", sorted(OF_THE_QUERY))
def test_what_a_query_reads_is_told_by_no_failure_to_other_members(room: Room, code: StatusCode) -> None:
    said = {"status_code": code.value, "status_message": "Table 'patients' does not let its column 'age' out."}
    channel, model = room.channel("refused"), room.model("ended", room.active_channel("rows"))
    room.advance("ml_input_channels", channel, Event.STARTED, Event.FAILED, **said)
    room.advance_model(model, Event.STARTED, Event.FAILED, **said)
    arn = {"trainedModelArn": model["trainedModelArn"]}
    own = (room.call("GetMLInputChannel", mlInputChannelArn=channel), room.call("GetTrainedModel", **arn))
    others = (
        room.call("GetCollaborationMLInputChannel", CAROL, mlInputChannelArn=channel),
        room.call("GetCollaborationTrainedModel", CAROL, **arn),
    )
    assert {answer["statusDetails"]["message"] for answer in own} == {said["status_message"]}
    assert {answer["statusDetails"]["message"] for answer in others} == {MEANING[code]}


def channels_given_to(room: Room, account_id: str) -> None:
    """Make all channels another member's: as if it could query as well."""
    membership_id = room.membership(account_id)
    with room.server.store.transaction() as tx:
        for channel in tx.ml_input_channels.all(collaboration_id=room.collaboration_id):
            tx.ml_input_channels.update(channel, account_id=account_id, membership_id=membership_id)


@pytest.mark.parametrize("way", sorted(WAYS.keys() - {"queries of another alone"}))  # CAROL is that other
@pytest.mark.parametrize("use", ["inference", "incremental training", "export of a later version"])
def test_a_member_that_uses_anothers_model_is_not_told_what_it_was_made_of(
    room: Room, uses: dict[str, tuple[str, dict[str, Any]]], use: str, way: str
) -> None:
    operation, request = uses[use]
    arn = request.get("trainedModelArn") or request["incrementalTrainingDataChannels"][0]["trainedModelArn"]
    channels_given_to(room, CAROL)
    table, room.table = room.table, room.shared_table(ALICE, "own")
    if use != "export of a later version":
        request = with_channel(request, room.active_channel("own"))
    room.table = table
    WAYS[way](Owner(room))
    message = room.refused(AccessDenied, operation, **request)
    assert "'patients'" not in message
    assert arn in message
    assert f"member {ALICE}, who trained it" in message


def with_channel(request: dict[str, Any], arn: str) -> dict[str, Any]:
    if "dataSource" in request:
        return {**request, "dataSource": {"mlInputChannelArn": arn}}
    return {**request, "dataChannels": [{**request["dataChannels"][0], "mlInputChannelArn": arn}]}


@pytest.mark.parametrize("way", WAYS)
def test_what_a_program_left_is_not_told_by_an_export_after_its_rows_were_withdrawn(room: Room, way: str) -> None:
    room.association_arn = room.association(name="exporting", policies=EXPORTS)
    model = room.active_model("forest", room.active_channel("rows"))["trainedModelArn"]
    room.call("StartTrainedModelExportJob", **room.export_request("out", model))
    said = "patient-10038-is-ill is a link."
    with room.server.store.transaction() as tx:
        (job,) = tx.trained_model_export_jobs.working()
        tx.trained_model_export_jobs.transition(
            job,
            Event.FAILED,
            actor="controller",
            at=room.server.now,
            status_code=StatusCode.UNSAFE_ARTIFACT.value,
            status_message=said,
        )

    def told() -> list[str]:
        answers = [
            room.call("ListCollaborationTrainedModelExportJobs", account, trainedModelArn=model)
            for account in (ALICE, CAROL)
        ]
        (listed,) = zip(*(answer["collaborationTrainedModelExportJobs"] for answer in answers), strict=True)
        return [one["statusDetails"]["message"] for one in listed]

    assert told() == [said] * 2
    WAYS[way](Owner(room))
    assert told() == [MEANING[StatusCode.UNSAFE_ARTIFACT]] * 2
