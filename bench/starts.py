"""Figure 3: from CreateTrainedModel's answer to the first line of user code, beside a bare subprocess."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import boto3

from bench.results import Figure, Section, spread
from bench.servers import server, whiteroom

ACCOUNT, REGION = "111111111111", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/bench"
RUNS = 10
TARGET_MS = 100.0
PROGRAM = "import time\nprint(time.time_ns(), flush=True)\n"


def run() -> Section:
    """The same program, started as a training and as a bare process of the same Python, in turn."""
    with tempfile.TemporaryDirectory() as scratch:
        room, code = Path(scratch) / "room", Path(scratch) / "code"
        code.mkdir()
        (code / "train.py").write_text(PROGRAM)
        key = json.loads(whiteroom(room, "accounts", "add", ACCOUNT, "--json"))
        (code.parent / "rows.csv").write_text("a,b\n1,2\n")
        whiteroom(room, "catalog", "add", "--account", ACCOUNT, "bench.rows", str(code.parent / "rows.csv"))
        whiteroom(room, "images", "build", "bench/start:1", str(code))
        with server(room) as endpoint:
            clients = {
                name: boto3.client(
                    name,
                    endpoint_url=endpoint,
                    region_name=REGION,
                    aws_access_key_id=key["accessKeyId"],
                    aws_secret_access_key=key["secretAccessKey"],
                )
                for name in ("cleanrooms", "cleanroomsml")
            }
            trainer = _Trainer(clients["cleanrooms"], clients["cleanroomsml"], room)
            ours, bare = [], []
            for turn in range(RUNS + 1):  # the first warms up
                pair = trainer.milliseconds(turn), _bare_milliseconds(code / "train.py")
                if turn:
                    ours.append(pair[0])
                    bare.append(pair[1])
    more = median(ours) - median(bare)
    figure = Figure(
        "CreateTrainedModel's answer to the first line of the program",
        spread(ours, "ms", 0),
        spread(bare, "ms", 0),
        f"{more:.0f} ms more",
        f"{TARGET_MS:.0f} ms more",
        more <= TARGET_MS,
    )
    return Section("Job start", f"A local image in the bubblewrap sandbox. Median of {RUNS} runs.", (figure,))


class _Trainer:
    """One account that does everything, and trains again and again."""

    def __init__(self, rooms: Any, ml: Any, room: Path) -> None:
        self.ml, self.room = ml, room
        self.membership = _membership(rooms)
        link = _rows(rooms, self.membership)
        self.association = _algorithm(ml, self.membership)
        rooms.create_configured_table_association_analysis_rule(
            membershipIdentifier=self.membership,
            configuredTableAssociationIdentifier=link,
            analysisRuleType="CUSTOM",
            analysisRulePolicy={"v1": {"custom": {"allowedAdditionalAnalyses": [self.association]}}},
        )
        self.channel = _channel(ml, self.membership, self.association)

    def milliseconds(self, number: int) -> float:
        """One training: from the answer to the time that the program printed."""
        arn = self.ml.create_trained_model(
            membershipIdentifier=self.membership,
            name=f"start-{number}",
            configuredModelAlgorithmAssociationArn=self.association,
            resourceConfig={"instanceType": "ml.m5.large", "volumeSizeInGB": 1},
            dataChannels=[{"mlInputChannelArn": self.channel, "channelName": "train"}],
        )["trainedModelArn"]
        answered = time.time_ns()
        _until_active(
            lambda: self.ml.get_trained_model(membershipIdentifier=self.membership, trainedModelArn=arn), every=0.25
        )
        lines = map(json.loads, whiteroom(self.room, "logs", arn, "--json").splitlines())
        printed = next(line["text"] for line in lines if line["stream"] == "stdout")
        return (int(printed) - answered) / 1e6


def _membership(rooms: Any) -> str:
    """A membership in a collaboration of one account, which does everything and pays for it."""
    yes = {"isResponsible": True}
    pays = {"queryCompute": yes, "machineLearning": {"modelTraining": yes, "modelInference": yes}}
    collaboration = rooms.create_collaboration(
        name="bench",
        description="bench",
        members=[],
        creatorDisplayName="us",
        creatorMemberAbilities=["CAN_QUERY", "CAN_RECEIVE_RESULTS"],
        creatorPaymentConfiguration=pays,
        queryLogStatus="DISABLED",
    )["collaboration"]["id"]
    membership = rooms.create_membership(
        collaborationIdentifier=collaboration, queryLogStatus="DISABLED", paymentConfiguration=pays
    )["membership"]
    return str(membership["id"])


def _rows(rooms: Any, membership: str) -> str:
    """The association of a table that any analysis may read."""
    table = rooms.create_configured_table(
        name="rows",
        tableReference={"glue": {"databaseName": "bench", "tableName": "rows"}},
        allowedColumns=["a", "b"],
        analysisMethod="DIRECT_QUERY",
    )["configuredTable"]["id"]
    rule = {
        "allowedAnalyses": ["ANY_QUERY"],
        "allowedAnalysisProviders": [ACCOUNT],
        "additionalAnalyses": "ALLOWED",
    }
    rooms.create_configured_table_analysis_rule(
        configuredTableIdentifier=table, analysisRuleType="CUSTOM", analysisRulePolicy={"v1": {"custom": rule}}
    )
    association = rooms.create_configured_table_association(
        name="rows", membershipIdentifier=membership, configuredTableIdentifier=table, roleArn=ROLE
    )["configuredTableAssociation"]
    return str(association["id"])


def _algorithm(ml: Any, membership: str) -> str:
    """The association of the algorithm whose image was built."""
    container = {"imageUri": "bench/start:1", "entrypoint": ["python", "/opt/ml/code/train.py"]}
    algorithm = ml.create_configured_model_algorithm(name="start", roleArn=ROLE, trainingContainerConfig=container)
    association = ml.create_configured_model_algorithm_association(
        membershipIdentifier=membership,
        configuredModelAlgorithmArn=algorithm["configuredModelAlgorithmArn"],
        name="start",
    )
    return str(association["configuredModelAlgorithmAssociationArn"])


def _channel(ml: Any, membership: str, association: str) -> str:
    """A channel of the table's rows, which has been filled."""
    query = {"sqlParameters": {"queryString": "SELECT a, b FROM rows"}}
    channel = ml.create_ml_input_channel(
        membershipIdentifier=membership,
        name="rows",
        configuredModelAlgorithmAssociations=[association],
        retentionInDays=1,
        inputChannel={"roleArn": ROLE, "dataSource": {"protectedQueryInputParameters": query}},
    )["mlInputChannelArn"]
    _until_active(lambda: ml.get_ml_input_channel(membershipIdentifier=membership, mlInputChannelArn=channel))
    return str(channel)


def _until_active(look: Any, every: float = 0.02) -> None:
    while (seen := look())["status"] != "ACTIVE":
        if seen["status"].endswith("FAILED"):
            raise RuntimeError(str(seen.get("statusDetails")))
        time.sleep(every)


def _bare_milliseconds(program: Path) -> float:
    started = time.time_ns()
    printed = subprocess.run([sys.executable, str(program)], check=True, capture_output=True, text=True).stdout
    return (int(printed) - started) / 1e6
