"""Commands beside a running server: its tables, its images, its logs, and its trainings when it is gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from support.command import CommandLine
from support.patience import Patience
from support.server import RunningServer, running_server
from support.worlds.requests import ALICE, BOB, collaboration_request, collaboration_rule, custom_rule, role_of

SECONDS = 30
IMAGE = "222222222222.dkr.ecr.eu-central-1.amazonaws.com/trees:1"
TRAINING = """
import pathlib, time
rows = sum(1 for _ in open(next(pathlib.Path("/opt/ml/input/data/train").iterdir()))) - 1
print(f"learnt from {rows} rows", flush=True)
time.sleep(3)
pathlib.Path("/opt/ml/model/weights").write_text("w")
print("done", flush=True)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("beside") / "data", environment={"AWS_REGION": "x"}) as server:
        server.region = "eu-central-1"
        yield server


@pytest.fixture(scope="module")
def cli(server: RunningServer) -> CommandLine:
    return CommandLine(server.data)


@dataclass
class Room:
    """A member's view of a room in which a table is shared and an algorithm associated."""

    server: Any
    membership: str
    association: str

    @property
    def ml(self) -> Any:
        return self.server.client("cleanroomsml", ALICE)

    def train(self, channel: str, name: str) -> str:
        answer = self.ml.create_trained_model(
            membershipIdentifier=self.membership,
            name=name,
            configuredModelAlgorithmAssociationArn=self.association,
            resourceConfig={"instanceType": "ml.m5.large", "instanceCount": 1, "volumeSizeInGB": 1},
            dataChannels=[{"mlInputChannelArn": channel, "channelName": "train"}],
        )
        return str(answer["trainedModelArn"])

    def model(self, arn: str) -> Any:
        return self.ml.get_trained_model(membershipIdentifier=self.membership, trainedModelArn=arn)

    def channel(self, arn: str) -> Any:
        return self.ml.get_ml_input_channel(membershipIdentifier=self.membership, mlInputChannelArn=arn)


def at_rest(look: Callable[[], Any]) -> Any:
    """What is seen once the resource is neither pending nor in progress."""
    return once(lambda seen: not seen["status"].endswith(("PENDING", "IN_PROGRESS")), look)


def once(wanted: Callable[[Any], bool], look: Callable[[], Any]) -> Any:
    patience = Patience(SECONDS)
    while not patience.is_lost:
        seen = look()
        if wanted(seen):
            return seen
        time.sleep(0.05)
    raise AssertionError(f"It did not come to that in {SECONDS} seconds: {seen}")


@pytest.fixture(scope="module")
def room(server: RunningServer, cli: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> Room:
    visits = tmp_path_factory.mktemp("tables") / "visits.csv"
    visits.write_text("patient,age\n1,50\n2,60\n3,70\n")
    assert cli("catalog", "add", "hospital.visits", str(visits), "--account", BOB).code == 0
    alice, bob = (server.client("cleanrooms", account) for account in (ALICE, BOB))
    collaboration = alice.create_collaboration(**collaboration_request())["collaboration"]["id"]
    mine = _join(alice, collaboration, modelTraining=True)
    _share_table(bob, _join(bob, collaboration))
    return Room(server, mine, _associate_algorithm(server.client("cleanroomsml", ALICE), mine))


@pytest.fixture(scope="module")
def channel(room: Room) -> Any:
    """A channel over the one table, once it has come to rest."""
    arn = room.ml.create_ml_input_channel(
        membershipIdentifier=room.membership,
        configuredModelAlgorithmAssociations=[room.association],
        inputChannel={
            "dataSource": {
                "protectedQueryInputParameters": {
                    "sqlParameters": {"queryString": "SELECT patient, age FROM visits"},
                    "computeConfiguration": {"worker": {"type": "CR.1X", "number": 2}},
                }
            },
            "roleArn": role_of(ALICE),
        },
        name="visits",
        retentionInDays=1,
    )["mlInputChannelArn"]
    return at_rest(lambda: room.channel(arn))


@pytest.fixture(scope="module")
def image(cli: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image under a registry's name, whose training takes a few seconds."""
    code = tmp_path_factory.mktemp("trees")
    (code / "train.py").write_text(TRAINING)
    built = cli("images", "build", IMAGE, str(code), "--entrypoint", "python train.py")
    assert built.code == 0, built.err
    return built.out.split()[1]


def _join(client: Any, room: Room, **responsible: bool) -> str:
    paid: dict[str, Any] = {"queryCompute": {"isResponsible": bool(responsible)}}
    if responsible:
        paid["machineLearning"] = {
            "modelTraining": {"isResponsible": True},
            "modelInference": {"isResponsible": True},
        }
    answer = client.create_membership(
        collaborationIdentifier=room, queryLogStatus="DISABLED", paymentConfiguration=paid
    )
    return str(answer["membership"]["id"])


def _share_table(client: Any, membership: Any) -> None:
    table = client.create_configured_table(
        name="visits",
        tableReference={"glue": {"databaseName": "hospital", "tableName": "visits"}},
        allowedColumns=["patient", "age"],
        analysisMethod="DIRECT_QUERY",
    )["configuredTable"]["id"]
    client.create_configured_table_analysis_rule(
        configuredTableIdentifier=table, analysisRuleType="CUSTOM", analysisRulePolicy=custom_rule()
    )
    association = client.create_configured_table_association(
        name="visits", membershipIdentifier=membership, configuredTableIdentifier=table, roleArn=role_of(BOB)
    )["configuredTableAssociation"]["id"]
    client.create_configured_table_association_analysis_rule(
        membershipIdentifier=membership,
        configuredTableAssociationIdentifier=association,
        analysisRuleType="CUSTOM",
        analysisRulePolicy=collaboration_rule(),
    )


def _associate_algorithm(ml: Any, membership: Any) -> str:
    algorithm = ml.create_configured_model_algorithm(
        name="trees",
        roleArn=role_of(ALICE),
        trainingContainerConfig={"imageUri": IMAGE},
    )["configuredModelAlgorithmArn"]
    answer = ml.create_configured_model_algorithm_association(
        membershipIdentifier=membership, configuredModelAlgorithmArn=algorithm, name="trees"
    )
    return str(answer["configuredModelAlgorithmAssociationArn"])


def test_a_table_that_was_added_beside_the_server_is_read_by_its_queries(channel: Any) -> None:
    assert channel["status"] == "ACTIVE", channel
    assert channel["numberOfRecords"] == 3


def test_what_happened_is_explained_beside_the_server(cli: CommandLine, channel: Any) -> None:
    answer = cli("explain", channel["mlInputChannelArn"], "--json").json
    assert [event["toStatus"] for event in answer["events"]] == ["CREATE_PENDING", "CREATE_IN_PROGRESS", "ACTIVE"]
    assert answer["events"][0]["actor"] == ALICE


def test_a_training_is_followed_and_survives_a_restart_of_the_server(
    cli: CommandLine, room: Room, channel: Any, image: str
) -> None:
    arn = room.train(channel["mlInputChannelArn"], "trees")
    once(lambda answer: "learnt from 3 rows" in answer.out, lambda: cli("logs", arn))
    assert room.server.stop() == 0
    with running_server(room.server.data) as successor:
        successor.region = room.server.region
        room = Room(successor, room.membership, room.association)
        followed = cli("logs", "--follow", arn)
        assert "stdout: done" in followed.out, (followed, cli("explain", arn).out)
        seen = at_rest(lambda: room.model(arn))
    assert seen["status"] == "ACTIVE", seen
    assert seen["trainingContainerImageDigest"] == image
    events = cli("explain", arn, "--json").json["events"]
    assert [event["event"] for event in events] == ["created", "started", "succeeded"]
