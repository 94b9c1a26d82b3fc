from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, DAVE, REGION, SQL, arn_of, input_channel, role_of
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import Server
from whiteroom.base.faults import AccessDenied, Conflict, QuotaExceeded, ResourceNotFound, ValidationFault
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.resources.protected_queries import ProtectedQueryStatus
from whiteroom.domain.resources.quotas import Quota

CREATE = "CreateMLInputChannel"
DELETE = "DeleteMLInputChannelData"
KEY = f"arn:aws:kms:{REGION}:{ALICE}:key/1"
COMPUTE = {"worker": {"type": "CR.1X", "number": 4}}


@pytest.fixture
def room(server: Server) -> Room:
    return a_furnished_room(server)


def a_template(room: Room, name: str = "by_age", **changes: Any) -> str:
    request = {
        "membershipIdentifier": room.membership(ALICE),
        "name": name,
        "format": "SQL",
        "source": {"text": "SELECT age, outcome FROM patients WHERE age > :age"},
        "analysisParameters": [{"name": "age", "type": "INTEGER"}],
        **changes,
    }
    answer = room.server.cleanrooms(ALICE, "CreateAnalysisTemplate", **request)
    return str(answer["analysisTemplate"]["arn"])


def test_its_maker_reads_a_channel_as_it_was_given(room: Room) -> None:
    source = input_channel({"queryString": SQL})
    source["dataSource"]["protectedQueryInputParameters"] |= {"computeConfiguration": COMPUTE, "resultFormat": "CSV"}
    arn = room.channel(inputChannel=source, description="Rows.", kmsKeyArn=KEY, tags={"team": "a"})
    answer = room.call("GetMLInputChannel", mlInputChannelArn=arn)
    assert (answer["status"], answer["statusDetails"]) == ("CREATE_PENDING", None)
    assert answer["inputChannel"] == source
    assert answer["configuredModelAlgorithmAssociations"] == [room.association_arn]
    assert (answer["retentionInDays"], answer["description"], answer["kmsKeyArn"]) == (1, "Rows.", KEY)
    assert answer["tags"] == {"team": "a"}
    assert answer["payerConfiguration"] == {"computePayerAccountId": ALICE}
    assert [answer[name] for name in ("numberOfRecords", "numberOfFiles", "sizeInGb")] == [None] * 3


def test_a_channel_comes_with_the_query_that_fills_it_and_its_work(room: Room) -> None:
    arn = room.channel()
    answer = room.call("GetMLInputChannel", mlInputChannelArn=arn)
    with room.server.store.reading() as tx:
        query = tx.protected_queries.get(answer["protectedQueryIdentifier"])
        waiting = [channel.arn for channel in tx.ml_input_channels.working()]
    assert query is not None
    assert query.status is ProtectedQueryStatus.SUBMITTED
    assert (query.sql_parameters, query.payer_account_id) == ({"queryString": SQL}, ALICE)
    assert query.ml_input_channel_arn == arn
    assert waiting == [arn]


def test_a_full_channel_tells_its_size(room: Room) -> None:
    arn = room.channel()
    filled = {"number_of_records": 7, "number_of_files": 2, "size_bytes": 1_500_000_000}
    room.advance("ml_input_channels", arn, Event.STARTED, Event.SUCCEEDED, **filled)
    answer = room.call("GetMLInputChannel", mlInputChannelArn=arn)
    assert (answer["numberOfRecords"], answer["numberOfFiles"], answer["sizeInGb"]) == (7, 2.0, 1.5)


def test_other_members_see_neither_query_nor_key_nor_tags(room: Room) -> None:
    arn = room.channel(kmsKeyArn=KEY, tags={"team": "a"})
    answer = room.call("GetCollaborationMLInputChannel", BOB, mlInputChannelArn=arn)
    assert answer["creatorAccountId"] == ALICE
    hidden = {"inputChannel", "protectedQueryIdentifier", "numberOfFiles", "sizeInGb", "kmsKeyArn", "tags"}
    assert not hidden & answer.keys()
    (item,) = room.call("ListCollaborationMLInputChannels", BOB)["collaborationMLInputChannelsList"]
    assert (item["mlInputChannelArn"], item["creatorAccountId"]) == (arn, ALICE)
    assert not hidden & item.keys()
    room.refused(ResourceNotFound, "GetMLInputChannel", BOB, mlInputChannelArn=arn)


def test_channels_are_listed_newest_first(room: Room) -> None:
    arns = [room.channel(f"rows {number}") for number in range(3)]
    items = room.call("ListMLInputChannels")["mlInputChannelsList"]
    assert [item["mlInputChannelArn"] for item in items] == arns[::-1]
    assert all(item["protectedQueryIdentifier"] for item in items)
    assert room.call("ListMLInputChannels", BOB)["mlInputChannelsList"] == []


def test_only_the_member_who_can_query_makes_channels(room: Room) -> None:
    request = room.channel_request(inputChannel=input_channel({"queryString": SQL}, BOB))
    assert "CAN_QUERY" in room.refused(AccessDenied, CREATE, BOB, **request)


def test_a_role_of_another_account_is_refused(room: Room) -> None:
    request = room.channel_request(inputChannel=input_channel({"queryString": SQL}, BOB))
    assert role_of(BOB) in room.refused(AccessDenied, CREATE, **request)


def test_an_association_that_is_not_there_is_not_found(room: Room) -> None:
    unknown = arn_of("configured-model-algorithm-association", room.membership(CAROL), CAROL)
    request = room.channel_request(configuredModelAlgorithmAssociations=[unknown])
    room.refused(ResourceNotFound, CREATE, **request)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"queryString": ""},
        {"queryString": SQL, "parameters": {"age": "1"}},
        {
            "queryString": SQL,
            "analysisTemplateArn": f"arn:aws:cleanrooms:eu-west-1:{ALICE}:membership/"
            "ffffffff-ffff-4fff-8fff-ffffffffffff/analysistemplate/ffffffff-ffff-4fff-8fff-ffffffffffff",
        },
    ],
)
def test_a_channel_has_one_query(room: Room, parameters: Any) -> None:
    room.refused(ValidationFault, CREATE, **room.channel_request(inputChannel=input_channel(parameters)))


def test_hostile_sql_is_recorded_and_not_parsed(room: Room) -> None:
    room.channel(inputChannel=input_channel({"queryString": "(" * 400_000}))


def test_a_template_of_the_collaboration_fills_a_channel(room: Room) -> None:
    parameters = {"analysisTemplateArn": a_template(room), "parameters": {"age": "30"}}
    arn = room.channel(inputChannel=input_channel(parameters))
    answer = room.call("GetMLInputChannel", mlInputChannelArn=arn)
    assert answer["inputChannel"] == input_channel(parameters)


@pytest.mark.parametrize(
    ("parameters", "word"), [({}, "needs a value for age"), ({"age": "1", "b": "2"}, "no parameter b")]
)
def test_a_template_takes_its_own_parameters(room: Room, parameters: Any, word: str) -> None:
    source = input_channel({"analysisTemplateArn": a_template(room), "parameters": parameters})
    assert word in room.refused(ValidationFault, CREATE, **room.channel_request(inputChannel=source))


def test_a_template_that_is_not_there_is_not_found(room: Room) -> None:
    unknown = a_template(room)[:-12] + "ffffffffffff"
    source = input_channel({"analysisTemplateArn": unknown})
    room.refused(ResourceNotFound, CREATE, **room.channel_request(inputChannel=source))


@pytest.mark.parametrize("named", [None, ALICE])
def test_the_payer_is_echoed_everywhere(room: Room, named: str | None) -> None:
    payers: dict[str, Any] = {} if named is None else {"payerConfiguration": {"computePayerAccountId": named}}
    arn = room.channel(**payers)
    collaboration = {"collaborationIdentifier": room.collaboration_id}
    answers = [
        room.call("GetMLInputChannel", mlInputChannelArn=arn),
        room.call("GetCollaborationMLInputChannel", mlInputChannelArn=arn, **collaboration),
        *room.call("ListMLInputChannels")["mlInputChannelsList"],
        *room.call("ListCollaborationMLInputChannels")["collaborationMLInputChannelsList"],
    ]
    assert [answer["payerConfiguration"] for answer in answers] == [{"computePayerAccountId": ALICE}] * 4


@pytest.mark.parametrize(
    "payers", [{"computePayerAccountId": BOB}, {"computePayerAccountId": DAVE}, {"syntheticDataPayerAccountId": ALICE}]
)
def test_a_member_that_does_not_pay_for_it_cannot_be_named(room: Room, payers: Any) -> None:
    room.refused(ValidationFault, CREATE, **room.channel_request(payerConfiguration=payers))


SYNTHETIC_COLUMNS = [
    {"columnName": f"c{number}", "columnType": "NUMERICAL", "isPredictiveValue": number == 0} for number in range(5)
]
SYNTHETIC = {
    "mlSyntheticDataParameters": {
        "epsilon": 3.0,
        "maxMembershipInferenceAttackScore": 0.6,
        "columnClassification": {"columnMapping": SYNTHETIC_COLUMNS},
    }
}


def synthetic_request(room: Room, **changes: Any) -> dict[str, Any]:
    """CreateMLInputChannel with a template for synthetic data."""
    template = room.server.cleanrooms(
        ALICE,
        "CreateAnalysisTemplate",
        membershipIdentifier=room.membership(ALICE),
        name="synthetic",
        format="SQL",
        source={"text": "SELECT age FROM patients"},
        syntheticDataParameters=SYNTHETIC,
    )["analysisTemplate"]["arn"]
    return room.channel_request(inputChannel=input_channel({"analysisTemplateArn": template}), **changes)


def paying(**costs: bool) -> dict[str, Any]:
    """A payment configuration for queries, and these costs of machine learning."""
    learning = {cost: {"isResponsible": responsible} for cost, responsible in costs.items()}
    return {"queryCompute": {"isResponsible": True}, "machineLearning": learning}


def test_synthetic_data_that_nobody_pays_for_is_refused(room: Room) -> None:
    message = room.refused(ValidationFault, CREATE, **synthetic_request(room))
    assert "machineLearning.syntheticDataGeneration" in message


@pytest.mark.parametrize("named", [None, ALICE])
def test_the_payer_of_synthetic_data_is_found_and_echoed(server: Server, named: str | None) -> None:
    pays = paying(modelTraining=True, modelInference=True, syntheticDataGeneration=True)
    room = a_furnished_room(server, creatorPaymentConfiguration=pays)
    payers = {} if named is None else {"payerConfiguration": {"syntheticDataPayerAccountId": named}}
    arn = room.call(CREATE, **synthetic_request(room, **payers))["mlInputChannelArn"]
    told = room.call("GetMLInputChannel", mlInputChannelArn=arn)
    assert told["payerConfiguration"] == {"computePayerAccountId": ALICE, "syntheticDataPayerAccountId": ALICE}
    assert told["syntheticDataConfiguration"] == {"syntheticDataParameters": SYNTHETIC["mlSyntheticDataParameters"]}


def test_a_channel_of_real_rows_has_no_synthetic_data_configuration(room: Room) -> None:
    told = room.call("GetMLInputChannel", mlInputChannelArn=room.active_channel())
    assert told.get("syntheticDataConfiguration") is None


def test_names_are_unique_while_live(room: Room) -> None:
    arn = room.channel()
    assert "'rows'" in room.refused(Conflict, CREATE, **room.channel_request())
    room.advance("ml_input_channels", arn, Event.FAILED)
    room.channel()


def test_the_quota_counts_live_channels(room: Room) -> None:
    room.server.set_quota(Quota.ACTIVE_CHANNELS_PER_MEMBERSHIP, 2)
    room.active_channel("one")
    two = room.channel("two")
    room.refused(QuotaExceeded, CREATE, **room.channel_request("three"))
    room.advance("ml_input_channels", two, Event.FAILED)
    room.channel("three")


@pytest.mark.parametrize("account_id", [ALICE, BOB, CAROL])
def test_any_active_member_erases_a_channel(room: Room, account_id: str) -> None:
    arn = room.active_channel()
    room.call(DELETE, account_id, mlInputChannelArn=arn)
    assert room.call("GetMLInputChannel", mlInputChannelArn=arn)["status"] == "DELETE_PENDING"
    with room.server.store.reading() as tx:
        *_, last = tx.events(arn)
    assert (last.event, last.actor) == (Event.DELETE, account_id)


def test_a_stranger_erases_nothing(room: Room) -> None:
    arn = room.active_channel()
    place = room.membership(ALICE)
    room.refused(AccessDenied, DELETE, DAVE, mlInputChannelArn=arn, membershipIdentifier=place)
    unknown = arn_of("ml-input-channel", place)
    room.refused(ResourceNotFound, DELETE, mlInputChannelArn=unknown)


@pytest.mark.parametrize("events", [(), (Event.STARTED,), (Event.STARTED, Event.SUCCEEDED, Event.DELETE)])
def test_a_channel_is_erased_only_at_rest(room: Room, events: tuple[Event, ...]) -> None:
    arn = room.channel()
    room.advance("ml_input_channels", arn, *events)
    assert "ACTIVE or DELETE_FAILED" in room.refused(Conflict, DELETE, mlInputChannelArn=arn)


def test_a_failed_channel_can_be_erased(room: Room) -> None:
    arn = room.channel()
    room.advance("ml_input_channels", arn, Event.FAILED, status_code="QueryRefused", status_message="No.")
    answer = room.call("GetMLInputChannel", mlInputChannelArn=arn)
    assert answer["statusDetails"] == {"statusCode": "QueryRefused", "message": "No."}
    room.call(DELETE, mlInputChannelArn=arn)


def test_a_channel_that_a_training_reads_is_not_erased(room: Room) -> None:
    arn = room.active_channel()
    model = room.model("reader", arn)
    assert "reader" in room.refused(Conflict, DELETE, BOB, mlInputChannelArn=arn)
    room.advance_model(model, Event.STARTED)
    assert model["trainedModelArn"] in room.refused(Conflict, DELETE, mlInputChannelArn=arn)
    room.call("CancelTrainedModel", trainedModelArn=model["trainedModelArn"])
    room.call(DELETE, mlInputChannelArn=arn)


def test_a_channel_that_an_inference_job_reads_is_not_erased(room: Room) -> None:
    room.configure(CAROL)
    arn = room.active_channel()
    job = room.inference_job("scores", room.active_model("m", arn)["trainedModelArn"], arn)
    assert job in room.refused(Conflict, DELETE, mlInputChannelArn=arn)
    room.advance("trained_model_inference_jobs", job, Event.STARTED, Event.SUCCEEDED)
    room.call(DELETE, mlInputChannelArn=arn)


def test_nobody_configured_means_that_the_querier_pays(server: Server) -> None:
    room = a_furnished_room(server, creatorPaymentConfiguration={"queryCompute": {"isResponsible": True}})
    channel = room.active_channel()
    model = room.model("m", channel)
    answer = room.call("GetTrainedModel", trainedModelArn=model["trainedModelArn"])
    assert answer["mlModelTrainingPayerAccountId"] == ALICE
