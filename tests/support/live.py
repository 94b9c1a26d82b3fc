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
from support.worlds.requests import ALICE, BOB, NO_PAYMENT, REGION, collaboration_request, member
from support.worlds.rooms import AnyRoom, Parts, SharedTable
from whiteroom.runtime.supervisor import cgroups

PROGRAMS = Path(__file__).parents[1] / "e2e" / "programs"
IMAGE = "programs:1"
PATIENCE_SECONDS = 60
ROWS = "".join(f"{number},{number % 90}\n" for number in range(1, 21))
MOVING = ("PENDING", "IN_PROGRESS")
LOGGED = {"queryLogStatus": "ENABLED", "jobLogStatus": "ENABLED"}


@dataclass
class LiveRoom(AnyRoom):
    """The room, its server, and what ALICE does in it."""

    server: RunningServer = field(init=False)
    parts: Parts = field(default_factory=lambda: Parts(querier=ALICE, owner=BOB, author=ALICE, receiver=ALICE))
    sql: str = "SELECT patient, age FROM visits"
    data: Path = field(kw_only=True)
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    release: Release | None = None
    """Another release than this one, whose server and commands they are."""
    _servers: ExitStack = field(default_factory=ExitStack)

    # -- the server -----------------------------------------------------------------

    def start(self) -> None:
        """Start a server on the folder."""
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
        return self.server.client_of(service, account, protocol)

    # -- the room -------------------------------------------------------------------

    def meet(self) -> None:
        """ALICE and BOB meet; BOB shares a table, and ALICE brings the algorithm."""
        visits = self.data.parent / f"{self.data.name}-visits.csv"
        visits.write_text("patient,age\n" + ROWS)
        built = self.command("images", "build", IMAGE, str(PROGRAMS))
        assert built.code == 0, built.err
        pays = {"isResponsible": True}
        kinds = ("modelTraining", "modelInference", "syntheticDataGeneration")
        payment = {"queryCompute": pays, "machineLearning": dict.fromkeys(kinds, pays)}
        receives = {"customMLMemberAbilities": ["CAN_RECEIVE_MODEL_OUTPUT", "CAN_RECEIVE_INFERENCE_OUTPUT"]}
        request = collaboration_request(
            creatorMLMemberAbilities=receives,
            creatorPaymentConfiguration=payment,
            members=[member(BOB, "Bob")],
            **LOGGED,
        )
        self.invite(ALICE, **request)
        self.join(ALICE, **LOGGED, paymentConfiguration=payment)
        self.join(BOB, **LOGGED, paymentConfiguration=NO_PAYMENT)
        self.configure(ALICE, "s3://alice/results")
        self.table = self.share("visits", visits, ["patient", "age"])
        self.algorithm_arn = self.algorithm_of("programs", IMAGE)
        self.association_arn = self.association(name="programs")

    def share(
        self,
        name: str,
        file: Path,
        allowed: list[str],
        kind: str = "CUSTOM",
        rule: Any = None,
        shared: Any = None,
    ) -> SharedTable:
        """BOB catalogues a file and shares it as a table, under these rules or for any algorithm to be trained on."""
        added = self.command("catalog", "add", "--account", BOB, f"lake.{name}", str(file))
        assert added.code == 0, added.err
        return self.shared_table(BOB, name, allowed, kind, rule, shared)

    def algorithm_of(self, name: str, image: str, inference: str = "", **training: Any) -> str:
        """An algorithm of ALICE's with these images; its ARN."""
        return self.algorithm(
            name=name,
            trainingContainerConfig={"imageUri": image, **training},
            inferenceContainerConfig={"imageUri": inference or image},
        )

    def channel_request(self, name: str = "rows", sql: str = "", association: str = "", **changes: Any) -> Any:
        """With the workers that the query is to have."""
        request = super().channel_request(name, sql, association, **changes)
        source = request["inputChannel"]["dataSource"]["protectedQueryInputParameters"]
        source["computeConfiguration"] = {"worker": {"type": "CR.1X", "number": 2}}
        return request

    # -- what takes time ------------------------------------------------------------

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
        machine = {"instanceType": "ml.t3.medium", "volumeSizeInGB": gigabytes, "instanceCount": instances}
        return self.model(
            name,
            configuredModelAlgorithmAssociationArn=association or self.association_arn,
            hyperparameters=asked,
            resourceConfig=machine,
            stoppingCondition={"maxRuntimeInSeconds": seconds},
            dataChannels=[{"mlInputChannelArn": channel, "channelName": "train"}],
        )["trainedModelArn"]

    def infer(self, name: str, model: str, channel: str, *, instances: int = 1, **environment: str) -> str:
        """StartTrainedModelInferenceJob; its ARN."""
        return self.inference_job(
            name,
            model,
            channel,
            resourceConfig={"instanceType": "ml.m5.large", "instanceCount": instances},
            outputConfiguration={"accept": "text/csv", "members": [{"accountId": ALICE}]},
            containerExecutionParameters={"maxPayloadInMB": 1},
            environment=environment,
        )

    def exported(self, name: str, model: str) -> Any:
        """The export job of that name, once it is at rest."""

        def look() -> Any:
            jobs = self.call("ListCollaborationTrainedModelExportJobs", trainedModelArn=model)[
                "collaborationTrainedModelExportJobs"
            ]
            (job,) = (job for job in jobs if job["name"] == name)
            return job

        return once(lambda job: not job["status"].endswith(MOVING), look)

    def analyses(self, account: str = BOB, *terms: str) -> list[dict[str, Any]]:
        """The messages of an account's analysis log that have these terms, in order."""
        pages = (
            self.client("logs", account)
            .get_paginator("filter_log_events")
            .paginate(
                logGroupName=f"/aws/cleanrooms/{self.collaboration_id}",
                filterPattern=" ".join(f'"{term}"' for term in terms),
            )
        )
        return [json.loads(event["message"]) for page in pages for event in page["events"]]

    def cancel(self, model: str) -> None:
        """CancelTrainedModel."""
        self.call("CancelTrainedModel", trainedModelArn=model)

    # -- what is seen ---------------------------------------------------------------

    def look(self, arn: str) -> Any:
        """A channel, a model or an inference job as it is now."""
        if "/ml-input-channel/" in arn:
            return self.call("GetMLInputChannel", mlInputChannelArn=arn)
        if "/trained-model-inference-job/" in arn:
            return self.call("GetTrainedModelInferenceJob", trainedModelInferenceJobArn=arn)
        return self.call("GetTrainedModel", trainedModelArn=arn)

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
        left = [str(path) for name in working for at in (data, data / "cache") for path in (at / name).glob("[!.]*")]
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
        patience.rest()
    return seen


@contextmanager
def live_room(data: Path, *options: str, **environment: str) -> Iterator[LiveRoom]:
    """A room on a server of its own, which ends with it; no run of it is left behind.

    Args:
        data: the server's folder.
        *options: of `whiteroom up`.
        **environment: variables of the server's; its settings, for example.
    """
    with begun(LiveRoom(data=data, options=options, environment=environment)) as room:
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
