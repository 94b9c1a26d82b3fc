"""A clean room on a real server, as its members' scripts see it: boto3, SQL, images, and a server that can be killed.

with live_room(tmp_path / "data") as room:
    rows = room.finished(room.channel("rows"))
    model = room.finished(room.train("model", rows["mlInputChannelArn"], behaviour="count"))
    room.kill()
    room.start()

ALICE queries, brings the algorithm (the image of tests/e2e/programs) and receives; BOB owns the table `visits`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from support.command import whiteroom
from support.patience import Patience
from support.releases import Release
from support.server import RunningServer, running_server
from support.worlds.requests import (
    ALICE,
    BOB,
    NO_PAYMENT,
    collaboration_request,
    collaboration_rule,
    custom_rule,
    role_of,
)
from whiteroom.runtime.supervisor import cgroups

PROGRAMS = Path(__file__).parents[1] / "e2e" / "programs"
IMAGE = "programs:1"
REGION = "eu-central-1"
PATIENCE_SECONDS = 60
ROWS = "".join(f"{number},{number % 90}\n" for number in range(1, 21))
MOVING = ("PENDING", "IN_PROGRESS")
LOGGED = {"queryLogStatus": "ENABLED", "jobLogStatus": "ENABLED"}


@dataclass
class LiveRoom:
    """The room, its server, and what ALICE does in it."""

    data: Path
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    release: Release | None = None
    """Another release than this one, whose server and commands they are."""
    collaboration: str = ""
    membership: str = ""
    owner_membership: str = ""
    algorithm: str = ""
    """The configured model algorithm, to associate under policies."""
    association: str = ""
    """The association without policies."""
    server: RunningServer = field(init=False)
    _servers: ExitStack = field(default_factory=ExitStack)
    _clients: dict[tuple[str, str, str | None], Any] = field(default_factory=dict)

    # -- the server -----------------------------------------------------------------

    def start(self) -> None:
        """Start a server on the folder."""
        self._clients.clear()
        python = self.release.python if self.release else sys.executable
        environment = {"AWS_REGION": "x", **self.environment}
        running = running_server(self.data, *self.options, environment=environment, python=python)
        self.server = self._servers.enter_context(running)
        self.server.region = REGION

    def kill(self) -> None:
        """kill -9 of the server, and of nothing else."""
        assert self.server.stop(signal.SIGKILL) == -signal.SIGKILL

    def restart(self) -> None:
        """kill -9, and the next server at once."""
        self.kill()
        self.start()

    def close(self) -> None:
        """End every server."""
        self._servers.close()

    def client(self, service: str, account: str = ALICE, protocol: str | None = None) -> Any:
        """A client of the server that runs now; in the protocol named, or the one that boto3 likes best."""
        name = (service, account, protocol)
        if name not in self._clients:
            self._clients[name] = self.server.client(service, account, protocol=protocol)
        return self._clients[name]

    @property
    def ml(self) -> Any:
        """ALICE's client of cleanroomsml."""
        return self.client("cleanroomsml")

    # -- the room -------------------------------------------------------------------

    def meet(self) -> None:
        """ALICE and BOB meet; BOB shares a table, and ALICE brings the algorithm."""
        visits = self.data.parent / f"{self.data.name}-visits.csv"
        visits.write_text("patient,age\n" + ROWS)
        built = self.command("images", "build", IMAGE, str(PROGRAMS))
        assert built.code == 0, built.err
        alice, bob = self.client("cleanrooms"), self.client("cleanrooms", BOB)
        abilities = {"customMLMemberAbilities": ["CAN_RECEIVE_MODEL_OUTPUT", "CAN_RECEIVE_INFERENCE_OUTPUT"]}
        request = collaboration_request(
            creatorMLMemberAbilities=abilities,
            **LOGGED,
            members=[
                {"accountId": BOB, "displayName": "Bob", "memberAbilities": [], "paymentConfiguration": NO_PAYMENT}
            ],
        )
        pays = request["creatorPaymentConfiguration"]
        pays["machineLearning"]["syntheticDataGeneration"] = {"isResponsible": True}
        self.collaboration = alice.create_collaboration(**request)["collaboration"]["id"]
        self.membership = self._join(alice, pays)
        self.owner_membership = self._join(bob, NO_PAYMENT)
        self.ml.put_ml_configuration(
            membershipIdentifier=self.membership,
            defaultOutputLocation={
                "roleArn": role_of(ALICE),
                "destination": {"s3Destination": {"s3Uri": "s3://alice/results"}},
            },
        )
        self.share("visits", visits, ["patient", "age"])
        self.algorithm = self.ml.create_configured_model_algorithm(
            name="programs",
            roleArn=role_of(ALICE),
            trainingContainerConfig={"imageUri": IMAGE},
            inferenceContainerConfig={"imageUri": IMAGE},
        )["configuredModelAlgorithmArn"]
        self.association = self.associate("programs")

    def _join(self, client: Any, pays: Any) -> str:
        answer = client.create_membership(
            collaborationIdentifier=self.collaboration, **LOGGED, paymentConfiguration=pays
        )
        return str(answer["membership"]["id"])

    def share(
        self,
        name: str,
        file: Path,
        allowed: list[str],
        kind: str = "CUSTOM",
        rule: Any = None,
        shared: Any = None,
    ) -> None:
        """BOB catalogues a file and shares it as a table, under these rules or for any algorithm to be trained on."""
        added = self.command("catalog", "add", "--account", BOB, f"lake.{name}", str(file))
        assert added.code == 0, added.err
        bob = self.client("cleanrooms", BOB)
        table = bob.create_configured_table(
            name=name,
            tableReference={"glue": {"databaseName": "lake", "tableName": name}},
            allowedColumns=allowed,
            analysisMethod="DIRECT_QUERY",
        )["configuredTable"]["id"]
        bob.create_configured_table_analysis_rule(
            configuredTableIdentifier=table, analysisRuleType=kind, analysisRulePolicy=rule or custom_rule()
        )
        association = bob.create_configured_table_association(
            name=name,
            membershipIdentifier=self.owner_membership,
            configuredTableIdentifier=table,
            roleArn=role_of(BOB),
        )["configuredTableAssociation"]["id"]
        bob.create_configured_table_association_analysis_rule(
            membershipIdentifier=self.owner_membership,
            configuredTableAssociationIdentifier=association,
            analysisRuleType=kind,
            analysisRulePolicy=shared or collaboration_rule(),
        )

    def associate(self, name: str, algorithm: str = "", policies: Any = None) -> str:
        """An association of an algorithm of ALICE's, under policies if given."""
        privacy = {} if policies is None else {"privacyConfiguration": {"policies": policies}}
        answer = self.ml.create_configured_model_algorithm_association(
            membershipIdentifier=self.membership,
            configuredModelAlgorithmArn=algorithm or self.algorithm,
            name=name,
            **privacy,
        )
        return str(answer["configuredModelAlgorithmAssociationArn"])

    # -- what takes time ------------------------------------------------------------

    def channel(self, name: str, sql: str = "SELECT patient, age FROM visits", association: str = "") -> str:
        """CreateMLInputChannel; its ARN."""
        answer = self.ml.create_ml_input_channel(
            membershipIdentifier=self.membership,
            configuredModelAlgorithmAssociations=[association or self.association],
            inputChannel={
                "dataSource": {
                    "protectedQueryInputParameters": {
                        "sqlParameters": {"queryString": sql},
                        "computeConfiguration": {"worker": {"type": "CR.1X", "number": 2}},
                    }
                },
                "roleArn": role_of(ALICE),
            },
            name=name,
            retentionInDays=1,
        )
        return str(answer["mlInputChannelArn"])

    def train(
        self,
        name: str,
        channel: str,
        association: str = "",
        *,
        seconds: int = 60,
        gigabytes: int = 1,
        instances: int = 1,
        **asked: str,
    ) -> str:
        """CreateTrainedModel of the program with these hyperparameters; its ARN."""
        answer = self.ml.create_trained_model(
            membershipIdentifier=self.membership,
            name=name,
            configuredModelAlgorithmAssociationArn=association or self.association,
            hyperparameters=asked,
            resourceConfig={
                "instanceType": "ml.t3.medium",
                "volumeSizeInGB": gigabytes,
                "instanceCount": instances,
            },
            stoppingCondition={"maxRuntimeInSeconds": seconds},
            dataChannels=[{"mlInputChannelArn": channel, "channelName": "train"}],
        )
        return str(answer["trainedModelArn"])

    def infer(self, name: str, model: str, channel: str, *, instances: int = 1, **environment: str) -> str:
        """StartTrainedModelInferenceJob; its ARN."""
        answer = self.ml.start_trained_model_inference_job(
            membershipIdentifier=self.membership,
            name=name,
            trainedModelArn=model,
            resourceConfig={"instanceType": "ml.m5.large", "instanceCount": instances},
            dataSource={"mlInputChannelArn": channel},
            outputConfiguration={"accept": "text/csv", "members": [{"accountId": ALICE}]},
            containerExecutionParameters={"maxPayloadInMB": 1},
            environment=environment,
        )
        return str(answer["trainedModelInferenceJobArn"])

    def export(self, name: str, model: str) -> None:
        """StartTrainedModelExportJob to ALICE."""
        self.ml.start_trained_model_export_job(
            name=name,
            membershipIdentifier=self.membership,
            trainedModelArn=model,
            outputConfiguration={"members": [{"accountId": ALICE}]},
        )

    def exported(self, name: str, model: str) -> Any:
        """The export job of that name, once it is at rest."""

        def look() -> Any:
            jobs = self.ml.list_collaboration_trained_model_export_jobs(
                collaborationIdentifier=self.collaboration, trainedModelArn=model
            )["collaborationTrainedModelExportJobs"]
            (job,) = (job for job in jobs if job["name"] == name)
            return job

        return once(lambda job: not job["status"].endswith(MOVING), look)

    def analyses(self, account: str = BOB, *terms: str) -> list[dict[str, Any]]:
        """The messages of an account's analysis log that have these terms, in order."""
        pages = (
            self.client("logs", account)
            .get_paginator("filter_log_events")
            .paginate(
                logGroupName=f"/aws/cleanrooms/{self.collaboration}",
                filterPattern=" ".join(f'"{term}"' for term in terms),
            )
        )
        return [json.loads(event["message"]) for page in pages for event in page["events"]]

    def cancel(self, model: str) -> None:
        """CancelTrainedModel."""
        self.ml.cancel_trained_model(membershipIdentifier=self.membership, trainedModelArn=model)

    # -- what is seen ---------------------------------------------------------------

    def look(self, arn: str) -> Any:
        """A channel, a model or an inference job as it is now."""
        if "/ml-input-channel/" in arn:
            return self.ml.get_ml_input_channel(membershipIdentifier=self.membership, mlInputChannelArn=arn)
        if "/trained-model-inference-job/" in arn:
            return self.ml.get_trained_model_inference_job(
                membershipIdentifier=self.membership, trainedModelInferenceJobArn=arn
            )
        return self.ml.get_trained_model(membershipIdentifier=self.membership, trainedModelArn=arn)

    def finished(self, arn: str, status: str = "ACTIVE", seconds: float = PATIENCE_SECONDS) -> Any:
        """What it came to, which must be `status`."""
        seen = once(lambda seen: not seen["status"].endswith(MOVING), lambda: self.look(arn), seconds)
        assert seen["status"] == status, seen.get("statusDetails", seen)
        return seen

    def failed(self, arn: str, code: str, seconds: float = PATIENCE_SECONDS) -> str:
        """The message of its failure, which must have that statusCode."""
        details = self.finished(arn, "CREATE_FAILED", seconds)["statusDetails"]
        assert details["statusCode"] == code, details
        return str(details["message"])

    def events(self, arn: str) -> list[str]:
        """The names of what happened to it, in order."""
        return [event["event"] for event in self.command("explain", arn, "--json").json["events"]]

    def printed(self, arn: str) -> list[str]:
        """The lines that its program wrote to stdout, as far as they are in the log."""
        lines = map(json.loads, self.command("logs", arn, "--json").out.splitlines())
        return [line["text"] for line in lines if line["stream"] == "stdout"]

    def command(self, *arguments: str) -> Any:
        """A command beside the server."""
        command_line = self.release or whiteroom
        return command_line(*arguments, "--data", str(self.data))

    def deliveries(self) -> list[str]:
        """Every file that was delivered, hidden ones included."""
        bucket = self.data / "objects" / "alice"
        return sorted(str(file.relative_to(bucket)) for file in bucket.rglob("*") if file.is_file())

    def left_behind(self) -> list[str]:
        """What of finished work is still on the machine: folders, files under way, mounts, processes, groups."""
        data = self.data
        # Hidden ones are of a run's making or removal, and are swept a minute later.
        working = ("runs", "queries", "results", "originals", "syntheses", "bases", "checkpoints")
        left = [str(path) for name in working for path in (data / name).glob("[!.]*")]
        left += [str(path) for path in (data / "artefacts").rglob("+*")]
        left += [str(path) for path in (data / "objects").rglob(".*")]
        left += [str(path) for path in (data / "channels").glob("*") if path.name.count("-") != 4]
        left += [line for line in Path("/proc/mounts").read_text().splitlines() if str(data) in line]
        left += [
            f"process {text}" for text in _processes_of(data) if not text.startswith(f"{self.server.process.pid} ")
        ]
        groups = {folder for folder, _ in cgroups.parents().values()}
        ours = {path.stem.split(".")[0] for path in (data / "logs").glob("*")}
        return left + [str(path) for at in groups for name in ours for path in Path(at).glob(f"whiteroom-{name}*")]

    def assert_nothing_left(self, seconds: float = 10) -> None:
        """Nothing of finished work is left; the server has that long to tidy up."""
        once(lambda left: not left, self.left_behind, seconds)


def _processes_of(data: Path) -> Iterator[str]:
    """Every process that has something of the folder as its working directory, mounted, or on its command line."""
    for process in psutil.process_iter():
        if process.pid in {os.getpid(), *(above.pid for above in psutil.Process().parents())}:
            continue
        try:
            mounts = Path(f"/proc/{process.pid}/mountinfo").read_text()
            words = " ".join(process.cmdline())
            if str(data) in f"{mounts} {words} {process.cwd()}" and process.status() != psutil.STATUS_ZOMBIE:
                yield f"{process.pid} {words}"
        except (psutil.Error, OSError):
            continue


def once(wanted: Callable[[Any], Any], look: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """What `look` answers, as soon as it is what is wanted."""
    patience = Patience(seconds)
    while not wanted(seen := look()):
        assert not patience.is_lost, f"It did not come to that in {seconds} seconds: {seen}"
        time.sleep(0.02)
    return seen


@contextmanager
def live_room(data: Path, *options: str, **environment: str) -> Iterator[LiveRoom]:
    """A room on a server of its own, which ends with it; no run of it is left behind.

    Args:
        data: the server's folder.
        *options: of `whiteroom up`.
        **environment: variables of the server's; its settings, for example.
    """
    with begun(LiveRoom(data, options, environment)) as room:
        yield room


@contextmanager
def begun(room: LiveRoom) -> Iterator[LiveRoom]:
    """Start a room's server and have its members meet; the server ends with it."""
    try:
        room.start()
        room.meet()
        yield room
    finally:
        room.close()
